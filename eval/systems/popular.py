"""The same for everybody: what most shoppers took, lately if that tells more."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.matrix import tuned
from retrieval.channels.log import Log

WINDOWS = (np.inf, 365.0, 90.0, 30.0)


class Popular(System):
    """Distinct shoppers in the last days; the window, all time or less, is the one that ranks the slice before best.

    Ties within a window go to what was taken by more shoppers ever, then to what was taken last.
    """

    name: ClassVar[str] = "popular"

    def __init__(self, days: float | None = None) -> None:
        self.days = days

    def fit(self, problem: Problem) -> None:
        """Count."""
        days = tuned(problem, WINDOWS, Popular) if self.days is None else self.days
        log, size = Log.taken(problem.events, problem.catalogue), len(problem.catalogue)
        since = log.days > log.end - days
        last = np.full(size, -np.inf)
        np.maximum.at(last, log.rows, log.days)
        freshness = np.where(np.isfinite(last), 1 / (2 + log.end - last), 0.0)
        ever = _shoppers(log, np.ones(len(log), dtype=np.bool_), size)
        scores = _shoppers(log, since, size) + (ever + freshness) / (log.shoppers + 2)
        self.scores = np.where(ever > 0, scores, -np.inf)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the counts; -inf for what nobody took."""
        return self.scores


def _shoppers(log: Log, which: NDArray[np.bool_], size: int) -> NDArray[np.float64]:
    """(n,) how many shoppers took each item."""
    pairs = np.unique(log.shopper[which].astype(np.int64) * size + log.rows[which])
    return np.bincount(pairs % size, minlength=size).astype(np.float64)
