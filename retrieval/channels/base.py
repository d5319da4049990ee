"""The contract of a channel: one way to propose items, which says why.

A channel answers a `Query` with scored rows and never returns a row that the query's mask forbids. Most learn from the
shop's events (`fit`) and are saved with the shop. `tests/retrieval/channel_contract.py` holds the tests that every
channel inherits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.history import History
from retrieval.schema import Evidence, Need


@dataclass(frozen=True)
class Query:
    """What a channel is asked.

    Attributes:
        need: the words, soft wishes and target categories.
        history: the shopper's events that may count (already without sensitive ones; empty without consent).
        allowed: (n,) rows that satisfy every hard constraint, or None for all.
        vector: (d,) float32 unit-norm encoding of the need's text, or None where it has no text.
    """

    need: Need
    history: History
    allowed: Mask | None = None
    vector: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Scored:
    """Rows (k,) int32, distinct, best first, with their scores (k,) float32 on the channel's own scale."""

    rows: Rows
    scores: NDArray[np.float32]

    @classmethod
    def none(cls) -> Scored:
        """No proposal."""
        return cls(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))

    @classmethod
    def top(cls, scores: NDArray[np.float32], k: int, allowed: Mask | None = None, rows: Rows | None = None) -> Scored:
        """The `k` best of dense scores that are above zero and allowed; ties go to the lower row.

        Args:
            scores: (n,) one score a row, or (m,) for the given `rows`.
            k: how many at most.
            allowed: (n,) mask over catalogue rows.
            rows: (m,) the rows that `scores` speak of, ascending; None means all rows.
        """
        good = scores > 0
        if allowed is not None:
            good &= allowed if rows is None else allowed[rows]
        index = np.flatnonzero(good)
        if len(index) > k:
            values = scores[index]
            bar = np.partition(values, len(values) - k)[len(values) - k]
            above = index[values > bar]
            index = np.sort(np.concatenate([above, index[values == bar][: k - len(above)]]))
        index = index[np.argsort(-scores[index], kind="stable")]
        chosen = index if rows is None else rows[index]
        return cls(chosen.astype(np.int32), scores[index].astype(np.float32))


class Channel(ABC):
    """One way to propose items. Instances are read-only once made and safe to use from many threads."""

    name: ClassVar[str]

    @abstractmethod
    def candidates(self, query: Query, k: int) -> Scored:
        """Propose at most `k` allowed rows, best first; none where the channel has nothing to say."""

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """Why this channel proposes `row` for this query; empty where it doesn't."""
        return ()


class LearntChannel(Channel):
    """A channel that learns from the shop's events and is saved with the shop."""

    @classmethod
    @abstractmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue) -> Self:
        """Learn from events in `EVENT_SCHEMA` on the items of `catalogue`. No events at all is not an error."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything learnt into `folder` (which exists and is empty)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote for the same catalogue. Raises `ShopError` where it doesn't fit."""
