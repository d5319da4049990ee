"""The words beside a sum that say how it limits a price: "under", "at least", "or so", and what may follow a price."""

from __future__ import annotations

import re

from agent.planner.amounts import Amount
from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text

_TAIL = r"(?: (?:of|is|are|be|about|around|than|at|to|the|a|my|only|just|like|maybe|roughly|:|=))*"
_MORE = (
    r"(?:more than|over|above|exceed(?:ing|s)?|beyond|higher than|greater than|past|"
    r"(?:dearer|pricier|costlier|more (?:dear|pricey|costly|expensive)) than)"
)
_LESS = r"(?:less(?: expensive)? than|under|below|beneath|lower than|cheaper than)"
_NOT = r"(?:not|no|never|nothing|without|none|neither)"
_LEFT = [  # the first that ends just before the sum decides
    ("max", rf"{_NOT}(?: (?!and|but|or)\w+){{0,5}}? {_MORE}"),
    (
        "min",
        rf"{_NOT} (?:a penny )?{_LESS}|at least|(?:a )?min(?:imum)?(?: of)?|starting (?:at|from)|upwards? of|> ?=?",
    ),
    (
        "max",
        rf"{_LESS}|less then|sub|up to|upto|at (?:the )?most|(?:a )?max(?:imum)?|within|< ?=?|cap(?:ped)?|"
        rf"limit(?:ed)?|ceiling",
    ),
    ("min", rf"{_MORE}|more then"),
    (
        "about",
        r"around|about|approx(?:imately)?|roughly|circa|~|close to|near|ca|somewhere (?:around|near)|in the region of",
    ),
    (
        "max",
        r"budget(?:s)?|spend(?:ing)?|pay(?:ing)?|afford|price(?: range| limit| point)?|cost(?:s|ing)?|(?:i "
        r"have|have|i only|have only|only)(?: only)?(?: got)?|(?:stretch|go|raise it|increase it|push it) "
        r"(?:as high as|to|up to)|as (?:high|much) as",
    ),
]
_RIGHT = [
    (
        "max",
        r"or (?:less|below|under|cheaper|lower)|and (?:under|below|less)(?! (?:than )?\W?\d| (?:than )?[$£€¥] "
        r")|max(?:imum)?|tops|at (?:the )?most|limit|budget",
    ),
    (
        "min",
        r"or (?:more|above|over|higher)|and (?:up|above|over|more|upwards?)(?! (?:than )?\W?\d| (?:than "
        r")?[$£€¥] )|\+|plus|min(?:imum)?|at least|upwards?",
    ),
    ("about", r"or so|ish|-ish|or thereabouts|roughly|more or less"),
]
LEFTS = [(op, re.compile(rf" (?:{words}){_TAIL} $")) for op, words in _LEFT]
_RIGHTS = [(op, re.compile(rf" (?:{words})(?= )")) for op, words in _RIGHT]
MEASURES = re.compile(
    r"(?:met(?:er|re)s?|lit(?:er|re)s?|gramm?e?s?|watts?|bytes?|bits?|hertz|volts?|amperes?|joules?)$"
)
UNDER = re.compile(rf" (?:{_LESS}|up to|at most|max(?:imum)?){_TAIL} $")
FROM = re.compile(rf" (?:from|between){_TAIL} $")


def around(text: Text, span: range) -> tuple[str, str]:
    """Up to ten tokens before and six after a span that are free, each side with its spaces."""
    before = text.tokens[max(0, span[0] - 10) : span[0]]
    after = text.tokens[span[-1] + 1 : span[-1] + 7]
    return " " + "".join(f"{t.low} " for t in before), " " + "".join(f"{t.low} " for t in after)


def comparison(amount: Amount, left: str, right: str) -> tuple[str, int, int]:
    """How a sum limits the price, "" where nothing is said, and where the words that say it begin and end."""
    start, end, op = amount.span[0], amount.span[-1] + 1, ""
    for name, expression in LEFTS:
        match = expression.search(left)
        if match:
            op, start = name, start - length(match)
            break
    for name, expression in _RIGHTS:
        match = expression.match(right)
        if match:
            return (name if op in {"", "max"} and not (op and name == "about") else op), start, end + length(match)
    return op, start, end


def length(match: re.Match[str] | None) -> int:
    """Tokens of a match; 0 without one."""
    return len(match.group().split()) if match else 0


def may_follow(right: str) -> bool:
    """Whether a bare number before these words may be a price: nothing follows that can be counted or measured."""
    first, then = (*right.split(), "", "")[:2]
    lists = lexicon()
    if first == "in" and then:  # "under 50 in stock", not "under 50 in wide"
        return then in lists.link | lists.colour | lists.material | lists.gender | lists.size | lists.after_in
    return not first or (first in lists.after_price and first not in lists.units)


def goods_follow(left: str, right: str) -> bool:
    """Whether a limit comes before the goods: "under 30 blue mugs", and, at the very beginning, "under 30 mugs"."""
    first, lists = right.split(maxsplit=1)[0], lexicon()
    if first in lists.units | lists.measured or not first.isalpha():
        return False
    return first in lists.describing or UNDER.match(left) is not None
