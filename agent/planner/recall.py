"""Going back to what was searched for earlier: "the backpacks you showed me", "back to the backpacks"."""

from __future__ import annotations

from agent.planner.hear import Heard
from agent.planner.query import head_of, main
from agent.schema import Conversation, Plan
from retrieval.text import terms

TOPIC = ("query", "include", "brands", "categories", "price_min", "price_max", "currency")  # what belongs to a topic


def recalled(heard: Heard, base: Plan, conversation: Conversation) -> Plan:
    """The plan with the latest earlier topic that the message goes back to; unchanged where it goes back to none."""
    chosen = main(list(heard.phrases))
    if not heard.returns or chosen is None:
        return base
    named = set(terms(chosen.text))
    if head_of(base.query) in named:
        return base
    for message in reversed(conversation.messages):
        earlier = message.plan
        if earlier is not None and head_of(earlier.query) in named:
            return base.model_copy(update={name: getattr(earlier, name) for name in TOPIC})
    return base
