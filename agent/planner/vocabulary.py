"""A shop's own words: how the catalogue spells a shopper's brand, aisle or platform, and how common a word is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from agent.planner.figures import Figures
from agent.planner.lexicon import lexicon
from agent.planner.spelling import bases, closest, redoubled
from retrieval.catalogue import Catalogue
from retrieval.text import key, label, singular, terms, words

_POSSESSIVE = re.compile(r"['’]s\b")  # people write "levis" for "Levi's"
Index = dict[tuple[str, ...], tuple[str, ...]]
MAX_NAME = 6  # words; longer names are only found as a whole by `brand` and its siblings
MOSTLY = 0.35  # of the items with a phrase in one category: then the phrase names such things
OWNED = 0.25  # a brand whose name stands mostly in goods of others is an ordinary word


@dataclass(frozen=True)
class Named:
    """A name found in a text: words `start` to `end` (exclusive) mean these spellings of the catalogue."""

    start: int
    end: int
    names: tuple[str, ...]


def _index(names: Iterable[str], split: Callable[[str], list[str]]) -> Index:
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        plain = name.replace("_", " ")
        for parts in dict.fromkeys(tuple(split(spelled)) for spelled in (plain, _POSSESSIVE.sub("s", plain))):
            if parts and name not in found.setdefault(parts, []):
                found[parts].append(name)
    return {parts: tuple(spellings) for parts, spellings in found.items()}


@dataclass(frozen=True)
class Vocabulary:
    """What the shop calls things.

    Attributes:
        brands, categories, platforms: every name, in the catalogue's spelling.
        currency: ISO 4217 code of most items, None where no item has one.
        count: how often a single term (see `retrieval.text.terms`) stands in the catalogue.
        carried: whether an item of a brand has a word in its text; tells "Apple watch" from "apple juice".
        related: share of the items with a phrase that also have a word, or twice the share of the items with the word
            that have the phrase: high for "loose leaf" and "tea", low for "socks" and "tea".
        owned: share of the items with a brand's name (given in all its spellings) in their text that are of the brand.
        placed: the category that most items with a phrase are of, and their share; ("", 0) where nothing is known.
    """

    brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    currency: str | None = None
    count: Callable[[str], int] = field(default=lambda _: 0, compare=False)
    carried: Callable[[str, str], bool] = field(default=lambda _b, _w: True, compare=False)
    related: Callable[[str, str], float] = field(default=lambda _p, _w: 0.0, compare=False)
    owned: Callable[[Sequence[str]], float] = field(default=lambda _b: 1.0, compare=False)
    placed: Callable[[str], tuple[str, float]] = field(default=lambda _p: ("", 0.0), compare=False)

    def __post_init__(self) -> None:
        aisles = _index(self.categories, terms)
        store = object.__setattr__
        store(self, "_brands", _index(self.brands, words))
        store(self, "_categories", aisles)
        store(self, "_platforms", _index(self.platforms, words))
        store(self, "_nouns", frozenset(parts[-1] for parts in aisles) | frozenset(w for p in aisles for w in p))
        store(self, "_fixed", {})
        store(self, "_ordinary", {})

    _brands: Index = field(init=False, repr=False, compare=False)
    _categories: Index = field(init=False, repr=False, compare=False)
    _platforms: Index = field(init=False, repr=False, compare=False)
    _nouns: frozenset[str] = field(init=False, repr=False, compare=False)
    _fixed: dict[str, str] = field(init=False, repr=False, compare=False)
    _ordinary: dict[str, bool] = field(init=False, repr=False, compare=False)

    @classmethod
    def of(cls, catalogue: Catalogue) -> Vocabulary:
        """Read the names of a catalogue. Takes a fraction of a second on 150,000 items."""
        figures = Figures(catalogue)
        return cls(
            brands=tuple(name for name in catalogue.brand.names if name),
            categories=tuple(name for name in catalogue.category.names if name),
            platforms=tuple(name for name in catalogue.platform.names if name),
            currency=catalogue.default_currency or None,
            count=catalogue.term_index.count,
            carried=figures.carried,
            related=figures.related,
            owned=figures.owned,
            placed=figures.placed,
        )

    def brand(self, text: str) -> tuple[str, ...]:
        """The catalogue's spellings of exactly this brand, without regard to case and marks; () if it has none."""
        return self._brands.get(tuple(words(text)), ())

    def category(self, text: str) -> tuple[str, ...]:
        """The catalogue's spellings of exactly this category; "shoe" and "Shoes" are the same."""
        return self._categories.get(tuple(terms(text.replace("_", " "))), ())

    def platform(self, text: str) -> tuple[str, ...]:
        """The catalogue's spellings of exactly this platform."""
        return self._platforms.get(tuple(words(text)), ())

    def labels(self) -> tuple[str, ...]:
        """Categories as people read them."""
        return tuple(label(name) for name in self.categories)

    def find_brands(self, tokens: Sequence[str]) -> list[Named]:
        """Brands in a text, longest first at each place. Every token may be a compound ("black+decker")."""
        return _find(self._brands, tokens, words)

    def find_categories(self, tokens: Sequence[str]) -> list[Named]:
        """Categories in a text, longest first at each place, without regard to number."""
        return _find(self._categories, tokens, terms)

    def find_platforms(self, tokens: Sequence[str]) -> list[Named]:
        """Platforms in a text, longest first at each place."""
        return _find(self._platforms, tokens, words)

    def is_noun(self, word: str) -> bool:
        """Whether the word stands in a category's name, so that it names a kind of thing sold here."""
        return singular(word) in self._nouns

    def is_goods(self, phrase: str, *beside: str) -> bool:
        """Whether a phrase names a kind of thing: most of its items are of one category, not of that of `beside`.

        Things gather in a category ("crayons"), properties are spread over many ("lavender") or over goods of the one
        that they are a property of ("decaf" beside "coffee").
        """
        category, share = self.placed(phrase)
        if not category:
            return self.is_noun((words(phrase) or [""])[-1])
        own = any(self.placed(other)[0] == category for other in beside if other)
        return (share >= MOSTLY or bool(self.category(phrase))) and not own

    def is_ordinary(self, name: str) -> bool:
        """Whether a brand's name is also an ordinary word ("Apple", "Dove"), so that it needs a cue to be the brand."""
        if name not in self._ordinary:
            self._ordinary[name] = self.is_word(name) or self.owned(self.brand(name) or (name,)) < OWNED
        return self._ordinary[name]

    def is_word(self, name: str) -> bool:
        """Whether a brand's name is a word of everyday use or a kind of thing sold here."""
        parts, lists = words(name), lexicon()
        return len(parts) == 1 and (parts[0] in lists.ordinary | lists.stop or self.is_noun(parts[0]))

    def knows(self, word: str) -> bool:
        """Whether the catalogue holds the word, or each part of a compound."""
        return all(self.count(term) for term in terms(word))

    def sells(self, word: str) -> bool:
        """Whether a word may be about goods: an everyday one, one of the catalogue, or a slip of one."""
        return self.is_word(word) or self.knows(word) or self.correct(word) != word

    def correct(self, word: str) -> str:
        """The word as the catalogue spells it, if it is unknown there and exactly one slip away from a frequent one.

        A slip is one letter too many, missing, wrong or swapped (Damerau, 1964); the first letter counts as right. A
        form of a known word ("showed") is none. A word that the catalogue hardly holds is spelled wrong there too
        where one doubled letter makes it a hundred times as frequent ("cofee").
        """
        if len(word) < 5 or not word.isascii() or not word.isalpha() or word in lexicon().known:
            return word
        if word not in self._fixed:
            if len(self._fixed) > 10_000:
                self._fixed.clear()
            self._fixed[word] = self._corrected(word)
        return self._fixed[word]

    def _corrected(self, word: str) -> str:
        if self.knows(word):
            return redoubled(word, self.count)
        formed = any(base in lexicon().known or self.knows(base) for base in bases(word))
        return word if formed else closest(word, self.count)


def _find(index: Index, tokens: Sequence[str], split: Callable[[str], list[str]]) -> list[Named]:
    if not index:
        return []
    parts = [split(token) for token in tokens]
    found, at = [], 0
    while at < len(parts):
        hit = _longest(index, parts, at) if parts[at] else None
        if hit is not None:
            found.append(hit)
        at = hit.end if hit is not None else at + 1
    return found


def _longest(index: Index, parts: list[list[str]], at: int) -> Named | None:
    best, sofar = None, []
    for end in range(at, min(len(parts), at + 2 * MAX_NAME)):
        sofar += parts[end]
        if len(sofar) > MAX_NAME:
            break
        names = index.get(tuple(sofar)) if parts[end] else None
        if names:
            best = Named(at, end + 1, names)
    return best


def same(one: str, other: str) -> bool:
    """Whether two names are the same but for spelling."""
    return key(one) == key(other)
