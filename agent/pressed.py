"""Plans of buttons: what was pressed is known, so nothing is left to understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.planner.carry import spoken
from agent.planner.topic import fresh
from agent.schema import Act, Conversation, Plan
from retrieval.schema import Item
from retrieval.text import label, short_name

PRESSED = "button"
"""Names the planner of such a turn in its trace."""


def compare(items: Sequence[str], conversation: Conversation) -> Plan:
    """Compare these items."""
    return _base(conversation).model_copy(update={"act": Act.COMPARE, "targets": tuple(items)})


def more_like(item: Item, conversation: Conversation, *, alone: bool = False) -> Plan:
    """Find goods like this one, of its category, without the item itself: the errand is new, what is refused stays.

    The budget and the brands that a button left out were for what was asked for: a suggestion from another aisle is
    under neither.

    Args:
        item: which one.
        conversation: where it was shown.
        alone: its category has hardly anything else, so others are searched too.
    """
    base = _base(conversation)
    shown = next((s for m in reversed(conversation.messages) for s in m.shown if s.id == item.id), None)
    kept: dict[str, Any] = {"price_min": base.price_min, "price_max": base.price_max, "currency": base.currency}
    if shown is not None and shown.beside:
        kept = {"not_brands": spoken(base.not_brands, conversation)}
    kept |= {
        "act": Act.RECOMMEND,
        "query": short_name(item.title, 60) or label(item.category),
        "categories": (item.category,) if item.category and not alone else (),
        "not_categories": tuple(name for name in base.not_categories if name != item.category),
        "not_items": (*(known for known in base.not_items if known != item.id), item.id),
    }
    return fresh(base).model_copy(update=kept)


def _base(conversation: Conversation) -> Plan:
    unset = Plan()
    cleared = ("targets", "cart_op", "quantity", "ask", "question", "confidence")
    return (conversation.plan or unset).model_copy(update={name: getattr(unset, name) for name in cleared})
