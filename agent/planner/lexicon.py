"""The rules planner's word lists, read once from `words.toml`, and its phrases, from `phrases.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache, cached_property, lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Lexicon:
    """Word lists; what each is for stands above it in `words.toml`."""

    link: frozenset[str]
    breaks: frozenset[str]
    padding: frozenset[str]
    generic: frozenset[str]
    colour: frozenset[str]
    gender: frozenset[str]
    size: frozenset[str]
    material: frozenset[str]
    adjective: frozenset[str]
    ordinary: frozenset[str]
    known: frozenset[str]
    relations: frozenset[str]
    pets: frozenset[str]
    occasions: frozenset[str]
    units: frozenset[str]
    after_price: frozenset[str]
    after_in: frozenset[str]
    measured: frozenset[str]
    request: frozenset[str]
    wishing: frozenset[str]
    explaining: frozenset[str]
    object: frozenset[str]
    comparing: frozenset[str]
    verb_or_noun: frozenset[str]
    noun_first: frozenset[str]
    before_verb: frozenset[str]
    asking: frozenset[str]
    auxiliary: frozenset[str]
    after_no: frozenset[str]
    ends_refusal: frozenset[str]

    @cached_property
    def stop(self) -> frozenset[str]:
        """Words that alone are nothing to search for."""
        return self.link | self.breaks | self.padding

    @cached_property
    def describing(self) -> frozenset[str]:
        """Words that describe a thing rather than name one."""
        return self.colour | self.gender | self.size | self.material | self.adjective

    def kind(self, word: str) -> str:
        """The class of a word whose members replace each other, such as colours and pets; "" for others."""
        return next((name for name in ("colour", "gender", "size", "pets") if word in getattr(self, name)), "")


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read the lists. Every word of one list is also known to the spelling correction."""
    lists = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
    sets = {name: frozenset(text.split()) for name, text in lists.items()}
    sets["known"] = frozenset().union(*sets.values())
    return Lexicon(**{field.name: sets[field.name] for field in fields(Lexicon)})


@lru_cache(maxsize=1)
def _phrases() -> dict[str, dict[str, str]]:
    tables = tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))
    parts = tables.pop("parts")

    def filled(expression: str) -> str:
        return re.sub(r"@(\w+)@", lambda match: str(parts[match[1]]), expression)

    return {
        table: {name: filled("|".join(alternatives)) for name, alternatives in rows.items()}
        for table, rows in tables.items()
    }


@cache
def said(name: str) -> str:
    """The expression of a phrase list of `phrases.toml`, by "table.name"."""
    table, row = name.split(".")
    return f"(?:{_phrases()[table][row]})"
