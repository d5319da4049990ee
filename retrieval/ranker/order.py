"""The learned order where it is served: on what channels propose to needs of behaviour, all needs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.channels.base import Query
from retrieval.fuse import CONSTANT, Fused
from retrieval.ranker.items import ItemRanker
from retrieval.searchable import Searchable
from retrieval.wording import words_of


@dataclass(frozen=True)
class Gathered:
    """What all channels say to one need, and how many candidates it may have."""

    query: Query
    fused: Fused
    k: int


def ordered(shop: Searchable, gathered: Sequence[Gathered]) -> list[Gathered]:
    """The best of each fusion for a need without words in the learned order; as it is without an order or a past.

    All are of one history, and are scored together.
    """
    ranker = shop.channels.get(ItemRanker.name)
    if not gathered or not isinstance(ranker, ItemRanker):
        return list(gathered)
    own = [bool(one.k and len(one.query.history)) and not words_of(one.query.need) for one in gathered]
    best = [
        np.sort(np.argsort(-one.fused.scores, kind="stable")[: one.k * asked])
        for one, asked in zip(gathered, own, strict=True)
    ]
    rows = [one.fused.rows[chosen] for one, chosen in zip(gathered, best, strict=True)]
    chances = np.split(ranker.score(gathered[0].query.history, np.concatenate(rows)), np.cumsum(list(map(len, rows))))
    return [
        replace(one, fused=_placed(one.fused, chosen, chance)) if len(chosen) else one
        for one, chosen, chance in zip(gathered, best, chances[:-1], strict=True)
    ]


def _placed(fused: Fused, best: NDArray[np.intp], chances: NDArray[np.float64]) -> Fused:
    """The chosen of a fusion by falling chance, what the order says kept by name.

    Scores go by the learned place as those of a fusion do, so that all that follows weighs them alike.
    """
    place = np.empty(len(best), dtype=np.int64)
    place[np.lexsort((-fused.scores[best], -chances))] = np.arange(1, len(best) + 1)
    said = {name: (own[best], rank[best]) for name, (own, rank) in fused.said.items()}
    said[ItemRanker.name] = (chances.astype(np.float32), place)
    return Fused(fused.rows[best], 1.0 / (CONSTANT + place.astype(np.float64)), said)
