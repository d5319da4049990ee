"""EASE over categories: which aisles a shopper's other aisles predict.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019: a linear item-item model in closed form, here with
categories as items. Learnt on who ever walked which aisle, read with the shopper's aisles weighted by recency.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log
from retrieval.channels.profile import aimed, latest, profile
from retrieval.channels.shelves import Shelves
from retrieval.history import History
from retrieval.schema import Evidence, Frozen

HELD_OUT, MOST_JUDGED = 0.2, 2000  # share of each shopper's aisles, and shoppers, that ridges are judged by


class EaseConfig(Frozen):
    """How the weights are learnt and read.

    Attributes:
        ridges: strengths of the ridge to choose from, in shoppers; the one that best predicts each shopper's last new
            aisles from their earlier ones is used. One alone is used as it is.
        half_life: days after which a shopper's own event counts half.
        most_categories: how many categories are modelled, those with the most shoppers.
    """

    ridges: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(10.0, 30.0, 100.0, 400.0), min_length=1)
    half_life: float = Field(default=365.0, gt=0)
    most_categories: int = Field(default=4096, ge=1)


class Ease(LearntChannel):
    """Weights (m, m) between the `m` categories with the most shoppers; `codes` (m,) are their category codes."""

    name: ClassVar[str] = "ease"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("codes", "weights", "ridge", "popularity")

    def __init__(self, catalogue: Catalogue, config: EaseConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._codes, self._weights = arrays["codes"], arrays["weights"]
        self.ridge = float(arrays["ridge"][0])
        self.shelves = Shelves(catalogue, arrays["popularity"])

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: EaseConfig | None = None) -> Self:
        """Solve for the weights: one inversion of a (categories, categories) matrix."""
        config = config or EaseConfig()
        log = Log.taken(events, catalogue)
        walked, held = _walked(log, catalogue)
        codes = _modelled(walked + held, config.most_categories)
        walked, held = walked[:, codes], held[:, codes]
        ridge = _best_ridge(walked, held, config.ridges)
        arrays: dict[str, storage.Array] = {
            "codes": codes,
            "weights": _solve(walked + held, ridge).astype(np.float32),
            "ridge": np.array([ridge]),
            "popularity": Shelves.fit(log, catalogue).popularity,
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and weights."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, EaseConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Items from the aisles with the best scores."""
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
        """(C,) predicted interest in every category from weights (C,) on the known ones.

        With `targets`, only these category codes are scored and all others are 0.
        """
        scores = np.zeros(len(self._catalogue.category.names))
        known = np.flatnonzero(weights[self._codes])
        if targets is not None:
            place = np.flatnonzero(np.isin(self._codes, targets))
            scores[self._codes[place]] = weights[self._codes][known] @ self._weights[np.ix_(known, place)]
            return scores
        scores[self._codes] = weights[self._codes][known] @ self._weights[known]
        return scores

    def into(self, target: int) -> NDArray[np.float64]:
        """(C,) what a whole unit of weight on each category adds to the score of one."""
        found = np.zeros(len(self._catalogue.category.names))
        place = np.flatnonzero(self._codes == target)
        if len(place):
            found[self._codes] = self._weights[:, int(place[0])]
        return found

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The shopper's aisles that add most to the score of the item's aisle, with their last events."""
        place = np.flatnonzero(self._codes == self._catalogue.category.codes[row])
        if len(place) == 0:
            return ()
        parts = self.profile(query.history)[self._codes] * self._weights[:, int(place[0])]
        best = [int(i) for i in np.argsort(-parts, kind="stable")[:2] if parts[i] > 0]
        if not best:
            return ()
        events = tuple(
            query.history.ref(index, self._catalogue)
            for i in best
            for index in latest(query.history, self._catalogue, int(self._codes[i]), 1)
        )
        facts = {"score": round(float(parts.sum()), 6), "shown_part": round(float(parts[best].sum()), 6)}
        return (Evidence(channel=self.name, events=events, facts=facts),)


def _walked(log: Log, catalogue: Catalogue) -> tuple[csr_array, csr_array]:
    """(shoppers, C) aisles walked, 1 or 0, parted: each shopper's last new fifth, and everything before."""
    names = catalogue.category.names
    unnamed = catalogue.category.code_of.get("", -1)
    firsts = (
        pl.DataFrame({"s": log.shopper, "c": catalogue.category.codes[log.rows], "t": log.days})
        .filter(pl.col("c") != unnamed)
        .group_by("s", "c")
        .agg(pl.col("t").min())
        .sort("s", "t", "c")
        .with_columns(place=pl.int_range(pl.len()).over("s"), size=pl.len().over("s"))
    )
    late = (firsts["place"] >= (firsts["size"] * (1 - HELD_OUT)).ceil()).to_numpy()
    shopper, category = firsts["s"].to_numpy(), firsts["c"].to_numpy()

    def part(which: NDArray[np.bool_]) -> csr_array:
        ones = np.ones(int(which.sum()))
        return csr_array((ones, (shopper[which], category[which])), shape=(log.shoppers, len(names)))

    return part(~late), part(late)


def _modelled(walked: csr_array, most: int) -> NDArray[np.int32]:
    """Codes of the categories with the most shoppers, ascending."""
    shoppers = np.asarray(walked.sum(axis=0)).ravel()
    codes = np.sort(np.argsort(-shoppers, kind="stable")[:most])
    return codes[shoppers[codes] > 0].astype(np.int32)


def _solve(walked: csr_array, ridge: float) -> NDArray[np.float64]:
    """(m, m) weights in closed form, zero on the diagonal."""
    gram = np.asarray((walked.T @ walked).todense(), dtype=np.float64)
    if not len(gram):
        return gram
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights: NDArray[np.float64] = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def _best_ridge(walked: csr_array, held: csr_array, ridges: Sequence[float]) -> float:
    """The ridge whose weights rank held-out aisles highest among the new ones (NDCG@10); the largest if none can."""
    judged = np.flatnonzero(np.asarray(held.sum(axis=1)).ravel())
    if len(ridges) == 1 or len(judged) == 0:
        return max(ridges)
    judged = judged[:: -(-len(judged) // MOST_JUDGED)]
    known, wanted = walked[judged].toarray(), held[judged].toarray()
    depth = min(10, known.shape[1])
    discount = 1 / np.log2(np.arange(2, depth + 2))
    ideal = np.cumsum(discount)[np.minimum(wanted.sum(axis=1).astype(int), depth) - 1]
    found: dict[float, float] = {}
    for ridge in ridges:
        scores = np.where(known > 0, -np.inf, known @ _solve(walked, ridge))
        top = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        found[ridge] = float(((np.take_along_axis(wanted, top, axis=1) @ discount) / ideal).mean())
    return max(ridges, key=lambda ridge: (found[ridge], ridge))
