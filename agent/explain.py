"""Prose from a receipt: the template states facts only; a model's prose is checked against the same facts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.language import marked, say
from agent.models.base import ChatMessage
from agent.prompting import Prompt
from agent.reason import QUOTED
from agent.schema import Act, ItemReceipt, Receipt
from agent.sentences import split
from agent.wording import either, limits_in_words, listed, money, offer, sentence, stock
from retrieval.text import label, short_name

_FIGURE = re.compile(r"\d[\d.,]*\d")

_HEADINGS = {
    "across": marked("From other aisles:"),
    "usual": marked("From your usual aisles:"),
    "repeat": marked("Perhaps time for more:"),
}


def template(receipt: Receipt) -> list[str]:
    """The whole reply for turns that show goods: what to note, an opening, a line an item, what is asked back."""
    if not receipt.items:
        return [*receipt.notes] or [say("I found nothing that fits.")]
    questions = [note for note in receipt.notes if note.endswith(("?", "？"))]
    lines = [*(note for note in receipt.notes if note not in questions), opening(receipt)]
    aisle: str = receipt.items[0].aisle if receipt.items[0].aisle in ("asked", "idea") else ""
    for item in receipt.items:
        if item.aisle != aisle and item.aisle in _HEADINGS:
            lines.append(say(_HEADINGS[item.aisle]))
        aisle = item.aisle
        lines.append(item_line(item))
    return [*lines, *questions]


def opening(receipt: Receipt) -> str:
    """One sentence that says what was understood."""
    plan, first = receipt.plan, receipt.items[0].item
    limits = limits_in_words(receipt.constraints, first.currency)
    asked = any(item.aisle == "asked" for item in receipt.items)
    subject = f"“{plan.query}”" if plan.query else either([f"“{t}”" for t in plan.wanted]) if plan.wanted else ""
    recipient = ""
    if plan.recipient:
        recipient = (
            say(" for someone")
            if plan.recipient == "someone"
            else say(" for your {recipient}", recipient=plan.recipient)
        )
    tail = listed(["", *limits]) if limits else ""
    if asked and subject:
        return say(
            "For {subject}{recipient}{tail}, this is what I found:", subject=subject, recipient=recipient, tail=tail
        )
    if asked or plan.recipient or limits:
        return say("This is what I found{recipient}{tail}:", recipient=recipient, tail=tail)
    if _has_events(receipt):
        return say("Going by your history{tail}, take a look:", tail=tail)
    return say("To start with{tail}:", tail=tail)


def item_line(item: ItemReceipt) -> str:
    """One item: number, name, price, platform, stock, and why."""
    goods = item.item
    facts = [money(goods.price_minor, goods.currency) if goods.price_minor is not None else ""]
    facts += [say("on {names}", names=goods.platform) if goods.platform else ""]
    facts += [stock(goods.availability), offer(goods.promotion)]
    told = listed([fact for fact in facts if fact])
    line = f"{item.rank}. " + sentence(f"{item.name} – {told}" if told else item.name)
    return f"{line} {item.reason}" if item.reason else line


def comparison(receipt: Receipt) -> list[str]:
    """Compare items field by field; the price difference is computed, attributes are quoted."""
    items = receipt.items
    lines = [say("Compared with each other:")]
    for item in items:
        goods = item.item
        known = {say("brand"): goods.brand, say("category"): label(goods.category), **goods.attributes}
        told = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in known.items() if value)
        lines.append(f"{item_line(item)} {sentence(told)}" if told else item_line(item))
    priced = sorted((i for i in items if i.item.price_minor is not None), key=lambda i: i.item.price_minor or 0)
    if len(priced) > 1 and len({i.item.currency for i in priced}) == 1:
        low, high = priced[0], priced[-1]
        gap = (high.item.price_minor or 0) - (low.item.price_minor or 0)
        if gap:
            less = money(gap, low.item.currency)
            lines.append(say("{low} is cheaper than {high} by {less}.", low=low.name, high=high.name, less=less))
        else:
            lines.append(say("The price is the same."))
        if gap and len(priced) > 2 and priced[1].item.price_minor != low.item.price_minor:
            price = money(low.item.price_minor, low.item.currency)
            lines.append(say("{low} costs least of these: {price}.", low=low.name, price=price))
    return [*lines, *receipt.notes]


def reply_lines(receipt: Receipt) -> list[str]:
    """The template's words for any turn."""
    act = receipt.plan.act
    if act is Act.COMPARE and len(receipt.items) > 1:
        return comparison(receipt)
    if act in (Act.EXPLAIN, Act.CART, Act.CLARIFY, Act.CHITCHAT):
        return [*receipt.notes]
    return template(receipt)


def prompt_facts(receipt: Receipt, *, with_history: bool) -> str:
    """The receipt as lines for a model's prompt.

    Args:
        receipt: what is shown.
        with_history: whether the shopper lets their own events enter a prompt; without it only goods and request do.
    """
    return "\n".join(item_facts(item, with_history=with_history) for item in receipt.items)


def item_facts(item: ItemReceipt, *, with_history: bool, brief: bool = False) -> str:
    """One item of the receipt as a line; a brief one leaves out what the shop writes about it."""
    goods = item.item
    known = {
        "price": money(goods.price_minor, goods.currency),
        "platform": goods.platform,
        "stock": stock(goods.availability),
        "promotion": offer(goods.promotion),
        "category": label(goods.category),
        "brand": goods.brand,
        "about": "" if brief else goods.description[:200],
        "why": item.reason if with_history or not _personal(item) else "",
    }
    told = " | ".join(f"{name}: {value}" for name, value in known.items() if value)
    return f"{item.name} | {told}" if brief else f"{item.rank}. {item.name} | {told}"


def questions(
    prompt: Prompt, receipt: Receipt, message: str, *, with_history: bool
) -> Iterator[tuple[list[ChatMessage], tuple[ItemReceipt, ...]]]:
    """What a model is asked, and the items that each question is about.

    They are asked for at once, or one by one where the prompt takes the facts alone, as small models are asked.

    Args:
        prompt: of task "explain".
        receipt: what is shown.
        message: the shopper's words.
        with_history: as for `prompt_facts`.
    """
    if prompt.item_by_item:
        for item in receipt.items:
            facts = item_facts(item, with_history=with_history, brief=True)
            yield prompt.messages(facts=facts), (item,)
    else:
        facts = prompt_facts(receipt, with_history=with_history)
        yield prompt.messages(message=message, facts=facts), receipt.items


def spellings(item: ItemReceipt) -> frozenset[str]:
    """What a sentence about an item may hold that has a spelling of its own: names, prices, figures, its reason."""
    goods = item.item
    edges = [
        evidence.edge for evidence in item.evidence if evidence.edge is not None and evidence.edge.kind == "category"
    ]
    events = [event for evidence in item.evidence for event in evidence.events]
    found = {item.name, goods.platform, goods.brand, offer(goods.promotion), label(goods.category), item.reason}
    found |= {label(name) for edge in edges for name in (edge.source, edge.target)}
    found |= {short_name(event.title, QUOTED) for event in events} | {label(event.category) for event in events}
    found |= {money(goods.price_minor, goods.currency), *(text.strip() for text in split(item.reason))}
    return frozenset({*found, *_FIGURE.findall(item.reason)} - {""})


def _personal(item: ItemReceipt) -> bool:
    return any(e.events for e in (*item.evidence, *item.need.evidence)) or item.aisle == "repeat"


def _has_events(receipt: Receipt) -> bool:
    return any(_personal(item) for item in receipt.items)
