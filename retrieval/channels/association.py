"""The category association graph: which aisle shoppers walk after which.

An edge A -> B counts the shoppers whose first item of B came with or after their first item of A. Its lift says how
many times more often both are found in one shopper's hands than chance would put them there (Brin, Motwani,
Silverstein, "Beyond Market Baskets", 1997), shrunk towards 1 where few shoppers were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log
from retrieval.channels.profile import aimed, latest, profile
from retrieval.channels.shelves import Shelves
from retrieval.history import History
from retrieval.schema import Edge, Evidence, Frozen

JOIN_ROWS = 4_000_000  # pairs held in memory at once while counting
TELLING = 1.1  # lift that an edge needs to be evidence at all; a card's one line asks for more (`agent.reason`)


class AssociationConfig(Frozen):
    """How edges are counted and read.

    Attributes:
        min_support: shoppers that an edge needs to be kept.
        shrink: shoppers as if by chance, added to both sides of the lift.
        half_life: days after which a shopper's own event counts half.
        popularity: power of a target's number of shoppers in its score; 0 follows lift alone.
        soon: days between the two after which an edge counts half in the score.
    """

    min_support: int = Field(default=2, ge=1)
    shrink: float = Field(default=5.0, gt=0)
    half_life: float = Field(default=120.0, gt=0)
    popularity: float = Field(default=0.5, ge=0, le=1)
    soon: float = Field(default=60.0, gt=0)


class Association(LearntChannel):
    """Sparse edges by source category; `walkers` (C,) counts each category's shoppers."""

    name: ClassVar[str] = "association"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "indptr",
        "target",
        "support",
        "both",
        "days",
        "incoming",
        "walkers",
        "shoppers",
        "popularity",
    )

    def __init__(self, catalogue: Catalogue, config: AssociationConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._indptr, self._target = arrays["indptr"], arrays["target"]
        self._support, self._days = arrays["support"], arrays["days"]
        self.walkers: NDArray[np.int32] = arrays["walkers"]
        self.shoppers = int(arrays["shoppers"][0])
        self._lift = self._lifts(arrays["both"])
        self._gain = self._gains(arrays["both"])
        self._incoming = arrays["incoming"]
        self._ends = np.searchsorted(self._target[self._incoming], np.arange(len(self.walkers) + 1))
        self.shelves = Shelves(catalogue, arrays["popularity"])

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: AssociationConfig | None = None) -> Self:
        """Count edges over each shopper's first event in each category."""
        config = config or AssociationConfig()
        log = Log.taken(events, catalogue)
        names = catalogue.category.names
        firsts = _firsts(log, catalogue)
        edges = _edges(firsts, config.min_support)
        arrays: dict[str, storage.Array] = {
            "indptr": np.searchsorted(edges["a"].to_numpy(), np.arange(len(names) + 1)).astype(np.int64),
            "target": edges["b"].to_numpy().astype(np.int32),
            "support": edges["support"].to_numpy().astype(np.int32),
            "both": edges["both"].to_numpy().astype(np.int32),
            "days": edges["days"].to_numpy().astype(np.float32),
            "incoming": np.lexsort((edges["a"].to_numpy(), edges["b"].to_numpy())).astype(np.int32),
            "walkers": np.bincount(firsts["c"].to_numpy(), minlength=len(names)).astype(np.int32),
            "shoppers": np.array([log.shoppers], dtype=np.int64),
            "popularity": Shelves.fit(log, catalogue).popularity,
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and edges."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, AssociationConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Items from the aisles that shoppers of this shopper's aisles walk."""
        weights = self.profile(query.history)
        if not weights.any():
            return Scored.none()
        return self.shelves.fill(self.category_scores(weights, aimed(query.need, self._catalogue)), query, k)

    def profile(self, history: History) -> NDArray[np.float64]:
        """(C,) the shopper's weight on each category."""
        return profile(history, self._catalogue, self.config.half_life)

    def category_scores(
        self, weights: NDArray[np.float64], targets: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """(C,) how strongly edges from weighted source categories (C,) lead to each category.

        With `targets`, only these category codes are scored and all others are 0.
        """
        scores = np.zeros(len(self.walkers))
        if targets is not None:
            for target in targets:
                sources, place = self._into(target)
                scores[target] = weights[sources] @ self._gain[place]
            return scores
        for source in np.flatnonzero(weights):
            part = slice(int(self._indptr[source]), int(self._indptr[source + 1]))
            scores[self._target[part]] += weights[source] * self._gain[part]
        return scores

    def edge(self, source: int, target: int) -> Edge | None:
        """The edge between two category codes, None where too few shoppers walked it."""
        place = self._place(source, target)
        if place is None:
            return None
        names = self._catalogue.category.names
        return Edge(
            kind="category",
            source=names[source],
            target=names[target],
            support=int(self._support[place]),
            lift=round(float(self._lift[place]), 4),
            days=round(float(self._days[place]), 2),
        )

    def sources(
        self,
        weights: NDArray[np.float64],
        target: int,
        count: int,
        worth: NDArray[np.float64] | None = None,
        support: int = 0,
    ) -> list[int]:
        """Which of the weighted categories (C,) lead to `target` clearly above chance, strongest first.

        With `worth` (C,), those worth most come first; `support` is how many shoppers an edge needs.
        """
        source, place = self._into(target)
        told = (self._support[place] >= support) & (self._lift[place] >= TELLING)
        strength = np.where(told, weights[source] * self._gain[place], 0.0)
        keys = (-strength,) if worth is None else (-strength, -worth[source])
        order = np.lexsort(keys)
        return [int(source[i]) for i in order[strength[order] > 0][:count]]

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The strongest edges from the shopper's aisles to the item's, with the events that opened those."""
        target = int(self._catalogue.category.codes[row])
        weights = self.profile(query.history)
        return tuple(self.walked(query.history, source, target) for source in self.sources(weights, target, 2))

    def walked(self, history: History, source: int, target: int) -> Evidence:
        """An edge as evidence, with the shopper's last events on its source."""
        events = tuple(history.ref(index, self._catalogue) for index in latest(history, self._catalogue, source))
        facts = {"source_shoppers": float(self.walkers[source]), "target_shoppers": float(self.walkers[target])}
        return Evidence(channel=self.name, events=events, edge=self.edge(source, target), facts=facts)

    def _into(self, target: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Source categories of all edges to a target, ascending, and where those edges are kept."""
        place = self._incoming[self._ends[target] : self._ends[target + 1]]
        return np.searchsorted(self._indptr, place, side="right") - 1, place

    def _place(self, source: int, target: int) -> int | None:
        start, stop = int(self._indptr[source]), int(self._indptr[source + 1])
        place = start + int(np.searchsorted(self._target[start:stop], target))
        return place if place < stop and self._target[place] == target else None

    def _gains(self, both: NDArray[np.int32]) -> NDArray[np.float64]:
        """What an edge adds to its target's score: more for lift, for a target that many walk, in that order, soon."""
        ordered = self._support / both
        soon = 1.0 / (1.0 + np.maximum(self._days, 0.0) / self.config.soon)
        size = self.walkers[self._target] ** self.config.popularity
        gain: NDArray[np.float64] = np.maximum(np.log(self._lift), 0.0) * size * ordered * soon
        return gain

    def _lifts(self, both: NDArray[np.int32]) -> NDArray[np.float64]:
        source = np.repeat(np.arange(len(self.walkers)), np.diff(self._indptr))
        chance = self.walkers[source].astype(np.float64) * self.walkers[self._target] / max(self.shoppers, 1)
        lift: NDArray[np.float64] = (both + self.config.shrink) / (chance + self.config.shrink)
        return lift


def _firsts(log: Log, catalogue: Catalogue) -> pl.DataFrame:
    """One row for each shopper and named category: shopper s, category c, the first day t."""
    frame = pl.DataFrame({"s": log.shopper, "c": catalogue.category.codes[log.rows], "t": log.days})
    unnamed = catalogue.category.code_of.get("", -1)
    return frame.filter(pl.col("c") != unnamed).group_by("s", "c").agg(pl.col("t").min()).sort("c", "s")


def _edges(firsts: pl.DataFrame, min_support: int) -> pl.DataFrame:
    """Count pairs of categories, a block of source categories at a time: a, b, support, both, days."""
    width = firsts.join(firsts.group_by("s").agg(pl.len().alias("width")), on="s", maintain_order="left")["width"]
    block = (width.cum_sum().cast(pl.Int64) // JOIN_ROWS).alias("block")
    # A category must not be split over blocks: it belongs to the block in which its last row falls.
    framed = firsts.with_columns(block).with_columns(pl.col("block").max().over("c"))
    ordered = pl.col("u") >= pl.col("t")
    parts = [
        part.join(firsts.rename({"c": "b", "t": "u"}), on="s")
        .filter(pl.col("c") != pl.col("b"))
        .group_by(a="c", b="b")
        .agg(
            support=ordered.sum(),
            both=pl.len(),
            days=(pl.col("u") - pl.col("t")).filter(ordered).median(),
        )
        .filter(pl.col("support") >= min_support)
        for _, part in framed.group_by("block", maintain_order=True)
    ]
    empty = {"a": pl.Int32, "b": pl.Int32, "support": pl.UInt32, "both": pl.UInt32, "days": pl.Float64}
    return pl.concat([pl.DataFrame(schema=empty), *parts], how="vertical_relaxed").sort("a", "b")
