"""How numbers, limits and states are put into words; prose, cards and checks all use these same forms."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from agent.language import say
from retrieval.schema import Availability, Constraints
from retrieval.text import label

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "AUD": "A$", "CAD": "CA$"}
_EXPONENTS = {"BIF": 0, "CLP": 0, "JPY": 0, "KRW": 0, "PYG": 0, "VND": 0, "XAF": 0, "XOF": 0, "ISK": 0, "UGX": 0}
_EXPONENTS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
_STOCK = {
    Availability.IN_STOCK: "in stock",
    Availability.OUT_OF_STOCK: "out of stock",
    Availability.PREORDER: "on preorder",
    Availability.BACKORDER: "on backorder",
    Availability.UNKNOWN: "",
}


def major(minor: int, currency: str) -> Decimal:
    """Minor units as an exact decimal of the major unit: 1299 USD -> 12.99."""
    return Decimal(minor).scaleb(-_EXPONENTS.get(currency, 2))


def money(minor: int | None, currency: str | None) -> str:
    """A price for people: "$12.99", "€64.90", "¥500", "12.99 CHF"; "price unknown" for None."""
    if minor is None:
        return "price unknown"
    code = currency or ""
    amount = f"{major(minor, code):,f}"
    return f"{_SIGNS[code]}{amount}" if code in _SIGNS else f"{amount} {code}".strip()


def stock(availability: Availability) -> str:
    """A stock state for people; "" where it isn't known."""
    return _STOCK[availability]


def sentence(text: str) -> str:
    """The text with the mark that ends a sentence in the language spoken now."""
    return say("{text}.", text=text)


def month(at: datetime) -> str:
    """A date as evidence shows it: "May 2022"."""
    return f"{at:%B} {at.year}"


def either(names: tuple[str, ...] | list[str], word: str = "or") -> str:
    """Names in a row: "A", "A or B", "A, B or C"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def price_limits(limits: Constraints, currency: str) -> str:
    """The price range in words: "under $50", "from $20 to $40"; "" without one."""
    low = money(limits.price_min, limits.currency or currency) if limits.price_min is not None else ""
    high = money(limits.price_max, limits.currency or currency) if limits.price_max is not None else ""
    if low and high:
        return f"from {low} to {high}"
    return f"up to {high}" if high else f"from {low}" if low else ""


def limits_in_words(limits: Constraints, currency: str) -> list[str]:
    """Every hard limit as a short phrase, in a fixed order."""
    phrases = [price_limits(limits, currency)]
    if limits.brands:
        phrases.append(f"by {either(limits.brands)}")
    if limits.categories:
        phrases.append(f"in {either([label(c) for c in limits.categories])}")
    if limits.platforms:
        phrases.append(f"on {either(limits.platforms)}")
    if limits.availability == (Availability.IN_STOCK,):
        phrases.append("in stock")
    unwanted = [*limits.unwanted, *limits.not_brands, *(label(c) for c in limits.not_categories), *limits.not_platforms]
    unwanted = list({name.casefold(): name for name in unwanted}.values())
    if unwanted:
        phrases.append(f"without {either(unwanted)}")
    return [phrase for phrase in phrases if phrase]
