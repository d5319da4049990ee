"""SASRec with cross-entropy: the shop's own sequence channel, alone."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from retrieval.channels.sequence import SequenceConfig, SequenceModel


class SASRec(System):
    """Kang and McAuley, 2018, with the loss, the start and the serving of `retrieval.channels.sequence`."""

    name: ClassVar[str] = "sasrec"

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self.config = config

    def fit(self, problem: Problem) -> None:
        """Train on the problem's events."""
        self._size = len(problem.catalogue)
        config = self.config or SequenceConfig(seed=self.seed)
        self._model = SequenceModel.fit(problem.events, problem.catalogue, config)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) log of the chance to come next; -inf for items not modelled and for all without a known event."""
        scores = np.full(self._size, -np.inf)
        chances = self._model.log_chances(case.history)
        if chances is not None:
            scores[self._model.rows] = chances
        return scores
