"""Which shown items a message speaks of: by place, by name, by what tells them apart, by "it"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text
from agent.schema import Shown
from retrieval.text import key, terms

_PLACES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6}
_PLACE = rf"(?:{'|'.join(_PLACES)}|\d{{1,2}}(?:st|nd|rd|th)|last|final|top|bottom|middle)"
_COUNT = "|".join(_NUMBERS)
_HEAD = (
    r"(?:one|ones|item|items|option|options|product|products|choice|choices|result|results|suggestion|recommendation)"
)
_NOT_PLACE = (
    r"(?! (?:time|of all|aid|class|grade|birthday|apartment|home|baby|step|steps|hand|generation|gen|year|month|"
    r"week|thing) )"
)
_NOWHERE = (
    rf"(?:the )?(?:first|last|top) (?:two|three|four|\d)(?: {_HEAD})?(?= [.?!] | $)|(?:the|your|that) {_PLACE} {_HEAD}|"
    r"(?:the|your) (?:first|second|third|last)(?= (?:[.?!,]|is|has|does) | $)"
)
_EXTREMES = (
    (r"(?:the )?(?:cheap(?:er|est)|least expensive|less expensive|lowest[- ]priced?|most affordable)", min),
    (r"(?:the )?(?:most expensive|pric(?:ier|iest)|dearest|more expensive|costliest|highest[- ]priced?)", max),
)


@dataclass(frozen=True)
class Reference:
    """Items spoken of; `definite` when pointed at by place, name or trait, not just "it" or "them"."""

    items: tuple[Shown, ...]
    span: range
    definite: bool = True


def refer(text: Text, shown: Sequence[Shown], focus: Sequence[Shown], act: bool) -> list[Reference]:
    """Resolve references in order of the text.

    Args:
        text: the message.
        shown: what was shown last, best first; if nothing was, places such as "the second one" are only taken.
        focus: what the last turn spoke of; "it" is that, else the first shown.
        act: whether the message asks, compares, adds or removes, so that names without "one" and bare numbers refer.
    """
    if not shown:
        for match in text.find(_NOWHERE):
            text.take(text.span(match), "reference")
        return []
    found = [*_by_place(text, shown, focus, act), *_by_extreme(text, shown, focus)]
    placed = {at for reference in found for at in reference.span}
    found += [reference for reference in _by_trait(text, shown, act) if not placed & {*reference.span}]
    if not found:
        found = _by_pronoun(text, shown, focus)
    for reference in found:
        text.take(reference.span, "reference")
    return sorted(found, key=lambda r: r.span[0])


def items(found: Sequence[Reference]) -> tuple[Shown, ...]:
    """All items referred to, each once, in order."""
    return tuple({item.id: item for reference in found for item in reference.items}.values())


def _by_place(text: Text, shown: Sequence[Shown], focus: Sequence[Shown], act: bool) -> list[Reference]:
    """Find "the first two", "the second one", "number 3", "both": after a comparison of two, these."""
    two = focus if len(focus) == 2 else shown[:2]
    found: list[Reference] = []

    def add(match: re.Match[str], chosen: Sequence[Shown]) -> None:
        span = text.span(match)
        if chosen and not any(set(span) & set(r.span) for r in found):
            found.append(Reference(tuple(chosen), span))

    for match in text.find(
        rf"(?:the )?(?P<end>first|last|top|bottom) (?P<n>{_COUNT})(?: {_HEAD})?(?! \w+ )|(?:the "
        rf")?(?P<end2>first|last|top) (?P<n2>{_COUNT})"
    ):
        n = _NUMBERS[match["n"] or match["n2"]]
        if n > 1:
            add(match, shown[:n] if (match["end"] or match["end2"]) in {"first", "top"} else shown[-n:])
    for match in text.find(rf"(?:the )?(?:other|remaining) (?P<n>{_COUNT})"):
        add(match, shown[-_NUMBERS[match["n"]] :])
    loose = (
        rf"(?:(?:the|your|that) (?P<a>{_PLACE}){_NOT_PLACE}|(?P<b>{_PLACE}) {_HEAD}|(?P<c>{_PLACE})(?= (?:and|or|,|"
        rf"vs|versus|[.?!]) | $)|(?:(?<= and )|(?<= , ))(?P<d>{_PLACE})(?= (?:to|into|in|from|with|please|too) ))"
        rf"(?: {_HEAD})?"
    )
    for match in text.find(loose):
        place = match["a"] or match["b"] or match["c"] or match["d"]
        add(match, _at(place, shown))
    numbered = r"(?:(?:#|number|no|nr|no \.|option|item|product|choice|result)(?: #)?) (?P<n>\d{1,2})"
    for match in text.find(numbered):
        add(match, _nth(int(match["n"]), shown))
    if act:
        for match in text.find(
            r"(?<![$£€]) ?(?P<n>\d{1,2})(?= (?:and|or|,|vs|versus|[.?!&]|with|to|in|is|please) | $)"
        ):
            add(match, _nth(int(match["n"]), shown))
    for match in text.find(
        r"both(?: of (?:them|those|these))?|all (?:of )?(?:them|those|these|\d|two|three|four|five|six)(?: of "
        r"them)?|all of it"
    ):
        add(match, two if match.group().startswith("both") else shown)
    return found


def _nth(n: int, shown: Sequence[Shown]) -> Sequence[Shown]:
    return shown[n - 1 : n] if n >= 1 else ()


def _at(place: str, shown: Sequence[Shown]) -> Sequence[Shown]:
    if place in _PLACES:
        return _nth(_PLACES.index(place) + 1, shown)
    if place[0].isdigit():
        return _nth(int(re.sub(r"\D", "", place)), shown)
    middle = len(shown) // 2
    return {"last": shown[-1:], "final": shown[-1:], "bottom": shown[-1:], "middle": shown[middle : middle + 1]}.get(
        place, shown[:1]
    )


def asked_for(shown: Sequence[Shown]) -> Sequence[Shown]:
    """Shown items that were asked for; suggestions from other aisles only where there is nothing else."""
    return [item for item in shown if not item.beside] or shown


def by_price(shown: Sequence[Shown]) -> list[Shown]:
    """Items asked for that have a price in the first one's currency, cheapest first."""
    priced = [item for item in asked_for(shown) if item.price_minor is not None]
    priced = [item for item in priced if item.currency == priced[0].currency]
    return sorted(priced, key=lambda item: item.price_minor or 0)


def _by_extreme(text: Text, shown: Sequence[Shown], focus: Sequence[Shown]) -> list[Reference]:
    """Find "the cheapest one" of all; after a comparison "the cheaper one" is one of those compared."""
    found: list[Reference] = []
    for expression, choose in _EXTREMES:
        for match in text.find(
            rf"(?<=the )?{expression} (?:one|of (?:them|these|those|the \w+))|the (?:cheapest|most "
            rf"expensive)(?= [.?!,] | $)"
        ):
            compared = len(focus) > 1 and re.search(r"\b(?:cheaper|less|more|pricier)\b", match.group())
            priced = by_price(focus if compared else shown)
            if priced and (match.group().startswith("the ") or text.low[: match.start()].endswith(" the ")):
                best = choose(priced, key=lambda item: item.price_minor or 0)
                found.append(Reference((best,), text.span(match)))
    return found[:1]


def _by_trait(text: Text, shown: Sequence[Shown], act: bool) -> list[Reference]:
    """Find "the Brita one", "the black one", "the one from Harbour": words that few of the shown have."""
    words = {item.id: _traits(item) for item in shown}
    found: list[Reference] = []
    forms = [
        r"(?:the|that|this) (?P<t>(?:(?!one |ones |the |a |for |and |or )[\w'-]+ ){1,4})ones?",
        r"the ones? (?:from|by|with|in|on|made by|made of) (?:the )?(?P<t>(?:(?!for |and |or |to |is "
        r")[\w'&-]+ ?){1,4})(?= )",
    ]
    if act:
        forms.append(
            r"(?:the|this|that|about|a|an|between|compare|and|or|is|does|remove|vs|versus|with) "
            r"(?P<t>(?:(?!one |the |for |and |or |to |is |in |does |from |with |more |it )[\w'&-]+ "
            r"?){1,4})(?= )"
        )
    for expression in forms:
        for match in text.find(expression):
            chosen = _telling(match["t"], words)
            span = text.span(match)
            if chosen and not any(set(span) & set(r.span) for r in found):
                kept = (
                    span
                    if match.group().split()[0]
                    not in {"about", "between", "compare", "and", "or", "is", "does", "remove", "vs", "with"}
                    else span[1:]
                )
                found.append(Reference(tuple(i for i in shown if i.id in chosen), kept))
    return found


def _traits(item: Shown) -> frozenset[str]:
    return frozenset(terms(f"{item.title} {item.brand} {item.platform} {item.category.replace('_', ' ')}"))


def _telling(said: str, words: dict[str, frozenset[str]]) -> set[str]:
    """Items holding every telling word said; none where the words fit all of several items, or nothing."""
    wanted = [term for term in terms(said) if term not in lexicon().stop]
    if all(term.isdigit() for term in wanted):
        return set()  # "1" is the first card, not a title with "0.1 g"
    chosen = {item for item, has in words.items() if all(term in has for term in wanted)}
    return chosen if chosen and (len(chosen) < len(words) or len(words) == 1) and len(chosen) <= 2 else set()


def _by_pronoun(text: Text, shown: Sequence[Shown], focus: Sequence[Shown]) -> list[Reference]:
    one = (
        rf"(?:this|that)(?: {_HEAD})?(?= (?:[.?!,]|and|is|to|in|as|but|because|for|please|does|has|would|looks|"
        rf"seems|instead|with|from|at) | $)|(?:this|that) {_HEAD}|it|its|the item|the product"
    )
    for match in text.find(one):
        chosen = tuple(focus[:1]) or tuple(shown[:1])
        return [Reference(chosen, text.span(match), definite=False)]
    for match in text.find(rf"(?:these|those|them|they)(?: {_HEAD})?|the (?:{_COUNT}|ones|others)"):
        return [Reference(tuple(focus) if len(focus) > 1 else tuple(shown), text.span(match), definite=False)]
    return []


def named(name: str, shown: Sequence[Shown]) -> tuple[Shown, ...]:
    """Shown items of a brand or platform."""
    return tuple(item for item in shown if key(name) in {key(item.brand), key(item.platform)})
