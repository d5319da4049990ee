"""Where a small model has gone astray, as can be told from its plan beside that of the rules.

It drops words, hears one refusal of two, takes goods for talk and talk for goods. Each function names one way; none of
them asks the model anything.
"""

from __future__ import annotations

import re
from functools import cache

from agent.planner.lexicon import lexicon
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan
from retrieval.text import terms

_MONEY = frozenset({"budget", "price", "money", "cost", "limit"})
_TURNING = """
other else more different another next new instead again alternative none no nope not nothing show see skip pass change
like want hate
"""
_OTHERS = frozenset(_TURNING.split())  # one of them is said by whoever turns all that was shown down
SURE = 0.8  # rules of more confidence know every part of what they read
_THING = re.compile(r"\s*(?:a|an|some) ", re.IGNORECASE)


def astray(
    plan: Plan, ruled: Plan, message: str, conversation: Conversation, vocabulary: Vocabulary, *, unsure: bool
) -> bool:
    """Whether the rules' plan stands.

    Args:
        plan: the model's.
        ruled: the rules'.
        message: the shopper's words.
        conversation: what was said before.
        vocabulary: the shop's words.
        unsure: whether the model finds its own answer rather unlikely.
    """
    before = conversation.plan or Plan()
    return (
        _left_to_rules(plan, ruled)
        or _drops(plan, ruled, message, vocabulary)
        or _wants_refused(plan, ruled, before)
        or _spares(plan, ruled, before, vocabulary)
        or _clears_the_table(plan, ruled, message, conversation)
        or _sticks(plan, ruled, message, before)
        or _seeks_no_goods(plan, ruled, vocabulary, unsure=unsure)
    )


def sums(plan: Plan) -> tuple[int | None, int | None]:
    """The least and the most that something may cost."""
    return plan.price_min, plan.price_max


def _drops(plan: Plan, ruled: Plan, message: str, vocabulary: Vocabulary) -> bool:
    """Whether nothing is made of a word in the message that the rules search for and that goods of this shop have.

    People name one property a message ("Android.", "made of wood"), and a small model often takes it for talk. Words
    that no goods have are talk more often than not, and don't count; measures ("8x42") do.
    """
    words = {*terms(" ".join((message, *map(vocabulary.correct, message.casefold().split()))))}
    heard = words & {*terms(" ".join((ruled.query, *ruled.include, *ruled.brands)))} - _chatter()
    names = (plan.query, *plan.include, *plan.exclude, plan.recipient or "")
    names += (*plan.brands, *plan.not_brands, *plan.categories, *plan.not_categories, *plan.platforms)
    lost = heard - {*terms(" ".join(names))}
    measured = sums(plan) == sums(ruled) and any(sign.isdigit() for word in lost for sign in word)
    return measured or any(vocabulary.count(word) for word in lost)


def _wants_refused(plan: Plan, ruled: Plan, before: Plan) -> bool:
    """Whether what the rules hear refused is searched for: "he already has a grinder" asks for none."""
    refused = {*terms(" ".join(ruled.exclude))} - {*terms(" ".join(before.exclude))}
    return bool(refused & {*terms(" ".join((plan.query, *plan.include)))})


def _spares(plan: Plan, ruled: Plan, before: Plan, vocabulary: Vocabulary) -> bool:
    """Whether something that the rules hear refused, and that goods of this shop have, is not refused, or also wanted.

    Of "not red and not blue" a small model hears one.
    """
    lost = {*_refused(ruled)} - {*_refused(before)} - {*_refused(plan)}
    if any(vocabulary.count(word) for word in lost):
        return True
    ours, theirs = ({*terms(" ".join(one.exclude))} - {*terms(" ".join(before.exclude))} for one in (plan, ruled))
    if ours and ours < theirs:
        return True
    names = ("not_brands", "not_categories", "not_platforms")
    if any({*getattr(ruled, name)} - {*getattr(before, name)} - {*getattr(plan, name)} for name in names):
        return True
    return bool({*terms(" ".join(plan.include))} & {*terms(" ".join(plan.exclude))})


def _clears_the_table(plan: Plan, ruled: Plan, message: str, conversation: Conversation) -> bool:
    """Whether all that was shown is turned down, of which neither the rules nor any word of the message tells."""
    before = {*(conversation.plan.not_items if conversation.plan else ())}
    shown = {item.id for item in conversation.shown}
    gone = {*plan.not_items} - before
    told = {*ruled.not_items} - before or _OTHERS & {*terms(message)}
    return len(shown) > 1 and shown <= gone and not told


def _refused(plan: Plan) -> list[str]:
    return terms(" ".join((*plan.exclude, *plan.not_brands, *plan.not_categories, *plan.not_platforms)))


@cache
def _chatter() -> frozenset[str]:
    """Words that only lead up to what is asked for."""
    words = lexicon()
    return words.stop | words.request | words.asking | words.auxiliary


def _left_to_rules(plan: Plan, ruled: Plan) -> bool:
    """Whether the model may not decide.

    That is where the rules see the cart or talk of what was shown, and which item, where it searches for nothing but
    words of asking ("budget") in place of goods, and where it opens a cart without naming a thing.
    The rules speak of these only where their patterns are plain, and nothing is to enter or leave a cart by mistake.
    """
    if ruled.act in (Act.CART, Act.COMPARE, Act.EXPLAIN):
        return plan.act is not ruled.act or (bool(ruled.targets) and plan.targets != ruled.targets)
    if {*terms(ruled.query)} - _chatter() and plan.query and not {*terms(plan.query)} - _chatter() - _MONEY:
        return True
    if plan.act is Act.CHITCHAT and ruled.act is Act.RECOMMEND and not ruled.query and ruled.confidence > SURE:
        return True  # "surprise me"
    return plan.act is Act.CART and not plan.targets


def _sticks(plan: Plan, ruled: Plan, message: str, before: Plan) -> bool:
    """Whether a new thing, "a blanket", is taken for a property of what was searched for before."""
    old, ours, theirs = ({*terms(query)} for query in (before.query, plan.query, ruled.query))
    return bool(_THING.match(message) and old & ours and theirs and not old & theirs) and ruled.confidence > SURE


def _seeks_no_goods(plan: Plan, ruled: Plan, vocabulary: Vocabulary, *, unsure: bool) -> bool:
    """Whether a number is all that is searched for, or, in an unsure answer, words that no goods have."""
    sought = {*terms(plan.query)}
    if sought and all(word.isdigit() for word in sought):
        return True
    known = {*filter(vocabulary.count, {*terms(ruled.query)} - _chatter())}
    return unsure and bool(sought and known) and not any(map(vocabulary.count, sought - _chatter()))
