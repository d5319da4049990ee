"""One question beside the cards, where an answer would narrow a wide wish: sellers ask, and shoppers needn't answer.

People who sell ask about what they don't know yet, a few times, before they commit themselves (in PSCon, Zou et al.,
2025, nine first wishes of ten are answered with a question). Here nobody waits for it: the cards are shown all the
same, and the question stands below them.
"""

from __future__ import annotations

import re

from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan
from retrieval.text import terms

MOST_ASKED = 3  # questions about one wish
_LOOKING = re.compile(  # they want to see things, or speak of those they see
    r"\b(?:see|show|look|recommend|suggest|pictures?|photos?|options|these|those|others?|satisfied)\b|看|推荐|图片|这些|换"
)
DOUBT = 0.3  # a plan of less confidence is told, and asked about
ENOUGH = 3  # things known about a wish, of which none needs to be asked


def with_question(plan: Plan, conversation: Conversation, vocabulary: Vocabulary, message: str = "") -> Plan:
    """The plan with `ask` set where a question is worth it; any other plan as it is.

    Where the reader of the message was not sure of it, the question is whether it was understood. Nothing else is asked
    of a gift (who it is for is asked elsewhere), of somebody who is already turning things down or
    who, asked once, would rather look at things; and never about what was said or asked.

    Args:
        plan: of this turn.
        conversation: what was said before it.
        vocabulary: what the shop calls things; nothing is asked that makes no difference in it.
        message: the shopper's words.
    """
    if plan.act is not Act.RECOMMEND or not plan.query or plan.ask:
        return plan
    doubted = plan.confidence < DOUBT
    if (plan.recipient or plan.not_items) and not doubted:
        return plan
    asked = _asked(plan, conversation)
    known = _known(plan)
    if len(asked) >= MOST_ASKED or (asked and _LOOKING.search(message.casefold())):
        return plan
    if doubted:
        return plan.model_copy(update={"ask": "meaning"})
    if len(known) >= ENOUGH:
        return plan
    open_ = [ask for ask in _askable(vocabulary) if ask not in known and ask not in asked]
    return plan.model_copy(update={"ask": open_[0]}) if open_ else plan


def _known(plan: Plan) -> set[str]:
    """What the wish tells already."""
    described = len(terms(plan.query)) + len(plan.include) + len(plan.exclude) > 1
    priced = plan.price_min is not None or plan.price_max is not None
    told = {
        "features": described,
        "budget": priced,
        "brand": bool(plan.brands or plan.not_brands),
        "use": " for " in plan.query,
        "where": bool(plan.platforms or plan.not_platforms or plan.categories or plan.in_stock),
    }
    return {name for name, there in told.items() if there}


def _asked(plan: Plan, conversation: Conversation) -> list[str]:
    """What was asked about this wish, this turn's not counted."""
    words, found = set(terms(plan.query)), []
    for message in reversed(conversation.messages):
        if message.plan is None:
            continue
        if message.plan.query and not words & set(terms(message.plan.query)):
            break
        if message.plan.ask:
            found.append(message.plan.ask)
    return found


def _askable(vocabulary: Vocabulary) -> list[str]:
    """In the order of asking; no budget where the shop tells no prices."""
    return ["features", *(["budget"] if vocabulary.currency else []), "brand", "use"]
