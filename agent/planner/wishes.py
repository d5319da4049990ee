"""Wishes that are no product words: in stock, on offer, cheaper or dearer than what was shown.

"Cheaper" means below the item spoken of, else below the middle (median) price shown, so that about half of what was
shown already qualifies and the rest is new; "much cheaper" and "cheaper than all" mean below the lowest. "More
expensive" is the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high, median_low

from agent.planner.tokens import Text
from agent.schema import Shown

_NO_STOCK = r"(?:out of stock|sold out)(?: \w+)? (?:is|are|would be) (?:fine|ok|okay|alright)|(?:does not|need not|do not need to) (?:have to )?be (?:in stock|available)|include (?:out of stock|sold out)|(?:even|also) (?:if )?(?:out of stock|sold out)(?: items)?"
_STOCK = (
    r"(?:(?:only |must be |is |are |it is |they are |and |that is |that are |currently |which is |which are |what is )*)(?:in stock|in-stock)(?: (?:now|only|today|right now|items|please))*|"
    r"(?:currently|immediately|readily) available|available (?:now|right now|today|immediately|at the moment|straight away|for (?:immediate )?delivery)|"
    r"not (?:out of stock|sold out)|nothing (?:out of stock|sold out)|no (?:out of stock|sold out|backorders?|preorders?|pre-orders?)(?: items)?|ready to ship|"
    r"(?:only |that (?:is|are) |only (?:what|those|ones) (?:is|are|that are) )available(?: (?:ones|items))?"
)
_OFFER = r"(?:(?:that (?:is|are) |is |are |currently )?on (?:sale|offer|promotion|special(?: offer)?)|discounted|(?:with|at|has|have) (?:a |any |some )?(?:discounts?|promotions?|special offers?|deals?)|(?:any |the best |good |best |special )+(?:deals?|discounts?|offers?|promotions?|sales?)(?: on| for)?|discounts|bargains?|special offers?)"
_CHEAPER = (
    r"(?:(?:much|way|far|a lot|significantly|considerably|even|a bit|a little|slightly|something|anything|any|some|more|one|ones|a|go|in a|at a) )*"
    r"(?:cheaper|less (?:expensive|pricey|costly|money)|more (?:affordable|economical|reasonable|budget[- ]friendly)|lower(?:[ -]priced?|[ -]cost| in price| budget| price range)|not (?:so|as|that|too|quite so|quite as) (?:expensive|pricey|costly)|"
    r"(?:too|so|very|bit|rather|quite|way too|all too|really) (?:expensive|pricey|costly|steep|dear|much money)|over (?:my )?budget|out of (?:my )?(?:budget|price range)|(?:do|will|would) not cost (?:so|as|that) much|costs? less|can not afford|cost too much|too much for me)"
    r"(?: (?:one|ones|option|options|alternative|alternatives|than (?:that|this|these|those|it|them)|please|something))*"
)
_DEARER = (
    r"(?:(?:much|way|far|a lot|even|a bit|a little|slightly|something|anything|any|some|one|ones|a) )*"
    r"(?:more (?:expensive|premium|luxurious|upmarket|exclusive|high-end)|pricier|costlier|dearer|high(?:er)?(?:[ -])(?:end|priced?|budget|price range)|higher-end|upmarket|too cheap|cost(?:s)? more|spend more)"
    r"(?: (?:one|ones|option|options|alternative|alternatives|than (?:that|this|these|those|it|them)|please|something))*"
)
_CHEAP = r"(?:not (?:to be )?(?:too|so|that|very|overly) (?:expensive|pricey|costly)|cheap|cheapest|inexpensive|affordable|low[ -](?:cost|budget|priced)|budget[ -]friendly|economical|reasonably priced|good value|value for money|on a budget|on a tight budget|cheaply)"
_FAR = r"much|way|far|a lot|significantly|considerably|than (?:all|any|every|the cheapest)|a whole lot"


@dataclass(frozen=True)
class Wishes:
    """What was said: `stock` None where nothing was; `price` -1 for cheaper, 1 for dearer, 0 for neither; `far` by much."""

    stock: bool | None = None
    offer: bool = False
    price: int = 0
    far: bool = False
    cheap: bool = False


def read_wishes(text: Text, *, shown: bool) -> Wishes:
    """Read these wishes and take their tokens; "cheaper" says something only where items were shown."""
    stock: bool | None = None
    for expression, value in ((_NO_STOCK, False), (_STOCK, True)):
        for match in text.find(expression):
            text.take(text.span(match), "wish")
            stock = value if stock is None else stock
    offer = _taken(text, _OFFER)
    price, far, cheap = 0, False, False
    if not text.has(r"which|compare|the (?:cheaper|more expensive|pricier)"):
        for expression, direction in ((_CHEAPER, -1), (_DEARER, 1)):
            for match in text.find(expression):
                if "not too" in match.group() and not shown:
                    continue
                text.take(text.span(match), "wish")
                price, far = direction, far or text.has(_FAR)
        cheap = _taken(text, _CHEAP) or (price < 0 and not shown)
    return Wishes(stock, offer, price if shown else 0, far, cheap)


def _taken(text: Text, expression: str) -> bool:
    found = False
    for match in text.find(expression):
        text.take(text.span(match), "wish")
        found = True
    return found


def limit(direction: int, shown: Sequence[Shown], about: Sequence[Shown], *, far: bool) -> tuple[int, str] | None:
    """The price bound that "cheaper" (-1) or "dearer" (1) means, inclusive, with its currency; None without prices."""
    priced = [item for item in (about or shown) if item.price_minor is not None]
    if not priced:
        return None
    currency = priced[0].currency
    prices = [item.price_minor or 0 for item in priced if item.currency == currency]
    if direction < 0:
        return max((min(prices) if far else median_high(prices)) - 1, 0), currency
    return (max(prices) if far else median_low(prices)) + 1, currency
