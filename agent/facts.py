"""The facts that a receipt allows anybody to state, item by item: for grounding and for the explainer's prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import reduce
from itertools import combinations
from operator import or_

from agent.schema import ItemReceipt, Receipt
from agent.wording import limits_in_words, major, money, month, offer, stock
from retrieval.schema import Availability, EventRef
from retrieval.text import label, terms, words

_CODE = r"(?:USD|EUR|GBP|JPY|CNY|INR|AUD|CAD|CHF|SEK|NOK|DKK|PLN|CZK|BRL|MXN|SGD|HKD|NZD|KRW|dollars?|euros?|pounds?)"
_NUMBER = re.compile(r"\d+(?:[.,’']\d{3})*(?:[.,]\d+)?")
_MONEY = re.compile(
    rf"(?:[$€£¥₹]|\b{_CODE}|\b(?:costs?|pays?|priced?)(?: only| just| is| at| of)?)\s?{_NUMBER.pattern}"
    rf"|{_NUMBER.pattern}\s?(?:[€£¥₹]|{_CODE}\b)",
    re.IGNORECASE,
)
ORDER = "ranker"
_COUNTING = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Facts:
    """What may be said within one scope: words in their singular form, and numbers in canonical decimal form.

    `amounts` are the numbers that stand for money: a day of the month is no price.
    """

    words: frozenset[str]
    numbers: frozenset[str]
    events: tuple[EventRef, ...] = ()
    amounts: frozenset[str] = frozenset()

    def __or__(self, other: Facts) -> Facts:
        events = self.events + tuple(e for e in other.events if e not in self.events)
        amounts = self.amounts | other.amounts
        return Facts(self.words | other.words, self.numbers | other.numbers, events, amounts)


def numbers(text: str) -> list[str]:
    """Numbers in a text in canonical form: "$1,299.00" -> ["1299"], "3.50" -> ["3.5"]."""
    found = []
    for token in _NUMBER.findall(text):
        plain = re.sub(r"[,.’'](?=\d{3}(?:\D|$))", "", token).replace(",", ".")
        try:
            found.append(canonical(Decimal(plain)))
        except InvalidOperation:
            found.append(token)
    return found


def amounts(text: str) -> list[str]:
    """Numbers that a text says are money, in canonical form: "was EUR 29.90, costs $5" -> ["29.9", "5"]."""
    return [number for match in _MONEY.finditer(text) for number in numbers(match.group())]


def canonical(value: Decimal | float) -> str:
    """One spelling per number: 3.50 -> "3.5", 20.0 -> "20"."""
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_word(word: str) -> str | None:
    """Read a small number in letters: "three" -> "3"; None for other words."""
    return str(_COUNTING.index(word)) if word in _COUNTING else None


def union(those: Iterable[Facts]) -> Facts:
    """Everything that any of these allows; of none, nothing."""
    return reduce(or_, those, Facts(frozenset(), frozenset()))


def of_text(texts: Iterable[str]) -> Facts:
    """Facts that stand in plain text."""
    joined = " \n ".join(texts)
    spelt = (number_word(word) for word in words(joined))
    figures = frozenset(numbers(joined)) | {number for number in spelt if number is not None}
    return Facts(frozenset(terms(joined)), figures, amounts=frozenset(amounts(joined)))


def of_item(item: ItemReceipt) -> Facts:
    """Everything that may be said about one shown item."""
    goods = item.item
    texts = [
        goods.title,
        goods.description,
        goods.brand,
        goods.platform,
        goods.store,
        goods.promotion,
        offer(goods.promotion),
        item.reason,
    ]
    texts += [label(c) for c in (*goods.category_path, goods.category)]
    texts += [f"{name.replace('_', ' ')} {value}" for name, value in goods.attributes.items()]
    texts += [money(goods.price_minor, goods.currency), stock(goods.availability), str(item.rank)]
    if goods.availability is Availability.IN_STOCK:
        texts.append("available")
    if goods.as_of is not None:
        texts += [month(goods.as_of), str(goods.as_of.day)]
    texts += [f"{check.asked} {check.found}" for check in item.checks]
    texts += [need_text for need_text in (item.need.text, *item.need.wanted) if need_text]
    texts += [label(target) for target in item.need.targets]
    events = events_of(item)
    for evidence in (*item.evidence, *item.need.evidence):
        texts += evidence.terms
        if evidence.channel != ORDER:  # shares in a score say nothing of the world
            texts += [_rounded(value) for value in evidence.facts.values()]
        if evidence.edge is not None:
            edge = evidence.edge
            source, target = (edge.source, edge.target) if edge.kind == "category" else ("", "")
            texts += [label(source), label(target), str(edge.support), _rounded(edge.lift)]
            texts += [_rounded(edge.days)] if edge.days is not None else []
    texts += [
        f"{event.title} {label(event.category)} {event.kind.value} {month(event.at)} {event.at.day}" for event in events
    ]
    return replace(of_text(texts), events=events)


def events_of(item: ItemReceipt) -> tuple[EventRef, ...]:
    """What the receipt says that the shopper did, as far as it speaks for the item."""
    told = (event for evidence in (*item.evidence, *item.need.evidence) for event in evidence.events)
    return tuple(dict.fromkeys(told))


def of_receipt(receipt: Receipt) -> Facts:
    """What may be said of the turn as a whole: the request, its limits, notes and counts, comparisons computed here."""
    plan = receipt.plan
    texts = [plan.query, plan.question, plan.recipient or "", *plan.include, *plan.exclude, *receipt.notes]
    currency = receipt.items[0].item.currency if receipt.items else (plan.currency or "")
    texts += limits_in_words(receipt.constraints, currency)
    texts += [label(target) for need in receipt.needs for target in need.targets]
    texts += [str(len(receipt.items)), receipt.shop]
    for aisle in ("asked", "across", "repeat"):
        texts.append(str(sum(item.aisle == aisle for item in receipt.items)))
    return of_text(texts)


def of_comparison(items: Iterable[ItemReceipt]) -> Facts:
    """Price differences between shown items in one currency, and the words that go with them."""
    priced = [i.item for i in items if i.item.price_minor is not None]
    found = union(())
    for one, other in combinations(priced, 2):
        if one.currency == other.currency and one.price_minor is not None and other.price_minor is not None:
            gap = canonical(major(abs(one.price_minor - other.price_minor), one.currency))
            found |= Facts(frozenset(), frozenset({gap}), amounts=frozenset({gap}))
    return found


def _rounded(value: float) -> str:
    return f"{canonical(round(Decimal(str(value)), 1))} {value:.0f} {value:.1f}"
