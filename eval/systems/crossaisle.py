"""What the shop serves, scored: the ranking of aisles, of items, or of what answers words."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import Ranked, System


class CrossAisle(System):
    """Hands each protocol to the part of the shop that serves it."""

    name: ClassVar[str] = "crossaisle"

    def fit(self, problem: Problem) -> None:
        """Fit the part that serves this kind of problem."""
        self._part = _part(problem)
        self._part.fit(problem)
        self.told = self._part.told

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the part's scores."""
        return self._part.scores_of(case)

    def rank(self, case: Case, k: int) -> Ranked:
        """The part's ranking."""
        return self._part.rank(case, k)


def _part(problem: Problem) -> System:
    if any(case.words for case in problem.main):
        from eval.systems.crossaisle_words import Words

        return Words()
    if problem.targets_by == "category":
        from eval.systems.crossaisle_aisles import Aisles

        return Aisles()
    from eval.systems.crossaisle_items import Items

    return Items()
