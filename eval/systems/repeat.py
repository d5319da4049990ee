"""What a shopper took before, most often first: the trivial recommender that a shop of staples is hard to beat with."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.matrix import HALF_LIFE, weights


class Repeat(System):
    """How often the shopper did something with it, purchases counting most; of equals the one taken last."""

    name: ClassVar[str] = "repeat"
    half_life: ClassVar[float] = np.inf

    def fit(self, problem: Problem) -> None:
        """Nothing is learnt from others."""
        self._size = len(problem.catalogue)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) how often; -inf for what the shopper never took."""
        scores = np.full(self._size, -np.inf)
        rows, often = weights(case, self.half_life)
        _, lately = weights(case, 30.0)
        scores[rows] = often + 1e-6 * lately
        return scores


class RepeatDecayed(Repeat):
    """The same, each time counting half after a year."""

    name: ClassVar[str] = "repeat_decayed"
    half_life: ClassVar[float] = HALF_LIFE
