"""Receipts made by hand for tests of cards and contracts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agent.schema import Check, ItemReceipt, Plan, Receipt, Reply, Trace, WhatIf
from retrieval.schema import Availability, ChannelScore, Edge, EventKind, EventRef, Evidence, Item, Need

AT = datetime(2026, 7, 1, tzinfo=UTC)
SHOES = EventRef(item="plaza:9", title="Ridge 4 trail shoes", category="Trail shoes", kind=EventKind.PURCHASE, at=AT)
WALK = Edge(kind="category", source="Trail shoes", target="HIKING_SOCKS", support=61, lift=3.24, days=12.0)


def item(**changed: Any) -> Item:
    """An item with every field that a card shows."""
    fields: dict[str, Any] = {
        "id": "plaza:1",
        "title": "Merino hiking socks, 3 pairs",
        "category": "HIKING_SOCKS",
        "brand": "Ridge",
        "price_minor": 2490,
        "currency": "EUR",
        "platform": "Plaza",
        "availability": Availability.IN_STOCK,
        "promotion": "20% off until 2026-07-30",
        "url": "https://plaza.example/1",
        "as_of": AT,
    }
    return Item(**(fields | changed))


def entry(rank: int = 1, **changed: Any) -> ItemReceipt:
    """A suggestion from another aisle, with the whole evidence; `changed` are fields of the item."""
    goods = item(**changed)
    return ItemReceipt(
        item=goods,
        rank=rank,
        name=goods.title,
        score=0.5,
        aisle="across",
        need=Need(targets=(goods.category,), origin="inferred"),
        reason="You bought Ridge 4 trail shoes in July 2026.",
        channels=(
            ChannelScore(channel="association", score=1.25, rank=2),
            ChannelScore(channel="dense", score=0.5, rank=7),
        ),
        evidence=(Evidence(channel="association", events=(SHOES,), edge=WALK),),
        checks=(Check(constraint="price", asked="up to €30.00", found="€24.90", passed=True),),
        what_if=(WhatIf(event=SHOES.title, rank=rank, rank_without=None),),
    )


def reply() -> Reply:
    """A turn that shows two items, one of them without a price."""
    items = (entry(1), entry(2, id="plaza:2", title="Foot balm", price_minor=None))
    receipt = Receipt(plan=Plan(query="socks", price_max=3000), shop="market", shopper="anna", at=AT, items=items)
    timings = {"plan": 2.0, "cards": 12.34567, "total": 40.0}
    text = "1. Merino hiking socks, 3 pairs – €24.90.\n2. Foot balm."
    return Reply(text=text, receipt=receipt, trace=Trace(planner="rules", explainer="template", timings_ms=timings))
