"""Grounding: every sentence is checked against the receipt before anybody reads it.

The check is lexical and strict on purpose. A sentence passes when each number and each content word in it is a fact
of the items it speaks of (or of the turn as a whole), when what it says the shopper did is an event in the receipt,
when a walk between categories runs the way the evidence says, and when what it denies is denied by the receipt. It
can reject a true sentence in unusual words; it doesn't let a foreign fact through. Word lists: `neutral_words.txt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from agent.facts import (
    Facts,
    amounts,
    canonical,
    events_of,
    number_word,
    numbers,
    of_comparison,
    of_item,
    of_receipt,
    union,
)
from agent.reason import QUOTED
from agent.schema import Receipt
from agent.wording import either, major, stock
from retrieval.schema import Availability, EventKind, EventRef
from retrieval.text import label, short_name, terms, words

_YOU = (
    r"\byou(?:['’]ve| have| had| recently| already| also| once| just)* "
    r"(bought|purchased|ordered|got|own|have|viewed|looked at|liked|saved|reviewed|put in your cart|added|put)\b"
)
_CLAIM = re.compile(_YOU + r"([^,;:.!?]*)", re.IGNORECASE)
_CARD = "showncard"  # stands for a shown item's name while a claim is checked
_EVENT = "pastevent"  # stands for an event's title while a sentence is checked, its number behind it in letters
_KINDS = {
    "viewed": {EventKind.VIEW},
    "looked at": {EventKind.VIEW},
    "liked": {EventKind.FAVOURITE},
    "saved": {EventKind.FAVOURITE},
    "reviewed": {EventKind.REVIEW},
    "put in your cart": {EventKind.CART},
    "put": {EventKind.CART},
    "added": {EventKind.CART},
}
_DENIALS = frozenset(
    {"not", "no", "without", "never", "none", "neither", "nor", "cannot", "isn't", "aren't", "doesn't"}
)
_DENIALS |= {"don't", "didn't", "won't", "can't", "wasn't", "hasn't", "lacks"}
_OFFER = re.compile(
    r"\d+ ?%(?: off)?|half[- ]price|\breduced\b|\bon sale\b|\bdiscount\w*"
    r"|\b(?:\d|two|three|four|buy one)[- ]for[- ](?:\d|one|two|three)|\bfor free\b"
    r"|\bfree (?:delivery|shipping|gift)\b|\boff (?:this|today|now|the price)\b",
    re.IGNORECASE,
)
_COSTS = re.compile(  # and what it costs, at once: not "costs €5 less than"
    r"\b(?:costs?|costing|priced at|(?:sells?|goes|going) (?:for|at))(?: (?:just|only|now))* "
    r"(?P<sum>(?:[A-Z]{3} )?+\S*?\d\S*+(?: (?:EUR|USD|GBP|euros?|dollars?|pounds?)\b)?+)"
    r"(?! (?:less|more|cheaper|dearer)\b)",
    re.IGNORECASE,
)
_HEAP = re.compile(r"\b(\w+)(?:[\W_]+\1\b){2,}|,\s*,|[^\W\d_][\",]+[^\W\d_]", re.IGNORECASE)  # no sentence at all
_ASIDE = frozenset({"in", "your", "cart", "on", "at", "from", "the", "a", "an", "some", "and", "of", "last"})
_CHEAPER = frozenset({"cheaper", "dearer", "cheapest", "dearest", "costlier", "costliest"})
_COMPARING = _CHEAPER | {"less", "more", "than", "difference", "differ", "differs", "between", "apart"}


@dataclass(frozen=True)
class Verdict:
    """How a sentence came out: `reason` is "" when it is grounded; `items` are the ranks that it names."""

    grounded: bool
    reason: str
    items: tuple[int, ...]


class Grounder:
    """Checks the sentences of one turn, in order: a sentence without a name speaks of the items named last."""

    def __init__(self, receipt: Receipt, message: str = "") -> None:
        self._receipt = receipt
        self._items = {item.rank: item for item in receipt.items}
        self._known: dict[int, Facts] = {}
        self._shared = of_receipt(receipt)
        self._asked = frozenset(terms(message)) & frozenset(
            terms(" ".join((receipt.plan.query, receipt.plan.question)))
        )
        titles = {short_name(event.title, QUOTED) for item in receipt.items for event in events_of(item)}
        self._titles = sorted(titles, key=lambda title: (-len(title), title))
        self._last: tuple[int, ...] = ()

    def check(self, sentence: str) -> Verdict:
        """Check one sentence; remembers which items it names."""
        rest = self._mark_events(sentence)
        places = {rank: rest.find(item.name) for rank, item in self._items.items() if item.name}
        named = tuple(sorted((rank for rank, place in places.items() if place >= 0), key=lambda rank: places[rank]))
        scope = named or self._last
        facts = self._shared
        for rank in scope:
            facts = facts | self._facts(rank)
        claimed = rest
        for rank in sorted(named, key=lambda r: -len(self._items[r].name)):
            claimed = claimed.replace(self._items[rank].name, f" {_mark(rank, _CARD)} ")
            rest = rest.replace(self._items[rank].name, " ")
        facts = facts | self._gaps(rest, named)
        why = (
            ("" if named or len(words(sentence)) > 1 else "nothing is said")
            or ("words in a heap" if _HEAP.search(claimed) else "")
            or ("characters that can't be read" if "\ufffd" in sentence else "")
            or self._foreign_numbers(rest, facts)
            or self._other_price(rest, scope)
            or self._foreign_words(rest, facts)
            or self._false_claim(claimed, facts)
            or self._wrong_stock(rest, scope)
            or self._offer(rest, scope)
            or self._denial(rest, scope)
            or self._backwards(rest, scope)
            or self._comparison(rest, named or tuple(self._items))
        )
        if not why and named:
            self._last = named
        return Verdict(not why, why, named)

    def _facts(self, rank: int) -> Facts:
        """What may be said of an item, gathered when it is first spoken of."""
        if rank not in self._known:
            self._known[rank] = of_item(self._items[rank])
        return self._known[rank]

    def _gaps(self, text: str, named: tuple[int, ...]) -> Facts:
        """Differences in price, where a sentence compares: of the items it names, or of the one with any other."""
        one = [self._items[rank] for rank in named]
        pairs = [one] if len(one) != 1 else [[*one, other] for other in self._receipt.items]
        return union(of_comparison(pair) for pair in pairs) if _COMPARING & set(words(text)) else union(())

    def _mark_events(self, sentence: str) -> str:
        """Put a mark where a claim quotes an event's title whole: titles may hold commas, numbers and denials."""
        for number, title in enumerate(self._titles):
            if title in sentence:
                quoted = re.compile(f"({_YOU}) {re.escape(title)}", re.IGNORECASE)
                sentence = quoted.sub(rf"\1 {_mark(number)}", sentence)
        return sentence

    def _false_claim(self, text: str, facts: Facts) -> str:
        for match in _CLAIM.finditer(text):
            verb, rest = match.group(1).lower(), match.group(2)
            said = [t for t in terms(rest) if t not in _ASIDE and t not in neutral_words()]
            kinds = _KINDS.get(verb, {EventKind.PURCHASE})
            told = [event for event in facts.events if event.kind in kinds]
            if said and not any(set(said) <= self._event_terms(event) for event in told):
                return f"“you {verb}{rest[:40]}” is no event in the receipt"
        return ""

    def _event_terms(self, event: EventRef) -> set[str]:
        marks = {_mark(self._titles.index(short_name(event.title, QUOTED)))}
        marks |= {_mark(rank, _CARD) for rank, item in self._items.items() if item.item.id == event.item}
        return {*terms(event.title), *terms(label(event.category)), *terms(f"{event.at:%d %B %Y %-d}"), *marks}

    def _foreign_numbers(self, text: str, facts: Facts) -> str:
        stated = [*numbers(text), *(n for n in map(number_word, words(text)) if n is not None and n not in {"0", "1"})]
        foreign = next((f"number {n} is not in the receipt" for n in stated if n not in facts.numbers), "")
        return foreign or next((f"{n} is no price in the receipt" for n in amounts(text) if n not in facts.amounts), "")

    def _other_price(self, text: str, scope: tuple[int, ...]) -> str:
        """What goods cost is a price that one of those spoken of has now: not what it cost before, nor another's."""
        goods = [self._items[rank].item for rank in scope]
        known = {canonical(major(one.price_minor, one.currency)) for one in goods if one.price_minor is not None}
        told = (amounts(match["sum"])[:1] for match in _COSTS.finditer(text))
        wrong = next((amount for found in told for amount in found if amount not in known), "")
        return f"{wrong} is not what it costs" if goods and wrong else ""

    def _foreign_words(self, text: str, facts: Facts) -> str:
        allowed = facts.words | neutral_words() | _CHEAPER
        for term in terms(text):
            known = term in allowed or term.isdigit() or term.startswith(_EVENT)  # these have checks of their own
            unit = term.lstrip("0123456789.,")
            known = known or (
                unit != term and (len(unit) < 3 or unit in allowed) and set(numbers(term)) <= facts.numbers
            )
            if not known and number_word(term) is None:
                return f"“{term}” is not in the receipt"
        return ""

    def _wrong_stock(self, text: str, scope: tuple[int, ...]) -> str:
        said = {state for state in Availability if stock(state) and stock(state) in text.lower()}
        if re.search(r"(?<!un)\bavailable\b", text, re.IGNORECASE):
            said.add(Availability.IN_STOCK)
        limits = self._receipt.constraints.availability
        true = {self._items[rank].item.availability for rank in scope} | (set() if scope else set(limits))
        return f"stock {either(sorted(said - true))} is not in the receipt" if said - true else ""

    def _offer(self, text: str, scope: tuple[int, ...]) -> str:
        """A reduction must be told in these very words: single ones of them stand in titles ("half sleeve")."""
        goods = [self._items[rank].item for rank in scope or self._items]
        told = [text for one in goods for text in (one.title, one.description, one.promotion)]
        known = _spaced(" . ".join((*told, *self._receipt.notes)))
        found = (_spaced(match.group()) for match in _OFFER.finditer(text))
        return next((f"“{said}” is no offer in the receipt" for said in found if said not in known), "")

    def _denial(self, text: str, scope: tuple[int, ...]) -> str:
        spoken = words(text)
        denied = [i for i, word in enumerate(spoken) if word in _DENIALS]
        if not denied:
            return ""
        own = {term for phrase in self._receipt.plan.exclude for term in terms(phrase)}
        told = {term for note in self._receipt.notes for term in terms(note)}
        for index in denied:
            after = [t for t in terms(" ".join(spoken[index + 1 : index + 5])) if t not in neutral_words()]
            facts = [self._facts(rank).words for rank in scope]
            if any(term not in own | told and any(term in known for known in facts) for term in after):
                return f"“{' '.join(spoken[index : index + 3])}” denies what the receipt says"
        return ""

    def _backwards(self, text: str, scope: tuple[int, ...]) -> str:
        for rank in scope:
            item = self._items[rank]
            for evidence in (*item.evidence, *item.need.evidence):
                edge = evidence.edge
                if edge is None or edge.kind != "category":
                    continue
                here, there = text.find(label(edge.source)), text.find(label(edge.target))
                if 0 <= there < here and "go on" in text:
                    return "a walk between categories is told backwards"
        return ""

    def _comparison(self, text: str, ranks: tuple[int, ...]) -> str:
        said = _CHEAPER & set(words(text))
        if not said:
            return ""
        prices = [self._items[rank].item.price_minor for rank in ranks]
        first = next(iter(ranks), None)
        if len({self._items[rank].item.currency for rank in ranks}) > 1:
            return "prices in different currencies don't compare"
        known = [price for price in prices if price is not None]
        if first is None or len(known) < 2 or len(known) != len(prices):
            return "a price comparison without two prices"
        own = self._items[first].item.price_minor
        low = said & {"cheaper", "cheapest"}
        right = own == min(known) if low else own == max(known)
        return "" if right and min(known) < max(known) else "a price comparison that the prices don't bear out"


def _spaced(text: str) -> str:
    """Small letters with hyphens and runs of white space as one space."""
    return " ".join(text.casefold().replace("-", " ").replace(" %", "%").split())


def _mark(number: int, kind: str = _EVENT) -> str:
    return kind + "".join(chr(ord("a") + int(digit)) for digit in str(number))


@cache
def neutral_words() -> frozenset[str]:
    """Words that state no fact (singular forms included)."""
    text = resources.files("agent").joinpath("neutral_words.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(term for word in " ".join(lines).split() for term in (word, *terms(word)))
