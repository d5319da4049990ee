"""The shop's ranking of aisles, scored: one model for what comes next, one for what is new."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from retrieval.channels.aisles import Aisles as Channel
from retrieval.channels.association import Association
from retrieval.sensitive import Sensitive


class Aisles(System):
    """Learns from the problem's events on goods; its own time slices are cut out of these."""

    name: ClassVar[str] = "crossaisle"

    def fit(self, problem: Problem) -> None:
        """Fit the channel, and find each ranked category among the goods' ones."""
        self._channel = Channel.fit(problem.source_events, problem.source_catalogue)
        self._graph = Association.fit(problem.source_events, problem.source_catalogue)
        codes = problem.source_catalogue.category.code_of
        self._codes = np.array([codes[name] for name in problem.catalogue.ids], dtype=np.int64)
        hidden = np.unique(problem.source_catalogue.category.codes[Sensitive.of(problem.source_catalogue).mask])
        self.told = (
            f"crossaisle ranks every category here, as all systems do; the shop shows nobody unasked what is sensitive "
            f"(goods of {np.isin(self._codes, hidden).sum()} of {len(self._codes)} categories), and infers a need only "
            "where an edge leads there that can be shown."
        )

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) scores of categories: as new ones where the case leaves out what was bought before."""
        if case.allowed is not None:
            return self._channel.led(case.source, self._graph)[self._codes]
        return self._channel.category_scores(case.source)[self._codes]
