"""What follows what, counted: directed item -> item rules read from the shopper's last events back.

Sequential rules with a weight of 1 / distance: Kamehkhosh, Jannach, Ludewig, "A Comparison of Frequent Pattern
Techniques and a Deep Learning Method for Session-Based Recommendation", 2017. Unlike `copurchase`, popular targets keep
their weight, order alone counts (not days), and the last event of a history counts far more than the one before it: a
strong voice in the choice of the very next item, where `copurchase` tells what belongs together.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log
from retrieval.history import History
from retrieval.schema import Edge, Evidence, Frozen

LIFT_SHRINK = 5.0  # shoppers as if by chance, added to both sides of a lift


class TransitionsConfig(Frozen):
    """How rules are counted and read.

    Attributes:
        window: how many of a shopper's next events a rule reaches.
        last: how many of a shopper's last events are read.
        recency: a shopper's event that is the k-th from the end weighs k to the power of minus this.
        damping: rules are divided by their source's events to this power (0: busy sources speak loudest, 1: all alike).
        keep: rules kept per source item, the strongest.
    """

    window: int = Field(default=10, ge=1, le=100)
    last: int = Field(default=50, ge=1)
    recency: float = Field(default=2.0, ge=0)
    damping: float = Field(default=0.25, ge=0, le=1)
    keep: int = Field(default=300, ge=1)


class Transitions(LearntChannel):
    """Sparse rules by source row: `indptr` (n + 1,), then target, weight, number of shoppers; `takers` (n,)."""

    name: ClassVar[str] = "transitions"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("indptr", "target", "weight", "support", "takers", "shoppers")

    def __init__(self, catalogue: Catalogue, config: TransitionsConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._indptr, self._target, self._weight = arrays["indptr"], arrays["target"], arrays["weight"]

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: TransitionsConfig | None = None) -> Self:
        """Count rules over what each shopper took, in order."""
        config = config or TransitionsConfig()
        log = Log.taken(events, catalogue)
        size = len(catalogue)
        rules = _rules(log, config)
        often = np.bincount(log.rows, minlength=size)
        weight = rules["w"].to_numpy() / (often[rules["a"].to_numpy()] + 1.0) ** config.damping
        rules = (
            rules.with_columns(weight=pl.Series(weight, dtype=pl.Float32))
            .sort(["a", "weight", "b"], descending=[False, True, False])
            .group_by("a", maintain_order=True)
            .head(config.keep)
            .sort("a", "b")
        )
        pairs = np.unique(log.rows.astype(np.int64) * max(log.shoppers, 1) + log.shopper)
        arrays: dict[str, storage.Array] = {
            "indptr": np.searchsorted(rules["a"].to_numpy(), np.arange(size + 1)).astype(np.int64),
            "target": rules["b"].to_numpy().astype(np.int32),
            "weight": rules["weight"].to_numpy().astype(np.float32),
            "support": rules["n"].to_numpy().astype(np.int32),
            "takers": np.bincount(pairs // max(log.shoppers, 1), minlength=size).astype(np.int32),
            "shoppers": np.array([log.shoppers], dtype=np.int64),
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and rules."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, TransitionsConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Targets of rules from the shopper's last events."""
        rows, scores = self.scores(query.history)
        return Scored.top(scores, k, query.allowed, rows)

    def scores(self, history: History) -> tuple[Rows, NDArray[np.float32]]:
        """All rows (m,) that rules lead to, ascending, and each one's share (m,) of the weight, all summing to 1."""
        source, weights = self._sources(history)
        spans = [(int(self._indptr[row]), int(self._indptr[row + 1])) for row in source.tolist()]
        parts = [(self._target[a:b], self._weight[a:b] * w) for (a, b), w in zip(spans, weights, strict=True) if b > a]
        if not parts:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        rows, place = np.unique(np.concatenate([rows for rows, _ in parts]), return_inverse=True)
        sums = np.bincount(place, np.concatenate([found for _, found in parts]))
        return rows.astype(np.int32), (sums / sums.sum()).astype(np.float32)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The own event whose rule adds most to the item, and the rule."""
        source, weights = self._sources(query.history)
        found = [(self._rule(item, row), weight) for item, weight in zip(source.tolist(), weights, strict=True)]
        strength = [float(self._weight[rule]) * weight if rule >= 0 else 0.0 for rule, weight in found]
        if not strength or max(strength) <= 0:
            return ()
        best = max(range(len(strength)), key=lambda index: (strength[index], index))
        liked = query.history.liked()
        event = liked.ref(len(liked) - len(source) + best, self._catalogue)
        edge = self._edge(int(source[best]), row, found[best][0])
        facts = {"shown_part": round(strength[best] / sum(strength), 6)}
        return (Evidence(channel=self.name, events=(event,), edge=edge, facts=facts),)

    def _sources(self, history: History) -> tuple[Rows, NDArray[np.float64]]:
        """Rows of the shopper's last events, oldest first, and their weights."""
        rows = history.liked().rows[-self.config.last :]
        weights: NDArray[np.float64] = np.arange(len(rows), 0, -1, dtype=np.float64) ** -self.config.recency
        return rows, weights

    def _rule(self, source: int, target: int) -> int:
        start, stop = int(self._indptr[source]), int(self._indptr[source + 1])
        place = start + int(np.searchsorted(self._target[start:stop], target))
        return place if place < stop and self._target[place] == target else -1

    def _edge(self, source: int, target: int, rule: int) -> Edge:
        takers, shoppers = self._arrays["takers"], int(self._arrays["shoppers"][0])
        support = int(self._arrays["support"][rule])
        chance = float(takers[source]) * float(takers[target]) / max(shoppers, 1)
        return Edge(
            kind="item",
            source=self._catalogue.ids[source],
            target=self._catalogue.ids[target],
            support=support,
            lift=round((support + LIFT_SHRINK) / (chance + LIFT_SHRINK), 4),
        )


def _rules(log: Log, config: TransitionsConfig) -> pl.DataFrame:
    """One row a rule a -> b: summed weight w and number of shoppers n, in an order that doesn't depend on threads."""
    frames = []
    for step in range(1, config.window + 1):
        first, second = slice(None, -step), slice(step, None)
        on = (log.shopper[first] == log.shopper[second]) & (log.rows[first] != log.rows[second])
        columns = {"s": log.shopper[first][on], "a": log.rows[first][on], "b": log.rows[second][on]}
        frames.append(pl.DataFrame(columns).with_columns(w=pl.lit(1 / step)))
    return (
        pl.concat(frames)
        .sort("a", "b", "s")
        .group_by("a", "b", maintain_order=True)
        .agg(pl.col("w").sum(), pl.col("s").n_unique().alias("n"))
    )
