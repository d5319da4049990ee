"""Items near a shopper's items in the graph of who took what.

LightGCN: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", 2020, on items
alone: a shopper is the weighted mean of own items, so that one never seen before, and one more event, need no
training. Trained with cross-entropy (see `graph_model.py`) from a spectral start (see `spectral.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import coo_array

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log, event_weights
from retrieval.channels.sequence_data import Sequences
from retrieval.channels.spectral import directions, near_pairs
from retrieval.history import History
from retrieval.schema import Evidence, Frozen

SHOWN = 2  # events named in evidence
HELD_OUT, MOST_HELD, LEAST_HELD = 0.05, 1000, 50  # shoppers whose last items choose the decay: a share, and counts


class GraphConfig(Frozen):
    """How the vectors are trained and read.

    Attributes:
        most_items: how many items are modelled, those that most shoppers chose.
        width: of item vectors.
        epochs: passes over the shoppers.
        rate: learning rate at its highest.
        temperature: that cosines are divided by in training.
        negatives: items that a batch's items are told from, besides each other.
        half_life: days after which a shopper's own event counts half.
        decays: factors per event further back to choose from: the one that best tells last items
            held out of training; the middle one where too few can be.
        least_shared: share of events that must be on items which more than one shopper chose; in a shop of ever new
            items there is little to learn, and it would take longest.
        seed: of everything random.
    """

    most_items: int = Field(default=20_000, ge=1)
    width: int = Field(default=64, ge=2)
    epochs: int = Field(default=4, ge=0)
    rate: float = Field(default=5e-3, gt=0)
    temperature: float = Field(default=0.1, gt=0)
    negatives: int = Field(default=512, ge=1)
    half_life: float = Field(default=365.0, gt=0)
    decays: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(default=(0.3, 0.5, 0.7, 0.85, 0.97), min_length=1)
    least_shared: float = Field(default=0.5, ge=0, le=1)
    seed: int = 0


class GraphModel(LearntChannel):
    """Unit-norm vectors (m, d) of the modelled items; `rows` (m,) are their catalogue rows."""

    name: ClassVar[str] = "graph"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("rows", "vectors", "decay")

    def __init__(self, catalogue: Catalogue, config: GraphConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._rows: Rows = arrays["rows"]
        self._vectors: NDArray[np.float32] = arrays["vectors"]
        self.decay = float(arrays["decay"][0])

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: GraphConfig | None = None) -> Self:
        """Train on who took what."""
        config = config or GraphConfig()
        log = Log.taken(events, catalogue)
        sequences = Sequences.of(log, len(catalogue), config.most_items)
        if Sequences.shared(log) < config.least_shared:
            sequences = Sequences.of(log, len(catalogue), 0)
        held = sequences.held_out(HELD_OUT, MOST_HELD, config.seed)
        held = held if len(held) >= LEAST_HELD and len(config.decays) > 1 else held[:0]
        vectors = np.zeros((len(sequences.rows), config.width), dtype=np.float32)
        if len(sequences.windows(2)):
            vectors = _trained(sequences, config, held)
        decay = np.array([_best_decay(sequences, vectors, config.decays, held)])
        return cls(catalogue, config, {"rows": sequences.rows, "vectors": vectors, "decay": decay})

    def save(self, folder: Path) -> None:
        """Write config and vectors."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, GraphConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """Items by cosine with the mean of the shopper's items."""
        scores = self.scores(query.history)
        return Scored.none() if scores is None else Scored.top(scores, k, query.allowed, self._rows)

    @property
    def rows(self) -> Rows:
        """(m,) int32 the modelled rows, ascending."""
        return self._rows

    def scores(self, history: History) -> NDArray[np.float32] | None:
        """(m,) cosine of each modelled item with the shopper; None without a known event."""
        mean, *_ = self._folded(history)
        return None if mean is None else self._vectors @ mean

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The own events that add most to the cosine: it is a weighted sum over events."""
        mean, index, place, weights = self._folded(query.history)
        at = int(np.searchsorted(self._rows, row))
        if mean is None or at == len(self._rows) or self._rows[at] != row:
            return ()
        parts = self._vectors[place] @ self._vectors[at] * weights
        best = [int(i) for i in np.argsort(-parts, kind="stable")[:SHOWN] if parts[i] > 0]
        if not best:
            return ()
        events = tuple(query.history.ref(int(index[i]), self._catalogue) for i in best)
        facts = {"score": round(float(parts.sum()), 6), "shown_part": round(float(parts[best].sum()), 6)}
        return (Evidence(channel=self.name, events=events, facts=facts),)

    def _folded(
        self, history: History
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """The shopper's unit vector (d,), and of each event in it: place in the history, item code, weight."""
        weights = event_weights(history, self.config.half_life)
        place = np.minimum(np.searchsorted(self._rows, history.rows), max(len(self._rows) - 1, 0))
        known = (weights > 0) & (self._rows[place] == history.rows if len(self._rows) else False)
        index = np.flatnonzero(known)
        back = np.arange(len(index))[::-1]
        parts = (weights[index] * self.decay**back).astype(np.float32)
        mean = parts @ self._vectors[place[index]]
        norm = float(np.linalg.norm(mean)) if len(index) else 0.0
        if norm <= 0:
            return None, index, place[index], parts
        return mean / norm, index, place[index], parts / norm


def _trained(sequences: Sequences, config: GraphConfig, held: NDArray[np.int64]) -> NDArray[np.float32]:
    """(m, d) vectors, learnt without the events at places `held`."""
    from retrieval.channels.graph_model import Plan, train

    shoppers = len(sequences.starts) - 1
    owner = np.repeat(np.arange(shoppers), np.diff(sequences.starts))
    size = (shoppers, len(sequences.rows))
    shown = np.ones(len(owner), dtype=np.bool_)
    shown[held] = False
    where = (owner[shown], sequences.codes[shown])
    chosen = coo_array((np.ones(int(shown.sum())), where), shape=size).tocsr()
    chosen.data[:] = 1.0
    start = directions(near_pairs(sequences, ~shown), config.width, config.seed).astype(np.float32)
    plan = Plan(config.epochs, config.rate, config.temperature, config.negatives, config.seed)
    return train(chosen, start, plan)


def _best_decay(
    sequences: Sequences, vectors: NDArray[np.float32], decays: Sequence[float], last: NDArray[np.int64]
) -> float:
    """The decay whose means rank the held-out events highest (mean reciprocal rank)."""
    if not len(last):
        return sorted(decays)[len(decays) // 2]
    starts = sequences.starts[np.searchsorted(sequences.starts, last, side="right") - 1]
    found = {}
    for decay in decays:
        means = np.stack(
            [
                decay ** np.arange(end - start)[::-1] @ vectors[sequences.codes[start:end]]
                for start, end in zip(starts.tolist(), last.tolist(), strict=True)
            ]
        ).astype(np.float32)
        total = 0.0
        for at in range(0, len(last), 256):
            cosines = means[at : at + 256] @ vectors.T
            own = np.take_along_axis(cosines, sequences.codes[last[at : at + 256], None].astype(np.intp), axis=1)
            total += float((1 / (1 + (cosines > own).sum(axis=1))).sum())
        found[decay] = round(total / len(last), 6)
    return max(decays, key=lambda decay: (found[decay], decay))
