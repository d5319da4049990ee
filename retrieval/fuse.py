"""Many ranked lists into one, each list's say kept by name.

Reciprocal-rank fusion: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", 2009; here with a weight for each list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels.base import Scored
from retrieval.schema import Candidate, ChannelScore, Frozen

FrozenT = TypeVar("FrozenT", bound=Frozen)

CONSTANT = 60.0  # of the paper: how little the very first ranks stand out


@dataclass(frozen=True)
class Fused:
    """Rows (m,) ascending with their fused scores (m,), and by channel each row's score and rank (0: not proposed)."""

    rows: Rows
    scores: NDArray[np.float64]
    said: dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]


def fuse(lists: Mapping[str, Scored], weights: Mapping[str, float], constant: float = CONSTANT) -> Fused:
    """Sum weight / (constant + rank) over the lists, rank 1 being best.

    Args:
        lists: what each channel proposed.
        weights: how much each channel's ranks count; a channel without a weight counts 0.
        constant: of the fusion, above 0.
    """
    filled = {name: scored for name, scored in lists.items() if len(scored.rows)}
    if not filled:
        return Fused(np.empty(0, dtype=np.int32), np.empty(0), {})
    rows = np.unique(np.concatenate([scored.rows for scored in filled.values()]))
    scores = np.zeros(len(rows))
    said = {}
    for name, scored in filled.items():
        place = np.searchsorted(rows, scored.rows)
        own, rank = np.zeros(len(rows), dtype=np.float32), np.zeros(len(rows), dtype=np.int64)
        own[place] = scored.scores
        rank[place] = np.arange(1, len(place) + 1)
        scores[place] += weights.get(name, 0.0) / (constant + rank[place])
        said[name] = (own, rank)
    return Fused(rows.astype(np.int32), scores, said)


def entries(fused: Fused, catalogue: Catalogue, k: int) -> tuple[Candidate, ...]:
    """The `k` best as values; equal scores in the order of rows."""
    best = np.argsort(-fused.scores, kind="stable")[:k].tolist()
    said = {name: (own[best].tolist(), rank[best].tolist()) for name, (own, rank) in fused.said.items()}
    rows, scores = fused.rows[best].tolist(), fused.scores[best].tolist()
    return tuple(
        _value(
            Candidate,
            item=catalogue.ids[row],
            row=row,
            fused=scores[i],
            channels=tuple(
                _value(ChannelScore, channel=name, score=own[i], rank=rank[i])
                for name, (own, rank) in said.items()
                if rank[i]
            ),
        )
        for i, row in enumerate(rows)
    )


def _value(kind: type[FrozenT], **fields: object) -> FrozenT:
    """A value made of fields that are known to be right, all of them given.

    A turn makes thousands of these; validation would take longer than the search, and even pydantic's
    `model_construct`, which looks for aliases and defaults, ten times longer than this.
    """
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", _FIELDS[kind])
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


_set = object.__setattr__
_FIELDS: dict[type[Frozen], set[str]] = {kind: set(kind.model_fields) for kind in (Candidate, ChannelScore)}
