"""What comes next: a self-attentive model of the order in which shoppers take things.

See `sequence_model.py` for the network and its sources, `sequence_forward.py` for what runs when it is asked.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import logsumexp

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import DAY, Log
from retrieval.channels.sequence_data import Sequences, gap_buckets
from retrieval.channels.sequence_forward import last_state
from retrieval.history import History
from retrieval.schema import Evidence, Frozen

SHOWN, TRIED = 2, 12  # events named in evidence, out of the last ones that are left out in turn
FEW_ITEMS, FEW_EVENTS = 1000, 5000  # a shop below both is modelled with a quarter of the width and half the dropout


class SequenceConfig(Frozen):
    """How the model is built and trained.

    Attributes:
        most_items: how many items are modelled, those that most shoppers chose.
        length: how many of a shopper's last events are read.
        width: of item vectors.
        layers: of attention.
        heads: of attention.
        dropout: of inputs; half as much inside.
        decay: weight decay.
        rate: learning rate at its highest.
        epochs: passes over the events at most; twice as many in a shop of few items and events.
        most_places: events shown in training at most, all epochs together (at least two epochs are run).
        negatives: items that a batch's targets are told from, besides each other.
        full_up_to: up to this many modelled items, all are told from each other instead.
        members: networks that are trained with different seeds and heard together.
        held_share: share of shoppers (`held_most` at most) whose last event tells which state is best.
        held_most: see `held_share`.
        least_shared: share of events that must be on items which more than one shopper chose; in a shop of ever new
            items there is little to learn, and it would take longest.
        seed: of everything random.
    """

    most_items: int = Field(default=20_000, ge=1)
    length: int = Field(default=50, ge=2, le=1000)
    width: int = Field(default=128, ge=4, multiple_of=4)
    layers: int = Field(default=2, ge=1, le=8)
    heads: int = Field(default=4, ge=1, le=8)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    decay: float = Field(default=0.01, ge=0)
    rate: float = Field(default=2e-3, gt=0)
    epochs: int = Field(default=12, ge=1)
    most_places: int = Field(default=2_000_000, ge=1)
    negatives: int = Field(default=512, ge=1)
    full_up_to: int = Field(default=2048, ge=0)
    members: int = Field(default=1, ge=1, le=16)
    held_share: float = Field(default=0.05, ge=0, le=0.5)
    held_most: int = Field(default=1000, ge=0)
    least_shared: float = Field(default=0.5, ge=0, le=1)
    seed: int = 0


_LAYERED = ("distance", "mix", "mix_bias", "join", "join_bias", "feed", "feed_bias", "back", "back_bias")
_SCALES = ("mix_scale", "mix_shift", "feed_scale", "feed_shift", "end_scale", "end_shift")


class SequenceModel(LearntChannel):
    """Weights of the networks with a leading axis for members; `rows` (m,) are the items they know."""

    name: ClassVar[str] = "sequence"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("rows", "epochs", "items", "kinds", "gaps", *_LAYERED, *_SCALES)

    def __init__(self, catalogue: Catalogue, config: SequenceConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._rows: Rows = arrays["rows"]
        self._weights = {name: array for name, array in arrays.items() if name not in ("rows", "epochs")}
        self._states = lru_cache(maxsize=256)(self._state)
        self._logs = lru_cache(maxsize=16)(self._log_chances)

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: SequenceConfig | None = None) -> Self:
        """Train on everything that speaks for an item, to predict what is taken home."""
        config = config or SequenceConfig()
        log = Log.liked(events, catalogue)
        sequences = Sequences.of(log, len(catalogue), config.most_items)
        if not len(sequences.windows(config.length)) or Sequences.shared(log) < config.least_shared:
            return cls(catalogue, config, _untrained())
        return cls(catalogue, config, _trained(sequences, config))

    def save(self, folder: Path) -> None:
        """Write config and weights."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, SequenceConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """The likeliest next items, scored by their chance among the modelled ones; none without a known event."""
        chances = self.log_chances(query.history)
        if chances is None:
            return Scored.none()
        return Scored.top(np.exp(chances), k, query.allowed, self._rows)

    @property
    def rows(self) -> Rows:
        """(m,) int32 the modelled rows, ascending."""
        return self._rows

    def log_chances(self, history: History) -> NDArray[np.float32] | None:
        """(m,) log of each modelled item's chance to come next, the members' mean; None without a known event."""
        _, codes, kinds, gaps = self._read(history)
        if not len(codes):
            return None
        return self._logs(codes.tobytes(), kinds.tobytes(), gaps.tobytes())

    def vector(self, history: History) -> NDArray[np.float32] | None:
        """(members * d,) what the networks make of the history; None without a known event."""
        _, codes, kinds, gaps = self._read(history)
        if not len(codes):
            return None
        return self._states(codes.tobytes(), kinds.tobytes(), gaps.tobytes())[0].reshape(-1)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The own events without which the item would be least likely: each is left out in turn and asked again."""
        place = int(np.searchsorted(self._rows, row))
        index, codes, kinds, gaps = self._read(query.history)
        if not len(codes) or place == len(self._rows) or self._rows[place] != row:
            return ()
        chance = self._log_chance(codes, kinds, gaps, place)
        facts = {"chance": round(float(np.exp(chance)), 6)}
        if len(codes) == 1:
            event = query.history.ref(int(index[0]), self._catalogue)
            return (Evidence(channel=self.name, events=(event,), facts=facts),)
        lost = []
        tried = range(max(0, len(codes) - TRIED), len(codes))
        for left in tried:
            keep = np.arange(len(codes)) != left
            lost.append(chance - self._log_chance(codes[keep], kinds[keep], gaps[keep], place))
        best = [int(i) for i in np.argsort(-np.array(lost), kind="stable")[:SHOWN] if lost[i] > 0]
        if not best:
            return ()
        facts["log_chance_lost"] = round(lost[best[0]], 6)
        events = tuple(query.history.ref(int(index[tried[i]]), self._catalogue) for i in best)
        return (Evidence(channel=self.name, events=events, facts=facts),)

    def _read(self, history: History) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.int8], NDArray[np.int8]]:
        """The last events that the model knows: their places in the history, item codes, kinds and gaps."""
        liked = history.liked()
        place = np.searchsorted(self._rows, liked.rows)
        known = place < len(self._rows)
        known[known] = self._rows[place[known]] == liked.rows[known]
        codes = place[known].astype(np.int32)
        days = (liked.at[known] - np.datetime64(0, "us")) / DAY
        gaps = gap_buckets(days)
        kept = slice(max(0, len(codes) - self.config.length), None)
        index = np.flatnonzero(np.isin(history.kinds, liked.kinds))[known]
        return index[kept], codes[kept], liked.kinds[known][kept], gaps[kept]

    def _state(self, codes: bytes, kinds: bytes, gaps: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(members, d) states and (members,) logs of the sums that make logits chances."""
        items, kind, gap = np.frombuffer(codes, np.int32), np.frombuffer(kinds, np.int8), np.frombuffer(gaps, np.int8)
        members = range(len(self._weights["items"]))
        states = np.stack([last_state(self._weights, member, items, kind, gap) for member in members])
        return states, logsumexp(self._logits(states), axis=1)

    def _logits(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([items @ state for items, state in zip(self._weights["items"], states, strict=True)])

    def _log_chances(self, codes: bytes, kinds: bytes, gaps: bytes) -> NDArray[np.float32]:
        states, sums = self._states(codes, kinds, gaps)
        logs: NDArray[np.float32] = (self._logits(states) - sums[:, None]).mean(axis=0).astype(np.float32)
        logs.flags.writeable = False  # it is kept for the next question
        return logs

    def _log_chance(
        self, codes: NDArray[np.int32], kinds: NDArray[np.int8], gaps: NDArray[np.int8], place: int
    ) -> float:
        """Log chance of one modelled item."""
        states, sums = self._states(codes.tobytes(), kinds.tobytes(), gaps.tobytes())
        return float(((self._weights["items"][:, place] * states).sum(axis=1) - sums).mean())


def _trained(sequences: Sequences, config: SequenceConfig) -> dict[str, storage.Array]:
    from retrieval.channels.sequence_model import Plan, train

    held = sequences.held_out(config.held_share, config.held_most, config.seed)
    held = held if len(held) >= 50 else held[:0]
    events = len(sequences.codes)
    small = events < FEW_EVENTS and len(sequences.rows) < FEW_ITEMS
    found = []
    for member in range(config.members):
        plan = Plan(
            width=config.width // 4 if small else config.width,
            layers=config.layers,
            heads=config.heads,
            length=config.length,
            dropout=config.dropout / 2 if small else config.dropout,
            decay=config.decay,
            rate=config.rate,
            epochs=max(2, min(config.epochs * (2 if small else 1), config.most_places // events)),
            places=int(np.clip(events // 2, 256, 1024)),
            negatives=config.negatives,
            full_up_to=config.full_up_to,
            seed=config.seed + member,
        )
        found.append(train(sequences, plan, held))
    arrays: dict[str, storage.Array] = {name: np.stack([state[name] for state, _ in found]) for name in found[0][0]}
    arrays["rows"] = sequences.rows
    arrays["epochs"] = np.array([epochs for _, epochs in found], dtype=np.int64)
    return arrays


def _untrained() -> dict[str, storage.Array]:
    """What a shop without two events of a shopper has."""
    none = np.zeros((0, 0, 0, 0), dtype=np.float32)
    arrays: dict[str, storage.Array] = dict.fromkeys(("items", "kinds", "gaps", *_LAYERED, *_SCALES), none)
    return arrays | {"rows": np.zeros(0, dtype=np.int32), "epochs": np.zeros(0, dtype=np.int64)}
