"""Meaning in common: the encoding of what the case says, or else of its history, against those of the catalogue."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.encodings import encoded
from eval.problem import Case, Problem
from eval.systems.base import System
from eval.systems.bm25 import latest
from retrieval.build_stages import texts
from retrieval.catalogue import Catalogue
from retrieval.encode import Encoder, Vectors, load_encoder


class Dense(System):
    """Cosine with the words, or with the mean of the last 20 things; the shop's own encoder, or else the static one."""

    name: ClassVar[str] = "dense"
    encoder: ClassVar[str] = ""

    def fit(self, problem: Problem) -> None:
        """Take the shop's vectors where the catalogue is the shop's, or encode it; events don't matter."""
        shop = None if self.encoder else problem.shop
        self._encoder: Encoder = shop.encoder if shop else load_encoder(self.encoder or "static")
        goods = problem.source_catalogue
        own = shop is not None and shop.catalogue is goods
        self._goods: Vectors = shop.vectors if shop is not None and own else self._encoded(goods)
        same = problem.catalogue is goods
        self._vectors: Vectors = np.asarray(self._goods) if same else self._encoded(problem.catalogue)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) cosines; -inf everywhere where there is nothing to go by."""
        if case.words:
            query = self._encoder.encode([" ".join(case.words)])[0]
        else:
            query = np.asarray(self._goods[latest(case)], dtype=np.float32).sum(axis=0)
        if not query.any():
            return np.full(len(self._vectors), -np.inf)
        scores: Vectors = self._vectors @ query
        return scores

    def _encoded(self, catalogue: Catalogue) -> Vectors:
        return encoded(self._encoder, list(texts(catalogue.frame)))


class MiniLM(Dense):
    """The same with all-MiniLM-L6-v2 itself: better, and some hundred times slower to fit."""

    name: ClassVar[str] = "minilm"
    encoder: ClassVar[str] = "minilm"
