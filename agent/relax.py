"""When nothing fits: which limit stands in the way, found by lifting each one in turn."""

from __future__ import annotations

from retrieval.search import search
from retrieval.shop import Shop

from agent.receipt import constraints_of
from agent.schema import Plan
from agent.wording import either, limits_in_words
from retrieval.history import History
from retrieval.schema import Constraints, Need

_LIMITS: dict[str, tuple[str, ...]] = {
    "the price limit": ("price_min", "price_max", "currency"),
    "the brand": ("brands", "not_brands"),
    "the category": ("categories", "not_categories"),
    "the platform": ("platforms", "not_platforms"),
    "the wish for stock": ("availability",),
    "what you do not want": ("unwanted",),
}


def nothing_fits(shop: Shop, plan: Plan, history: History) -> list[str]:
    """Say that nothing fits and what would: one search per limit lifted, at most six."""
    limits = constraints_of(plan)
    told = limits_in_words(limits, shop.catalogue.default_currency)
    if limits.price_min is not None and limits.price_max is not None and limits.price_min > limits.price_max:
        return [f"No price can be {told[0]}: the lower limit is above the upper one. Which of the two do you mean?"]
    subject = f"“{plan.query}”" if plan.query else "anything"
    first = f"I found nothing for {subject} {', '.join(told)}." if told else f"I found nothing for {subject}."
    helps = [name for name, fields in _LIMITS.items() if _helps(shop, plan, limits, fields, history)]
    return [first, f"Without {either(helps)} there would be some."] if helps else [first]


def _helps(shop: Shop, plan: Plan, limits: Constraints, fields: tuple[str, ...], history: History) -> bool:
    default = Constraints()
    if all(getattr(limits, name) == getattr(default, name) for name in fields):
        return False
    freed = limits.model_copy(update={name: getattr(default, name) for name in fields})
    need = Need(text=plan.query or " ".join(plan.include), wanted=plan.include, constraints=freed)
    return bool(search(shop, need, history, 1).entries)
