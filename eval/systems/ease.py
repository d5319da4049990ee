"""EASE: a linear model of what goes with what, in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019. It needs a dense matrix of items by items: in a
larger catalogue only the `MOST` most taken items are modelled, and nowhere those that one shopper alone took; the
others are not proposed.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.matrix import known, linear_weights, taken_matrix, tuned

RIDGES = (300.0, 100.0, 1000.0)
LEAST, MOST, MOST_TUNED = 2, 12_500, 3_000  # 12,500 items take 0.6 GB and about a minute


class Ease(System):
    """Who took what, yes or no, as published; the ridge is the best on the slice before."""

    name: ClassVar[str] = "ease"

    def __init__(self, ridge: float | None = None, most: int = MOST) -> None:
        self.ridge, self.most = ridge, most

    def fit(self, problem: Problem) -> None:
        """Invert one matrix; the ridge is chosen on the 3,000 most taken items."""
        ridge = self.ridge or tuned(problem, RIDGES, lambda r: Ease(r, MOST_TUNED))
        taken = taken_matrix(problem)
        often = np.asarray(taken.sum(axis=0)).ravel()
        self._rows = np.sort(np.argsort(-often, kind="stable")[: self.most])
        self._rows = self._rows[often[self._rows] >= LEAST]
        self._place = np.full(len(often), -1)
        self._place[self._rows] = np.arange(len(self._rows))
        kept = taken[:, self._rows]
        self._weights = linear_weights((kept.T @ kept).toarray().astype(np.float32, order="F"), ridge)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) scores; -inf for items that are not modelled, and for all without a history among them."""
        scores = np.full(len(self._place), -np.inf)
        place = self._place[known(case)]
        if (place >= 0).any():
            scores[self._rows] = self._weights[place[place >= 0]].sum(axis=0)
        return scores
