"""Echo the context: show again what was shown before in the conversation, the latest first."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System


class Echo(System):
    """Repeats; a protocol that counts repeated items as hits would crown it."""

    name: ClassVar[str] = "echo"

    def fit(self, problem: Problem) -> None:
        """Nothing to learn."""
        self._catalogue = problem.catalogue

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) places in what was shown, the latest highest; -inf for everything else."""
        scores = np.full(len(self._catalogue), -np.inf)
        for place, row in enumerate(self._catalogue.rows(case.shown)):
            if row >= 0:
                scores[row] = place + 1.0
        return scores
