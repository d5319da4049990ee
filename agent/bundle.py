"""What shoppers take along with what lies in a cart: goods of other aisles, each with the way that leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.reason import telling
from retrieval.channels.base import Query
from retrieval.fuse import entries, fuse
from retrieval.history import KINDS, History
from retrieval.schema import EventKind, Evidence, Item, Need
from retrieval.search import allowed
from retrieval.searchable import Searchable

WEIGHTS = {"copurchase": 1.0, "association": 0.7}
"""Rules between items lead; edges between aisles fill in where items are too rare to have rules."""
_GONE = (EventKind.DISMISS, EventKind.RETURN, EventKind.PURCHASE)
_DEPTH = 200


@dataclass(frozen=True)
class Along:
    """One item that goes with a cart; `evidence` tells the cart's item and how many shoppers went that way."""

    item: Item
    evidence: Evidence


def bundle(shop: Searchable, cart: Sequence[str], history: History, k: int = 3) -> tuple[Along, ...]:
    """Complete a cart by at most `k` items, each of another aisle, none of an aisle that the cart holds already.

    Args:
        shop: the shop.
        cart: item ids; unknown and sensitive ones lead nowhere.
        history: the shopper's events that may count; what they turned down or own is not offered.
        k: how many at most.

    Returns:
        Items that several shoppers took with one of the cart, more often than chance; fewer than `k`, or none, where
        there are no such.
    """
    catalogue = shop.catalogue
    rows = np.array([row for item in cart if (row := catalogue.row_of.get(item)) is not None], dtype=np.int32)
    rows = rows[~shop.sensitive.mask[rows]]
    if not len(rows):
        return ()
    inside = History(
        rows,
        np.full(len(rows), KINDS.index(EventKind.CART.value), dtype=np.int8),
        np.full(len(rows), history.now, dtype="datetime64[us]"),
        history.now,
    )
    need = Need()
    mask = allowed(shop, need, history)
    mask = np.ones(len(catalogue), dtype=np.bool_) if mask is None else mask.copy()
    mask &= ~np.isin(catalogue.category.codes, catalogue.category.codes[rows])
    query = Query(need, inside, mask)
    channels = {name: shop.channels[name] for name in WEIGHTS if name in shop.channels}
    fused = fuse({name: channel.candidates(query, _DEPTH) for name, channel in channels.items()}, WEIGHTS)
    known = {catalogue.titles[row] for row in (*rows, *history.of_kind(*_GONE).rows)}  # also on another platform
    found: dict[str, Along] = {}
    for entry in entries(fused, catalogue, _DEPTH):
        said = (why for name in channels for why in channels[name].evidence(query, entry.row))
        evidence = next((why for why in said if why.events and telling(why.edge)), None)
        item = catalogue.item(entry.row)
        if evidence is not None and item.category not in found and item.title not in known:
            found[item.category] = Along(item, evidence)
        if len(found) == k:
            break
    return tuple(found.values())
