"""Plans of buttons: what was pressed is known, so nothing is left to understand."""

from __future__ import annotations

from collections.abc import Sequence

from agent.planner.topic import fresh
from agent.schema import Act, Conversation, Plan
from retrieval.schema import Item
from retrieval.text import label, short_name

PRESSED = "button"
"""Names the planner of such a turn in its trace."""


def compare(items: Sequence[str], conversation: Conversation) -> Plan:
    """Compare these items."""
    return _base(conversation).model_copy(update={"act": Act.COMPARE, "targets": tuple(items)})


def more_like(item: Item, conversation: Conversation) -> Plan:
    """Find goods like this one: the errand is new, the budget and what is refused stay, the item itself is left out."""
    base = _base(conversation)
    kept = {"price_min": base.price_min, "price_max": base.price_max, "currency": base.currency}
    query = short_name(item.title, 60) or label(item.category)
    not_items = (*(known for known in base.not_items if known != item.id), item.id)
    return fresh(base).model_copy(update=kept | {"act": Act.RECOMMEND, "query": query, "not_items": not_items})


def _base(conversation: Conversation) -> Plan:
    unset = Plan()
    cleared = ("targets", "cart_op", "quantity", "ask", "question", "confidence")
    return (conversation.plan or unset).model_copy(update={name: getattr(unset, name) for name in cleared})
