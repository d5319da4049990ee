"""The ledger: for every item recommended from a new aisle, the events that it is said to come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.history import KINDS, History
from retrieval.recommend import recommend
from retrieval.schema import Edge, EventRef, Ranked, Ranking
from retrieval.searchable import Searchable


@dataclass(frozen=True)
class Line:
    """One recommended item of a new aisle.

    Attributes:
        item: its id; `title` goes with it.
        category: the aisle, the need's target.
        rank: place on the list, 1 is best; `score` is the list's.
        edges: the ways that lead there, the first named first.
        events: what the shopper did, as it is named.
        named: the same as indices into the shopper's history.
    """

    item: str
    title: str
    category: str
    rank: int
    score: float
    edges: tuple[Edge, ...]
    events: tuple[EventRef, ...]
    named: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The line as it is written: event -> need -> edge -> item."""
        return {
            "events": [event.model_dump(mode="json") for event in self.events],
            "need": {"origin": "inferred", "category": self.category},
            "edges": [edge.model_dump(mode="json") for edge in self.edges],
            "item": self.item,
            "title": self.title,
            "rank": self.rank,
            "score": self.score,
        }


Tell = Callable[[Line, History], tuple[int, ...]]
"""Which events a ledger names for a line, as indices into the history."""


def truthful(line: Line, history: History) -> tuple[int, ...]:
    """The events that the shop itself names."""
    return line.named


def liar(seed: int) -> Tell:
    """A ledger that names as many events as it should, but any: what the check must not be taken in by."""
    rng = np.random.default_rng(seed)

    def tell(line: Line, history: History) -> tuple[int, ...]:
        drawn = rng.choice(len(history), min(len(line.named), len(history)), replace=False)
        return tuple(sorted(drawn.tolist()))

    return tell


def lines(shop: Searchable, history: History, k: int) -> list[Line]:
    """Recommend `k` items and say where those from new aisles come from; those without events are left out."""
    ranking = recommend(shop, history, k)
    found = (_line(shop, history, ranking, entry, place) for place, entry in enumerate(ranking.entries, start=1))
    return [line for line in found if line is not None and line.named]


def _line(shop: Searchable, history: History, ranking: Ranking, entry: Ranked, place: int) -> Line | None:
    need = ranking.needs[entry.need]
    evidence = [one for one in need.evidence if one.edge is not None and one.edge.target in need.targets]
    if need.origin != "inferred" or not evidence:
        return None
    row = entry.candidate.row
    events = tuple(dict.fromkeys(event for one in evidence for event in one.events))
    return Line(
        item=entry.candidate.item,
        title=shop.catalogue.titles[row],
        category=need.targets[0],
        rank=place,
        score=entry.score,
        edges=tuple(one.edge for one in evidence if one.edge is not None),
        events=events,
        named=tuple(sorted(index for event in events for index in _indices(shop, history, event))),
    )


def _indices(shop: Searchable, history: History, event: EventRef) -> list[int]:
    """Where an event that was named lies in the history; the same thing done twice at one moment counts as one."""
    row = shop.catalogue.rows([event.item])[0]
    at = np.datetime64(event.at.replace(tzinfo=None), "us")
    same = (history.rows == row) & (history.at == at) & (history.kinds == KINDS.index(event.kind.value))
    found: list[int] = np.flatnonzero(same).tolist()
    return found
