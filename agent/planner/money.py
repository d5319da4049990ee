"""What a message says about price: limits, corrections of limits, and that there is none.

Decisions: "under 50" includes 50; "around 30" means 20% to either side; a sum without a word of comparison is the most
that may be spent; a bare number is a price only beside a word of comparison and where nothing follows that can be
counted ("under 2 kg", "under 18 years", "4k tv" are no prices, but "under 30 blue mugs" is one). Of two sums for the
same limit the later counts. "For free" is a limit of nothing; a sum below nothing is no limit. Limits that
contradict each other within one message both stay, so that the answer can say that nothing fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from agent.planner.amounts import Amount, amounts
from agent.planner.comparisons import FROM, LEFTS, MEASURES, UNDER, around, comparison, goods_follow, length, may_follow
from agent.planner.lexicon import lexicon, said
from agent.planner.tokens import Text

MOST_NUMBERS = 40  # of a message are looked at
ROUNDED = 5  # minor units that a fifth of a sum, rounded, may add up to
_JOINT = re.compile(r"^ (?:and|to|-|–|—|till|until|up to|or) $")
# What may be counted or graded other than money, and the greatest number that tells it rather than a price: "kids under
# 5" is an age, "toys for kids under 50" is a price.
_COUNTED = {
    r"kids?|children|child|toddlers?|bab(?:y|ies)|boys?|girls?": 18,
    r"people|persons?|anyone|adults|players": 120,
    r"sizes?": 60,
    r"rated|rating": 100,
    r"version|windows|ios|android": 20,
    r"spf": 100,
    r"usb|wifi": 10,
    r"model|item|option": 0,
    r"aged?|ages|born|since|weigh(?:s|ing)?": 10**9,
}
_COMPARED = r"(?: (?:is|of|for|aged|than|over|under|below|above|more|less|from|between|up|to|at|most|least|#|\.))*"
_COUNTS = [(re.compile(rf" (?:{words}){_COMPARED} $"), most) for words, most in _COUNTED.items()]
_WEIGHED = re.compile(rf" weigh(?:s|ing)?{_COMPARED} $")
_BODIES = "|".join(list(_COUNTED)[:2])
_BODY = re.compile(rf" (?:{'|'.join(sorted(lexicon().pets))}|{_BODIES}){_COMPARED} $")
_DIRECTLY = re.compile(r" (?:model|item|option)(?: (?:is|of|for|#|\.))* $")
_PARTY = re.compile(  # "for 4 people under 50": they are counted already, so the sum isn't their age
    r" (?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve)(?: \w+)? (?:people|persons?|adults|players) "
    r"(?:under|below|up to|less than|max(?:imum)?|at most|for) $"
)
_WIDE = 5  # apart, two bare numbers with a dash between are sums; "39-42" is a size, "3-5" an age
_DASHES = frozenset("-–—")
_APART = re.compile(
    r"(?:[,;(!?]| (?:price|budget|limit|spend|cost) :| (?:not|no|but|now|actually|rather|make (?:it|that))) $|^ $"
)
_ENDS = re.compile(r"^ (?:$|[,;.!?)]|please|now|instead|then|or so|not|but)")
_MINUS = re.compile(r"(?: [$£€])? (?:-|−|minus) $")
_FREE = r"(?:for free|free of charge|gratis)(?= (?:[.,!?;]|please|thanks|and|or|if|$))"
_OFFERED = re.compile(r" (?:get|gets|got|getting|one|another|second|included|deliver(?:ed|y)?|ship(?:ped|ping)?) $")
_CORRECTION = re.compile(
    r"^(?: (?:[.,;:!?…-]|no|nope|wait|actually|sorry|make|that|it|i|mean|meant|rather|scratch|better|or|hmm+|"
    r"let|us|say|oops|well|"
    r"err?|uh|um|maybe|instead|correction|can|could|do|go|to|even|up|ok|okay|on|second|thought|thoughts|hold|should|be|is|"
    r"not|than|under|over|max))+ $"
)
_MARKER = re.compile(
    r" (?:no|nope|wait|actually|sorry|make|mean|meant|rather|scratch|oops|instead|correction|thought|hmm) "
)
_BARE = re.compile(
    r"^ (?:(?:no|nope|ok|okay|actually|well|hmm|and|but|so|then|rather|sorry|wait|please|say|let|us|make|it|"
    r"that|now|can|could|we|i|"
    r"mean|meant|said|go|up|down|to|raise|increase|lower|reduce|change|set|bump|the|my|budget|limit|maximum|max|price|is|what|how|about|if|do|"
    r"for|a|bit|little|more|less|like|let|maybe|perhaps|would|be|fine|instead|try|with|[,.!?:;-]) )*$"
)
_BARE_AFTER = re.compile(
    r"^(?: (?:then|please|instead|max|is|fine|ok|okay|would|be|better|thanks|now|for|each|or|so|actually|[,.!?]))* $"
)
_MAKE = re.compile(
    r" (?:make|raise|increase|lower|reduce|change|set|bump|push|drop|up) (?:that|it|this|the \w+|my \w+)(?: "
    r"(?:up|down|to|be))* $"
)


@dataclass(frozen=True)
class Price:
    """Limits a message sets; `clear` takes back earlier ones first."""

    low: int | None = None
    high: int | None = None
    currency: str | None = None
    clear: bool = False

    @property
    def said(self) -> bool:
        """Whether the message speaks of price limits at all."""
        return self.clear or self.low is not None or self.high is not None

    def over(self, low: int | None, high: int | None, currency: str | None) -> tuple[int | None, int | None]:
        """What these limits leave of earlier ones: none in another currency, none that only "around 30" implied.

        "around" is told by its shares, a fifth less and a fifth more of the same sum.
        """
        guessed = low is not None and high is not None and abs(3 * low - 2 * high) <= ROUNDED
        other = None not in (self.currency, currency) and self.currency != currency
        return (None, None) if self.clear or (self.said and (guessed or other)) else (low, high)


@dataclass
class _Reader:
    """Reads the sums of one message in order; what was read so far bears on the next."""

    text: Text
    default: str | None
    expected: str
    most_shown: int
    sells: Callable[[str], bool] | None = None
    low: int | None = None
    high: int | None = None
    currency: str | None = None
    last: str = ""
    end: int = -1

    def read_free(self) -> None:
        """Read "for free" as a limit of nothing, except where something comes free with another thing."""
        for match in self.text.find(_FREE):
            span = self.text.span(match)
            offered = _OFFERED.search(around(self.text, span)[0]) is not None
            if offered:
                self.text.take(span, "price")
            else:
                self._set("max", (None, 0), None, span)

    def read(self, pair: list[Amount]) -> int:
        """Read one sum, or two that are a range; returns how many numbers were used."""
        text, first = self.text, pair[0]
        left, right = around(text, first.span)
        if len(pair) == 2 and _JOINT.match(_between(text, first.span, pair[1].span)) and _is_range(text, pair, left):
            self._range(pair, left)
            return 2
        if _is_negative(text, first.span, left):
            text.take(range(first.span[0] - length(_MINUS.search(left)), first.span[-1] + 1), "price")
            return 1
        op, start, end = comparison(first, left, right)
        unit = self._unknown_unit(first, left, right)
        if unit:
            first, end, right = replace(first, currency=unit), end + 1, ""
        right = around(text, range(end - 1, end))[1]
        corrected = self.end >= 0 and _corrects(text, self.end, first.span[0])
        if not _is_price(first, op, left, right):
            op = self._implied(first, op, left, right, corrected)
            if not op:
                return 1
        if corrected and self.last not in {"", op}:
            self.low = self.high = None
        value = first.minor(self.default)
        fifth = int((Decimal(value) / 5).to_integral_value())
        bounds = {"min": (value, None), "about": (value - fifth, value + fifth)}.get(op, (None, value))
        self._set(op or "max", bounds, first.currency, range(self.end if corrected else start, end))
        return 1

    def _range(self, pair: list[Amount], left: str) -> None:
        low, high = pair
        currency = low.currency or high.currency
        sums = sorted(
            Amount(a.value * _factor(a, high), currency, a.span).minor(currency or self.default) for a in (low, high)
        )
        start = min(low.span[0] - length(FROM.search(left)), comparison(low, left, "")[1])
        self._set("range", (sums[0], sums[1]), currency, range(start, high.span[-1] + 1))

    def _implied(self, amount: Amount, op: str, left: str, right: str, corrected: bool) -> str:
        """The comparison that a bare number takes over from what it corrects or answers; "" if it is no price."""
        if corrected and self.last and may_follow(right):
            return self.last
        if not op and self.expected and _stands_alone(amount, left, right, self.expected, self.most_shown):
            return self.expected.replace("ask", "max")
        return ""

    def _unknown_unit(self, amount: Amount, left: str, right: str) -> str:
        """A word where a currency would stand that neither we nor the shop know, as in "under 50 zorkmids"; else "".

        It is kept as the currency, so that the shopper is asked rather than the limit lost. A word that goods have in
        their text ("under 500 parts"), that measures, or that isn't plural ("under 80 goretex") is none; without
        `sells` nothing can be told.
        """
        first, then = (*right.split(), "", "")[:2]
        bare = amount.currency is None and not _counted(amount, left) and comparison(amount, left, "")[0]
        ends = not then or then in lexicon().after_price
        if self.sells is None or not (bare and ends and first.isalpha() and first.endswith("s") and len(first) > 3):
            return ""
        known = first in lexicon().known or MEASURES.search(first) or self.sells(first)
        return "" if known or _begins(left) else first

    def _set(self, op: str, bounds: tuple[int | None, int | None], currency: str | None, span: range) -> None:
        both = op in {"about", "range"} or self.last in {"about", "range"}
        self.low = bounds[0] if bounds[0] is not None or both else self.low
        self.high = bounds[1] if bounds[1] is not None or both else self.high
        self.currency, self.last, self.end = currency or self.default, op, span[-1] + 1
        self.text.take(span, "price")


def read_price(
    text: Text,
    default: str | None,
    *,
    expected: str = "",
    most_shown: int = 0,
    sells: Callable[[str], bool] | None = None,
) -> Price:
    """Read the limits of a message and take the tokens that state them.

    Args:
        text: the message.
        default: the shop's currency.
        expected: "max" or "min" where a bare number answers or corrects an earlier limit; "ask" after a question
            about the budget; else "".
        most_shown: items shown; a bare number up to it is the item's place unless the budget was asked for.
        sells: whether the shop's goods have a word in their text.
    """
    cleared = False
    for match in text.find(said("money.cleared")):
        text.take(text.span(match), "price")
        cleared = True
    reader = _Reader(text, default, expected, most_shown, sells)
    reader.read_free()
    numbers = amounts(text, default)[:MOST_NUMBERS]
    at = 0
    while at < len(numbers):
        at += reader.read(numbers[at : at + 2])
    return Price(reader.low, reader.high, reader.currency, cleared)


def _between(text: Text, one: range, other: range) -> str:
    return " " + "".join(f"{t.low} " for t in text.tokens[one[-1] + 1 : other[0]])


def _factor(amount: Amount, high: Amount) -> int:
    """Thousands said once: "2 to 3k"."""
    return 1000 if high.value >= 1000 and amount.value < 100 and not high.value % 1000 and amount is not high else 1


def _is_range(text: Text, pair: list[Amount], left: str) -> bool:
    high = pair[1]
    _, right = around(text, high.span)
    joint = _between(text, pair[0].span, high.span).strip()
    if joint in {"and", "or"} and not FROM.search(left):
        return False
    if pair[0].currency or high.currency:
        return not _weighs(high, right) and not (joint == "or" and not FROM.search(left))
    alone = (
        joint in _DASHES
        and _APART.search(left)
        and _ENDS.match(right)
        and high.value - pair[0].value >= _WIDE
        and high.value < 1900
    )
    cue = alone or FROM.search(left) or any(op.search(left) for _, op in LEFTS)
    return bool(cue) and not _counted(high, left) and may_follow(right)


def _weighs(amount: Amount, right: str) -> bool:
    return amount.currency is not None and bool(
        re.match(r" (?:of weight|weight|heavy|gift card|gift voucher|voucher|coin|bill)s? ", right)
    )


def _is_price(amount: Amount, op: str, left: str, right: str) -> bool:
    if _counted(amount, left):
        return False
    if amount.currency is not None:
        return not _weighs(amount, right)
    return bool(op) and (may_follow(right) or (UNDER.search(left) is not None and goods_follow(left, right)))


def _counted(amount: Amount, left: str) -> bool:
    """Whether a number after these words tells an age, a size or the like rather than a price."""
    if amount.currency is not None:
        return _WEIGHED.search(left) is not None or (amount.weight and _BODY.search(left) is not None)
    if _PARTY.search(left):
        return False
    most = next((most for words, most in _COUNTS if words.search(left)), -1)
    return _DIRECTLY.search(left) is not None or amount.value <= most


def _is_negative(text: Text, span: range, left: str) -> bool:
    """Whether a sum after a comparison is below nothing, as in "under -5": no limit that a shopper can mean."""
    match = _MINUS.search(left)
    attached = match is not None and text.tokens[span[0] - 1].end == text.tokens[span[0]].start
    if match is None or not (attached or "minus" in match.group()):
        return False
    compared = left[: match.start()] + " "
    return any(words.search(compared) for _, words in LEFTS)


def _begins(left: str) -> bool:
    """Whether a comparison begins the message, so that goods may follow the sum: "under 30 mugs"."""
    return UNDER.match(left) is not None


def _corrects(text: Text, since: int, start: int) -> bool:
    between = " " + "".join(f"{t.low} " for t in text.tokens[since:start])
    return 0 < start - since <= 12 and bool(_CORRECTION.match(between) and _MARKER.search(between))


def _stands_alone(amount: Amount, left: str, right: str, expected: str, most_shown: int) -> bool:
    if not _BARE_AFTER.match(right) or (amount.worded and amount.value < 5):
        return False
    if _MAKE.search(left):
        return True
    if not _BARE.match(left):
        return False
    return expected == "ask" or amount.value > most_shown
