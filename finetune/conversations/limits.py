"""Limits on a wish: how each is said, hung onto a wish or in a sentence of its own, and what it does to the plan."""

from __future__ import annotations

from collections.abc import Callable

from agent.schema import Plan
from finetune.conversations.talk import Talk, joined


def priced(talk: Talk, plan: Plan, low: int | None, high: int | None) -> Plan:
    """A plan within a new budget; an old bound that contradicts it goes."""
    currency = talk.world.vocabulary.currency
    if low is None:
        low = plan.price_min if high is not None and plan.price_min is not None and plan.price_min <= high else None
    elif high is None:
        high = plan.price_max if plan.price_max is not None and plan.price_max >= low else None
    return plan.model_copy(update={"price_min": low, "price_max": high, "currency": currency})


def limited(talk: Talk, plan: Plan, clause: str, *, tail: bool) -> tuple[str, Plan, bool] | None:
    """Words for one limit, the plan with it, and whether the words hang onto what was said before."""
    found = LIMITS[clause](talk, plan)
    if found is None:
        return None
    slots, after = found
    hung = tail and clause not in _SENTENCES_ONLY and talk.rng.random() < 0.7
    table = "tail" if hung or clause in _TAILS_ONLY else "sentence"
    return talk.say(f"{table}.{clause}", **slots), after, hung


Limited = tuple[dict[str, str], Plan]


def _high(talk: Talk, plan: Plan) -> Limited:
    high = talk.sum()
    return {"max": talk.money(high)}, priced(talk, plan, None, high)


def _low(talk: Talk, plan: Plan) -> Limited:
    low = talk.sum(5, 150)
    return {"min": talk.money(low)}, priced(talk, plan, low, None)


def _range(talk: Talk, plan: Plan) -> Limited:
    low = talk.sum(5, 150)
    high = low + talk.sum(5, 200)
    return {"min": talk.money(low), "max": talk.money(high)}, priced(talk, plan, low, high)


def _exclude(talk: Talk, plan: Plan) -> Limited | None:
    word = talk.pick("materials")
    if word in plan.query or word in plan.exclude:
        return None
    return {"not": word}, plan.model_copy(update={"exclude": joined(plan.exclude, word)})


def _include(talk: Talk, plan: Plan) -> Limited | None:
    word = talk.pick("features")
    if word in plan.query or word in plan.include:
        return None
    return {"feature": word}, plan.model_copy(update={"include": joined(plan.include, word)})


def _brand(talk: Talk, plan: Plan) -> Limited | None:
    if not talk.world.vocabulary.brands:
        return None
    brand = talk.rng.choice(talk.world.vocabulary.brands)
    refused = tuple(name for name in plan.not_brands if name != brand)
    return {"brand": brand}, plan.model_copy(update={"brands": (brand,), "not_brands": refused})


def _not_brand(talk: Talk, plan: Plan) -> Limited | None:
    if not talk.world.vocabulary.brands:
        return None
    brand = talk.rng.choice(talk.world.vocabulary.brands)
    wanted = tuple(name for name in plan.brands if name != brand)
    return {"not_brand": brand}, plan.model_copy(
        update={"not_brands": joined(plan.not_brands, brand), "brands": wanted}
    )


def _platform(talk: Talk, plan: Plan) -> Limited | None:
    if len(talk.world.vocabulary.platforms) < 2:
        return None
    name = talk.rng.choice(talk.world.vocabulary.platforms)
    refused = tuple(other for other in plan.not_platforms if other != name)
    return {"platform": name}, plan.model_copy(update={"platforms": (name,), "not_platforms": refused})


def _not_platform(talk: Talk, plan: Plan) -> Limited | None:
    if len(talk.world.vocabulary.platforms) < 2:
        return None
    name = talk.rng.choice(talk.world.vocabulary.platforms)
    wanted = tuple(other for other in plan.platforms if other != name)
    refused = joined(plan.not_platforms, name)
    return {"not_platform": name}, plan.model_copy(update={"not_platforms": refused, "platforms": wanted})


def _category(talk: Talk, plan: Plan) -> Limited | None:
    if not talk.world.vocabulary.categories:
        return None
    name = talk.rng.choice(talk.world.vocabulary.categories)
    return {"category": name}, plan.model_copy(update={"categories": (name,)})


def _stock(talk: Talk, plan: Plan) -> Limited:
    return {}, plan.model_copy(update={"in_stock": True})


LIMITS: dict[str, Callable[[Talk, Plan], Limited | None]] = {
    "price_max": _high,
    "price_min": _low,
    "price_range": _range,
    "exclude": _exclude,
    "include": _include,
    "brand": _brand,
    "not_brand": _not_brand,
    "platform": _platform,
    "not_platform": _not_platform,
    "category": _category,
    "stock": _stock,
}
_SENTENCES_ONLY = frozenset({"not_platform"})
_TAILS_ONLY = frozenset({"category"})
