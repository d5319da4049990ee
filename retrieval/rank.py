"""The candidates of all needs into the one list that is shown.

What was asked for comes first and keeps most places; every other need gets its place after it; a need without words
fills what is left. Items are distinct, variants of one thing stand in only where nothing else is left, and each item
keeps what every channel said of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.catalogue import Catalogue
from retrieval.diversify import Look, select
from retrieval.history import History
from retrieval.schema import Candidate, Candidates, EventKind, Ranked, Ranking
from retrieval.search import mode_of
from retrieval.searchable import Searchable
from retrieval.tracing import span

OTHERS_SHARE = 3  # of this many places, one may go to other aisles while something was asked for
IDEAS_PER_CATEGORY = 2
STEP = 1e-6  # keeps scores falling where one need's part of the list ends and the next begins
_ORDER = {"words": 0, "aisle": 1, "repeat": 2, "ideas": 3}


def rank(shop: Searchable, candidates: Sequence[Candidates], k: int, history: History) -> Ranking:
    """Merge the needs' candidates into at most `k` distinct items.

    Args:
        shop: the shop that was searched.
        candidates: one for each need, in any order.
        k: places on the list.
        history: the shopper's events; what they turned down or sent back since the search is left out.

    Returns:
        The needs in the order given, and the items by falling score.
    """
    needs = tuple(found.need for found in candidates)
    order = sorted(range(len(needs)), key=lambda i: _ORDER[mode_of(needs[i])])
    unwanted = frozenset(history.of_kind(EventKind.DISMISS, EventKind.RETURN).rows.tolist())
    with span("rank", needs=len(needs), candidates=sum(len(found.entries) for found in candidates)) as told:
        board = _Board(shop.catalogue, candidates, unwanted)
        for index, places in zip(order, _slots(candidates, order, k), strict=True):
            board.choose(index, places)
        board.fill(order, k)
        entries = board.listed(order)
        told.set(items=len(entries))
    return Ranking(needs=needs, entries=entries)


def _slots(candidates: Sequence[Candidates], order: Sequence[int], k: int) -> list[int]:
    """How many places each need gets, in `order`: words most, all other aisles in turn, ideas the rest."""
    modes = [mode_of(candidates[i].need) if candidates[i].entries else "" for i in order]
    words = [i for i, mode in enumerate(modes) if mode == "words"]
    others = [i for i, mode in enumerate(modes) if mode in {"aisle", "repeat"}]
    ideas = [i for i, mode in enumerate(modes) if mode == "ideas"]
    slots = [0] * len(order)
    if words:
        turns = min(len(others), k // OTHERS_SHARE)
    elif ideas:
        turns = min(len(others), k)
    else:
        turns = k if others else 0
    for turn in range(turns):
        slots[others[turn % len(others)]] += 1
    rest = words or ideas
    for turn in range(k - turns if rest else 0):
        slots[rest[turn % len(rest)]] += 1
    return slots


class _Board:
    """A list in the making: what each need has placed, and how everything on it looks."""

    def __init__(self, catalogue: Catalogue, candidates: Sequence[Candidates], unwanted: frozenset[int]) -> None:
        self._catalogue = catalogue
        self._needs = [found.need for found in candidates]
        self._entries = [tuple(e for e in found.entries if e.row not in unwanted) for found in candidates]
        self._placed: list[list[tuple[Candidate, float]]] = [[] for _ in candidates]
        self._looks: dict[int, Look] = {}
        self._shown: dict[int, Look] = {}

    def choose(self, index: int, places: int) -> None:
        """Fill a need's places with its best, without variants of what is on the list already."""
        ideas = mode_of(self._needs[index]) == "ideas"
        self._placed[index] = select(
            self._entries[index],
            self._looks,
            self._catalogue,
            places,
            shown=list(self._shown.values()),
            relevance=0.7 if ideas else 0.9,
            per_category=IDEAS_PER_CATEGORY if ideas else None,
        )
        self._shown |= {entry.row: self._looks[entry.row] for entry, _ in self._placed[index]}

    def fill(self, order: Sequence[int], k: int) -> None:
        """Give free places to whichever need has something left; to variants only when nothing else is."""
        for variants in (False, True):
            for index in order:
                for entry in self._entries[index]:
                    if len(self._shown) >= k:
                        return
                    look = self._looks.setdefault(entry.row, Look(self._catalogue, entry.row))
                    known = entry.row in self._shown
                    if known or (not variants and any(look.same(other) for other in self._shown.values())):
                        continue
                    self._shown[entry.row] = look
                    self._placed[index].append((entry, 0.0))

    def listed(self, order: Sequence[int]) -> tuple[Ranked, ...]:
        """Everything placed, need by need, with scores that fall along the list."""
        ranked: list[Ranked] = []
        for index in order:
            for entry, value in self._placed[index]:
                score = min(value, ranked[-1].score - STEP) if ranked else value
                ranked.append(Ranked(candidate=entry, need=index, score=score))
        return tuple(ranked)
