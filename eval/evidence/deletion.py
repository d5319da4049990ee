"""Deleting events and looking again: how far an aisle falls among all new aisles, and an item on the list.

Nothing here knows how scores are made: the shop is asked again, with a history that lacks the events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.channels.log import KIND_WEIGHTS
from retrieval.history import History
from retrieval.infer import aisle_scores
from retrieval.recommend import recommend
from retrieval.searchable import Searchable

WORST = 100  # the place of an aisle that is gone, or lower than this
NEIGHBOURS = 5  # of this many aisles most like the named one, a matched control takes any


@dataclass(frozen=True)
class Fall:
    """What a deletion did: places lost among new aisles, score lost (both may be below 0), and whether it fell."""

    places: float
    score: float

    @property
    def fell(self) -> bool:
        """Whether the aisle's score went down at all."""
        return self.score > 1e-9


class Deletions:
    """One shopper's history, to be asked again without some of its events.

    Aisles that the shopper had walked and that are new once the events are deleted don't count as competitors: an
    aisle doesn't fall because another one opens again.
    """

    def __init__(self, shop: Searchable, history: History) -> None:
        self._shop, self._history = shop, history
        self._before = aisle_scores(shop, history)
        self._open = np.isfinite(self._before)
        self._after: dict[tuple[int, ...], NDArray[np.float64]] = {}
        self._categories = shop.catalogue.category.codes[history.rows]
        unnamed = shop.catalogue.category.code_of.get("", -1)
        self.counting = np.flatnonzero((KIND_WEIGHTS[history.kinds] > 0) & (self._categories != unnamed))
        """Events that can speak for an aisle; controls are drawn from these alone."""

    def fall(self, events: tuple[int, ...], category: str) -> Fall:
        """How far a new aisle falls without these events."""
        code = self._shop.catalogue.category.code_of[category]
        if events not in self._after:
            self._after[events] = aisle_scores(self._shop, self._without(events))
        before, after = self._before, self._after[events]
        places = self._place(after, code) - self._place(before, code)
        least = float(before[self._open].min())
        return Fall(float(places), float(before[code] - (after[code] if np.isfinite(after[code]) else least)))

    def list_rank(self, events: tuple[int, ...], item: str, k: int) -> int:
        """An item's place on the list that is recommended without these events; k + 1 where it is gone."""
        entries = recommend(self._shop, self._without(events), k).entries
        return next((place for place, entry in enumerate(entries, start=1) if entry.candidate.item == item), k + 1)

    def any_others(self, named: tuple[int, ...], rng: np.random.Generator, count: int) -> tuple[int, ...]:
        """As many events as asked, drawn from those that count and weren't named."""
        others = np.setdiff1d(self.counting, named)
        return tuple(sorted(rng.choice(others, min(count, len(others)), replace=False).tolist()))

    def alike(self, named: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """As many events, the newest of other aisles that hold about as many of them and are about as recent."""
        walked = {int(self._categories[index]) for index in named}
        chosen: list[int] = []
        for category in sorted(walked):
            group = [index for index in named if self._categories[index] == category]
            for other in self._like(category, walked, rng):
                newest = np.flatnonzero(self._categories == other)[::-1][: len(group)]
                chosen += [index for index in newest.tolist() if index not in chosen]
                walked = walked | {other}
                break
        short = len(named) - len(chosen)
        return tuple(sorted([*chosen, *self.any_others((*named, *chosen), rng, max(short, 0))]))

    def _like(self, category: int, taken: set[int], rng: np.random.Generator) -> list[int]:
        """Other aisles of the shopper, those most like one in size and age first, the first few shuffled."""
        sizes, newest = np.zeros(int(self._categories.max()) + 1), np.full(int(self._categories.max()) + 1, np.inf)
        np.add.at(sizes, self._categories[self.counting], 1.0)
        np.minimum.at(newest, self._categories[self.counting], self._history.days_ago()[self.counting])
        others = [code for code in np.flatnonzero(sizes).tolist() if code not in taken and code != category]
        apart = np.abs(np.log1p(sizes) - np.log1p(sizes[category]))
        apart += np.abs(np.log1p(np.minimum(newest, 1e6)) - np.log1p(newest[category]))
        near = sorted(others, key=lambda code: (apart[code], code))[:NEIGHBOURS]
        return [near[place] for place in rng.permutation(len(near))]

    def _without(self, events: tuple[int, ...]) -> History:
        keep = np.ones(len(self._history), dtype=np.bool_)
        keep[list(events)] = False
        return self._history.select(keep)

    def _place(self, scores: NDArray[np.float64], code: int) -> int:
        if not np.isfinite(scores[code]):
            return WORST
        return min(1 + int((scores[self._open] > scores[code]).sum()), WORST)
