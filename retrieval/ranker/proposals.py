"""Which items are ranked at all: what every channel proposes, in three kinds that follow different laws.

- again: what the shopper took before;
- known: what others took and the shopper didn't;
- cold: what nobody took yet, found by its words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.channels.base import Channel, Query
from retrieval.channels.interests import Interests
from retrieval.channels.lexical import Lexical
from retrieval.history import History
from retrieval.ranker.goods import Goods
from retrieval.ranker.shopper import Shopper
from retrieval.schema import Need

Kind = Literal["again", "known", "cold"]
KINDS: tuple[Kind, ...] = ("again", "known", "cold")
DEPTH = 200  # of every channel's list
AISLES_DEPTH = 100  # of lists that fill whole aisles
AISLES = frozenset({"association", "ease"})
# These answer words, or say of items what others say: `aisles` ranks whole aisles and is dear to fit twice.
SILENT = frozenset({"lexical", "dense", "replenishment", "new_items", "aisles"})


def kinds_of(shopper: Shopper, goods: Goods, rows: Rows) -> NDArray[np.int64]:
    """(m,) which of `KINDS` each row is for a shopper."""
    kinds = np.where(goods.known[rows], 1, 2)
    kinds[np.isin(rows, shopper.own.rows)] = 0
    return kinds


def propose(
    shopper: Shopper,
    history: History,
    goods: Goods,
    channels: Mapping[str, Channel],
    allowed: Mask | None,
    *,
    depth: int = DEPTH,
) -> dict[Kind, Rows]:
    """Rows to rank, ascending, by kind; all allowed ones, none twice."""
    free = np.ones(len(goods.known), dtype=np.bool_) if allowed is None else allowed
    fresh = free.copy()
    fresh[shopper.own.rows] = False
    masks = {"known": fresh & goods.known, "cold": fresh & ~goods.known}
    read = _by_words(goods.catalogue, history, channels, fresh, depth) if fresh.any() else np.empty(0, np.int32)
    found: dict[Kind, Rows] = {"again": shopper.own.rows[free[shopper.own.rows]]}
    for kind in KINDS[1:]:
        mask = masks[kind]
        if not mask.any():
            found[kind] = np.empty(0, dtype=np.int32)
            continue
        query = Query(Need(), history, mask)
        lists = [
            channel.candidates(query, AISLES_DEPTH if name in AISLES else depth).rows
            for name, channel in channels.items()
            if name not in SILENT and (kind == "known" or name in AISLES or name == Interests.name)
        ]
        found[kind] = np.unique(np.concatenate([*lists, read[mask[read]]])).astype(np.int32)
    return found


def _by_words(
    catalogue: Catalogue, history: History, channels: Mapping[str, Channel], allowed: Mask, depth: int
) -> Rows:
    """Rows that share most words with the shopper's interests."""
    interests, lexical = channels.get(Interests.name), channels.get(Lexical.name)
    if not isinstance(interests, Interests) or not isinstance(lexical, Lexical):
        return np.empty(0, dtype=np.int32)
    parts = [
        lexical.candidates(Query(Need(text=catalogue.titles[row]), history, allowed), depth).rows
        for row in interests.groups(history).rows.tolist()
    ]
    return np.unique(np.concatenate([np.empty(0, dtype=np.int32), *parts])).astype(np.int32)
