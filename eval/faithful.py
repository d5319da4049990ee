"""A judge of explanations that shares no code with the check that serving makes.

It looks every word and figure of a sentence up in the receipt's own JSON, in the part that is of the items which the
sentence names: a word must stand there, a figure must round to one that does, an amount of money must be the price of
one of these items or a limit that was asked for, a stock state must be theirs. What is no fact (function words, and
the words of the product's own sentences) is passed over. It is stricter than people are: an opinion counts as absent.
"""

from __future__ import annotations

import re
import tomllib
from calendar import month_name
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from agent.reason import QUOTED
from agent.schema import ItemReceipt, Receipt
from agent.wording import major, stock
from retrieval.schema import Availability
from retrieval.text import short_name

_WORD = re.compile(r"[^\W\d_]+")
_FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_SIGN = r"[$€£¥₹]"
_MONEY = re.compile(rf"{_SIGN}\s?({_FIGURE.pattern})|({_FIGURE.pattern})\s?(?:USD|EUR|GBP|JPY|CNY|INR|AUD|CAD)\b")
_PLAIN = (
    "a an the and or but so of to in on at by for from with as is are was be been it its this that these those there "
    "here you your they their them one s get gets worth look come comes has have cost costs price priced sold also too"
)
_SILENT = {"score", "channels", "what_if"}  # parts of a receipt's item that say nothing of the world
_IDS = {"id", "image", "url"}
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-\d\d")


class Judge:
    """Judges the sentences of one turn in their order; a sentence that names nothing speaks of what was named last."""

    def __init__(self, receipt: Receipt) -> None:
        self._items = list(receipt.items)
        self._plan = receipt.plan
        self._limits = (receipt.plan.price_min, receipt.plan.price_max)
        self._asked = receipt.model_dump(mode="json", include={"plan", "notes", "constraints", "shop"})
        self._notes = {note.strip() for note in receipt.notes}
        self._last: list[ItemReceipt] = []

    def absent(self, sentence: str) -> list[str]:
        """The facts of a sentence that the receipt doesn't have; [] for a faithful one."""
        if sentence.strip() in self._notes:
            return []
        named = [item for item in self._items if item.name and item.name in sentence]
        if not sentence.lstrip("0123456789. ").startswith("You "):  # there, what looks like an item is something done
            self._last = named or self._last
        about = [*self._last, *named] or self._items
        rest = sentence
        for item in sorted(named, key=lambda item: -len(item.name)):
            rest = rest.replace(item.name, " ")
        told = [self._asked, *(item.model_dump(mode="json", exclude=_SILENT) for item in about)]
        words, figures = _parts(told)
        return [*self._money(rest, about), *_foreign(rest, words, figures, len(self._items)), *_states(rest, about)]

    def _money(self, text: str, about: list[ItemReceipt]) -> list[str]:
        costs = [
            major(one.item.price_minor, one.item.currency or "") for one in about if one.item.price_minor is not None
        ]
        prices = {*costs, *(abs(a - b) for a in costs for b in costs)}
        limits = {major(minor, self._plan.currency or "") for minor in self._limits if minor is not None}
        known = prices | limits
        known |= {Decimal(figure.replace(",", "")) for item in about for figure in _FIGURE.findall(item.item.promotion)}
        said = [next(filter(None, match.groups())) for match in _MONEY.finditer(text)]
        return [figure for figure in said if Decimal(figure.replace(",", "")) not in known]


def _parts(told: Any) -> tuple[set[str], set[Decimal]]:
    """Every word and every figure of a JSON value; dates give their months, days and years."""
    words: set[str] = set()
    figures: set[Decimal] = set()
    those = told if isinstance(told, list) else []
    if isinstance(told, dict):
        those = [value for key, value in told.items() if key not in _IDS and (key != "item" or isinstance(value, dict))]
        those += told.get("attributes", ())
    for one in those:
        more, counted = _parts(one)
        words, figures = words | more, figures | counted
    if isinstance(told, str):
        words |= {word.casefold() for word in _WORD.findall(told)}
        figures |= {Decimal(figure.replace(",", "")) for figure in _FIGURE.findall(told)}
        months = [month_name[int(date.group(1))].casefold() for date in _DATE.finditer(told)]
        words |= {*months, *(month[:3] for month in months)}
    elif isinstance(told, int | float) and not isinstance(told, bool):
        figures.add(Decimal(str(told)))
    return words, figures


def _foreign(text: str, words: set[str], figures: set[Decimal], shown: int) -> list[str]:
    wide = {Decimal(count) for count in range(shown + 1)}
    without_money = _MONEY.sub(" ", text)
    found = []
    for figure in _FIGURE.findall(without_money):
        value = Decimal(figure.replace(",", ""))
        places = -int(value.as_tuple().exponent)
        if value not in wide and not any(round(known, places) == value for known in figures):
            found.append(figure)
    for word in (word.casefold() for word in _WORD.findall(without_money)):
        forms = {word, word.removesuffix("s"), word.removesuffix("es"), word + "s"}
        if not forms & words and word not in _own_words():
            found.append(word)
    return found


def _states(text: str, about: list[ItemReceipt]) -> list[str]:
    for item in about:
        for event in (event for evidence in (*item.evidence, *item.need.evidence) for event in evidence.events):
            text = text.replace(event.title, " ").replace(short_name(event.title, QUOTED), " ")
    states = {item.item.availability for item in about}
    said = {stock(state): state for state in Availability if stock(state) and stock(state) in text.casefold()}
    return [words for words, state in said.items() if state not in states]


@cache
def _own_words() -> frozenset[str]:
    """Function words, and those of the sentences that the product itself speaks in."""
    keys = tomllib.loads(resources.files("agent").joinpath("messages.toml").read_text(encoding="utf-8"))["zh"]
    plain = re.sub(r"\{[^}]*\}", " ", " ".join([_PLAIN, *keys]))
    return frozenset(word.casefold() for word in _WORD.findall(plain))
