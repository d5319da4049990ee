"""BM25 and dense together, by reciprocal rank (Cormack, Clarke and Büttcher, 2009): the baseline of hybrid search."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.registry import make

CONSTANT = 60.0
DEPTH = 1000


class Fusion(System):
    """Sums 1 / (60 + rank) over the first thousand places of `bm25` and of `dense`."""

    name: ClassVar[str] = "fusion"
    parts: ClassVar[tuple[str, ...]] = ("bm25", "dense")

    def fit(self, problem: Problem) -> None:
        """Fit both."""
        self._size = len(problem.catalogue)
        self._systems = [make(name) for name in self.parts]
        for system in self._systems:
            system.fit(problem)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) summed reciprocal ranks; -inf for rows that neither proposes."""
        scores = np.zeros(self._size)
        for system in self._systems:
            rows, _ = system.rank(case, DEPTH)
            scores[rows] += 1.0 / (CONSTANT + np.arange(1, len(rows) + 1))
        return np.where(scores > 0, scores, -np.inf)


class FusionMiniLM(Fusion):
    """The same with the slower, better encoder."""

    name: ClassVar[str] = "fusion_minilm"
    parts: ClassVar[tuple[str, ...]] = ("bm25", "minilm")
