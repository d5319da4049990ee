"""The panels beside the chat as HTML: the cart, and what the shopper did."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agent.wording import money
from retrieval.schema import EventKind, Item
from retrieval.text import short_name
from ui.desk import Seen
from ui.tiles import tile

DID = {
    EventKind.VIEW: "looked at",
    EventKind.CART: "put in cart",
    EventKind.FAVOURITE: "liked",
    EventKind.PURCHASE: "bought",
    EventKind.REVIEW: "reviewed",
    EventKind.DISMISS: "not for me",
    EventKind.RETURN: "returned",
}


def cart_panel(cart: Sequence[tuple[Item, int]]) -> str:
    """The shopper's cart with quantities, and totals by currency."""
    if not cart:
        return '<p class="xa-empty">Nothing in the cart yet.</p>'
    lines = "".join(_cart_line(item, quantity) for item, quantity in cart)
    totals: dict[str, int] = {}
    for item, quantity in cart:
        if item.price_minor is not None:
            totals[item.currency] = totals.get(item.currency, 0) + quantity * item.price_minor
    told = " + ".join(money(amount, currency) for currency, amount in totals.items()) or "unknown"
    unpriced = sum(item.price_minor is None for item, _ in cart)
    more = f", and {unpriced} without a known price" if unpriced and totals else ""
    return f'<ul class="xa-list">{lines}</ul><p class="xa-total">Together <b>{escape(told)}</b>{more}</p>'


def history_panel(seen: Sequence[Seen], older: int) -> str:
    """What the shopper did, newest first; what was recorded here is marked and can be forgotten one by one."""
    if not seen:
        return '<p class="xa-empty">No history: suggestions come from your words and from what is popular.</p>'
    more = f'<p class="xa-empty">and {older:,} older</p>' if older > 0 else ""
    return f'<ul class="xa-list xa-history">{"".join(map(_event_line, seen))}</ul>{more}'


def _cart_line(item: Item, quantity: int) -> str:
    name = short_name(item.title, 60)
    times = f"{quantity} × " if quantity > 1 else ""
    return (
        f'<li>{tile(item.category)}<span title="{escape(item.title)}">{times}{escape(name)}</span>'
        f"<b>{escape(money(item.price_minor, item.currency))}</b>"
        f'<button type="button" class="xa-small" data-op="uncart" data-item="{escape(item.id)}" '
        f'aria-label="Take {escape(name)} out of the cart">Remove</button></li>'
    )


def _event_line(seen: Seen) -> str:
    event = seen.event
    forget = (
        f'<button type="button" class="xa-small" data-op="forget" data-item="{seen.number}" '
        f'aria-label="Forget that you {DID[event.kind]} {escape(event.title)}">Forget</button>'
        if seen.number is not None
        else ""
    )
    return (
        f'<li class="{"xa-new" if seen.number is not None else ""}"><span class="xa-did">{DID[event.kind]}</span>'
        f'<span class="xa-what" title="{escape(event.title)}">{escape(event.title)}</span>'
        f'<time datetime="{event.at:%Y-%m-%d}">{event.at.day} {event.at:%b %Y}</time>{forget}</li>'
    )
