"""Shoppers with the same goods in hand: items that keep company with the shopper's, however far apart in time.

Item-based collaborative filtering with cosine similarity (Sarwar, Karypis, Konstan, Riedl, "Item-Based Collaborative
Filtering Recommendation Algorithms", 2001). The similarities aren't kept: a shopper's items are followed to everybody
who took them, each counting by how much they share, and on to what those took, which sums the same cosines. Who takes
a great deal says less about each item, and so counts less.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.interests import recent
from retrieval.channels.log import Log
from retrieval.schema import Edge, Evidence, Frozen


class NeighboursConfig(Frozen):
    """How company is counted.

    Attributes:
        half_life: days after which a shopper's own event counts half.
        last: how many of the shopper's last distinct items are followed.
        shrink: added to an item's number of shoppers in the cosine.
        width: power of a shopper's number of items that their say is divided by.
        popularity: power of an item's number of shoppers that its score is divided by; 0.5 is the cosine.
    """

    half_life: float = Field(default=365.0, gt=0)
    last: int = Field(default=200, ge=1)
    shrink: float = Field(default=1.0, ge=0)
    width: float = Field(default=0.5, ge=0)
    popularity: float = Field(default=0.5, ge=0, le=1)


class Neighbours(LearntChannel):
    """Who took what, both ways: `item_starts` (n + 1,) into `shoppers`, `starts` (shoppers + 1,) into `items`."""

    name: ClassVar[str] = "neighbours"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("item_starts", "shoppers", "starts", "items")

    def __init__(self, catalogue: Catalogue, config: NeighboursConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._item_starts, self._shoppers = arrays["item_starts"], arrays["shoppers"]
        self._starts, self._items = arrays["starts"], arrays["items"]
        self._takers = np.diff(self._item_starts)
        width = np.diff(self._starts)
        self._say = 1.0 / np.maximum(width, 1) ** config.width
        self._norm = 1.0 / (self._takers + config.shrink) ** config.popularity
        ones = np.ones(len(self._items), dtype=np.float32)
        self._taken = csr_array((ones, self._items, self._starts), shape=(len(width), len(catalogue)))
        self._reached = lru_cache(maxsize=64)(self._follow)  # the needs of a turn share a history

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: NeighboursConfig | None = None) -> Self:
        """Note who took what."""
        log = Log.taken(events, catalogue)
        pair = np.unique(log.shopper.astype(np.int64) * max(len(catalogue), 1) + log.rows)
        shopper, row = pair // max(len(catalogue), 1), pair % max(len(catalogue), 1)
        order = np.lexsort((shopper, row))
        arrays: dict[str, storage.Array] = {
            "item_starts": np.searchsorted(row[order], np.arange(len(catalogue) + 1)).astype(np.int64),
            "shoppers": shopper[order].astype(np.int32),
            "starts": np.searchsorted(shopper, np.arange(log.shoppers + 1)).astype(np.int64),
            "items": row.astype(np.int32),
        }
        return cls(catalogue, config or NeighboursConfig(), arrays)

    def save(self, folder: Path) -> None:
        """Write config and who took what."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, NeighboursConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """What shoppers with the same items took."""
        rows, weights = recent(query.history, self.config.last, self.config.half_life)
        found, scores = self._reached(rows.tobytes(), weights.tobytes())
        return Scored.top(scores, k, query.allowed, found)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The shopper's item that shares most shoppers with `row`, for its weight, and how many those are."""
        rows, weights = recent(query.history, self.config.last, self.config.half_life)
        takers = self._takers_of(row)
        best, start, shared = 0.0, -1, 0
        for item, weight in zip(rows.tolist(), weights.tolist(), strict=True):
            common = np.intersect1d(self._takers_of(item), takers, assume_unique=True)
            strength = float(self._say[common].sum() * weight * self._norm[item])
            if item != row and strength > best:
                best, start, shared = strength, item, len(common)
        if start < 0:
            return ()
        liked = query.history.liked()
        event = liked.ref(int(np.flatnonzero(liked.rows == start)[-1]), self._catalogue)
        chance = len(takers) * self._takers[start] / max(len(self._say), 1)
        lift = (shared + self.config.shrink) / (chance + self.config.shrink)
        ids = self._catalogue.ids
        edge = Edge(kind="item", source=ids[start], target=ids[row], support=shared, lift=round(float(lift), 4))
        return (Evidence(channel=self.name, events=(event,), edge=edge, facts={"score": round(best, 6)}),)

    def _takers_of(self, row: int) -> NDArray[np.int32]:
        takers: NDArray[np.int32] = self._shoppers[self._item_starts[row] : self._item_starts[row + 1]]
        return takers

    def _follow(self, row_bytes: bytes, weight_bytes: bytes) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """All rows (m,) reached from int32 rows with float64 weights, ascending, and their scores (m,)."""
        rows, weights = np.frombuffer(row_bytes, np.int32), np.frombuffer(weight_bytes)
        takers = [self._takers_of(row) for row in rows.tolist()]
        if not sum(map(len, takers)):
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        said = np.repeat(weights * self._norm[rows], [len(found) for found in takers])
        sums = np.bincount(np.concatenate(takers), said, minlength=len(self._say))
        met = np.flatnonzero(sums)
        total = self._taken[met].T @ (sums[met] * self._say[met])
        own = np.fromiter((self._say[found].sum() for found in takers), dtype=np.float64, count=len(rows))
        total[rows] -= weights * self._norm[rows] * own  # nothing keeps itself company
        found = np.flatnonzero(total > 1e-9)
        return found.astype(np.int32), (total[found] * self._norm[found]).astype(np.float32)
