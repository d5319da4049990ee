"""The panels beside the chat as HTML: the cart, what the shopper did, and earlier conversations."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agent.bundle import Along
from agent.memory import ConversationSummary
from agent.reason import walk
from agent.wording import money, sentence
from retrieval.schema import EventKind, Item
from retrieval.text import short_name
from ui.desk import Seen
from ui.language import day, marked, say
from ui.tiles import tile

DID = {
    EventKind.VIEW: marked("looked at"),
    EventKind.CART: marked("put in cart"),
    EventKind.FAVOURITE: marked("liked"),
    EventKind.PURCHASE: marked("bought"),
    EventKind.REVIEW: marked("reviewed"),
    EventKind.DISMISS: marked("not for me"),
    EventKind.RETURN: marked("returned"),
}


def cart_panel(cart: Sequence[tuple[Item, int]], along: Sequence[Along] = ()) -> str:
    """The shopper's cart with quantities, totals by currency, and what others take along, with how many they are."""
    if not cart:
        return _empty(say("Nothing in the cart yet."))
    lines = "".join(_cart_line(item, quantity) for item, quantity in cart)
    totals: dict[str, int] = {}
    for item, quantity in cart:
        if item.price_minor is not None:
            totals[item.currency] = totals.get(item.currency, 0) + quantity * item.price_minor
    told = " + ".join(money(amount, currency) for currency, amount in totals.items()) or say("unknown")
    unpriced = sum(item.price_minor is None for item, _ in cart)
    more = escape(say(", and {count} without a known price", count=unpriced)) if unpriced and totals else ""
    together = f"{escape(say('Together'))} <b>{escape(told)}</b>{more}"
    return f'<ul class="xa-list">{lines}</ul><p class="xa-total">{together}</p>{_along(along)}'


def history_panel(seen: Sequence[Seen], older: int) -> str:
    """What the shopper did, newest first; what was recorded here is marked; each can be forgotten."""
    if not seen:
        return _empty(say("No history: suggestions come from your words and from what is popular."))
    more = _empty(say("and {count:,} older", count=older)) if older > 0 else ""
    inside = f'<ul class="xa-list xa-history">{"".join(map(_event_line, seen))}</ul>{more}'
    return f'<div tabindex="0" role="region" aria-label="{escape(say("History"))}">{inside}</div>'


def talks_panel(talks: Sequence[ConversationSummary], current: str) -> str:
    """The shopper's conversations, newest first, each to go back to; the current one is marked."""
    lines = [_talk_line(talk, current) for talk in talks if talk.turns]
    if not lines:
        return _empty(say("No conversation yet."))
    return f'<ul class="xa-list xa-talks">{"".join(lines[:50])}</ul>'


def _cart_line(item: Item, quantity: int) -> str:
    name = short_name(item.title, 60)
    times = f"{quantity} × " if quantity > 1 else ""
    price = None if item.price_minor is None else quantity * item.price_minor
    return (
        f'<li>{tile(item.category)}<span title="{escape(item.title)}">{times}{escape(name)}</span>'
        f"<b>{escape(money(price, item.currency))}</b>"
        f"{button('uncart', item.id, say('Remove'), name)}</li>"
    )


def _along(along: Sequence[Along]) -> str:
    if not along:
        return ""
    lines = "".join(map(_along_line, along))
    return f'<h3 class="xa-along">{escape(say("Goes with your cart"))}</h3><ul class="xa-list">{lines}</ul>'


def _along_line(one: Along) -> str:
    name, edge = short_name(one.item.title, 60), one.evidence.edge
    start = short_name(one.evidence.events[0].title, 60) if one.evidence.events else ""
    why = sentence(walk(edge)) if edge is not None else ""
    if edge is not None and edge.kind == "item":
        why = say("With {start}: {walk}", start=start, walk=why)
    return (
        f'<li>{tile(one.item.category)}<span title="{escape(one.item.title)}">{escape(name)}</span>'
        f"<b>{escape(money(one.item.price_minor, one.item.currency))}</b>"
        f"{button('cart', one.item.id, say('Add'), name)}"
        f'<p class="xa-because">{escape(why)}</p></li>'
    )


def _event_line(seen: Seen) -> str:
    event, did = seen.event, say(DID[seen.event.kind])
    forget = button("forget", seen.key, say("Forget"), f"{did} {event.title}") if seen.key else ""
    return (
        f'<li class="{"xa-new" if seen.recorded else ""}"><span class="xa-did">{escape(did)}</span>'
        f'<span class="xa-what" title="{escape(event.title)}">{escape(event.title)}</span>'
        f'<time datetime="{event.at:%Y-%m-%d}">{day(event.at)}</time>{forget}</li>'
    )


def _talk_line(talk: ConversationSummary, current: str) -> str:
    current_mark = ' aria-current="true"' if talk.id == current else ""
    if current_mark:
        go = f'<span class="xa-did">{escape(say("open now"))}</span>'
    else:
        go = button("back", talk.id, say("Go on"), talk.first)
    count = say("1 turn") if talk.turns == 1 else say("{count} turns", count=talk.turns)
    return (
        f"<li{current_mark}>"
        f'<span class="xa-what" title="{escape(talk.first)}">{escape(talk.first)}</span>'
        f'<time datetime="{talk.started:%Y-%m-%d}">{day(talk.started)} · {escape(count)}</time>{go}</li>'
    )


def button(operation: str, item: str, told: str, name: str) -> str:
    """A small button; `name` tells which one of several alike it is to those who don't see its line."""
    return (
        f'<button type="button" class="xa-small" data-op="{operation}" data-item="{escape(item)}" '
        f'aria-label="{escape(told)}: {escape(name)}">{escape(told)}</button>'
    )


def _empty(told: str) -> str:
    return f'<p class="xa-empty">{escape(told)}</p>'
