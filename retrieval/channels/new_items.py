"""New items by their words: what was listed lately and hardly anybody took yet, next to what the shopper likes.

Items are compared by the cosine of their TF-IDF vectors (Salton and Buckley, 1988) over title, brand and category, so
that a proposal can name the words in common.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import log
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue, Mask
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.lexical import stems
from retrieval.channels.log import Log, event_weights
from retrieval.history import History
from retrieval.schema import Evidence, Frozen
from retrieval.text import words

Vector = dict[str, float]
FEW = 20  # a word in fewer new items than this is never called common


class NewItemsConfig(Frozen):
    """What is new, and how it is compared.

    Attributes:
        days: listed (or, without a listing date, first taken) at most this long before the shop's last event.
        most_shoppers: an item that more shoppers took is not new any more.
        last: how many of the shopper's last distinct items are compared.
        half_life: days after which a shopper's own event counts half.
        common: words in more than this share of the new items say nothing.
    """

    days: float = Field(default=90.0, gt=0)
    most_shoppers: int = Field(default=2, ge=0)
    last: int = Field(default=30, ge=1)
    half_life: float = Field(default=90.0, gt=0)
    common: float = Field(default=0.05, gt=0, le=1)


class NewItems(LearntChannel):
    """An inverted index of the new items: `starts` (v + 1,), then row and TF-IDF weight of each that holds the word."""

    name: ClassVar[str] = "new_items"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "vocabulary",
        "idf",
        "starts",
        "rows",
        "weights",
        "new",
    )

    def __init__(self, catalogue: Catalogue, config: NewItemsConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        text = arrays["vocabulary"].tobytes().decode()
        self._code = {word: code for code, word in enumerate(text.split("\n"))} if text else {}
        self._starts, self._rows, self._weights = arrays["starts"], arrays["rows"], arrays["weights"]
        self._idf_of: list[float] = arrays["idf"].tolist()
        self.new: Mask = arrays["new"]
        # The needs of a turn share a history, and shoppers come back with the same items; both caches are thread-safe.
        self._known = lru_cache(maxsize=20_000)(self._vector)
        self._near = lru_cache(maxsize=64)(self._compare)

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: NewItemsConfig | None = None) -> Self:
        """Find the new items and index their words."""
        config = config or NewItemsConfig()
        new = _new(Log.taken(events, catalogue), catalogue, config)
        counts = [(int(row), Counter(_words(catalogue, int(row)))) for row in np.flatnonzero(new)]
        spread = Counter(word for _, bag in counts for word in bag)
        ceiling = max(config.common * len(counts), FEW)
        vocabulary = sorted(word for word, number in spread.items() if number <= ceiling)
        code = {word: number for number, word in enumerate(vocabulary)}
        idf = np.array([np.log1p(len(counts) / spread[word]) for word in vocabulary])
        column, rows, weights = _weigh(counts, code, idf)
        order = np.lexsort((rows, column))
        arrays: dict[str, storage.Array] = {
            "vocabulary": np.frombuffer("\n".join(vocabulary).encode(), dtype=np.uint8),
            "idf": idf,
            "starts": np.searchsorted(column[order], np.arange(len(vocabulary) + 1)).astype(np.int64),
            "rows": rows[order],
            "weights": weights[order],
            "new": new,
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config and index."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, NewItemsConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """New items nearest to the shopper's last items, weighted by how recent and strong those are."""
        rows, scores = self._near(tuple(self._liked(query.history)))
        return Scored.top(scores, k, query.allowed, rows)

    def _compare(self, liked: tuple[tuple[int, float], ...]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """All new rows (m,) that share a word with weighted liked rows, ascending, and their summed cosines (m,)."""
        total: dict[str, float] = {}
        for row, weight in liked:
            for word, value in self._known(row).items():
                total[word] = total.get(word, 0.0) + weight * value
        spans = [
            (self._starts[code], self._starts[code + 1], weight)
            for code, weight in sorted((self._code[word], weight) for word, weight in total.items())
        ]
        if not spans:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        found, place = np.unique(np.concatenate([self._rows[a:b] for a, b, _ in spans]), return_inverse=True)
        scores = np.bincount(place, np.concatenate([self._weights[a:b] * weight for a, b, weight in spans]))
        return found, scores.astype(np.float32)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The shopper's item most like the new one, the words they share, and their cosine."""
        if not self.new[row]:
            return ()
        target = self._vector(row)
        shares = [
            (weight * _dot(self._known(liked), target), _dot(self._known(liked), target), liked)
            for liked, weight in self._liked(query.history)
        ]
        best = max(shares, default=(0.0, 0.0, -1))
        if best[0] <= 0:
            return ()
        shared = sorted(set(self._known(best[2])) & set(target), key=lambda word: (-target[word], word))
        kept = tuple(word for word in dict.fromkeys(words(self._catalogue.titles[row])) if {*stems(word)} & {*shared})
        history = query.history.liked()
        event = history.ref(int(np.flatnonzero(history.rows == best[2])[-1]), self._catalogue)
        facts = {"similarity": round(best[1], 4)}
        return (Evidence(channel=self.name, events=(event,), terms=kept[:6], facts=facts),)

    def _liked(self, history: History) -> list[tuple[int, float]]:
        """The shopper's last distinct rows, newest first, each with the weight of its newest event."""
        liked = history.liked()
        weights = event_weights(liked, self.config.half_life)
        found: dict[int, float] = {}
        for index in range(len(liked) - 1, -1, -1):
            if len(found) == self.config.last:
                break
            found.setdefault(int(liked.rows[index]), float(weights[index]))
        return list(found.items())

    def _vector(self, row: int) -> Vector:
        """An item's TF-IDF over the new items' words, of unit length."""
        bag = Counter(word for word in _words(self._catalogue, row) if word in self._code)
        vector = {word: (1.0 + log(number)) * self._idf_of[self._code[word]] for word, number in bag.items()}
        norm = sum(value * value for value in vector.values()) ** 0.5
        return {word: value / norm for word, value in vector.items()}


def _words(catalogue: Catalogue, row: int) -> list[str]:
    brand = catalogue.brand.names[catalogue.brand.codes[row]]
    category = catalogue.category.names[catalogue.category.codes[row]].replace("_", " ")
    return [stem for word in words(f"{catalogue.titles[row]} {brand} {category}") for stem in stems(word)]


def _weigh(
    counts: list[tuple[int, Counter[str]]], code: dict[str, int], idf: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Word codes, rows and unit-length TF-IDF weights of all new items, one entry a (word, item)."""
    triples = [(code[word], row, number) for row, bag in counts for word, number in bag.items() if word in code]
    table = np.array(triples, dtype=np.int64).reshape(-1, 3)
    column, rows = table[:, 0], table[:, 1]
    weights = (1 + np.log(table[:, 2])) * idf[column]
    norms = np.sqrt(np.bincount(rows, weights**2))
    return column.astype(np.int32), rows.astype(np.int32), (weights / norms[rows]).astype(np.float32)


def _dot(one: Vector, other: Vector) -> float:
    return sum(value * other[word] for word, value in one.items() if word in other)


def _new(log: Log, catalogue: Catalogue, config: NewItemsConfig) -> Mask:
    """(n,) rows that few took and that appeared lately: by listing date, else by the first event, else never seen."""
    size = len(catalogue)
    takers = np.zeros(size, dtype=np.int64)
    first = np.full(size, np.inf)
    if len(log):
        pair = np.unique(log.rows.astype(np.int64) * log.shoppers + log.shopper)
        takers = np.bincount(pair // log.shoppers, minlength=size)
        np.minimum.at(first, log.rows, log.days)
    listed = catalogue.frame["listed_at"].dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy() / 86_400e6
    known = listed[np.isfinite(listed)]
    end = log.end if len(log) else (float(known.max()) if len(known) else 0.0)
    appeared = np.where(np.isfinite(listed), listed, first)
    new: Mask = (takers <= config.most_shoppers) & ((appeared >= end - config.days) | ~np.isfinite(appeared))
    return new
