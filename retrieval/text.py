"""Words, as every part of the shop counts them: one tokenizer for filters, lexical search and planners."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_POSSESSIVE = re.compile(r"['’]s$")
_DANGLING = re.compile(r"(?:[ ,;:–|(&/+-]+(?:and|or|with|for|of|in|to|the|a|by|&)?)+$", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_ISO_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}


def clean(text: str, limit: int = 20_000) -> str:
    """Normalise text from outside: NFC, no control or invisible characters, single spaces, at most `limit` long."""
    text = unicodedata.normalize("NFC", text[: 2 * limit])
    text = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in text)
    return _SPACE.sub(" ", text).strip()[:limit].strip()


def singular(word: str) -> str:
    """Strip an English plural ending: "watches" -> "watch", "batteries" -> "battery", "shoes" -> "shoe"."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def running(promotion: str, at: datetime | None) -> bool:
    """Whether an offer in words runs at a moment, by the days that it names; one that names none does."""
    days: list[str] = _ISO_DAY.findall(promotion)
    if not days or at is None:
        return bool(promotion)
    today = at.date().isoformat()
    return (len(days) == 1 or days[0] <= today) and today <= days[-1]


def words(text: str) -> list[str]:
    """Lower-case words in order, possessive 's dropped: "Men's Trail-Shoes" -> ["men", "trail", "shoes"]."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [_POSSESSIVE.sub("", word) for word in found]


def terms(text: str) -> list[str]:
    """Words reduced to the form in which filters compare them: `words`, each made singular."""
    return [singular(word) for word in words(text)]


def key(text: str) -> str:
    """The form under which spellings of one name are the same: "ABIS_BOOK", "Abis  book" -> "abis book"."""
    return " ".join(words(text.replace("_", " ")))


def label(name: str) -> str:
    """How a category is shown to people: "PET_FOOD" -> "Pet food"; spellings that already read well stay."""
    if name.isupper() or "_" in name:
        return name.replace("_", " ").strip().capitalize()
    return name


def short_name(title: str, limit: int = 80) -> str:
    """A title's beginning, cut at a natural break so that prose can carry it; always a prefix of `title`.

    Titles of at most `limit` characters stay whole. Longer ones end at the last comma, dash, bar or bracket after
    their first 24 characters, else at the last word that fits.
    """
    if len(title) <= limit:
        return title
    head = title[: limit + 1]
    breaks = [m.start() for m in re.finditer(r", | - | – | \| | \(|; |: ", head) if m.start() >= 24]
    cut = breaks[-1] if breaks else max(head.rfind(" "), 0) or limit
    return _DANGLING.sub("", title[:cut].rstrip(" ,;:-–|(&/+"))
