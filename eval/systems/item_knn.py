"""Item-based nearest neighbours: what was taken by the same shoppers as the things in the history.

Sarwar et al., "Item-Based Collaborative Filtering Recommendation Algorithms", 2001: cosine over shoppers, its
denominator raised by a shrinkage so that pairs seen once don't lead.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.matrix import taken_matrix, tuned, weights

SHRINKAGES = (10.0, 0.0, 100.0)
MOST_PAIRS = 4e7


class ItemKNN(System):
    """Sum of similarities to the history, each weighted by recency; the shrinkage is the best on the slice before."""

    name: ClassVar[str] = "item_knn"

    def __init__(self, shrinkage: float | None = None) -> None:
        self.shrinkage = shrinkage

    def fit(self, problem: Problem) -> None:
        """Work out all similarities, or where they are too many leave it to each history."""
        self._shrink = tuned(problem, SHRINKAGES, ItemKNN) if self.shrinkage is None else self.shrinkage
        self._taken = taken_matrix(problem)
        self._takers = self._taken.T.tocsr()
        self._norm = np.sqrt(self._takers.sum(axis=1))
        pairs = float((self._taken.sum(axis=1) ** 2).sum())
        self._all = self._like(np.arange(len(problem.catalogue))) if pairs < MOST_PAIRS else None

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) similarity to the history; -inf for what shares no shopper with it."""
        rows, weight = weights(case)
        near = self._like(rows) if self._all is None else self._all[rows]
        scores = near.T @ weight
        return np.where(scores > 0, scores, -np.inf)

    def _like(self, rows: NDArray[np.integer[Any]]) -> csr_array:
        """(m, n) similarities of some rows to all."""
        together: csr_array = (self._takers[rows] @ self._taken).tocsr()  # shoppers in common
        first = np.repeat(rows, np.diff(together.indptr))
        together.data /= self._norm[first] * self._norm[together.indices] + self._shrink
        return together
