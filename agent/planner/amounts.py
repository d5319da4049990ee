"""Sums of money as shoppers write them: "£15.50", "1.000 €", "50 bucks", "twenty dollars", "USD 1,000", "5k"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from agent.planner.tokens import Text

MOST = 10**15  # minor units; larger sums are read as this
EXPONENTS = dict.fromkeys(["BIF", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"], 0)
EXPONENTS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
CODES = [
    "usd",
    "eur",
    "gbp",
    "jpy",
    "cny",
    "inr",
    "aud",
    "cad",
    "chf",
    "sek",
    "nok",
    "dkk",
    "pln",
    "czk",
    "huf",
    "ron",
    "bgn",
    "try",
    "brl",
    "mxn",
    "ars",
    "clp",
    "cop",
    "zar",
    "krw",
    "twd",
    "hkd",
    "sgd",
    "myr",
    "thb",
    "idr",
    "php",
    "vnd",
    "aed",
    "sar",
    "ils",
    "egp",
    "nzd",
    "rub",
    "uah",
    "kwd",
    "bhd",
    "omr",
    "qar",
    "ngn",
    "kes",
    "pkr",
    "btc",
]
_SIGNS = {
    "$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS",
    "₿": "BTC", "₴": "UAH", "₦": "NGN", "₱": "PHP", "₫": "VND", "฿": "THB",
}  # fmt: skip
CROWNS = "kr"  # stands for one of these where the shop's own currency is none of them
_CROWNS = {"SEK", "NOK", "DKK", "ISK"}
_NAMES = {
    "dollar": "USD", "dollars": "USD", "buck": "USD", "bucks": "USD", "euro": "EUR", "euros": "EUR", "quid": "GBP",
    "pound": "GBP", "pounds": "GBP", "sterling": "GBP", "yen": "JPY", "yuan": "CNY", "rmb": "CNY", "renminbi": "CNY",
    "rupee": "INR", "rupees": "INR", "rs": "INR", "won": "KRW", "francs": "CHF", "kronor": "SEK", "zloty": "PLN",
    "zł": "PLN", "元": "CNY", "块": "CNY", "円": "JPY", "zlotys": "PLN", "franc": "CHF", "krona": "SEK",
    "kr": CROWNS, "kroner": CROWNS, "krone": CROWNS, "peso": "MXN", "pesos": "MXN", "dirham": "AED", "dirhams": "AED",
    "ruble": "RUB", "rubles": "RUB", "rouble": "RUB", "roubles": "RUB", "riyal": "SAR", "riyals": "SAR",
    "shekel": "ILS", "shekels": "ILS", "lira": "TRY", "liras": "TRY", "baht": "THB", "rand": "ZAR", "rands": "ZAR",
    "forint": "HUF", "forints": "HUF", "koruna": "CZK", "hryvnia": "UAH", "naira": "NGN", "ringgit": "MYR",
    "rupiah": "IDR", "reais": "BRL", "bitcoin": "BTC", "bitcoins": "BTC", "xbt": "BTC",
}  # fmt: skip
_CENTS = {"cents", "cent", "pence"}
_DOLLARS = {"USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"}
_ONES = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * n
    for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_TIMES = {"hundred": 100, "thousand": 1000, "grand": 1000, "k": 1000, "million": 10**6}
_COUNTS = _ONES | _TENS | {f"{t}-{o}": n + _ONES[o] for t, n in _TENS.items() for o in list(_ONES)[1:10]}

_BEFORE = rf"(?:us |a |c |nz |s |hk )?[{''.join(_SIGNS)}]|rs|kr|{'|'.join(CODES)}"
_AFTER = rf"[{''.join(_SIGNS)}]|{'|'.join([*_NAMES, *_CENTS, *CODES])}"
_AMOUNT = (
    rf"(?:(?P<before>{_BEFORE}) )?(?P<number>\d[\d.,'’]*)(?: (?P<power>e-?\d{{1,2}}))?"
    r"(?: (?P<times>k|grand|thousand|hundred|million))?"
    rf"(?: (?P<after>{_AFTER}))?"
)
# "twenty-five", "a hundred and fifty", "two thousand three hundred", but two sums in "between twenty and forty"
_MANY = "thousand|grand|million"
_DIGITS = "|".join(list(_ONES)[1:10])
_HYPHENED = "|".join(word for word in _COUNTS if "-" in word)
_SMALL = "|".join(sorted(_ONES, key=len, reverse=True))
_ONE = rf"(?:{_HYPHENED}|(?:{'|'.join(_TENS)})(?: (?:{_DIGITS})(?= ))?|{_SMALL})(?= )"
_LAST = rf"(?: (?>{_ONE})| and (?>{_ONE})(?! (?:hundred|{_MANY}) ))"
_HUNDREDS = rf"(?>(?:{_ONE}|a) hundred(?= ){_LAST}?|{_ONE})"
_THOUSANDS = rf"(?:{_HUNDREDS}|a) (?:{_MANY})(?= )"
_IN_WORDS = rf"(?P<number>{_THOUSANDS}(?: {_THOUSANDS})*(?: {_HUNDREDS}|{_LAST})?|{_HUNDREDS})(?: (?P<after>{_AFTER}))?"


@dataclass(frozen=True)
class Amount:
    """A number in the text that may be money: `currency` is None where it isn't said, `minor` where it is meant.

    `weight` marks "pounds" in a shop that doesn't trade in them.
    """

    value: Decimal
    currency: str | None
    span: range
    worded: bool = False
    weight: bool = False

    def minor(self, currency: str | None) -> int:
        """Minor units of the currency said, else of `currency`, exactly."""
        exponent = EXPONENTS.get(self.currency or currency or "", 2)
        return min(int(self.value.scaleb(exponent).to_integral_value(ROUND_HALF_UP)), MOST)


def amounts(text: Text, default: str | None) -> list[Amount]:
    """Every number of a text in order, with the currency said beside it ("$" is the shop's own dollar)."""
    found = []
    for match in text.find(_AMOUNT):
        digits = decimal(match["number"])
        if digits is None:
            continue
        power, after, span = match["power"], match["after"], text.span(match)
        at = text.span(match, "number")[-1]
        if power and text.tokens[at].end < text.tokens[at + 1].start:  # a socket, as in "5 e27 bulbs"
            power, after, span = None, None, range(span.start, at + 1)
        elif power:
            digits = digits.scaleb(int(power[1:]))
        times = _TIMES.get(match["times"] or "", 1) if span == text.span(match) else 1
        value, currency = _scaled(digits * times, match["before"], after, default)
        found.append(Amount(value, currency, span, weight=_is_weight(after, default)))
    for match in text.find(_IN_WORDS):
        number = Decimal(_worded(match["number"]))
        value, currency = _scaled(number, None, match["after"], default)
        weight = _is_weight(match["after"], default)
        found.append(Amount(value, currency, text.span(match), worded=True, weight=weight))
    return sorted(found, key=lambda amount: amount.span[0])


def _is_weight(after: str | None, default: str | None) -> bool:
    return after in {"pound", "pounds"} and default != "GBP"


def _scaled(value: Decimal, before: str | None, after: str | None, default: str | None) -> tuple[Decimal, str | None]:
    said = (before or after or "").split()[-1:] or [""]
    word = said[0]
    if word in _CENTS:
        home = "GBP" if word == "pence" else default if default in {*_DOLLARS, "EUR"} else "USD"
        return value / 100, home
    currency = _SIGNS.get(word) or _NAMES.get(word) or (word.upper() if word in CODES else None)
    if currency == "USD" and word in {"$", "dollar", "dollars", "buck", "bucks"} and default in _DOLLARS:
        currency = default
        country = (before or "").split()[0] if before else ""
        currency = {"us": "USD", "c": "CAD", "a": "AUD"}.get(country, currency) if country != "$" else currency
    if (word == "¥" and default == "CNY") or (currency == CROWNS and default in _CROWNS):
        currency = default
    return value, currency


def decimal(digits: str) -> Decimal | None:
    """Read digits with English or continental marks: the last of two kinds of mark is the decimal one.

    A single mark before exactly three digits parts thousands ("1,000", "1.000"); otherwise it is the decimal mark.
    """
    digits = re.sub(r"['’]", "", digits.rstrip(".,'’"))
    marks = [c for c in digits if c in ".,"]
    if len(set(marks)) == 2:
        last = marks[-1]
        digits = digits.replace("," if last == "." else ".", "").replace(last, ".")
    elif len(marks) > 1 or (marks and len(digits) - digits.index(marks[0]) == 4 and digits[0] != "0"):
        digits = re.sub("[.,]", "", digits)
    else:
        digits = digits.replace(",", ".")
    if digits.count(".") > 1 or len(digits) > 40 or not digits.replace(".", "").isdigit():
        return None
    return Decimal(digits)


def _worded(number: str) -> int:
    total, group = 0, 0
    for word in number.split():
        if word in _COUNTS:
            group += _COUNTS[word]
        elif word in _TIMES:
            group = max(group, 1) * _TIMES[word]
            if _TIMES[word] >= 1000:
                total, group = total + group, 0
    return total + group
