"""Slips of the pen: which frequent word a misspelt one stands for, and which odd words are forms of known ones.

Every function takes `count`: how often a single term (see `retrieval.text.terms`) stands in the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from retrieval.text import singular

LEAST = 3  # a word that stands less often is no correction
RARE, TIMES = 2, 100  # a word that stands at most so often is a slip of one that stands so many times as often
_DOUBLES = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]|.*[^eoy]e")  # the last letter, or loses it, before an ending
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def closest(word: str, count: Callable[[str], int]) -> str:
    """The most frequent word one slip away, the word itself where none is frequent enough."""
    splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    slips = {a + b[1:] for a, b in splits if b} | {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    slips |= {a + c + b for a, b in splits for c in _LETTERS}
    if len(word) > 5:
        slips |= {a + c + b[1:] for a, b in splits if b for c in _LETTERS}
    return _most({slip for slip in slips if singular(slip) != singular(word)}, count, LEAST) or word


def redoubled(word: str, count: Callable[[str], int]) -> str:
    """A rare word with a letter doubled or single, where that is far more frequent; else the word itself."""
    times = count(singular(word))
    if not 0 < times <= RARE:
        return word
    spelled = {word[:i] + word[i:].removeprefix(word[i - 1]) for i in range(1, len(word))}
    spelled |= {word[:i] + word[i - 1] + word[i:] for i in range(1, len(word) + 1)}
    return _most({other for other in spelled if singular(other) != singular(word)}, count, TIMES * times) or word


def bases(word: str) -> list[str]:
    """What a word is a regular form of, if it is one: "stopped" -> "stop", "shortly" -> "short"."""
    for ending in ("ed", "ing", "er", "est", "ly"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3:
            continue
        if ending == "ly":
            return [stem]
        if stem[-1] == stem[-2]:
            return [stem[:-1], stem]
        found = [f"{stem[:-1]}y"] if ending != "ing" and stem[-1] == "i" else []
        irregular = _DOUBLES.fullmatch(stem)  # "runing" is no form of "run", nor "hikeing" of "hike"
        return [*found, f"{stem}e", *([] if irregular else [stem])]
    return []


def _most(found: set[str], count: Callable[[str], int], least: int) -> str | None:
    times, word = max(((count(singular(w)), w) for w in found), default=(0, ""))
    return word if times >= least else None
