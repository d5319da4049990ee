"""Constraint checks, made once more on the shown item itself: the receipt doesn't trust the mask that filtered it."""

from __future__ import annotations

from collections.abc import Callable

from agent.language import say
from agent.schema import OFFER, Check, Plan
from agent.wording import either, money, offer, price_limits, stock
from retrieval.catalogue import Catalogue
from retrieval.schema import Constraints, Item
from retrieval.text import label, running, terms


def checkable(plan: Plan, catalogue: Catalogue) -> tuple[Plan, list[str]]:
    """A plan without limits on price, stock and offers that no item can be checked for, and what to tell of each."""
    free: dict[str, object] = {}
    notes = []
    if (plan.price_min is not None or plan.price_max is not None) and not any(catalogue.currency.names):
        free |= {"price_min": None, "price_max": None, "currency": None}
        notes.append(say("This shop's data tells no prices, so your limit could not be checked."))
    if plan.in_stock and not catalogue.knows_stock:
        free["in_stock"] = False
        notes.append(say("This shop's data tells no stock, so what is in stock could not be checked."))
    if OFFER in plan.include and not catalogue.on_offer.any():
        free["include"] = plan.wanted
        notes.append(say("This shop's data tells no offers, so what is on offer could not be checked."))
    return (plan.model_copy(update=free) if free else plan), notes


def check_item(item: Item, limits: Constraints) -> tuple[Check, ...]:
    """Check every constraint that is set; one `Check` each, in a fixed order."""
    checks = [
        *_price(item, limits),
        *_names("brand", item.brand, limits.brands, limits.not_brands, str),
        *_names("category", item.category, limits.categories, limits.not_categories, label),
        *_names("platform", item.platform, limits.platforms, limits.not_platforms, str),
    ]
    if limits.availability:
        asked = either([stock(state) or say("stock unknown") for state in limits.availability])
        passed = item.availability in limits.availability
        checks.append(
            Check(constraint="stock", asked=asked, found=stock(item.availability) or say("unknown"), passed=passed)
        )
    if limits.on_offer:
        found = offer(item.promotion) or say("none")
        checks.append(
            Check(constraint="offer", asked=say("on offer"), found=found, passed=running(item.promotion, item.as_of))
        )
    checks += [_unwanted(item, term) for term in limits.unwanted if terms(term)]
    return tuple(checks)


def _price(item: Item, limits: Constraints) -> list[Check]:
    if limits.price_min is None and limits.price_max is None:
        return []
    price = item.price_minor
    passed = (
        price is not None
        and (limits.price_min is None or price >= limits.price_min)
        and (limits.price_max is None or price <= limits.price_max)
        and (not limits.currency or item.currency == limits.currency)
    )
    asked = price_limits(limits, item.currency)
    return [Check(constraint="price", asked=asked, found=money(price, item.currency), passed=passed)]


def _names(
    kind: str, found: str, wanted: tuple[str, ...], unwanted: tuple[str, ...], show: Callable[[str], str]
) -> list[Check]:
    checks = []
    if wanted:
        asked = either([show(name) for name in wanted])
        checks.append(Check(constraint=kind, asked=asked, found=show(found), passed=found in wanted))
    if unwanted:
        asked = say("not {names}", names=either([show(name) for name in unwanted]))
        told = show(found) or say("none")
        checks.append(Check(constraint=kind, asked=asked, found=told, passed=found not in unwanted))
    return checks


def _unwanted(item: Item, phrase: str) -> Check:
    wanted = terms(phrase)
    fields = (item.title, item.description, item.brand, item.category.replace("_", " "), *item.attributes.values())
    hit = next((field for field in fields if _holds(terms(field), wanted)), None)
    found = say("not mentioned") if hit is None else say("mentioned in “{text}”", text=hit[:60])
    return Check(constraint="unwanted", asked=say("no {phrase}", phrase=phrase), found=found, passed=hit is None)


def _holds(text: list[str], phrase: list[str]) -> bool:
    n = len(phrase)
    return any(text[i : i + n] == phrase for i in range(len(text) - n + 1))
