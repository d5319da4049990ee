"""What may stand in a model's plan: the words, names, sums and item numbers that this conversation holds, as a schema.

A grammar made from it per request leaves the model nothing to invent: free text can only be words that were said, names
only the catalogue's, prices only sums that were said or shown, targets only numbers of shown items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agent.models.base import Schema
from agent.planner.amounts import EXPONENTS, amounts
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan, Shown
from retrieval.text import clean, words

MAX_WORDS, MAX_LETTERS = 64, 24
MAX_NAMES = 24
MAX_QUERY, MAX_TERMS, MAX_TERM = 6, 3, 2
MAX_PICKED, MAX_QUANTITY = 3, 20
READ, SAID = 2_000, 600
"""Characters of this message, and of each earlier one, that a model is shown."""

ASKS = ("budget", "kind", "recipient")
_CHINESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True)
class Slots:
    """The choices for one plan.

    Attributes:
        words: lower-case words that were said, latest first.
        brands, categories, platforms: the catalogue's spelling, those that the conversation touches.
        sums: amounts in major units as a model writes them ("49.99") -> (minor units, currency).
        shown: items that can be spoken of, numbered from 1.
        joined: everything that was said in one lower-case line.
    """

    words: tuple[str, ...]
    brands: tuple[str, ...]
    categories: tuple[str, ...]
    platforms: tuple[str, ...]
    sums: dict[str, tuple[int, str | None]]
    shown: tuple[Shown, ...]
    joined: str

    @classmethod
    def of(cls, message: str, conversation: Conversation, vocabulary: Vocabulary) -> Slots:
        """Collect the choices from a message and what was said before it."""
        earlier = [m.text[:SAID] for m in reversed(conversation.messages) if m.role == "user"][:6]
        said = [clean(message, READ), *(clean(text) for text in earlier)]
        previous, shown = conversation.plan or Plan(), conversation.shown
        kept = [previous.query, *previous.include, *previous.exclude, previous.recipient or ""]
        tokens = [word for text in (*said, *kept) for word in words(text)]
        brands = [n for found in vocabulary.find_brands(tokens) for n in found.names]
        aisles = [n for found in vocabulary.find_categories(tokens) for n in found.names]
        sites = [n for found in vocabulary.find_platforms(tokens) for n in found.names]
        return cls(
            words=_pieces(tokens, vocabulary),
            brands=_names(
                [*brands, *previous.brands, *previous.not_brands, *(s.brand for s in shown)], vocabulary.brands
            ),
            categories=_names(
                [*aisles, *previous.categories, *previous.not_categories, *(s.category for s in shown)],
                vocabulary.categories,
            ),
            platforms=_names([*sites, *previous.platforms, *previous.not_platforms], vocabulary.platforms),
            sums=_sums(said, previous, shown, vocabulary.currency),
            shown=shown[:MAX_NAMES],
            joined=" ".join(" ".join(words(text)) for text in (*said, *kept)),
        )

    def schema(self) -> Schema:
        """A JSON schema, every part bounded, that holds exactly the plans these choices allow."""
        acts = list(Act) if self.shown else [Act.RECOMMEND, Act.CLARIFY, Act.CART, Act.CHITCHAT]
        amount = {"enum": [*self.sums, None]} if self.sums else {"type": "null"}
        numbers = _listed([*range(1, len(self.shown) + 1)])
        fields: dict[str, Any] = {
            "act": {"enum": [act.value for act in acts]},
            "query": self.phrase(0, MAX_QUERY),
            "include": self._phrases(),
            "exclude": self._phrases(),
            "price_min": amount,
            "price_max": amount,
            "brands": _listed(self.brands),
            "not_brands": _listed(self.brands),
            "categories": _listed(self.categories),
            "not_categories": _listed(self.categories),
            "platforms": _listed(self.platforms),
            "not_platforms": _listed(self.platforms),
            "in_stock": {"type": "boolean"},
            "recipient": {"anyOf": [{"type": "null"}, self.phrase(1, MAX_TERM)]} if self.words else {"type": "null"},
            "targets": numbers,
            "dismissed": numbers,
            "cart_op": {"enum": ["add", "remove", "show", None] if self.shown else ["show", None]},
            "quantity": {"enum": [*range(1, MAX_QUANTITY + 1)]},
            "ask": {"enum": [*ASKS, None]},
        }
        fields = {name: field for name, field in fields.items() if field is not None}
        return {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}

    def budget(self, most: int = 1024) -> int:
        """Tokens that the longest such plan can take, at one byte a token, but not above `most`."""
        return min(_longest(self.schema(), max((len(w.encode()) for w in self.words), default=0)) + 16, most)

    def phrase(self, least: int, most: int) -> Schema:
        """Text of `least` to `most` words that were said, `least` being 0 or 1."""
        if not self.words:
            return {"enum": [""]}
        word = "(?:" + "|".join(re.escape(word) for word in self.words) + ")"
        phrase = f"{word}(?: {word}){{0,{most - 1}}}"
        return {"type": "string", "pattern": f"^{phrase}$" if least else f"^(?:{phrase})?$"}

    def _phrases(self) -> Schema | None:
        return {"type": "array", "items": self.phrase(1, MAX_TERM), "maxItems": MAX_TERMS} if self.words else None


def draft(plan: Plan, shown: Sequence[Shown]) -> dict[str, Any]:
    """A plan as a model should write it: sums in major units, items by number, what is empty left out."""
    place = {item.id: number for number, item in enumerate(shown, start=1)}
    picked = {"targets": plan.targets, "dismissed": plan.not_items}
    limits = {"price_min": plan.price_min, "price_max": plan.price_max}
    names = ("brands", "not_brands", "categories", "not_categories", "platforms", "not_platforms")
    written: dict[str, Any] = {"act": plan.act.value, "query": plan.query}
    written |= {name: list(getattr(plan, name)) for name in ("include", "exclude")}
    written |= {name: in_major(minor, plan.currency) for name, minor in limits.items() if minor is not None}
    written |= {name: list(getattr(plan, name)) for name in names}
    written |= {"in_stock": plan.in_stock, "recipient": plan.recipient}
    written |= {name: [place[item] for item in items if item in place] for name, items in picked.items()}
    written |= {"cart_op": plan.cart_op, "quantity": plan.quantity if plan.cart_op else None, "ask": plan.ask}
    return {name: value for name, value in written.items() if name in ("act", "query") or value}


def in_major(minor: int, currency: str | None) -> str:
    """Minor units as a model writes them: 8000 USD -> "80", 4999 -> "49.99"."""
    amount = Decimal(minor).scaleb(-EXPONENTS.get(currency or "", 2))
    return f"{amount:f}" if amount != amount.to_integral_value() else f"{amount:.0f}"


def _pieces(tokens: Iterable[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Words that may be searched for. Scripts that don't part words give every run of two to four characters."""
    found: dict[str, None] = {}
    for token in tokens:
        runs = _CHINESE.findall(token)
        parts = [r[i : i + n] for r in runs for n in (4, 3, 2) for i in range(max(1, len(r) - n + 1))] or [token]
        for part in parts:
            if len(part) <= MAX_LETTERS:
                found.setdefault(part)
                found.setdefault(vocabulary.correct(part))
    return tuple(found)[:MAX_WORDS]


def _names(touched: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """All names where a shop has few, else those that the conversation touches."""
    if len(known) <= MAX_NAMES:
        return tuple(known)
    there = frozenset(known)
    return tuple(dict.fromkeys(name for name in touched if name in there))[:MAX_NAMES]


def _sums(
    said: Sequence[str], previous: Plan, shown: Sequence[Shown], currency: str | None
) -> dict[str, tuple[int, str | None]]:
    """Sums that were said (this message's also a fifth less and more, for "around"), kept, or next to one shown."""
    found: list[tuple[int, str | None]] = []
    for place, text in enumerate(said):
        for amount in amounts(Text(text), currency):
            code, minor = amount.currency or currency, amount.minor(currency)
            found += [(minor * share // 5, code) for share in ((5, 4, 6) if place == 0 else (5,))]
    kept = (previous.price_min, previous.price_max)
    found += [(minor, previous.currency or currency) for minor in kept if minor is not None]
    priced = sorted((s.price_minor, s.currency or currency) for s in shown if s.price_minor is not None)
    found += [(minor + change, code) for minor, code in priced for change in (-1, 0, 1)]
    sums: dict[str, tuple[int, str | None]] = {}
    for minor, code in found:
        if 0 <= minor < 10**10 and len(sums) < MAX_NAMES:
            sums.setdefault(in_major(minor, code), (minor, code))
    return sums


def _listed(names: Sequence[str] | Sequence[int]) -> Schema | None:
    return {"type": "array", "items": {"enum": list(names)}, "maxItems": MAX_PICKED} if names else None


def _longest(schema: Schema, word: int) -> int:
    """Bytes of the longest value of a schema made here; `word` is the longest word's."""
    if "enum" in schema:
        return max(len(json.dumps(value, ensure_ascii=False).encode()) for value in schema["enum"])
    if "anyOf" in schema:
        return max(_longest(option, word) for option in schema["anyOf"])
    if schema["type"] == "array":
        return 2 + int(schema["maxItems"]) * (_longest(schema["items"], word) + 1)
    if schema["type"] == "object":
        return 2 + sum(len(name) + 4 + _longest(field, word) for name, field in schema["properties"].items())
    repeated = re.search(r"\{0,(\d+)\}", schema.get("pattern", ""))
    return 2 + (int(repeated.group(1)) + 1) * (word + 1) if repeated else 5
