"""How much goods read like what a shopper knows: by meaning and by words, item against item."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from retrieval.catalogue import Rows
from retrieval.channels.lexical import Lexical

Vectors = NDArray[np.float32]
SHARP = 20.0  # how much the nearest known items outweigh all others; chosen on a validation split
NAMES = ("meaning_all", "meaning_nearest", "words_all", "words_nearest", "nearest_weight")


class Likeness:
    """Compares rows of one catalogue.

    Args:
        vectors: (n, d) float32 unit norm by catalogue row, rows of zeros where there is no text; None compares words
            alone.
        lexical: the shop's index of words; None compares meanings alone.
    """

    def __init__(self, vectors: Vectors | None, lexical: Lexical | None) -> None:
        self._vectors = None if vectors is None else np.asarray(vectors)
        self._lexical = lexical
        self._asked = lru_cache(maxsize=16)(self._ask)  # the needs of a turn share a history

    def of(self, known: Rows, weights: NDArray[np.float64], rows: Rows) -> NDArray[np.float32]:
        """(m, 5) features of `NAMES` of rows (m,) beside known rows (h,) with weights (h,); NaN where nothing is known.

        "All" sums over known items, those alike counting most; "nearest" is the most alike one; its weight tells how
        recent it is.
        """
        table = np.full((len(rows), len(NAMES)), np.nan, dtype=np.float32)
        if not len(known) or not len(rows):
            return table
        weights = weights / max(float(weights.sum()), 1e-12)
        if self._vectors is not None:
            near = self._vectors[rows] @ self._vectors[known].T
            near[rows[:, None] == known[None, :]] = 0.0  # what is known already is compared with the rest
            with np.errstate(divide="ignore"):
                table[:, 0] = np.log(np.exp(SHARP * near) @ weights) / SHARP
            table[:, 1] = near.max(axis=1)
            table[:, 4] = weights[near.argmax(axis=1)] * len(weights)
        if self._lexical is not None:
            shared = self._shared(known, rows)
            table[:, 2] = shared @ weights
            table[:, 3] = shared.max(axis=1)
        return table

    def _shared(self, known: Rows, rows: Rows) -> NDArray[np.float32]:
        """(m, h) BM25 of rows for the words of known items, as a share of what those would score themselves."""
        asked, own = self._asked(known.tobytes())
        shared: NDArray[np.float32] = (self._texts[rows] @ asked).toarray().astype(np.float32)
        shared[rows[:, None] == known[None, :]] = 0.0
        shared /= own
        return shared

    def _ask(self, known: bytes) -> tuple[csr_array, NDArray[np.float32]]:
        """(v, h) the words of known items, and (h,) what those score themselves."""
        asked = self._texts[np.frombuffer(known, np.int32)]
        own = np.maximum(np.asarray(asked.sum(axis=1), dtype=np.float32).ravel(), np.float32(1e-6))
        asked.data = np.ones_like(asked.data)
        return asked.T.tocsr(), own

    @cached_property
    def _texts(self) -> csr_array:
        """(n, v) BM25 scores by item."""
        if self._lexical is None:
            raise ValueError("no words to compare")
        return self._lexical.by_item()
