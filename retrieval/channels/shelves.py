"""From a category to concrete items: the one helper of all channels that think in categories.

Within a category, items are ordered by how many shoppers took them lately, by the shopper's usual price level in
their categories, and by brands that the shopper likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.channels.base import Query, Scored
from retrieval.channels.log import Log
from retrieval.history import History

HALF_LIFE = 180.0  # days after which a purchase counts half for an item's popularity
PRICE_WEIGHT, BRAND_WEIGHT = 0.3, 0.3
PER_CATEGORY = 8  # items that one category contributes where several categories are asked for
BREADTH = 2  # times more items than asked for are gathered, so that small lists hold several categories


@dataclass(frozen=True)
class Taste:
    """A shopper's price level (0 cheapest to 1 dearest in their categories, NaN unknown); liked brands, by code."""

    level: float
    brands: Mask


class Shelves:
    """Rows by category, with each row's popularity and price level inside its category.

    Args:
        catalogue: the items.
        popularity: (n,) float32 recency-weighted number of shoppers, 0 for items nobody took.
    """

    def __init__(self, catalogue: Catalogue, popularity: NDArray[np.float32]) -> None:
        codes = catalogue.category.codes
        self.codes = codes
        self.names = catalogue.category.names
        self.popularity = popularity
        self.order: Rows = np.argsort(codes, kind="stable").astype(np.int32)
        self.starts = np.searchsorted(codes[self.order], np.arange(len(self.names) + 1))
        self.level = _levels(catalogue.price, codes)
        self._brands, self._brand_count = catalogue.brand.codes, len(catalogue.brand.names)
        self._no_brand = catalogue.brand.code_of.get("", -1)
        self._unnamed = catalogue.category.code_of.get("", -1)
        peak = np.zeros(len(self.names), dtype=np.float32)
        np.maximum.at(peak, codes, popularity)
        self._appeal = np.log1p(popularity) / np.log1p(np.maximum(peak, 1.0))[codes]

    @classmethod
    def fit(cls, log: Log, catalogue: Catalogue) -> Shelves:
        """Count shoppers of each item, each weighing by the age of their last purchase of it."""
        popularity = np.zeros(len(catalogue), dtype=np.float32)
        if len(log):
            pair = log.rows.astype(np.int64) * log.shoppers + log.shopper
            order = np.lexsort((log.days, pair))
            last = order[np.append(pair[order][1:] != pair[order][:-1], True)]
            weight = 0.5 ** ((log.end - log.days[last]) / HALF_LIFE)
            popularity = np.bincount(log.rows[last], weight, minlength=len(catalogue)).astype(np.float32)
        return cls(catalogue, popularity)

    def rows_of(self, category: int) -> Rows:
        """All rows of one category code, ascending."""
        return self.order[self.starts[category] : self.starts[category + 1]]

    def taste(self, history: History) -> Taste:
        """Read price level and brands from what the shopper liked."""
        rows = history.liked().rows
        level = self.level[rows]
        level = level[np.isfinite(level)]
        brands = np.zeros(self._brand_count, dtype=np.bool_)
        brands[self._brands[rows]] = True
        if self._no_brand >= 0:
            brands[self._no_brand] = False
        return Taste(float(level.mean()) if len(level) else float("nan"), brands)

    def appeal(self, rows: Rows, taste: Taste) -> NDArray[np.float64]:
        """(m,) how well rows would do with this shopper, 0 to 1.6; comparable within a category."""
        score = self._appeal[rows].astype(np.float64)
        score += BRAND_WEIGHT * taste.brands[self._brands[rows]]
        if np.isfinite(taste.level):
            distance = np.abs(self.level[rows] - taste.level)
            score += PRICE_WEIGHT * np.where(np.isfinite(distance), 1.0 - distance, 0.5)
        return score

    def fill(self, scores: NDArray[np.floating[Any]], query: Query, k: int) -> Scored:
        """Turn category scores into items: categories by score, a few items from each, best categories first.

        Args:
            scores: (C,) one score a category code; categories at or below zero are left out.
            query: its mask and the shopper's taste decide about items.
            k: how many items at most.
        """
        good = scores > 0
        if self._unnamed >= 0:
            good[self._unnamed] = False
        if query.allowed is not None:
            good &= np.bincount(self.codes[query.allowed], minlength=len(good)) > 0
        wanted = np.flatnonzero(good)
        wanted = wanted[np.argsort(-scores[wanted], kind="stable")]
        taste = self.taste(query.history)
        found: list[tuple[Rows, float]] = []
        total = 0
        each = max(PER_CATEGORY, -(-2 * k // max(len(wanted), 1)))
        for category in wanted:
            rows = self._best(int(category), query.allowed, taste, each)
            if len(rows):
                found.append((rows, float(scores[category])))
                total += min(len(rows), PER_CATEGORY)
                if total >= BREADTH * k:
                    break
        if not found:
            return Scored.none()
        # The j-th item of a category counts as its category's score / (1 + j/4): breadth before depth.
        rows = np.concatenate([part for part, _ in found])
        worth = np.concatenate([score / (1.0 + np.arange(len(part)) / 4.0) for part, score in found])
        best = np.argsort(-worth, kind="stable")[:k]
        return Scored(rows[best].astype(np.int32), worth[best].astype(np.float32))

    def _best(self, category: int, allowed: Mask | None, taste: Taste, k: int) -> Rows:
        rows = self.rows_of(category)
        if allowed is not None:
            rows = rows[allowed[rows]]
        if len(rows) == 0:
            return rows
        appeal = self.appeal(rows, taste)
        if len(rows) > k:
            bar = np.partition(appeal, len(appeal) - k)[len(appeal) - k]
            keep = appeal >= bar
            rows, appeal = rows[keep], appeal[keep]
        best: Rows = rows[np.argsort(-appeal, kind="stable")][:k]
        return best


def _levels(price: NDArray[np.float64], codes: Rows) -> NDArray[np.float32]:
    """(n,) where a price lies in its category, from 0 (cheapest) to 1 (dearest); NaN without a price."""
    level = np.full(len(price), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(price))
    order = known[np.lexsort((price[known], codes[known]))]
    if len(order) == 0:
        return level
    starts = np.flatnonzero(np.append(True, codes[order][1:] != codes[order][:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    position = np.arange(len(order)) - np.repeat(starts, sizes)
    level[order] = (position + 0.5) / np.repeat(sizes, sizes)
    return level
