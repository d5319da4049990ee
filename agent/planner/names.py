"""Brands, aisles and platforms that a message asks for, in the catalogue's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agent.planner.brand_list import SEPARATORS, wanted_names
from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text
from agent.planner.vocabulary import Named, Vocabulary

_MADE = {"from", "by", "brand", "brands", "only", "prefer", "make", "be"}
_FITTING = {"for", "with", "fits", "fit", "to", "my"}  # "case for a Samsung phone" is not by Samsung
_ON = {"on", "just", "prefer", "from", "at", "via", "in", "by", "through", "only", "platform", "shop", "store"}
_ELSEWHERE = (
    r"(?:(?:only|just|sold|available) )*(?:from|on|at|via|through) (?:ebay|e-bay|amazon|walmart|aliexpress|ali express|"
    r"alibaba|etsy|temu|shein|taobao|tmall|jd|rakuten|costco|newegg|wayfair|shopee|lazada|flipkart|zalando|best buy|"
    r"bestbuy|craigslist|facebook marketplace|mercado libre)(?: (?:only|please))?"
    r"(?= (?:[.,!?;]|and|but|for|under|below|with|instead|then|now|or|if) | $)"
)
_ARTICLES = {"the", "a", "an", "my", "is", "be", "of"}
_INSIDE = (" in ", " in the ", " within ", " from the ", " under the ")
_UNITS = frozenset({"day", "days", "week", "weeks", "hour", "hours", "budget", "reach"})
_PLACING = frozenset(
    ["in", "the", "from", "category", ":", "aisle", "within", "only", "department", "section", "among", "your", "of"]
)


@dataclass
class Names:
    """Names that limit the search, in the catalogue's spelling; `wanted`, in the shopper's, don't limit it."""

    brands: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    platforms: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)


def read_names(text: Text, vocabulary: Vocabulary, about: str = "") -> Names:
    """Read names that limit the search and take their tokens.

    A platform needs a word such as "on" or "from" before it, or to stand alone; a category must be said as a place ("in
    Coffee beans", "the shoes aisle"), else it is only what is searched for; a brand that is also an ordinary word needs
    "by", "from", "brand" or a capital letter, within a sentence, in a list of brands, or where nothing but brands is
    said, after goods that it has.

    Args:
        text: the message.
        vocabulary: the shop's own words.
        about: the head word of what was searched for before, "" if nothing was.
    """
    names = Names()
    tokens = [token.low for token in text.tokens]
    _platforms(text, vocabulary, names, tokens)
    _elsewhere(text, vocabulary)
    _categories(text, vocabulary, names, tokens)
    names.wanted = wanted_names(text, vocabulary) if about else []
    _brands(text, vocabulary, names, tokens, about)
    return names


def _brands(text: Text, vocabulary: Vocabulary, names: Names, tokens: Sequence[str], about: str) -> None:
    hits = [h for h in vocabulary.find_brands(tokens) if not any(text.taken[h.start : h.end])]
    rest = [t for n, t in enumerate(tokens) if not any(h.start <= n < h.end for h in hits)]
    about = "" if any(t[0].isalnum() and t not in lexicon().stop for t in rest) else about
    sure = [hit for hit in hits if _is_brand(text, vocabulary, hit, tokens, about)]
    for near, hit in [*pairwise(hits), *((two, one) for one, two in reversed([*pairwise(hits)]))]:
        if near in sure and hit not in sure and _is_listed(text, vocabulary, near, hit, about):
            sure.append(hit)
    for hit in sorted(sure, key=lambda h: h.start):
        names.brands.extend(name for name in hit.names if name not in names.brands)
        start, end = hit.start, hit.end
        start -= start > 0 and tokens[start - 1] in {"from", "by"} and not text.taken[start - 1]
        end += end < len(tokens) and tokens[end] in {"brand", "brands", "'s"}
        text.take(range(start, end), "name")


def _is_listed(text: Text, vocabulary: Vocabulary, near: Named, hit: Named, about: str) -> bool:
    """Whether a name stands in a list with one that is a brand for sure: "Samsung or TCL"."""
    first, second = sorted((near, hit), key=lambda h: h.start)
    between = set(text.words(range(first.end, second.start)))
    named = text.raw[text.tokens[hit.start].start].isupper() or not any(map(vocabulary.is_word, hit.names))
    named = named or (bool(about) and _carries(vocabulary, hit, about))
    return named and bool(between) and between <= SEPARATORS


def _platforms(text: Text, vocabulary: Vocabulary, names: Names, tokens: Sequence[str]) -> None:
    for hit in vocabulary.find_platforms(tokens):
        before = [t for t in tokens[max(0, hit.start - 3) : hit.start] if t not in _ARTICLES]
        after = tokens[hit.end : hit.end + 1]
        alone = hit.start == 0 and all(
            not t[0].isalnum() or t in lexicon().padding or t == "please" for t in tokens[hit.end :]
        )
        listed = before[-1:] == ["or"] and bool(names.platforms)
        if any(text.taken[i] for i in range(hit.start, hit.end)):
            continue
        if (before[-1:] and before[-1] in _ON) or after == ["only"] or alone or listed:
            names.platforms.extend(hit.names)
            start = hit.start - 1
            while start >= 0 and tokens[start] in _ON | _ARTICLES | {"or"} and not text.taken[start]:
                start -= 1
            text.take(range(start + 1, hit.end + (after == ["only"])), "name")


def _elsewhere(text: Text, vocabulary: Vocabulary) -> None:
    """Take a marketplace that isn't of this shop: nothing here can be from there, and its name is no word of goods."""
    for match in text.find(_ELSEWHERE):
        if not vocabulary.find_platforms(match.group().split()) and not vocabulary.find_brands(match.group().split()):
            text.take(text.span(match), "idiom")


def _categories(text: Text, vocabulary: Vocabulary, names: Names, tokens: Sequence[str]) -> None:
    for hit in vocabulary.find_categories(tokens):
        if any(text.taken[i] for i in range(hit.start, hit.end)):
            continue
        before = f" {' '.join(tokens[max(0, hit.start - 5) : hit.start])} "
        after = tokens[hit.end] if hit.end < len(tokens) else ""
        placed = after in {"aisle", "category", "section", "department"}
        named = before.endswith((" category ", " category : ", " aisle ", " aisle : ", " department ", " section "))
        inside = before.endswith(_INSIDE) and _is_place(text, hit, before)
        inside |= before.endswith((" among ", " among the ")) or (before.endswith(" within ") and after not in _UNITS)
        inside |= before.endswith((" from ", " from your ")) and _is_aisle(text, hit, before, after)
        if placed or named or inside:
            names.categories.extend(hit.names)
            start = hit.start - 1
            while start >= 0 and tokens[start] in _PLACING:
                start -= 1
            text.take(range(start + 1, hit.end + placed), "name")


def _is_aisle(text: Text, hit: Named, before: str, after: str) -> bool:
    """Whether a category after "from" is an aisle to take goods from, rather than what they are made of or without."""
    if any(words in before for words in (" made from ", " free from ", " away from ", " change from ")):
        return False
    described = all(token.low in lexicon().describing for token in text.tokens[hit.start : hit.end])
    ends = not after or not after[0].isalnum() or after in lexicon().stop
    return ends and not described


def _is_place(text: Text, hit: Named, before: str) -> bool:
    """Tell "in Coffee beans", a place in the shop, from "interested in coffee" and "from the kitchen"."""
    if before.rsplit(maxsplit=1)[-1] == "the" and " in the " not in f"{before}":
        return False
    if any(
        word in before
        for word in (" interested in ", " comes in ", " come in ", " made in ", " available in ", " into ")
    ):
        return False
    described = all(token.low in lexicon().describing for token in text.tokens[hit.start : hit.end])
    return not described and (text.raw[text.tokens[hit.start].start].isupper() or hit.end - hit.start > 1)


def _is_brand(text: Text, vocabulary: Vocabulary, hit: Named, tokens: Sequence[str], about: str) -> bool:
    before = [t for t in tokens[max(0, hit.start - 3) : hit.start] if t not in {"the", "a", "an"}]
    last = before[-1] if before else ""
    after = tokens[hit.end] if hit.end < len(tokens) else ""
    if last in _FITTING and after not in {"brand", "brands"}:
        return False
    if not any(vocabulary.is_ordinary(name) for name in hit.names):
        return any(c.isalpha() for token in tokens[hit.start : hit.end] for c in token)
    if last in _MADE - {"be", "make", "only"} or after in {"brand", "brands"}:
        return True
    named = text.raw[text.tokens[hit.start].start].isupper() or not any(map(vocabulary.is_word, hit.names))
    if about and named and _carries(vocabulary, hit, about):
        return True
    return _is_capital(text, hit.start) and (not after or not after[0].isalnum() or _carries(vocabulary, hit, after))


def _carries(vocabulary: Vocabulary, hit: Named, word: str) -> bool:
    return word in lexicon().stop or any(vocabulary.carried(name, word) for name in hit.names)


def _is_capital(text: Text, at: int) -> bool:
    token = text.tokens[at]
    begins = at == 0 or text.tokens[at - 1].low in {".", "!", "?", ":"}
    shouting = text.raw.isupper() or text.raw.istitle()
    return text.raw[token.start].isupper() and not begins and not shouting
