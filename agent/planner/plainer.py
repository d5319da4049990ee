"""A message in plainer words: the many ways to ask for a thing put into one, before the other readers read it.

"I'm hunting for a lamp", "next on my list is a lamp" and "a lamp is what I need" all become "i want a lamp", sentences
that only tell a story fall out, and slips of the pen in words of asking are mended. What is refused, limited or named
is never dropped, and goods are never respelled: that is for the catalogue to say.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.planner.lexicon import lexicon
from agent.planner.vocabulary import Vocabulary
from retrieval.text import singular

MOST_PLACES = 40  # beginnings of clauses that are looked at
MOST_ASIDE = 9  # words of a sentence that tells a story
_WORD = re.compile(r"[A-Za-z]{4,14}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SENTENCE = re.compile(r"[^.!?]*[.!?]+\s+")
_TOLD = re.compile(
    r"(?:my|our|his|her|the|this|that|it|it['’]?s|there['’]?s|there is|i|i['’]?m|i['’]?ve|we|we['’]?re|we['’]?ve|"
    r"everyone|everybody|somebody|someone|school|payday)\b",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"\b(?:want|need|look|looking|like|love|prefer|show|find|buying|gift|present|for (?:my|the|a|him|her)|too|with|"
    r"without|no|not|\w+n['’]?t|never|nothing|hate|avoid|allergic|sensitive|except|only|under|over|less|more|budget|"
    r"price|cheap|cheaper|expensive|spend|pay|brand|stock|available|ship|must|should|would|size|colou?r|is fine|"
    r"afford|cart|basket|compare|first(?! time)|second(?! order)|third|last(?! (?:week|month|year|night|time|one))|"
    r"it['’]?s an?|it is an?|these|those|them|ones?(?= with| in)|"
    r"you|your|kind|important|matters?|sold|hurts?|pain|allergy|skin|hair)\b|\d|[$£€¥]",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:(?:ok|okay|well|hmm+|hm|thanks|great|yes|no|please|right|cool|sorry|hi|hello|hey|there|"
    r"good (?:morning|afternoon|evening)|actually|i think|alright|fine|oh|ah|not really|you know|so)(?:[,.!]+ | ))*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Rule:
    """What is found and what is put in its place; only `at` a beginning of a clause ("b"), of a sentence ("s")."""

    find: re.Pattern[str]
    put: str
    at: str


@lru_cache(maxsize=1)
def _parts() -> dict[str, str]:
    return {name: str(part) for name, part in _tables()["parts"].items()}


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "plainer.toml").read_text(encoding="utf-8"))


def _filled(expression: str) -> str:
    while "@" in expression:
        expression = re.sub(r"@(\w+)@", lambda match: _parts()[match[1]], expression)
    return expression


@lru_cache(maxsize=1)
def _rules() -> tuple[_Rule, ...]:
    def rule(find: str, put: str) -> _Rule:
        at = find[1] if find.startswith(("@b@", "@s@")) else ""
        return _Rule(re.compile(_filled(find[3:] if at else find), re.IGNORECASE), put, at)

    return tuple(rule(find, put) for find, put in _tables()["rules"]["list"])


@lru_cache(maxsize=2)
def _beginnings(at: str) -> re.Pattern[str]:
    return re.compile(_filled(f"@{at}@"), re.IGNORECASE)


def _places(text: str) -> dict[str, list[int]]:
    """Where clauses ("b") and sentences ("s") begin."""
    return {at: [match.start() for match in _beginnings(at).finditer(text)][:MOST_PLACES] for at in ("b", "s")}


def _applied(text: str) -> str:
    """The text after every rule, each put wherever it fits."""
    places = _places(text)
    for rule in _rules():
        changed = text
        if not rule.at:
            changed = rule.find.sub(rule.put, text)
        else:
            for at in reversed(places[rule.at]):
                match = rule.find.match(changed, at)
                if match is not None:
                    changed = changed[:at] + match.expand(rule.put) + changed[match.end() :]
        if changed != text:
            text, places = changed, _places(changed)
    return text


@lru_cache(maxsize=1)
def _slips() -> dict[str, str]:
    """Every misspelling that counts as a slip of a word of asking, with that word."""
    lists = _tables()["slips"]
    known = lexicon().known | {*lists["never"].split(), *lists["words"].split(), *lists["short"].split()}
    found: dict[str, str] = {}
    for name in ("short", "words"):
        for word in lists[name].split():
            for slip in _near(word, whole=name == "words" and len(word) > 4):
                if slip not in known and singular(slip) not in known:
                    found[slip] = word
    return found


def _near(word: str, *, whole: bool) -> set[str]:
    """Words one slip away; unless `whole`, only by letters that changed places or one that stands twice."""
    splits = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    near = {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    near |= {a + a[-1] + b for a, b in splits}
    if whole:
        near |= {a + b[1:] for a, b in splits if b}
        near |= {a + c + b for a, b in splits if b for c in _LETTERS}
        near |= {a + c + b[1:] for a, b in splits if b for c in _LETTERS}
    return near - {word}


LONGEST = 600  # characters: longer messages are no simple requests, and rewording would take longer than reading


def mended(message: str, vocabulary: Vocabulary) -> str:
    """The message with slips in words of asking mended, where neither a name nor goods of the shop are spelled so."""

    def mend(match: re.Match[str]) -> str:
        word = _slips().get(match.group().casefold())
        low = match.group().casefold()
        if word is None or vocabulary.count(singular(low)) or vocabulary.brand(low) or vocabulary.platform(low):
            return match.group()
        return word.capitalize() if match.group()[0].isupper() else word

    return _WORD.sub(mend, message)


def plainer(message: str, vocabulary: Vocabulary) -> str:
    """The message in plainer words; unchanged where no rule fits, nothing would be left, or it is too long for one."""
    if len(message) > LONGEST:
        return message
    text = _without_asides(_applied(mended(message, vocabulary))).strip()
    return text if any(c.isalnum() for c in text) else message


def _without_asides(text: str) -> str:
    """Leave out sentences at the beginning that only tell a story, where a request follows them."""
    opening = _OPENING.match(text)
    at = opening.end() if opening is not None else 0
    while True:
        match = _SENTENCE.match(text, at)
        if match is None or not re.search(r"\w{3}", text[match.end() :]):
            return text
        said = match.group().strip()
        words = [w.casefold() for w in re.findall(r"[\w'’-]+", said)]
        if not 2 < len(words) <= MOST_ASIDE or not _is_story(said, words):
            return text
        text = text[:at] + text[match.end() :]


def _is_story(said: str, words: list[str]) -> bool:
    """Whether a sentence tells something, and wishes, refuses, limits and names nothing that a plan holds."""
    kept = lexicon().relations | lexicon().pets | lexicon().occasions
    return _TOLD.match(said) is not None and _SAYS.search(said) is None and not kept & {*words}
