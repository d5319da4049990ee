"""Meaning in common: nearest item vectors, by Chroma or exactly.

Without a filter Chroma's graph answers. Under a filter the exact product over the allowed rows is both right and
faster while they are few; where they are many, Chroma is asked for more and the mask is laid over its answer, and if
too few survive, the exact product decides. Without words, the mean of what the shopper liked lately is the query.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels.base import Channel, Query, Scored
from retrieval.channels.log import event_weights
from retrieval.history import History
from retrieval.schema import Evidence, Frozen

Vectors = NDArray[np.float32]


GATHER_SHARE = 4  # where more than one row in this many is allowed, multiplying all costs less than gathering them


class Nearest(Protocol):
    """What dense search needs of a vector store."""

    def query(self, vector: Vectors, k: int, ids: list[str] | None = None) -> tuple[list[str], Vectors]:
        """The `k` nearest ids and their similarities, best first."""
        ...


class DenseConfig(Frozen):
    """When to search exactly.

    Attributes:
        exact_rows: allowed rows up to which the exact product is taken.
        oversample: how many times more than statistically needed Chroma is asked for under a filter.
        enough: share of what was asked for that must survive the filter; else the exact product decides.
        most: results that Chroma is asked for at most; beyond, the exact product is cheaper.
        half_life: days after which a shopper's own event counts half in the taste vector.
        last: how many of the shopper's last events make the taste vector.
    """

    exact_rows: int = Field(default=20_000, ge=0)
    oversample: float = Field(default=1.2, ge=1)
    enough: float = Field(default=0.5, gt=0, le=1)
    most: int = Field(default=600, ge=1)
    half_life: float = Field(default=60.0, gt=0)
    last: int = Field(default=20, ge=1)


class Dense(Channel):
    """Nearest neighbours of the need's text, or of the shopper's taste.

    Args:
        catalogue: the items.
        vectors: (n, d) float32 unit norm, by catalogue row; may be memory-mapped.
        store: the same vectors in Chroma; None searches exactly always.
        config: when to search exactly.
    """

    name: ClassVar[str] = "dense"

    def __init__(
        self, catalogue: Catalogue, vectors: Vectors, store: Nearest | None, config: DenseConfig | None = None
    ) -> None:
        self._catalogue, self._store, self.config = catalogue, store, config or DenseConfig()
        self._vectors = np.asarray(vectors)

    def candidates(self, query: Query, k: int) -> Scored:
        """The `k` allowed items most similar to the need's text, or to the shopper's taste where it has none."""
        vector = self._vector(query)
        if vector is None or not len(self._catalogue):
            return Scored.none()
        if query.allowed is None:
            return self._approximate(vector, k, query) if self._store is not None else self._exact(vector, k, None)
        allowed = np.flatnonzero(query.allowed).astype(np.int32)
        if len(allowed) == 0:
            return Scored.none()
        needed = int(np.ceil(self.config.oversample * k * len(query.allowed) / len(allowed)))
        if self._store is None or len(allowed) <= self.config.exact_rows or needed > self.config.most:
            return self._exact(vector, k, allowed)
        found = self._approximate(vector, needed, query)
        enough = len(found.rows) >= self.config.enough * min(k, len(allowed))
        return Scored(found.rows[:k], found.scores[:k]) if enough else self._exact(vector, k, allowed)

    def taste(self, history: History) -> Vectors | None:
        """(d,) unit-norm mean of the vectors of what the shopper liked lately; None without history."""
        liked = history.liked()
        weights = event_weights(liked, self.config.half_life)[-self.config.last :]
        if len(weights) == 0 or weights.max() <= 0:
            return None
        mean = (weights / weights.max()) @ self._vectors[liked.rows[-self.config.last :]]
        norm = float(np.linalg.norm(mean))
        return (mean / norm).astype(np.float32) if norm > 0 else None

    def similarity(self, vector: Vectors, rows: Rows) -> Vectors:
        """(m,) cosine of each row with a unit vector (d,)."""
        product: Vectors = self._vectors[rows] @ vector
        return product

    def mean(self, rows: Rows) -> Vectors:
        """(d,) the mean of the rows' vectors."""
        mean: Vectors = self._vectors[rows].mean(axis=0)
        return mean

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The similarity, and for a taste the shopper's event that comes nearest."""
        vector = self._vector(query)
        if vector is None:
            return ()
        facts = {"similarity": round(float(self._vectors[row] @ vector), 4)}
        if query.vector is not None:
            return (Evidence(channel=self.name, facts=facts),)
        liked = query.history.liked()
        start = max(len(liked) - self.config.last, 0)
        nearest = start + int(np.argmax(self._vectors[liked.rows[start:]] @ self._vectors[row]))
        return (Evidence(channel=self.name, events=(liked.ref(nearest, self._catalogue),), facts=facts),)

    def _vector(self, query: Query) -> Vectors | None:
        return query.vector if query.vector is not None else self.taste(query.history)

    def _exact(self, vector: Vectors, k: int, allowed: Rows | None) -> Scored:
        if allowed is not None and len(allowed) * GATHER_SHARE <= len(self._vectors):
            return Scored.top(self._vectors[allowed] @ vector, k, rows=allowed)
        mask = None
        if allowed is not None:
            mask = np.zeros(len(self._vectors), dtype=np.bool_)
            mask[allowed] = True
        return Scored.top(self._vectors @ vector, k, mask)

    def _approximate(self, vector: Vectors, k: int, query: Query) -> Scored:
        if self._store is None:
            raise ValueError("approximate search needs a vector store")
        ids, similarities = self._store.query(vector, min(k, len(self._catalogue)))
        rows = self._catalogue.rows(ids)
        good = (rows >= 0) & (similarities > 0)
        if query.allowed is not None:
            good &= query.allowed[rows]
        return Scored(rows[good], similarities[good].astype(np.float32))
