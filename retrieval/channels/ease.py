"""EASE over categories: which aisles a shopper's other aisles predict.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019: a linear item-item model in closed form, here with
categories as items. Learnt on who ever walked which aisle, read with the shopper's aisles weighted by recency.
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
from retrieval.schema import Evidence, Frozen


class EaseConfig(Frozen):
    """Ridge strength (in shoppers), the shopper's own half-life in days, and the most categories that are modelled."""

    ridge: float = Field(default=400.0, gt=0)
    half_life: float = Field(default=365.0, gt=0)
    most_categories: int = Field(default=4096, ge=1)


class Ease(LearntChannel):
    """Weights (m, m) between the `m` categories with the most shoppers; `codes` (m,) are their category codes."""

    name: ClassVar[str] = "ease"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "codes",
        "weights",
        "popularity",
    )

    def __init__(self, catalogue: Catalogue, config: EaseConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._codes, self._weights = arrays["codes"], arrays["weights"]
        self.shelves = Shelves(catalogue, arrays["popularity"])

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: EaseConfig | None = None) -> Self:
        """Solve for the weights: one inversion of a (categories, categories) matrix."""
        config = config or EaseConfig()
        log = Log.taken(events, catalogue)
        codes, gram = _gram(log, catalogue, config.most_categories)
        weights = np.zeros_like(gram)
        if len(codes):
            inverse = np.linalg.inv(gram + config.ridge * np.eye(len(codes)))
            weights = -inverse / np.diag(inverse)
            np.fill_diagonal(weights, 0.0)
        arrays: dict[str, storage.Array] = {
            "codes": codes,
            "weights": weights.astype(np.float32),
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


def _gram(log: Log, catalogue: Catalogue, most: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Category codes (m,) and the (m, m) count of shoppers who walked both."""
    from scipy.sparse import csr_array

    names = catalogue.category.names
    category = catalogue.category.codes[log.rows]
    named = category != catalogue.category.code_of.get("", -1)
    walked = csr_array(
        (np.ones(int(named.sum())), (log.shopper[named], category[named])), shape=(log.shoppers, len(names))
    )
    walked.sum_duplicates()
    walked.data[:] = 1.0
    shoppers = np.asarray(walked.sum(axis=0)).ravel()
    codes = np.sort(np.argsort(-shoppers, kind="stable")[:most])
    codes = codes[shoppers[codes] > 0]
    walked = walked[:, codes]
    return codes.astype(np.int32), np.asarray((walked.T @ walked).todense(), dtype=np.float64)
