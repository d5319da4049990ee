"""Who walked which aisle when, for many shoppers at once or for one: the one input of every signal and feature.

What is computed for a shopper in training and for a history at serving goes through the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels.log import KIND_WEIGHTS, Log
from retrieval.history import History

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Walks:
    """Events of `q` shoppers, by shopper, then time.

    Attributes:
        shopper: (m,) int64, 0 to q - 1.
        aisle: (m,) int64, the modelled category, 0 to C - 1.
        rows: (m,) int32 catalogue rows.
        days: (m,) days since 1970-01-01.
        weight: (m,) what the kind of event counts.
        now: (q,) the day of recommending; no event lies after it.
        aisles: how many categories are modelled (C).
    """

    shopper: NDArray[np.int64]
    aisle: NDArray[np.int64]
    rows: Rows
    days: NDArray[np.float64]
    weight: NDArray[np.float64]
    now: NDArray[np.float64]
    aisles: int

    @classmethod
    def of_log(cls, log: Log, aisle_of: NDArray[np.int32], aisles: int) -> Walks:
        """Everybody's events up to now; `aisle_of` (n,) is each row's modelled category, -1 for none."""
        keep = aisle_of[log.rows] >= 0
        shopper, days = log.shopper[keep].astype(np.int64), log.days[keep]
        now = np.zeros(log.shoppers)
        np.maximum.at(now, log.shopper, log.days)
        rows, weight = log.rows[keep], KIND_WEIGHTS[log.kinds[keep]]
        return cls(shopper, aisle_of[rows].astype(np.int64), rows, days, weight, now, aisles)

    @classmethod
    def of_history(cls, history: History, aisle_of: NDArray[np.int32], aisles: int) -> Walks:
        """One shopper's liking events."""
        liked = history.liked()
        liked = liked.select(aisle_of[liked.rows] >= 0)
        days = (liked.at - np.datetime64(0, "us")) / np.timedelta64(1, "D")
        now = np.array([(history.now - np.datetime64(0, "us")) / np.timedelta64(1, "D")])
        aisle = aisle_of[liked.rows].astype(np.int64)
        return cls(np.zeros(len(liked), np.int64), aisle, liked.rows, days, KIND_WEIGHTS[liked.kinds], now, aisles)

    def __len__(self) -> int:
        return len(self.shopper)

    @property
    def shoppers(self) -> int:
        """How many shoppers (q)."""
        return len(self.now)

    @property
    def age(self) -> NDArray[np.float64]:
        """(m,) days between each event and its shopper's now."""
        return np.maximum(self.now[self.shopper] - self.days, 0.0)

    def where(self, keep: NDArray[np.bool_]) -> Walks:
        """The events where `keep` (m,) is true; each shopper's now becomes the last event that is left."""
        now = np.zeros(self.shoppers)
        np.maximum.at(now, self.shopper[keep], self.days[keep])
        return self._part(keep, self.shopper[keep], now)

    def only(self, keep: NDArray[np.bool_]) -> Walks:
        """The events where `keep` (m,) is true, everybody's now staying what it is."""
        return self._part(keep, self.shopper[keep], self.now)

    def of(self, some: NDArray[np.int64]) -> Walks:
        """Only the shoppers `some` (ascending), numbered from 0."""
        place = np.full(self.shoppers, -1)
        place[some] = np.arange(len(some))
        keep = place[self.shopper] >= 0
        return self._part(keep, place[self.shopper[keep]], self.now[some])

    def table(self, values: NDArray[np.float64] | None = None) -> Matrix:
        """(q, C) the sum of `values` (m,), or of what each kind of event counts, by shopper and category."""
        cell = self.shopper * self.aisles + self.aisle
        size = self.shoppers * self.aisles
        found = np.bincount(cell, self.weight if values is None else values, minlength=size).astype(np.float64)
        return found.reshape(self.shoppers, self.aisles)

    def sparse(self, values: NDArray[np.float64] | None = None) -> csr_array:
        """What `table` gives, for any number of shoppers."""
        data = self.weight if values is None else values
        return csr_array(coo_array((data, (self.shopper, self.aisle)), shape=(self.shoppers, self.aisles)))

    def largest(self, values: NDArray[np.float64]) -> csr_array:
        """(q, C) the largest of `values` (m,), which are above 0; nothing where there is no event."""
        cell, place = np.unique(self.shopper * self.aisles + self.aisle, return_inverse=True)
        best = np.zeros(len(cell))
        np.maximum.at(best, place, values)
        aisles = max(self.aisles, 1)
        starts = np.searchsorted(cell, np.arange(self.shoppers + 1) * aisles)
        return csr_array((best, cell % aisles, starts), shape=(self.shoppers, self.aisles))

    def faded(self, half_life: float) -> NDArray[np.float64]:
        """(m,) what each event counts, halved every `half_life` days."""
        weights: NDArray[np.float64] = self.weight * 0.5 ** (self.age / half_life)
        return weights

    def since(self) -> NDArray[np.float64]:
        """(m,) how many events the same shopper had after each."""
        ends = np.searchsorted(self.shopper, np.arange(self.shoppers), side="right")
        later: NDArray[np.float64] = (ends[self.shopper] - 1 - np.arange(len(self))).astype(float)
        return later

    def walked(self) -> csr_array:
        """(q, C) 1 where a shopper ever walked."""
        return self.largest(np.ones(len(self)))

    def profile(self, half_life: float) -> csr_array:
        """(q, C) the root of the strongest faded event: an aisle walked once is as open as one walked often."""
        return self.largest(np.sqrt(self.faded(half_life)))

    def _part(self, keep: NDArray[np.bool_], shopper: NDArray[np.int64], now: NDArray[np.float64]) -> Walks:
        aisle, rows = self.aisle[keep], self.rows[keep]
        return Walks(shopper, aisle, rows, self.days[keep], self.weight[keep], now, self.aisles)


def modelled(log: Log, catalogue: Catalogue, most: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Which categories are modelled: those with the most shoppers, at most `most`.

    Returns:
        (C,) their category codes, ascending, and (n,) each row's place among them, -1 for other categories.
    """
    codes = catalogue.category.codes
    size = len(catalogue.category.names)
    pair = np.unique(log.shopper.astype(np.int64) * max(size, 1) + codes[log.rows])
    walkers = np.bincount(pair % max(size, 1), minlength=size)
    if "" in catalogue.category.code_of:
        walkers[catalogue.category.code_of[""]] = 0
    chosen = np.sort(np.argsort(-walkers, kind="stable")[:most])
    chosen = chosen[walkers[chosen] > 0]
    place = np.full(size, -1, dtype=np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    aisle_of: NDArray[np.int32] = place[codes] if size else np.empty(0, dtype=np.int32)
    return chosen.astype(np.int32), aisle_of
