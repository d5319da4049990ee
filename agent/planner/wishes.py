"""Wishes that are no product words: in stock, on offer, cheaper or dearer than what was shown.

"Cheaper" means below the item spoken of, else below the middle (median) price shown, so that about half of what was
shown already qualifies and the rest is new; "much cheaper" and "cheaper than all" mean below the lowest. "More
expensive" is the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high, median_low

from agent.planner.lexicon import said
from agent.planner.tokens import Text
from agent.schema import Shown

_FAR = r"much|way|far|a lot|significantly|considerably|than (?:all|any|every|the cheapest)|a whole lot"


@dataclass(frozen=True)
class Wishes:
    """What was said; `stock` and `offer` None if nothing; `price` -1 for cheaper, 1 for dearer; `far`, by much."""

    stock: bool | None = None
    offer: bool | None = None
    price: int = 0
    far: bool = False
    cheap: bool = False


def read_wishes(text: Text, *, shown: bool) -> Wishes:
    """Read these wishes and take their tokens; "cheaper" says something only where items were shown."""
    stock: bool | None = None
    for expression, value in ((said("wishes.no_stock"), False), (said("wishes.stock"), True)):
        for match in text.find(expression):
            text.take(text.span(match), "wish")
            stock = value if stock is None else stock
    offer = False if _taken(text, said("wishes.no_offer")) else True if _taken(text, said("wishes.offer")) else None
    price, far, cheap = 0, False, False
    pointing = r"which|compare|the (?:cheaper|cheapest|more expensive|pricier|most expensive)"
    if not (shown and text.has(pointing)):
        for expression, direction in ((said("wishes.cheaper"), -1), (said("wishes.dearer"), 1)):
            for match in text.find(expression):
                if "not too" in match.group() and not shown:
                    continue
                text.take(text.span(match), "wish")
                price, far = direction, far or text.has(_FAR)
        cheap = _taken(text, said("wishes.cheap")) or (price < 0 and not shown)
    return Wishes(stock, offer, price if shown else 0, far, cheap)


def _taken(text: Text, expression: str) -> bool:
    found = False
    for match in text.find(expression):
        text.take(text.span(match), "wish")
        found = True
    return found


def limit(direction: int, shown: Sequence[Shown], about: Sequence[Shown], *, far: bool) -> tuple[int, str] | None:
    """The price bound that "cheaper" (-1) or "dearer" (1) means, inclusive, with its currency; None without prices.

    Suggestions from other aisles say nothing of what the asked thing costs, unless they are all there is.
    """
    asked = [item for item in shown if not item.beside]
    priced = [item for item in (about or asked or shown) if item.price_minor is not None]
    if not priced:
        return None
    currency = priced[0].currency
    prices = [item.price_minor or 0 for item in priced if item.currency == currency]
    if direction < 0:
        return max((min(prices) if far else median_high(prices)) - 1, 0), currency
    return (max(prices) if far else median_low(prices)) + 1, currency
