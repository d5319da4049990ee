"""When nothing fits, or nothing that is quite what was asked for: which limit stands in the way, by lifting each."""

from __future__ import annotations

from agent.language import marked, say
from agent.receipt import constraints_of
from agent.schema import ItemReceipt, Plan, Receipt
from agent.wording import either, limits_in_words, listed
from retrieval.history import History
from retrieval.meant import LOOSE, SMALL, share
from retrieval.schema import Candidates, Constraints, Item, Need
from retrieval.search import search
from retrieval.shop import Shop
from retrieval.text import terms

_LIMITS: dict[str, tuple[str, ...]] = {
    marked("the price limit"): ("price_min", "price_max", "currency"),
    marked("the brand"): ("brands", "not_brands"),
    marked("the category"): ("categories", "not_categories"),
    marked("the platform"): ("platforms", "not_platforms"),
    marked("the wish for stock"): ("availability",),
    marked("the wish for an offer"): ("on_offer",),
    marked("what you do not want"): ("unwanted",),
}


def nothing_fits(shop: Shop, receipt: Receipt, history: History) -> list[str]:
    """Say that nothing fits and what would: one search per limit lifted, at most six."""
    plan = receipt.plan
    limits = constraints_of(plan)
    told = limits_in_words(limits, shop.catalogue.default_currency)
    if limits.price_min is not None and limits.price_max is not None and limits.price_min > limits.price_max:
        wrong = marked("No price can be {limit}: the lower limit is above the upper one. Which of the two do you mean?")
        return [say(wrong, limit=told[0])]
    subject = f"“{plan.query}”" if plan.query else say("anything")
    first = say("I found nothing for {subject}.", subject=subject)
    if told:
        first = say("I found nothing for {subject} {limits}.", subject=subject, limits=listed(told))
    helps = [say(name) for name, fields in _LIMITS.items() if _without(shop, plan, limits, fields, history)]
    return [first, say("Without {limits} there would be some.", limits=either(helps))] if helps else [first]


def is_near(plan: Plan, item: ItemReceipt) -> bool:
    """Whether an item shown as asked for has so few of the query's words that it is near to it rather than that."""
    wanted = frozenset(terms(plan.query)) - SMALL
    return item.aisle == "asked" and bool(wanted) and share(wanted, _told(item.item)) < LOOSE


def only_near(shop: Shop, receipt: Receipt, history: History) -> list[str]:
    """Say so when what is shown is near to the words but isn't it, and which limit keeps the real thing away."""
    plan = receipt.plan
    asked = [item for item in receipt.items if item.aisle == "asked"]
    if not asked or not all(is_near(plan, item) for item in asked):
        return []
    wanted = frozenset(terms(plan.query)) - SMALL
    limits = constraints_of(plan)
    helps = []
    for name, fields in _LIMITS.items():
        found = _without(shop, plan, limits, fields, history)
        if found and max(share(wanted, _told(shop.catalogue.item(e.row))) for e in found.entries[:5]) >= LOOSE:
            helps.append(say(name))
    if not helps:
        return [say("Nothing here is quite “{query}”; these are the nearest.", query=plan.query)]
    told = listed(limits_in_words(limits, shop.catalogue.default_currency))
    near = say("Nothing {limits} is quite “{query}”; these are the nearest.", limits=told, query=plan.query)
    return [f"{near} {say('There would be without {limits}.', limits=either(helps))}"]


def _without(
    shop: Shop, plan: Plan, limits: Constraints, fields: tuple[str, ...], history: History
) -> Candidates | None:
    """What there would be with some limits lifted; None where they aren't set or lifting them changes nothing."""
    default = Constraints()
    if all(getattr(limits, name) == getattr(default, name) for name in fields):
        return None
    freed = limits.model_copy(update={name: getattr(default, name) for name in fields})
    need = Need(text=plan.query or " ".join(plan.wanted), wanted=plan.wanted, constraints=freed)
    found = search(shop, need, history, 20)
    return found if found.entries else None


def _told(item: Item) -> str:
    """All that is told of an item."""
    return " ".join((item.title, item.category, item.brand, item.description, *item.attributes.values()))
