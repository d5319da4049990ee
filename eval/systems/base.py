"""The contract of a system: fit on a problem, then rank its cases.

To add one, write a class like this in a file of your own and name it: `--systems popular,path/to/mine.py:Newest`.

    class Newest(System):
        name = "newest"

        def fit(self, problem: Problem) -> None:
            self.scores = problem.catalogue.frame["listed_at"].dt.epoch("s").fill_null(0).to_numpy().astype(float)

        def scores_of(self, case: Case) -> NDArray[np.floating]:
            return self.scores
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from retrieval.catalogue import Rows

Ranked = tuple[Rows, NDArray[np.floating[Any]]]


class System(ABC):
    """One way to rank. A fresh object is made for every problem; `fit` is called once, `rank` for every case.

    Attributes:
        name: in tables, and on the command line where it is registered.
        seed: of anything random; set before `fit`.
        told: what `fit` found that a reader of the table should know; "" for nothing.
    """

    name: ClassVar[str]
    seed: int = 0
    told: str = ""

    @abstractmethod
    def fit(self, problem: Problem) -> None:
        """Learn from `problem.events` (and `problem.earlier()`), never from any case's targets."""

    @abstractmethod
    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) a score for every row of the problem's catalogue; -inf for rows that it doesn't propose."""

    def rank(self, case: Case, k: int) -> Ranked:
        """The `k` best allowed rows, best first, with their scores; equal scores in the order of rows."""
        scores = np.array(self.scores_of(case), dtype=np.float64)
        if case.allowed is not None:
            scores[~case.allowed] = -np.inf
        return top(scores, k)


def top(scores: NDArray[np.float64], k: int) -> Ranked:
    """The `k` best rows with a finite score, best first; equal scores in the order of rows."""
    index = np.flatnonzero(np.isfinite(scores))
    if len(index) > k:
        values = scores[index]
        bar = np.partition(values, len(values) - k)[len(values) - k]
        above = index[values > bar]
        index = np.sort(np.concatenate([above, index[values == bar][: k - len(above)]]))
    index = index[np.argsort(-scores[index], kind="stable")]
    return index.astype(np.int32), scores[index]
