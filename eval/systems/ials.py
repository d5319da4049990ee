"""Implicit alternating least squares: shoppers and items as factors, everything that wasn't taken a weak "no".

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008, as the library implicit fits it.
The weight of a "yes" and the ridge are what Rendle et al. ("Revisiting the Performance of iALS", 2022) found to matter.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.matrix import known, taken_matrix, tuned

SETTINGS = ((64, 40.0, 10.0), (64, 10.0, 30.0), (64, 2.0, 30.0), (16, 5.0, 30.0))  # factors, weight of a "yes", ridge
ITERATIONS = 15


class IALS(System):
    """Factors, weight and ridge are the best on the slice before."""

    name: ClassVar[str] = "ials"

    def __init__(self, setting: tuple[int, float, float] | None = None) -> None:
        self.setting = setting
        self.alpha = 1.0

    def fit(self, problem: Problem) -> None:
        """Alternate 15 times, on one thread of linear algebra each, so that two runs agree."""
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        factors, self.alpha, ridge = self.setting or tuned(problem, SETTINGS, IALS)
        taken = csr_matrix(taken_matrix(problem) * self.alpha)
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=factors, regularization=ridge, iterations=ITERATIONS, random_state=self.seed
            )
            model.fit(taken, show_progress=False)
        self._items = np.asarray(model.item_factors, dtype=np.float64)
        self._base = self._items.T @ self._items + ridge * np.eye(factors)
        self._seen = taken.sum(axis=0).A1 > 0

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the history's own factor, solved for anew, times the items'; -inf for what nobody took."""
        rows = known(case)
        if not len(rows):
            return np.full(len(self._items), -np.inf)
        taken = self._items[rows]
        person = np.linalg.solve(self._base + (self.alpha - 1) * taken.T @ taken, self.alpha * taken.sum(axis=0))
        return np.where(self._seen, self._items @ person, -np.inf)
