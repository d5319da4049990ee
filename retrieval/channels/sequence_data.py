"""Shoppers' events as coded sequences, cut into windows and batched by length, for models that learn from order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.channels.log import TAKEN, Log
from retrieval.history import KINDS

GAPS = 12  # buckets of the days since the event before: the same moment, then doubling up to about two years
UNWANTED = -1  # a place that nothing is to be learnt from

Codes = NDArray[np.int32]


def gap_buckets(days: NDArray[np.float64]) -> NDArray[np.int8]:
    """(t,) bucket of the days between each event and the one before it; the first event has bucket 0.

    Args:
        days: (t,) times in days, ascending.
    """
    gaps = np.diff(days, prepend=days[:1])
    buckets: NDArray[np.int8] = np.clip(np.ceil(np.log2(1 + np.maximum(gaps, 0))), 0, GAPS - 1).astype(np.int8)
    return buckets


@dataclass(frozen=True)
class Batch:
    """Windows of like length, padded on the right; places (b, t).

    Attributes:
        items, kinds, gaps: (b, t) int64 what happened, 0 where padded.
        targets: (b, t) int64 the item that came next, `UNWANTED` where there is none or it isn't to be learnt.
    """

    items: NDArray[np.int64]
    kinds: NDArray[np.int64]
    gaps: NDArray[np.int64]
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """All shoppers' modelled events, one shopper after the other, oldest first.

    Attributes:
        rows: (m,) int32 catalogue rows of modelled items, ascending; an item's code is its place here.
        codes: (e,) int32 item code of each event.
        kinds: (e,) int8 index into `KINDS`.
        gaps: (e,) int8 bucket of the days since the shopper's event before.
        wanted: (e,) whether the event is one to predict: taken home, or any in a shop where nothing is.
        starts: (s + 1,) int64 where each shopper's events start.
    """

    rows: Codes
    codes: Codes
    kinds: NDArray[np.int8]
    gaps: NDArray[np.int8]
    wanted: NDArray[np.bool_]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, log: Log, size: int, most_items: int) -> Sequences:
        """Code the log's events on the `most_items` items that most shoppers chose; the others are left out.

        Args:
            log: events ordered by shopper and time.
            size: how many rows the catalogue has.
            most_items: how many items to model; among equally popular ones the lower row goes first.
        """
        pairs = np.unique(log.rows.astype(np.int64) * max(log.shoppers, 1) + log.shopper)
        chosen_by = np.bincount(pairs // max(log.shoppers, 1), minlength=size)
        best = np.argsort(-chosen_by, kind="stable")[:most_items]
        rows = np.sort(best[chosen_by[best] > 0]).astype(np.int32)
        code = np.full(size, -1, dtype=np.int32)
        code[rows] = np.arange(len(rows), dtype=np.int32)
        keep = code[log.rows] >= 0
        shopper, days, kinds = log.shopper[keep], log.days[keep], log.kinds[keep]
        taken = np.isin(kinds, [KINDS.index(kind.value) for kind in TAKEN])
        starts = np.searchsorted(shopper, np.arange(log.shoppers + 1)).astype(np.int64)
        gaps = gap_buckets(days)
        gaps[starts[:-1][starts[:-1] < len(gaps)]] = 0
        return cls(rows, code[log.rows[keep]], kinds, gaps, taken if taken.any() else ~taken, starts)

    @staticmethod
    def shared(log: Log) -> float:
        """Share of events that are on items more than one shopper chose: of what order and neighbours can tell."""
        shoppers = max(log.shoppers, 1)
        pairs = np.unique(log.rows.astype(np.int64) * shoppers + log.shopper) // shoppers
        chosen_by = np.bincount(pairs, minlength=int(log.rows.max(initial=0)) + 1)
        return float((chosen_by[log.rows] > 1).mean()) if len(log) else 0.0

    @property
    def counts(self) -> NDArray[np.int64]:
        """(m,) how many events each item has."""
        return np.bincount(self.codes, minlength=len(self.rows))

    def held_out(self, share: float, most: int, seed: int) -> NDArray[np.int64]:
        """(h,) places of the last event of a sample of shoppers with three or more events, ascending.

        Args:
            share: of the shoppers that qualify.
            most: shoppers at most.
            seed: of the sample.
        """
        able = np.flatnonzero(np.diff(self.starts) >= 3)
        able = able[self.wanted[self.starts[able + 1] - 1]]
        few = min(int(len(able) * share), most)
        chosen = np.random.default_rng(seed).permutation(len(able))[:few]
        return np.sort(self.starts[able[chosen] + 1] - 1)

    def windows(self, length: int) -> NDArray[np.int64]:
        """(w, 2) start and stop (of inputs and targets together: at most `length` + 1 events), from each end back."""
        found = []
        for start, stop in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            end = stop
            while end - start >= 2:
                found.append((max(start, end - length - 1), end))
                end -= length
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def batches(
        self, windows: NDArray[np.int64], places: int, chance: np.random.Generator, hidden: NDArray[np.bool_]
    ) -> Iterator[Batch]:
        """All windows once, in batches of like length and about `places` places, in random order.

        Args:
            windows: (w, 2) as `windows` gives them.
            places: real and padded places a batch, at most (a single longer window is a batch of its own).
            chance: decides the order.
            hidden: (e,) events that are neither shown nor asked; only last ones of a shopper.
        """
        lengths = windows[:, 1] - windows[:, 0] - 1
        order = np.argsort(lengths + chance.random(len(lengths)), kind="stable")
        parts: list[NDArray[np.int64]] = []
        at = 0
        while at < len(order):
            take = max(1, places // int(lengths[order[at]]))
            take = max(1, min(take, places // int(lengths[order[min(at + take, len(order)) - 1]])))
            parts.append(order[at : at + take])
            at += take
        for index in chance.permutation(len(parts)).tolist():
            yield self.batch(windows[parts[index]], hidden)

    def batch(self, windows: NDArray[np.int64], hidden: NDArray[np.bool_]) -> Batch:
        """These windows (b, 2) as one batch; `hidden` (e,) events are not asked."""
        length = int((windows[:, 1] - windows[:, 0]).max()) - 1
        place = windows[:, :1] + np.arange(length)
        real = place < windows[:, 1:] - 1
        place = np.where(real, place, 0)
        after = np.where(real, place + 1, 0)
        asked = real & self.wanted[after] & ~hidden[after]
        return Batch(
            items=np.where(real, self.codes[place], 0).astype(np.int64),
            kinds=np.where(real, self.kinds[place], 0).astype(np.int64),
            gaps=np.where(real, self.gaps[place], 0).astype(np.int64),
            targets=np.where(asked, self.codes[after], UNWANTED).astype(np.int64),
        )
