"""Quick criticism of what was shown, offered only where it can lead somewhere; pressing a chip says its words."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.planner.refer import asked_for
from agent.planner.wishes import limit
from agent.schema import Receipt
from retrieval.catalogue import Mask
from retrieval.schema import Availability, Constraints
from ui.language import say

if TYPE_CHECKING:
    from retrieval.shop import Shop
    from ui.room import Room


def chips(room: Room) -> str:
    """Quick replies to what was shown last and what is ticked, as HTML; none before anything was shown."""
    parts = []
    if len(room.ticked) > 1:
        told = escape(say("Compare the {count} ticked", count=len(room.ticked)))
        parts.append(f'<button type="button" class="xa-chip xa-chip-main" data-op="compare">{told}</button>')
    receipts = (view.receipt for view in reversed(room.turns))
    shown = next((receipt for receipt in receipts if receipt is not None and receipt.items), None)
    if shown is not None:
        parts += [say_chip(name, text) for name, text in offered(room.desk.shop, shown)]
    group = escape(say("Quick replies"))
    return f'<div class="xa-quick" role="group" aria-label="{group}">{"".join(parts)}</div>' if parts else ""


def say_chip(name: str, text: str) -> str:
    """A button `name` that says `text` for the shopper."""
    return f'<button type="button" class="xa-chip" data-op="say" data-text="{escape(text)}">{escape(name)}</button>'


def offered(shop: Shop, receipt: Receipt) -> list[tuple[str, str]]:
    """The criticism that this shop can follow after these items: what stands on the chip, and what it says."""
    catalogue, limits = shop.catalogue, receipt.constraints
    items = [entry.item for entry in receipt.items]
    aisles = {item.category for item in items}
    asked = asked_for(receipt.shown)
    near = catalogue.category.member(tuple({item.category for item in asked})) & ~shop.sensitive.mask
    found = []
    bound = limit(-1, receipt.shown, (), far=False)
    if bound is not None and _any(shop, near, limits, price_max=bound[0], currency=bound[1], price_min=None):
        found.append((say("Cheaper"), say("cheaper")))
    seen = tuple({item.brand for item in asked if item.brand})
    known = near & ~catalogue.brand.member(("",))
    if seen and _any(shop, known, limits, brands=(), not_brands=(*limits.not_brands, *seen)):
        found.append((say("Another brand"), say("another brand")))
    named = {name for name in catalogue.category.names if name} - shop.sensitive.categories
    if named - aisles:
        found.append((say("Another aisle"), say("another aisle")))
    if any(item.availability is not Availability.IN_STOCK for item in items) and _any(
        shop, near, limits, availability=(Availability.IN_STOCK,)
    ):
        found.append((say("Only in stock"), say("only what is in stock")))
    if int(near.sum()) > len(items):
        found.append((say("Something else"), say("something else")))
    return found


def _any(shop: Shop, near: Mask, limits: Constraints, **changed: Any) -> bool:
    """Whether the shop has any of these rows within changed limits."""
    mask = shop.catalogue.allowed(limits.model_copy(update=changed))
    return bool(near.any()) if mask is None else bool(np.any(near & mask))
