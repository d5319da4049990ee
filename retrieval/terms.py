"""An inverted index of words, exact, for hard exclusions ("no leather") in well under a millisecond."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.text import singular, terms, words

FIELDS = ("title", "description", "brand", "category", "attributes")


def item_texts(frame: pl.DataFrame) -> Iterable[str]:
    """Everything that can be read about an item, one text a row."""
    for row in frame.select(FIELDS).iter_rows():
        title, description, brand, category, attributes = (value or "" for value in row)
        values = " | ".join(str(v) for v in json.loads(attributes).values()) if attributes else ""
        yield " | ".join((title, description, brand, category.replace("_", " "), values))


class TermIndex:
    """Word -> positions; positions -> rows. Phrases match where their words follow each other.

    Args:
        vocabulary: distinct terms, sorted.
        indptr: (v + 1,) offsets into `positions`, one slice a term.
        positions: where the term stands in the shop's running text, ascending.
        starts: (n + 1,) the first position of each row; one position is left free between rows.
    """

    def __init__(
        self, vocabulary: list[str], indptr: NDArray[np.int64], positions: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> None:
        self._code = {term: code for code, term in enumerate(vocabulary)}
        self._vocabulary, self._indptr, self._positions, self._starts = vocabulary, indptr, positions, starts

    @classmethod
    def build(cls, frame: pl.DataFrame) -> TermIndex:
        """Index every row of a catalogue frame."""
        codes: dict[str, int] = {}
        code_of: dict[str, int] = {}  # by the word as it stands, so that each is made singular once
        stream: list[int] = []
        starts = [0]
        for text in item_texts(frame):
            for word in words(text):
                code = code_of.get(word)
                if code is None:
                    code = code_of[word] = codes.setdefault(singular(word), len(codes))
                stream.append(code)
            stream.append(-1)  # phrases don't run over the end of an item
            starts.append(len(stream))
        vocabulary = sorted(codes)
        order = np.full(len(codes) + 1, -1, dtype=np.int64)
        for new, term in enumerate(vocabulary):
            order[codes[term]] = new
        values = order[np.asarray(stream, dtype=np.int64)]
        positions = np.argsort(values, kind="stable")
        skip = int((values < 0).sum())
        counts = np.bincount(values[values >= 0], minlength=len(vocabulary))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(vocabulary, indptr, positions[skip:].astype(np.int64), np.asarray(starts, dtype=np.int64))

    def rows_with(self, phrase: str) -> NDArray[np.int32]:
        """Rows that hold the phrase's terms one after the other; none for an empty phrase."""
        found: NDArray[np.int64] | None = None
        for offset, term in enumerate(terms(phrase)):
            code = self._code.get(term)
            if code is None:
                return np.empty(0, dtype=np.int32)
            here = self._positions[self._indptr[code] : self._indptr[code + 1]] - offset
            found = here if found is None else np.intersect1d(found, here, assume_unique=True)
        if found is None:
            return np.empty(0, dtype=np.int32)
        return np.unique(np.searchsorted(self._starts, found, side="right") - 1).astype(np.int32)

    def count(self, term: str) -> int:
        """How often a single (singular) term stands in the shop; 0 if never."""
        code = self._code.get(term)
        return 0 if code is None else int(self._indptr[code + 1] - self._indptr[code])

    def save(self, path: Path) -> None:
        """Write to one .npz file."""
        np.savez(
            path,
            vocabulary=np.frombuffer("\n".join(self._vocabulary).encode(), dtype=np.uint8),
            indptr=self._indptr,
            positions=self._positions,
            starts=self._starts,
        )

    @classmethod
    def load(cls, path: Path) -> TermIndex:
        """Read what `save` wrote."""
        with np.load(path) as data:
            text = data["vocabulary"].tobytes().decode()
            vocabulary = text.split("\n") if text else []
            return cls(vocabulary, data["indptr"], data["positions"], data["starts"])
