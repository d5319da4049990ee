"""What a shopper is into: their recent items in a few groups of like meaning, and the goods nearest to each.

The groups are medoids of the item vectors, found greedily (each new one covers best what the others leave uncovered,
as in the build phase of Kaufman and Rousseeuw, "Partitioning Around Medoids", 1990), weighted by how recent and
strong the events are. A medoid is an item that the shopper knows, so a proposal can name it. Nothing is read of the
proposed items but their words: goods that nobody took yet are found like all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels.base import Channel, Query, Scored
from retrieval.channels.dense import GATHER_SHARE
from retrieval.channels.log import event_weights
from retrieval.history import History
from retrieval.schema import Evidence, Frozen

Vectors = NDArray[np.float32]


class InterestsConfig(Frozen):
    """How interests are told apart.

    Attributes:
        most: groups at most.
        last: how many of the shopper's last distinct items are grouped.
        half_life: days after which an event counts half.
        gain: a further group must cover at least this share of the shopper's weight better than those before it.
        size: power of a group's share of the shopper's weight in the score of its neighbours.
    """

    most: int = Field(default=8, ge=1)
    last: int = Field(default=60, ge=1)
    half_life: float = Field(default=120.0, gt=0)
    gain: float = Field(default=0.01, ge=0, le=1)
    size: float = Field(default=0.25, ge=0)


@dataclass(frozen=True)
class Groups:
    """Medoids (g,), catalogue rows, with each group's share (g,) of the shopper's weight, largest first."""

    rows: Rows
    shares: NDArray[np.float64]


class Interests(Channel):
    """Nearest goods to each of the shopper's interests.

    Args:
        catalogue: the items.
        vectors: (n, d) float32 unit norm, by catalogue row; may be memory-mapped. Rows of zeros say nothing.
        config: how interests are told apart.
    """

    name: ClassVar[str] = "interests"

    def __init__(self, catalogue: Catalogue, vectors: Vectors, config: InterestsConfig | None = None) -> None:
        self._catalogue, self.config = catalogue, config or InterestsConfig()
        self._vectors = np.asarray(vectors)
        self._grouped = lru_cache(maxsize=64)(self._group)  # the needs of a turn share a history
        self._everywhere = lru_cache(maxsize=2)(self._scan)

    def groups(self, history: History) -> Groups:
        """The shopper's interests, the largest first; none without items that say something."""
        rows, weights = recent(history, self.config.last, self.config.half_life)
        return self._grouped(rows.tobytes(), weights.tobytes())

    def candidates(self, query: Query, k: int) -> Scored:
        """Goods next to the shopper's interests: similarity, more for what the shopper is into more."""
        groups = self.groups(query.history)
        if not len(groups.rows):
            return Scored.none()
        if query.allowed is not None:
            few = np.flatnonzero(query.allowed)
            if len(few) * GATHER_SHARE <= len(self._vectors):
                return Scored.top(self._weighed(groups, self._vectors[few]), k, rows=few.astype(np.int32))
        return Scored.top(self._everywhere(groups.rows.tobytes(), groups.shares.tobytes()), k, query.allowed)

    def _scan(self, rows: bytes, shares: bytes) -> NDArray[np.float32]:
        return self._weighed(Groups(np.frombuffer(rows, np.int32), np.frombuffer(shares)), self._vectors)

    def _weighed(self, groups: Groups, vectors: Vectors) -> NDArray[np.float32]:
        """(m,) each vector's best similarity to a medoid, weighed by the group's share."""
        near = vectors @ self._vectors[groups.rows].T
        best: NDArray[np.float32] = (near * groups.shares.astype(np.float32) ** self.config.size).max(axis=1)
        return best

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The shopper's event on the interest that comes nearest, how near, and how much of them it is."""
        groups = self.groups(query.history)
        if not len(groups.rows):
            return ()
        near = self._vectors[groups.rows] @ self._vectors[row]
        best = int(np.argmax(near * groups.shares**self.config.size))
        if near[best] <= 0:
            return ()
        liked = query.history.liked()
        event = liked.ref(int(np.flatnonzero(liked.rows == groups.rows[best])[-1]), self._catalogue)
        facts = {"similarity": round(float(near[best]), 4), "interest": round(float(groups.shares[best]), 4)}
        return (Evidence(channel=self.name, events=(event,), facts=facts),)

    def _group(self, rows_bytes: bytes, weight_bytes: bytes) -> Groups:
        rows, weights = np.frombuffer(rows_bytes, np.int32), np.frombuffer(weight_bytes)
        vectors = np.asarray(self._vectors[rows], dtype=np.float64)
        telling = np.linalg.norm(vectors, axis=1) > 0
        rows, weights, vectors = rows[telling], weights[telling], vectors[telling]
        if not len(rows) or weights.sum() <= 0:
            return Groups(np.empty(0, dtype=np.int32), np.empty(0))
        weights = weights / weights.sum()
        near = np.maximum(vectors @ vectors.T, 0.0)
        chosen: list[int] = []
        covered = np.zeros(len(rows))
        while len(chosen) < min(self.config.most, len(rows)):
            gains = weights @ np.maximum(near - covered[:, None], 0.0)
            best = int(np.argmax(gains))
            if chosen and gains[best] < self.config.gain:
                break
            chosen.append(best)
            covered = np.maximum(covered, near[:, best])
        shares = np.bincount(np.argmax(near[:, chosen], axis=1), weights, minlength=len(chosen)).astype(np.float64)
        order = np.argsort(-shares, kind="stable")
        return Groups(rows[np.array(chosen)[order]], shares[order])


def recent(history: History, last: int, half_life: float) -> tuple[Rows, NDArray[np.float64]]:
    """Rows (m,) of the last distinct items that were liked, ascending, and the largest weight (m,) of each's events."""
    liked = history.liked()
    weights = event_weights(liked, half_life)
    newest_first = liked.rows[::-1]
    _, first = np.unique(newest_first, return_index=True)
    kept = newest_first[np.sort(first)[:last]]
    inside = np.isin(liked.rows, kept)
    rows, place = np.unique(liked.rows[inside], return_inverse=True)
    best = np.zeros(len(rows))
    np.maximum.at(best, place, weights[inside])
    return rows.astype(np.int32), best
