"""One phrase of a message: its words without padding, and what led up to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from retrieval.text import singular

MOST_WORDS = 16
_ARTICLES = frozenset({"a", "an", "the", "my", "our", "some"})
_PARTICLES = frozenset({"out", "up", "off", "down", "away", "over"})  # what a verb leaves behind ("worn out")
_OF_THE = frozenset({"the", "these", "those", "my", "your"})
NUMBERS = frozenset({"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "dozen"})


@dataclass(frozen=True)
class Phrase:
    """Words that belong together. `cue`: request, bare, wish, purpose or background; `names`: has a head noun.

    `attached` is led by "for", "with", "in", "from" or "at", so that it says something of the thing rather than names
    another.
    """

    text: str
    words: tuple[str, ...]
    cue: str
    names: bool
    generic: bool
    definite: bool = False
    indefinite: bool = False
    attached: bool = False


def phrase_of(
    text: Text, vocabulary: Vocabulary, run: Sequence[int], lead: Sequence[str], asked: bool
) -> Phrase | None:
    """Make a phrase of a run of tokens; None where nothing but padding stands there.

    Args:
        text: the message.
        vocabulary: spells words as the catalogue does.
        run: token numbers, none of them breaking a phrase.
        lead: canonical words since the last phrase.
        asked: whether something was asked for earlier in the sentence.
    """
    kept, generic = _trimmed(text, run)
    kept = _without_loose_links(text, kept)
    low = [text.tokens[i].low for i in kept]
    if not any(word[0].isalpha() and word not in NUMBERS | _PARTICLES for word in low):
        return None
    lists = lexicon()
    before = [*lead, *(text.tokens[i].low for i in run if i < kept[0])]
    compared = any(text.tokens[i].low in lists.comparing for i in run[:2]) or before[-1:] in (["more"], ["less"])
    vague = bool(before) and before[-1] in {"something", "anything"} and len(low) == 1
    corrected = [vocabulary.correct(word) for word in low[:MOST_WORDS]]
    content = [word for word in corrected if word not in lists.link] or corrected
    measured = content[0].isdigit() and content[-1] in lists.units
    names = any(word not in lists.describing and not word.isdigit() for word in content) and not measured
    return Phrase(
        text=_spell(text, kept, low, corrected),
        words=tuple(corrected),
        cue=_cue(before, asked),
        names=names and not (generic and content[-1] in lists.describing) and not vague,
        generic=generic or compared or vague,
        definite=bool(before) and before[-1] in {"the", "that", "this"},
        indefinite=bool(before) and before[-1] in {"a", "an"},
        attached=[w for w in before if w not in _ARTICLES][-1:] in (["for"], ["with"], ["in"], ["from"], ["at"]),
    )


def _trimmed(text: Text, run: Sequence[int]) -> tuple[list[int], bool]:
    """A run without padding and loose edges, and whether it spoke of "one" or "something" rather than of a thing."""
    lists = lexicon()
    edge = lists.link | lists.padding
    generic = any(text.tokens[i].low in lists.generic for i in run[-2:])
    kept = list(run[_counted(text, run) :])
    while kept and text.tokens[kept[0]].low in edge:
        kept.pop(0)
    kept = [i for i in kept if text.tokens[i].low not in lists.padding]
    while kept and text.tokens[kept[-1]].low in edge:
        kept.pop()
    ends = bool(kept) and text.tokens[kept[-1]].low in lists.generic
    rest = [text.tokens[i].low for i in kept[:-1]]
    if ends and all(word in lists.describing or word in lists.link for word in rest):
        return kept[:-1], True
    return kept, generic and (ends or len(kept) < len(run))


def _counted(text: Text, run: Sequence[int]) -> int:
    """How many words at the beginning only count the goods: of "two of the red mugs" three, of "two red mugs" one."""
    low, lists = [text.tokens[i].low for i in run], lexicon()
    at = next((n for n, word in enumerate(low) if word not in lists.link | lists.padding), 0)
    if low[at] not in NUMBERS and not re.fullmatch("[2-9]|1[0-2]", low[at]):
        return 0
    of = next((n for n in range(at + 1, len(low)) if low[n] not in lists.padding), at)  # "three pairs of"
    if low[of] == "of" and (of > at + 1 or (low[of + 1 : of + 2] and low[of + 1] in _OF_THE)):
        return of + 1
    thing = next((n for n in range(at + 1, len(low)) if low[n] not in lists.describing | lists.padding), len(low))
    goods, after = low[thing : thing + 1], low[thing + 1 : thing + 2]
    plural = bool(goods) and singular(goods[0]) != goods[0] and goods[0] not in lists.units
    return at + 1 if plural and (not after or after[0] in lists.link) else 0


def _without_loose_links(text: Text, kept: list[int]) -> list[int]:
    """Padding that fell out may leave "in and" behind: of links in a row the last stays."""
    links = lexicon().link

    def loose(n: int) -> bool:
        i, following = kept[n], kept[n + 1]
        return text.tokens[i].low in links and text.tokens[following].low in links and following > i + 1

    return [i for n, i in enumerate(kept) if n + 1 == len(kept) or not loose(n)]


def _spell(text: Text, kept: list[int], low: list[str], corrected: list[str]) -> str:
    """The shopper's spelling, but for corrected words; what stood together stays together ("4k", "2.5")."""
    parts: list[str] = []
    last = -1
    for n, i in enumerate(kept[:MOST_WORDS]):
        token = text.tokens[i]
        word = corrected[n] if corrected[n] != low[n] else text.raw[token.start : token.end]
        if parts and last == token.start and i == kept[n - 1] + 1:
            parts[-1] += word
        elif not parts or token.start >= last:
            parts.append(word)
        last = token.end
    return " ".join(parts)


def _cue(lead: list[str], asked: bool) -> str:
    """What kind of clause a phrase stands in, from the words before it."""
    told, lists = set(lead), lexicon()
    requests = bool(told & lists.request) or (bool(told & {"have", "got"}) and bool(told & {"you", "do", "there"}))
    requests |= bool(told & {"what", "how"}) and "about" in told
    explains = bool(told & lists.explaining) and not ("if" in told and bool(told & {"have", "you"}))
    opens = not asked and lead[-1:] == ["to"] and not told & lists.request
    aims = asked and bool(lead) and ("to" in lead[-3:] or bool(told & {"use", "using", "for"}))
    plain = lists.asking | lists.padding | lists.link | {"-", "~", "please"}
    rules = (
        (opens, "background"),
        (bool(told & {"prefer", "preferably", "ideally", "rather"}), "wish"),
        ("who" in told and not told & lists.wishing, "aside"),
        (explains, "background"),
        (aims and not told & {"i", "with"}, "purpose"),
        (requests and bool(told & lists.object) and "there" not in told, "wish"),
        (requests, "request"),
        (bool(told & lists.wishing) and not (told & {"i", "we"} and told & {"have", "has", "be"}), "wish"),
        (bool(told & {"i", "we", "he", "she", "my", "who"} or told & lists.wishing), "background"),
        (told <= plain, "bare"),
    )
    return next((cue for holds, cue in rules if holds), "other")
