"""The values that flow through retrieval: frozen, equal by content, JSON round-trip.

Bulk data stays columnar (see `retrieval/catalogue.py`); an `Item` object exists only for the few that are shown.
Prices are integers in the currency's minor unit (cents, pence, yen) with an ISO 4217 code. Times are UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, hashable where its parts are, equal by content; unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Availability(StrEnum):
    """Stock states in the words of schema.org's ItemAvailability."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """What a shopper did with an item."""

    VIEW = "view"
    CART = "cart"
    FAVOURITE = "favourite"
    PURCHASE = "purchase"
    REVIEW = "review"
    DISMISS = "dismiss"
    RETURN = "return"


class Item(Frozen):
    """One item of the catalogue, as it is shown.

    Attributes:
        id: platform-qualified, `platform:sku`, unique in the shop.
        category: the leaf category in the shop's one spelling; "" where the feed has none.
        category_path: from the root down to `category`.
        price_minor: in minor units of `currency`, or None where the feed has no price.
        promotion: a running offer in words ("20% off until 2026-11-30"), or "".
        as_of: the time for which price and stock were true.
    """

    id: str
    title: str
    description: str = ""
    category: str = ""
    category_path: tuple[str, ...] = ()
    brand: str = ""
    price_minor: int | None = None
    currency: str = ""
    availability: Availability = Availability.UNKNOWN
    platform: str = ""
    promotion: str = ""
    attributes: dict[str, str] = {}
    image: str = ""
    url: str = ""
    store: str = ""
    listed_at: datetime | None = None
    as_of: datetime | None = None


class Event(Frozen):
    """Something that a shopper did. `value_minor` is the unit price paid, `quantity` the number of units."""

    shopper: str
    item: str
    kind: EventKind
    at: datetime
    value_minor: int | None = None
    currency: str = ""
    quantity: float = 1.0
    platform: str = ""


class Constraints(Frozen):
    """Hard limits: every shown item satisfies all of them, exactly.

    Empty tuples and None mean "no limit". Names of brands, categories and platforms are the catalogue's own spelling
    (callers resolve a shopper's words first). `unwanted` terms are matched as whole words, without regard to case or a
    plural s, in title, description, brand, category and attribute values. A price limit excludes items without a
    price and, where `currency` is set, items in other currencies. `on_offer` leaves items for which a promotion
    was running when the data about them was taken.
    """

    price_min: int | None = None
    price_max: int | None = None
    currency: str | None = None
    brands: tuple[str, ...] = ()
    not_brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    not_categories: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    not_platforms: tuple[str, ...] = ()
    availability: tuple[Availability, ...] = ()
    on_offer: bool = False
    unwanted: tuple[str, ...] = ()
    not_items: tuple[str, ...] = ()


class EventRef(Frozen):
    """A shopper's event as evidence: enough to show it and to find it again."""

    item: str
    title: str
    category: str
    kind: EventKind
    at: datetime


class Edge(Frozen):
    """A way that shoppers walk: after `source`, `target`.

    Attributes:
        kind: between two categories or two items.
        support: number of shoppers seen on it.
        lift: how many times more often than by chance (1 is chance), shrunk towards 1 where support is low.
        days: the usual (median) time from source to target, None where order doesn't matter.
    """

    kind: Literal["category", "item"]
    source: str
    target: str
    support: int
    lift: float
    days: float | None = None


class Evidence(Frozen):
    """Why one channel proposes one item: the events it goes back to, the edge walked, plain numbers by name."""

    channel: str
    events: tuple[EventRef, ...] = ()
    edge: Edge | None = None
    terms: tuple[str, ...] = ()
    facts: dict[str, float] = {}


class Need(Frozen):
    """What to look for: words, limits, and where the need comes from.

    Attributes:
        text: free text to search, "" where the need is only a category or only "something for me".
        wanted: terms that the shopper would like to find (soft: they rank, they don't exclude).
        targets: categories to look in, by preference (soft, unlike `constraints.categories`).
        origin: asked by the shopper, inferred from behaviour, or a repeat of what runs out.
        evidence: what an inferred need was inferred from.
        said: the shopper's own messages so far, oldest first; read beside the text as far as they are about it.
    """

    text: str = ""
    wanted: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    origin: Literal["asked", "inferred", "repeat"] = "asked"
    evidence: tuple[Evidence, ...] = ()


class ChannelScore(Frozen):
    """What one channel said of one item: its own score (any scale) and rank (1 is best)."""

    channel: str
    score: float
    rank: int


class Candidate(Frozen):
    """One item found, with every channel that proposed it kept by name.

    `row` is the item's row in the catalogue of the shop generation that was searched.
    """

    item: str
    row: int
    fused: float
    channels: tuple[ChannelScore, ...]


class Candidates(Frozen):
    """The fused answer to one need, best first."""

    need: Need
    entries: tuple[Candidate, ...] = ()


class Ranked(Frozen):
    """One item of the final list: `score` decided the order, `need` is the index of the need it serves."""

    candidate: Candidate
    need: int
    score: float


class Ranking(Frozen):
    """What is to be shown, best first, over all needs of a turn; items are distinct."""

    needs: tuple[Need, ...] = ()
    entries: tuple[Ranked, ...] = ()
