"""How numbers, limits and states are put into words; prose, cards and checks all use these same forms."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

from agent.language import marked, say, spoken
from retrieval.schema import Availability, Constraints
from retrieval.text import label

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "AUD": "A$", "CAD": "CA$"}
_EXPONENTS = {"BIF": 0, "CLP": 0, "JPY": 0, "KRW": 0, "PYG": 0, "VND": 0, "XAF": 0, "XOF": 0, "ISK": 0, "UGX": 0}
_EXPONENTS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
_STOCK = {
    Availability.IN_STOCK: marked("in stock"),
    Availability.OUT_OF_STOCK: marked("out of stock"),
    Availability.PREORDER: marked("on preorder"),
    Availability.BACKORDER: marked("on backorder"),
    Availability.UNKNOWN: "",
}


_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_PRICE = re.compile(rf"\b({'|'.join(_SIGNS)}) ?(\d[\d,]*(?:\.\d+)?)")


def major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact decimal of the major unit: 1299 USD -> 12.99."""
    return Decimal(minor).scaleb(-_EXPONENTS.get(currency, 2))


def money(minor: int | None, currency: str | None) -> str:
    """A price for people: "$12.99", "€64.90", "¥500", "12.99 CHF"; "price unknown" for None."""
    if minor is None:
        return say("price unknown")
    code = currency or ""
    amount = f"{major(minor, code):,f}"
    return f"{_SIGNS[code]}{amount}" if code in _SIGNS else f"{amount} {code}".strip()


def stock(availability: Availability) -> str:
    """A stock state for people; "" where it isn't known."""
    return say(_STOCK[availability]) if _STOCK[availability] else ""


def sentence(text: str) -> str:
    """The text with the mark that ends a sentence in the language spoken now."""
    return say("{text}.", text=text)


def month(at: datetime) -> str:
    """A date as evidence shows it: "May 2022", "2022年5月"."""
    return f"{at.year}年{at.month}月" if spoken() == "zh" else f"{at:%B} {at.year}"


def day(at: date) -> str:
    """A day for people: "28 Nov 2026", "2026年11月28日"."""
    return f"{at.year}年{at.month}月{at.day}日" if spoken() == "zh" else f"{at.day} {at:%b %Y}"


def offer(promotion: str) -> str:
    """A promotion as people read it: "10% off until 2026-11-28, was EUR 29.99" with the day and the price in words."""

    def told(found: re.Match[str]) -> str:
        try:
            return day(date.fromisoformat(found.group()))
        except ValueError:  # such as 2026-13-45
            return found.group()

    return _PRICE.sub(lambda found: f"{_SIGNS[found[1]]}{found[2]}", _DAY.sub(told, promotion))


def either(names: tuple[str, ...] | list[str]) -> str:
    """Names in a row: "A", "A or B", "A, B or C"."""
    return names[0] if len(names) == 1 else f"{listed(names[:-1])}{say(' or ')}{names[-1]}"


def both(names: tuple[str, ...] | list[str]) -> str:
    """Names in a row: "A", "A and B", "A, B and C"."""
    return names[0] if len(names) == 1 else f"{listed(names[:-1])}{say(' and ')}{names[-1]}"


def listed(parts: tuple[str, ...] | list[str]) -> str:
    """Parts in a row: "A, B, C"."""
    return say(", ").join(parts)


def price_limits(limits: Constraints, currency: str) -> str:
    """The price range in words: "under $50", "from $20 to $40"; "" without one."""
    low = money(limits.price_min, limits.currency or currency) if limits.price_min is not None else ""
    high = money(limits.price_max, limits.currency or currency) if limits.price_max is not None else ""
    if low and high:
        return say("from {low} to {high}", low=low, high=high)
    return say("up to {high}", high=high) if high else say("from {low}", low=low) if low else ""


def limits_in_words(limits: Constraints, currency: str) -> list[str]:
    """Every hard limit as a short phrase, in a fixed order."""
    phrases = [price_limits(limits, currency)]
    if limits.brands:
        phrases.append(say("by {names}", names=either(limits.brands)))
    if limits.categories:
        phrases.append(say("in {names}", names=either([label(c) for c in limits.categories])))
    if limits.platforms:
        phrases.append(say("on {names}", names=either(limits.platforms)))
    if limits.availability == (Availability.IN_STOCK,):
        phrases.append(say("in stock"))
    if limits.on_offer:
        phrases.append(say("on offer"))
    unwanted = [*limits.unwanted, *limits.not_brands, *(label(c) for c in limits.not_categories), *limits.not_platforms]
    unwanted = list({name.casefold(): name for name in unwanted}.values())
    if unwanted:
        phrases.append(say("without {names}", names=either(unwanted)))
    return [phrase for phrase in phrases if phrase]
