"""LightGCN over items, read by the mean of a shopper's items: the shop's own graph channel, alone."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from retrieval.channels.graph import GraphConfig, GraphModel


class LightGCN(System):
    """He et al., 2020, with the loss, the start and the folding-in of `retrieval.channels.graph`."""

    name: ClassVar[str] = "lightgcn"

    def __init__(self, config: GraphConfig | None = None) -> None:
        self.config = config

    def fit(self, problem: Problem) -> None:
        """Train on the problem's events."""
        self._size = len(problem.catalogue)
        config = self.config or GraphConfig(seed=self.seed)
        self._model = GraphModel.fit(problem.events, problem.catalogue, config)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) cosine with the shopper; -inf for items not modelled and for all without a known event."""
        scores = np.full(self._size, -np.inf)
        found = self._model.scores(case.history)
        if found is not None:
            scores[self._model.rows] = found
        return scores
