"""Receipts made by hand, for tests of wording, grounding and explaining."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.reason import reason
from agent.schema import Act, ItemReceipt, Plan, Receipt
from retrieval.schema import Availability, Constraints, Edge, EventKind, EventRef, Evidence, Item, Need

AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
BOUGHT = EventRef(
    item="meadow:1",
    title="Fellhorn Trail Shoe 3",
    category="Trail shoes",
    kind=EventKind.PURCHASE,
    at=datetime(2026, 5, 3, 9, tzinfo=UTC),
)
WALK = Edge(kind="category", source="Trail shoes", target="Head torches", support=58, lift=3.24, days=21.0)


def torch(**changes: object) -> ItemReceipt:
    """A head torch from another aisle, reached from a bought pair of trail shoes."""
    need = Need(
        targets=("Head torches",),
        origin="inferred",
        evidence=(Evidence(channel="association", events=(BOUGHT,), edge=WALK),),
    )
    item = Item(
        id="harbour:77",
        title="Lumo Nightjar 400 Head Torch",
        description="A 90 g torch with 400 lumens. Splashproof housing.",
        category="Head torches",
        brand="Lumo",
        price_minor=3490,
        currency="EUR",
        availability=Availability.IN_STOCK,
        platform="Harbour",
        attributes={"battery": "USB-C rechargeable"},
        as_of=AT,
    )
    made = ItemReceipt(
        item=item, rank=2, name=item.title, score=0.4, aisle="across", need=need, evidence=need.evidence
    ).model_copy(update=changes)
    return made.model_copy(update={"reason": reason(made)})


def socks() -> ItemReceipt:
    """What was asked for: wool socks under a price limit."""
    need = Need(text="wool socks", constraints=Constraints(price_max=2000, currency="EUR"))
    item = Item(
        id="meadow:5",
        title="Tarn Merino Wool Socks, 2 Pairs",
        description="Merino wool, cushioned heel.",
        category="Socks",
        brand="Tarn",
        price_minor=1850,
        currency="EUR",
        availability=Availability.UNKNOWN,
        platform="Meadow",
    )
    made = ItemReceipt(
        item=item,
        rank=1,
        name=item.title,
        score=0.9,
        aisle="asked",
        need=need,
        evidence=(Evidence(channel="lexical", terms=("wool", "socks")),),
    )
    return made.model_copy(update={"reason": reason(made)})


def receipt(*items: ItemReceipt, **plan: object) -> Receipt:
    """A turn that shows `items`."""
    wanted = Plan(**({"act": Act.RECOMMEND, "query": "wool socks", "price_max": 2000, "currency": "EUR"} | plan))
    return Receipt(
        plan=wanted,
        shop="sample",
        shopper="mara",
        at=AT,
        needs=tuple(item.need for item in items),
        items=items,
        constraints=Constraints(price_max=wanted.price_max, currency=wanted.currency),
    )
