"""Short answers about what is looked for already: those that add no wish, and those that tell what it is for.

"Sure", "whatever", "I'm not sure" and "let me see them" keep the plan as it is; "mainly for the kitchen" and "I need
them for cycling" make the query "... for the kitchen" and "... for cycling".
"""

from __future__ import annotations

import re

from agent.planner.lexicon import lexicon, said
from agent.planner.tokens import Text
from agent.schema import Act, Plan

MOST_LONG = 20  # tokens of an answer
_NO_USE = frozenset(
    ["me", "myself", "us", "him", "her", "them", "it", "this", "that", "you", "someone", "people", "person"]
)
_NO_GOAL = frozenset(
    ["now", "today", "sure", "free", "less", "more", "example", "once", "one", "good", "delivery", "sale"]
)


def answered(message: str, base: Plan) -> Plan | None:
    """The plan after such an answer; None where the message says anything else, or nothing was looked for.

    Args:
        message: what was said.
        base: the plan so far, without what belonged to its turn.
    """
    if not base.query or len(message) > 12 * MOST_LONG:
        return None
    text = Text(message)
    nothing = rf" {said('answers.lead')}{said('answers.nothing')} {said('answers.tail')}"
    if base.act is not Act.CLARIFY and re.fullmatch(nothing, text.low):
        return base.model_copy(update={"act": Act.RECOMMEND, "confidence": 0.9})
    use = usage(text)
    if not use or use.casefold() in base.query.casefold():
        return None
    return base.model_copy(update={"act": Act.RECOMMEND, "query": f"{base.query} for {use}", "confidence": 0.9})


def usage(text: Text) -> str:
    """What a message that says nothing else says the thing is for, in the shopper's words; "" where it says none."""
    told = rf"{said('answers.use')} (?P<use>{said('answers.place')}) {said('answers.tail')}"
    match = re.fullmatch(rf" {said('answers.lead')}{told}", text.low)
    if match is None or len(text) > MOST_LONG:
        return ""
    words, lists = match["use"].split(), lexicon()
    people = lists.relations | lists.pets | lists.gender | _NO_USE | _NO_GOAL
    if people & {*words} or any(not word[0].isalpha() for word in words):
        return ""
    if words[-1] in lists.occasions and len(words) <= 2:
        return ""
    return text.surface(text.span(match, "use"))
