"""Words in common: what the case says, or else the titles of its history, against the texts of the catalogue.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with bm25s' usual constants.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import System
from retrieval.channels.lexical import stems
from retrieval.terms import item_texts
from retrieval.text import words

LATEST = 20  # things of the history


class BM25(System):
    """Plain BM25 over title, description, brand, category and attributes."""

    name: ClassVar[str] = "bm25"

    def fit(self, problem: Problem) -> None:
        """Index the catalogue; events don't matter."""
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)
        self._codes: dict[str, int] = {}
        texts = [
            [self._codes.setdefault(stem, len(self._codes)) for stem in _stems(text)]
            for text in item_texts(problem.catalogue.frame)
        ]
        self._index = bm25s.BM25(k1=1.5, b=0.75, method="lucene") if self._codes else None
        if self._index is not None:
            self._index.index((texts, self._codes), create_empty_token=False, show_progress=False)
        self._titles, self._size = problem.source_catalogue.titles, len(texts)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) BM25; -inf for items without a word in common, unless given ones are to be ranked."""
        read = case.words or [self._titles[row] for row in latest(case)]
        codes = [self._codes[stem] for text in read for stem in _stems(text) if stem in self._codes]
        scores = self._index.get_scores_from_ids(codes) if codes and self._index else np.zeros(self._size)
        few = bool(case.words) and case.allowed is not None  # given goods to rank by words: all are ranked
        return scores if few else np.where(scores > 0, scores, -np.inf)


def latest(case: Case) -> NDArray[np.int32]:
    """(m,) the distinct rows of the source catalogue that the history ends with, the last first."""
    rows = case.source.liked().rows[::-1]
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)][:LATEST]


def _stems(text: str) -> list[str]:
    return [stem for word in words(text) for stem in stems(word)]
