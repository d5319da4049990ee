"""Directed item -> item rules: what shoppers took after an item, sooner and closer counting more.

Counting-based sequence rules with distance decay: Kamehkhosh, Jannach, Ludewig, "A Comparison of Frequent Pattern
Techniques and a Deep Learning Method for Session-Based Recommendation", 2017; here with decay over days as well,
ties in time counted both ways, and cosine normalisation shrunk by support.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log, event_weights
from retrieval.schema import Edge, Evidence, Frozen


class CopurchaseConfig(Frozen):
    """How rules are counted and read.

    Attributes:
        window: how many of a shopper's next items a rule reaches.
        distance_decay: factor per step further away in the sequence.
        half_life: days between the two after which a pair counts half.
        shrink: added to item counts in the cosine, so that two shoppers don't weigh like two hundred.
        keep: rules kept per source item, the strongest.
        recall_half_life: days after which a shopper's own event counts half.
        last: how many of a shopper's last events are read.
    """

    window: int = Field(default=10, ge=1, le=100)
    distance_decay: float = Field(default=0.85, gt=0, le=1)
    half_life: float = Field(default=60.0, gt=0)
    shrink: float = Field(default=2.0, ge=0)
    keep: int = Field(default=50, ge=1)
    recall_half_life: float = Field(default=120.0, gt=0)
    last: int = Field(default=60, ge=1)


class Copurchase(LearntChannel):
    """Sparse rules by source row: `indptr` (n + 1,), then target, weight, number of shoppers, median days a rule."""

    name: ClassVar[str] = "copurchase"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "indptr",
        "target",
        "score",
        "support",
        "days",
        "takers",
        "shoppers",
    )

    def __init__(self, catalogue: Catalogue, config: CopurchaseConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._indptr, self._target, self._score = arrays["indptr"], arrays["target"], arrays["score"]
        self._support, self._days = arrays["support"], arrays["days"]
        self._takers = arrays["takers"]
        self._shoppers = int(arrays["shoppers"][0])
        self._reached = lru_cache(maxsize=64)(self._follow)  # the needs of a turn share a history

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: CopurchaseConfig | None = None) -> Self:
        """Count rules over what each shopper took, in order."""
        config = config or CopurchaseConfig()
        log = Log.taken(events, catalogue)
        size = len(catalogue)
        takers = _takers(log, size)
        rules = _rules(_pairs(log, config))
        source, target = rules["a"].to_numpy(), rules["b"].to_numpy()
        norm = np.sqrt((takers[source] + config.shrink) * (takers[target] + config.shrink))
        rules = (
            rules.with_columns(score=(rules["w"] / norm).cast(pl.Float32))
            .sort(["a", "score", "b"], descending=[False, True, False])
            .group_by("a", maintain_order=True)
            .head(config.keep)
            .sort("a", "b")
        )
        arrays: dict[str, storage.Array] = {
            "indptr": np.searchsorted(rules["a"].to_numpy(), np.arange(size + 1)).astype(np.int64),
            "target": rules["b"].to_numpy().astype(np.int32),
            "score": rules["score"].to_numpy().astype(np.float32),
            "support": rules["n"].to_numpy().astype(np.int32),
            "days": rules["days"].to_numpy().astype(np.float32),
            "takers": takers,
            "shoppers": np.array([log.shoppers], dtype=np.int64),
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and rules."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, CopurchaseConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Targets of rules from the shopper's last events, weighted by how recent and strong those are."""
        source, weights = self._sources(query)
        rows, scores = self._reached(source.tobytes(), weights.tobytes())
        return Scored.top(scores, k, query.allowed, rows)

    def _follow(self, source: bytes, weights: bytes) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """All rows (m,) that rules from int32 source rows with float64 weights lead to, ascending, and scores (m,)."""
        starts = zip(np.frombuffer(source, np.int32).tolist(), np.frombuffer(weights).tolist(), strict=True)
        spans = [(self._indptr[row], self._indptr[row + 1], weight) for row, weight in starts]
        parts = [(self._target[a:b], self._score[a:b] * weight) for a, b, weight in spans if b > a]
        if not parts:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        rows, place = np.unique(np.concatenate([rows for rows, _ in parts]), return_inverse=True)
        scores = np.bincount(place, np.concatenate([score for _, score in parts]))
        return rows.astype(np.int32), scores.astype(np.float32)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The strongest rule that leads to `row`, and the shopper's event it starts from."""
        source, weights = self._sources(query)
        best, at = 0.0, -1
        for item, weight in zip(source, weights, strict=True):
            rule = self._rule(int(item), row)
            if rule >= 0 and self._score[rule] * weight > best:
                best, at = float(self._score[rule] * weight), rule
                start = int(item)
        if at < 0:
            return ()
        liked = query.history.liked()
        event = liked.ref(int(np.flatnonzero(liked.rows == start)[-1]), self._catalogue)
        edge = self._edge(start, row, at)
        return (Evidence(channel=self.name, events=(event,), edge=edge, facts={"score": round(best, 6)}),)

    def _sources(self, query: Query) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Distinct rows of the shopper's last events with the largest weight of each."""
        liked = query.history.liked()
        weights = event_weights(liked, self.config.recall_half_life)[-self.config.last :]
        rows, place = np.unique(liked.rows[-self.config.last :], return_inverse=True)
        best = np.zeros(len(rows))
        np.maximum.at(best, place, weights)
        return rows, best

    def _rule(self, source: int, target: int) -> int:
        start, stop = int(self._indptr[source]), int(self._indptr[source + 1])
        place = start + int(np.searchsorted(self._target[start:stop], target))
        return place if place < stop and self._target[place] == target else -1

    def _edge(self, source: int, target: int, rule: int) -> Edge:
        support = int(self._support[rule])
        chance = float(self._takers[source]) * float(self._takers[target]) / max(self._shoppers, 1)
        return Edge(
            kind="item",
            source=self._catalogue.ids[source],
            target=self._catalogue.ids[target],
            support=support,
            lift=round((support + LIFT_SHRINK) / (chance + LIFT_SHRINK), 4),
            days=round(float(self._days[rule]), 2),
        )


LIFT_SHRINK = 5.0  # shoppers as if by chance, added to both sides of a lift


def _takers(log: Log, size: int) -> NDArray[np.int32]:
    """(n,) how many distinct shoppers took each item."""
    pair = np.unique(log.rows.astype(np.int64) * max(log.shoppers, 1) + log.shopper)
    return np.bincount(pair // max(log.shoppers, 1), minlength=size).astype(np.int32)


def _pairs(log: Log, config: CopurchaseConfig) -> pl.DataFrame:
    """One row for each (shopper, source a, target b) within the window: strongest weight w, shortest gap in days."""
    frames = []
    for step in range(1, config.window + 1):
        first, second = slice(None, -step), slice(step, None)
        same = (log.shopper[first] == log.shopper[second]) & (log.rows[first] != log.rows[second])
        gap = log.days[second] - log.days[first]
        weight = config.distance_decay ** (step - 1) * 0.5 ** (gap / config.half_life)
        forward = (log.rows[first], log.rows[second], same)
        backward = (log.rows[second], log.rows[first], same & (gap == 0))  # a basket has no order
        frames += [
            pl.DataFrame({"s": log.shopper[first][on], "a": a[on], "b": b[on], "w": weight[on], "gap": gap[on]})
            for a, b, on in (forward, backward)
        ]
    return pl.concat(frames).group_by("s", "a", "b").agg(pl.col("w").max(), pl.col("gap").min())


def _rules(pairs: pl.DataFrame) -> pl.DataFrame:
    """Sum pairs over shoppers, in an order that doesn't depend on threads."""
    return (
        pairs.sort("a", "b", "s")
        .group_by("a", "b", maintain_order=True)
        .agg(pl.col("w").sum(), pl.len().alias("n"), pl.col("gap").median().alias("days"))
    )
