"""A random order: what a ranking of a few judged items is worth by itself."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System


class Chance(System):
    """Every case has an order of its own, the same for the same seed."""

    name: ClassVar[str] = "random"

    def fit(self, problem: Problem) -> None:
        """Nothing to learn."""
        self._size = len(problem.catalogue)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) numbers drawn from 0 to 1."""
        drawn = hashlib.sha256(f"{self.seed} {case.key}".encode()).digest()
        return np.random.default_rng(int.from_bytes(drawn[:8], "big")).random(self._size)
