"""Spelling as a receipt has it, for the words of models that read no capitals, no accents and no spaces at marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_PARTS = re.compile(r"\w+|[^\w\s]")
_START = re.compile(r"(?:^|(?<=[.!?]\s))[a-z]")


def respelt(text: str, spellings: Iterable[str]) -> str:
    """A text in which whatever reads like one of the spellings is spelt so, and sentences begin with a capital.

    Args:
        text: as a model wrote it, "trail runner 5 costs $ 12. 99."
        spellings: names, prices and whole sentences, "Trail Runner 5", "$12.99"; a longer one goes first.

    Returns:
        "Trail Runner 5 costs $12.99." Nothing but spelling and white space is changed.
    """
    known = [spelling for spelling in sorted(set(spellings), key=lambda one: (-len(one), one)) if spelling.strip()]
    if known:
        either = re.compile("|".join(f"({_pattern(spelling)})" for spelling in known), re.IGNORECASE)
        text = either.sub(lambda found: known[(found.lastindex or 1) - 1], text)
    return _START.sub(lambda found: found.group().upper(), text)


def _pattern(spelling: str) -> str:
    """A spelling without its accents, with or without white space between its words and marks."""
    parts = [re.escape(_plain(part)) for part in _PARTS.findall(spelling)]
    start = r"(?<!\w)" if spelling[:1].isalnum() else ""
    end = r"(?!\w)" if spelling[-1:].isalnum() else ""
    return start + r"\s*".join(parts) + end


def _plain(text: str) -> str:
    """Small letters without accents, as uncased tokenizers read them."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")
