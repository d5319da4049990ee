"""What a protocol asks and what a system answers: the values that flow through `crossaisle eval rank|search|dialogue`.

A `Problem` is a catalogue, the events that may be learnt from, and views. A view (all targets, novel ones, cold ones)
is a list of cases: one shopper at one moment, the rows that may be ranked, and what the shopper really took next.
A query of a search and a turn of a conversation are cases as well, with words instead of a history.
Categories are ranked in the same way as items: their protocol hands out a catalogue whose items are categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from eval.data import Clock
from retrieval.catalogue import Catalogue, Mask
from retrieval.history import History
from retrieval.shop import Shop


@dataclass(frozen=True)
class Case:
    """One shopper at the moment of recommending.

    Attributes:
        key: id in run and qrels, without white space; unique in its view.
        shopper: whose history it is.
        history: what may be known, over rows of the problem's catalogue; `history.now` is its last event's time.
        source: the same history over rows of the source catalogue, where the problem ranks something else than items;
            otherwise the same object.
        targets: what the shopper took next, ids of the problem's catalogue with gains above 0. A target that can't be
            ranked by anybody (not allowed, not in the catalogue) stays in and counts as missed.
        allowed: (n,) rows that may be ranked, None for all.
        groups: slice name -> value, e.g. {"household_size": "2"}.
        words: what the shopper said so far, oldest first; empty where nothing is said.
        shown: ids of what was shown to the shopper before, in order; empty where that isn't known.
    """

    key: str
    shopper: str
    history: History
    source: History
    targets: Mapping[str, float]
    allowed: Mask | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One protocol on one data set and one split.

    Attributes:
        protocol: its name on the command line.
        split: "test", "valid" (which is what `earlier` of the test split gives), or "earlier" for slices before that.
        catalogue: what is ranked.
        events: what may be learnt from, in `EVENT_SCHEMA`, on items of `catalogue`, cut for every shopper.
        source_catalogue: the goods, where `catalogue` holds categories; otherwise the same object.
        source_events: the same events on goods; otherwise the same object.
        views: view name -> cases; the first is the main one and gives metrics their plain names. Cases may be made
            each time they are looked at (thousands of masks don't fit in memory): go through them one by one.
        depth: how many places of a ranking are kept.
        metrics: names such as "NDCG@10", the first being the one that decides.
        earlier: the same protocol one slice earlier, cut out of `events` alone, for systems that learn how to rank; it
            gives None where no events are left to cut.
        targets_by: "item" or "category".
        shop: the opened shop that the data came from, where they came from one.
        clock: "order" where the data tell no dates but only what came after what.
        notes: what a reader of the figures must know of these data.
    """

    protocol: str
    split: str
    catalogue: Catalogue
    events: pl.DataFrame
    source_catalogue: Catalogue
    source_events: pl.DataFrame
    views: Mapping[str, Sequence[Case]]
    depth: int
    metrics: tuple[str, ...]
    earlier: Callable[[], Problem | None]
    targets_by: Literal["item", "category"] = "item"
    shop: Shop | None = None
    clock: Clock = "time"
    notes: tuple[str, ...] = ()

    def slices(self, most: int) -> Iterator[Problem]:
        """Up to `most` earlier slices, the latest first, each cut out of what the one after it may learn from."""
        found = self.earlier()
        while found is not None and most > 0:
            yield found
            most -= 1
            found = found.earlier() if most else None

    @property
    def main(self) -> Sequence[Case]:
        """The cases of the first view."""
        return next(iter(self.views.values()))
