"""Completing a cart: other aisles, known ways, nothing owned, turned down or sensitive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from agent.bundle import bundle
from retrieval.history import KINDS, History
from retrieval.schema import EventKind
from retrieval.shop import Shop
from tests.shops import sample_shop


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    opened = Shop.open(sample_shop())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def cart(shop: Shop) -> list[str]:
    """An item that many bought."""
    frame = shop.catalogue.frame
    bought = [item for shopper in shop.shoppers() for item in shop.events_of(shopper)["item"].to_list()]
    known = [item for item in bought if item in set(frame["item"].to_list())]
    ids, counts = np.unique(known, return_counts=True)
    return [str(ids[counts.argmax()])]


def test_each_item_has_a_way_that_starts_in_the_cart_and_an_aisle_of_its_own(shop: Shop, cart: list[str]) -> None:
    found = bundle(shop, cart, History.empty(shop.now), 4)
    assert len(found) == 4
    inside = {shop.catalogue.item(shop.catalogue.row(item)).category for item in cart}
    aisles = [one.item.category for one in found]
    assert len(set(aisles)) == 4
    assert not inside & set(aisles)
    for one in found:
        edge = one.evidence.edge
        assert edge is not None
        assert edge.support >= 2
        assert edge.lift > 1
        assert one.evidence.events[0].item in cart
        target = one.item.id if edge.kind == "item" else one.item.category
        assert edge.target == target


def test_what_was_turned_down_or_bought_is_not_offered(shop: Shop, cart: list[str]) -> None:
    first = bundle(shop, cart, History.empty(shop.now), 1)[0].item
    row = np.array([shop.catalogue.row(first.id)], dtype=np.int32)
    for kind in (EventKind.DISMISS, EventKind.PURCHASE):
        kinds = np.array([KINDS.index(kind.value)], dtype=np.int8)
        history = History(row, kinds, np.array([shop.now]), shop.now)
        assert first.id not in {one.item.id for one in bundle(shop, cart, history, 3)}


def test_nothing_leads_from_an_empty_unknown_or_sensitive_cart(shop: Shop) -> None:
    nobody = History.empty(shop.now)
    assert bundle(shop, [], nobody) == ()
    assert bundle(shop, ["no:such"], nobody) == ()
    for row in np.flatnonzero(shop.sensitive.mask)[:3].tolist():
        assert bundle(shop, [shop.catalogue.ids[row]], nobody) == ()
    sensitive = {
        one.item.category for row in range(0, 400, 20) for one in bundle(shop, [shop.catalogue.ids[row]], nobody)
    }
    assert not sensitive & shop.sensitive.categories
