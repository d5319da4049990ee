"""Patterns for text that can only be copied: runs of words as they stand in a message, and a query made longer.

A grammar made of them leaves a small model no word to invent, repeat or leave out in the middle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from retrieval.text import words

MARKS = ".,;:!?()\"'"
LONGEST = 24  # letters of a word that can be copied

Place = tuple[str, ...]
"""One word of a message in every way it may be written: as it stands, in its parts, with its spelling mended."""


def places(text: str, correct: Callable[[str], str] = str) -> list[Place]:
    """The words of a text in order, in small letters; what holds no letter or figure is left out."""
    found = []
    for word in text.casefold().split():
        bare = word.strip(MARKS)
        parts = words(word)
        written = {bare if _hyphened(bare) else "", " ".join(parts), *map(correct, parts)}
        kept = tuple(sorted(way for way in written if way and len(way) <= LONGEST))
        if kept:
            found.append(kept)
    return found


def span(text: Sequence[Place], most: int) -> str:
    """A pattern of all runs of 1 to `most` words, each with a space before it; "" for no words."""
    return _any(_run(text[start : start + most]) for start in range(len(text)))


def longer(query: str, text: Sequence[Place], most: int) -> str:
    """A pattern of a query with a run of the text before or after it, some of its own words perhaps left out."""
    own = "".join(f"(?: {_any(re.escape(way) for way in place)})?" for place in places(query))
    added = span(text, most)
    if not own or not added:
        return own
    return f"(?:{added})?{own}(?:{added})?"


def _run(text: Sequence[Place]) -> str:
    """All beginnings of a run."""
    pattern = ""
    for place in reversed(text):
        word = " " + _any(re.escape(way) for way in place)
        pattern = f"{word}(?:{pattern})?" if pattern else word
    return pattern


def _any(options: Iterable[str]) -> str:
    several = list(dict.fromkeys(options))
    return several[0] if len(several) == 1 else f"(?:{'|'.join(several)})" if several else ""


def _hyphened(word: str) -> bool:
    return "-" in word and all(part.isalnum() for part in word.split("-"))
