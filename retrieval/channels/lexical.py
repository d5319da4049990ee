"""Words in common: BM25 over everything that can be read about an item, the earlier a word stands the better.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, scored eagerly by bm25s
(Lù, 2024): the index holds finished scores, a query only sums a few columns. Titles name what a thing is early and
what it goes with late, so a word's first place counts beside its frequency.
"""

from __future__ import annotations

import logging
import re
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csc_array, csr_array

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.schema import Evidence, Frozen, Need
from retrieval.terms import item_texts
from retrieval.text import words

_STOP = """
a an and any are as at be but by can could do for from give have hello hi i if in into is it just looking me my
need no not of on or please s show so some something such t tell that the their then there these they this to us
want was we will with would you your
"""
STOPWORDS = frozenset(_STOP.split())
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")  # scripts that put no spaces between words
_LOCK = threading.Lock()  # a stemmer keeps state while it works


@cache
def _stemmer() -> Any:
    from Stemmer import Stemmer

    return Stemmer("english")


@lru_cache(maxsize=1 << 18)
def stems(word: str) -> tuple[str, ...]:
    """What a lower-case word is indexed as: its stem, pairs of characters where a script has no spaces, or nothing."""
    if word in STOPWORDS:
        return ()
    if _UNSPACED.search(word):
        runs = [run for run in _UNSPACED.findall(word)]
        pairs = [run[i : i + 2] for run in runs for i in range(max(len(run) - 1, 1))]
        return tuple(pairs) + tuple(part for part in _UNSPACED.split(word) if part)
    with _LOCK:
        return (str(_stemmer().stemWord(word)),)


def _rarity(counts: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """(v,) inverse document frequency of words that stand in `counts` of n items, as BM25's index has it."""
    return np.log1p((n - counts + 0.5) / (counts + 0.5))


def _early(texts: list[list[int]], place: NDArray[np.int64], config: LexicalConfig) -> NDArray[np.float32]:
    """For each word of each item, by word, then item: how early it first stands there."""
    size = sum(map(len, texts))
    column = place[np.fromiter((code for text in texts for code in text), dtype=np.int64, count=size)]
    row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    at = np.concatenate([np.arange(len(text)) for text in texts])
    order = np.lexsort((at, row, column))
    column, row, at = column[order], row[order], at[order]
    first = np.ones(size, dtype=np.bool_)
    first[1:] = (column[1:] != column[:-1]) | (row[1:] != row[:-1])
    return (config.place / (1.0 + config.fade * at[first])).astype(np.float32)


class LexicalConfig(Frozen):
    """How words count.

    Attributes:
        k1, b: BM25's constants; long titles are hardly held against an item.
        place: how much a word's first place counts beside its BM25 (1), at most.
        fade: how fast that fades: to half after 1 / fade words.
        wish: how much a soft wish counts beside a query word.
        most_words: read of a query.
    """

    k1: float = Field(default=0.6, gt=0)
    b: float = Field(default=0.4, ge=0, le=1)
    place: float = Field(default=2.0, ge=0)
    fade: float = Field(default=0.05, gt=0)
    wish: float = Field(default=0.5, ge=0)
    most_words: int = Field(default=32, ge=1)


class Lexical(LearntChannel):
    """Scores by column: `indptr` (v + 1,), then row and score of every item that holds the word."""

    name: ClassVar[str] = "lexical"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "vocabulary",
        "indptr",
        "rows",
        "scores",
    )

    def __init__(self, catalogue: Catalogue, config: LexicalConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        text = arrays["vocabulary"].tobytes().decode()
        self._code = {word: code for code, word in enumerate(text.split("\n"))} if text else {}
        self._indptr, self._rows, self._scores = arrays["indptr"], arrays["rows"], arrays["scores"]

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: LexicalConfig | None = None) -> Self:
        """Index the catalogue's texts; events don't matter here."""
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG, on a handler of its own
        config = config or LexicalConfig()
        codes: dict[str, int] = {}
        texts = [
            [codes.setdefault(stem, len(codes)) for word in words(text) for stem in stems(word)]
            for text in item_texts(catalogue.frame)
        ]
        vocabulary = sorted(codes)
        indptr = np.zeros(1, dtype=np.int64)
        rows, scores = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        if vocabulary:
            index = bm25s.BM25(k1=config.k1, b=config.b, method="lucene")
            index.index((texts, codes), create_empty_token=False, show_progress=False)
            starts = np.asarray(index.scores["indptr"], dtype=np.int64)
            counts = starts[1:] - starts[:-1]
            place = np.empty(len(vocabulary), dtype=np.int64)
            place[[codes[word] for word in vocabulary]] = np.arange(len(vocabulary))
            column = np.repeat(place, counts)
            rows = np.asarray(index.scores["indices"], dtype=np.int32)
            order = np.lexsort((rows, column))
            rows, scores = rows[order], np.asarray(index.scores["data"], dtype=np.float32)[order]
            rarity = _rarity(counts, len(texts))[np.argsort(place)].astype(np.float32)
            scores += rarity[column[order]] * _early(texts, place, config)
            indptr = np.searchsorted(column[order], np.arange(len(vocabulary) + 1))
        arrays: dict[str, storage.Array] = {
            "vocabulary": np.frombuffer("\n".join(vocabulary).encode(), dtype=np.uint8),
            "indptr": np.asarray(indptr, dtype=np.int64),
            "rows": rows,
            "scores": scores,
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and index."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, LexicalConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Items that hold words of the need's text or wishes, by summed BM25."""
        if not self._weights(query.need):
            return Scored.none()
        return Scored.top(self.scores(query.need), k, query.allowed)

    def scores(self, need: Need) -> NDArray[np.float32]:
        """(n,) summed scores of the need's words."""
        scores = np.zeros(len(self._catalogue), dtype=np.float32)
        for code, weight in self._weights(need).items():
            part = slice(self._indptr[code], self._indptr[code + 1])
            scores[self._rows[part]] += np.float32(weight) * self._scores[part]
        return scores

    def most(self, need: Need) -> float:
        """What no item's score exceeds: every word of the need that the catalogue knows, often and first."""
        weights = self._weights(need)
        counts = np.array([self._indptr[code + 1] - self._indptr[code] for code in weights])
        rarity = _rarity(counts, len(self._catalogue))
        return float(rarity @ np.array(list(weights.values()))) * (1.0 + self.config.place) if weights else 0.0

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The need's words that the item holds, as the shopper wrote them, and their summed score."""
        weights = self._weights(query.need)
        held = {code: weight * self._score(code, row) for code, weight in weights.items()}
        matched = [
            word
            for word in dict.fromkeys(words(" ".join((query.need.text, *query.need.wanted))))
            if any(held.get(self._code.get(stem, -1), 0.0) > 0 for stem in stems(word))
        ]
        if not matched:
            return ()
        total = sum(held.values())
        return (Evidence(channel=self.name, terms=tuple(matched), facts={"score": round(total, 4)}),)

    def by_item(self) -> csr_array:
        """(n, v) the same scores by item, a copy."""
        shape = (len(self._catalogue), len(self._indptr) - 1)
        return csc_array((self._scores, self._rows, self._indptr), shape=shape).tocsr()

    def _weights(self, need: Need) -> dict[int, float]:
        """Column -> weight: 1 for words of the text, less for words that are only wished for."""
        weights: dict[int, float] = {}
        for text, weight in ((need.text, 1.0), (" ".join(need.wanted), self.config.wish)):
            for stem in (stem for word in words(text) for stem in stems(word)):
                code = self._code.get(stem)
                if code is not None and len(weights) < self.config.most_words:
                    weights.setdefault(code, weight)
        return weights

    def _score(self, code: int, row: int) -> float:
        start, stop = int(self._indptr[code]), int(self._indptr[code + 1])
        place = start + int(np.searchsorted(self._rows[start:stop], row))
        return float(self._scores[place]) if place < stop and self._rows[place] == row else 0.0
