"""What is searched for: the phrases that are left of a message when all else has been read.

A message is cut into phrases at verbs, pronouns and marks; polite padding falls out. What led up to a phrase tells what it
is: asked for ("show me", "do you have"), wished ("preferably", "should be"), a purpose ("to listen to"), or background
("because my old ones broke"). The query is the first phrase asked for that names a thing; wishes go into `include`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary

MOST_WORDS = 16
_REQUEST = frozenset(
    [
        "want",
        "need",
        "wanted",
        "looking",
        "look",
        "searching",
        "search",
        "find",
        "finding",
        "show",
        "recommend",
        "suggest",
        "recommended",
        "buy",
        "buying",
        "purchase",
        "purchasing",
        "get",
        "getting",
        "sell",
        "sells",
        "seeking",
        "seek",
        "shopping",
        "browse",
        "browsing",
        "order",
        "any",
        "recommendation",
        "recommendations",
        "suggestion",
        "suggestions",
        "lacking",
        "lack",
        "carry",
        "stock",
        "see",
        "after",
        "replace",
        "recommending",
        "wanting",
        "needing",
        "bring",
        "give",
        "options",
        "advice",
        "ideas",
        "interested",
        "market",
        "prefer",
        "missing",
    ]
)
_WISH = frozenset(
    [
        "prefer",
        "prefers",
        "preferably",
        "ideally",
        "should",
        "must",
        "like",
        "likes",
        "love",
        "loves",
        "better",
        "rather",
        "with",
        "has",
        "have",
        "having",
        "comes",
        "come",
        "made",
        "sure",
        "be",
        "enjoy",
        "preference",
        "enough",
    ]
)
_BACKGROUND = frozenset(
    ["because", "since", "when", "if", "though", "although", "so", "as", "while", "until", "unless", "due"]
)
_OBJECT = frozenset(["it", "them", "this", "that", "they"])
_COMPARING = frozenset(
    [
        "more",
        "less",
        "better",
        "bigger",
        "larger",
        "longer",
        "higher",
        "lower",
        "smaller",
        "stronger",
        "brighter",
        "enough",
    ]
)
_VERB_OR_NOUN = frozenset(
    [
        "work",
        "play",
        "care",
        "stock",
        "display",
        "carry",
        "wear",
        "fit",
        "look",
        "order",
        "shop",
        "use",
        "show",
        "check",
        "change",
        "help",
        "mind",
        "love",
        "like",
        "buy",
        "sell",
    ]
)
_NOUN_FIRST = frozenset(["work", "play", "stock", "fit", "care", "carry"])
_BEFORE_VERB = frozenset(
    [
        "i",
        "you",
        "we",
        "they",
        "he",
        "she",
        "to",
        "not",
        "do",
        "does",
        "did",
        "can",
        "could",
        "would",
        "will",
        "please",
        "that",
        "which",
        "who",
        "might",
        "may",
        "should",
        "let",
        "and",
        "it",
    ]
)
_ASKING = frozenset(
    [
        "do",
        "does",
        "have",
        "has",
        "got",
        "is",
        "are",
        "there",
        "any",
        "can",
        "could",
        "would",
        "you",
        "what",
        "which",
        "how",
        "about",
        "some",
    ]
)


@dataclass(frozen=True)
class Phrase:
    """Words that belong together. `cue`: request, bare, wish, purpose or background; `names`: has a head noun."""

    text: str
    words: tuple[str, ...]
    cue: str
    names: bool
    generic: bool
    definite: bool = False


def phrases(text: Text, vocabulary: Vocabulary) -> list[Phrase]:
    """Cut what no reader has taken into phrases, in order."""
    found: list[Phrase] = []
    run: list[int] = []
    lead: list[str] = []
    asked = False
    for at in range(len(text) + 1):
        kind = _kind(text, at)
        if kind == "word" or (kind == "link" and run):
            run.append(at)
            continue
        if run:
            phrase = _phrase(text, vocabulary, run, lead, asked)
            if phrase is not None:
                found.append(phrase)
                asked = asked or phrase.cue == "request"
                lead = []
            else:
                lead += [text.tokens[i].low for i in run]
            run = []
        if kind == "end":
            lead, asked = [], False
        elif kind == "comma":
            lead = (
                lead[-6:] if asked is False and lead and lead[-1] not in {"hi", "hello", "hey", "yes", "no"} else ["-"]
            )
        elif at < len(text):
            lead.append(text.tokens[at].low if not text.taken[at] else "-" if text.taken[at] == "reference" else "~")
    return found


def _kind(text: Text, at: int) -> str:
    if at >= len(text):
        return "end"
    low = text.tokens[at].low
    if text.taken[at]:
        return "taken"
    if not low[0].isalnum():
        if low in {".", "!", "?", ";", "…"} and not _inside(text, at):
            return "end"
        if low in {"-", "/", "'", '"', "&", "+", "."} and _inside(text, at):
            return "link"
        return "comma"
    lists = lexicon()
    if low in _VERB_OR_NOUN and _is_noun(text, at):
        return "word"
    if low in lists.breaks:
        return "break"
    return "link" if low in lists.link or low in lists.padding else "word"


def _inside(text: Text, at: int) -> bool:
    """Whether a mark stands between two characters without spaces, as in "3.5" or "black/white"."""
    if not 0 < at < len(text) - 1:
        return False
    here = text.tokens[at]
    return text.tokens[at - 1].end == here.start and here.end == text.tokens[at + 1].start


def _is_noun(text: Text, at: int) -> bool:
    """ "work boots" against "it should work": a verb follows a pronoun, an auxiliary or "to", a noun comes before a noun."""
    before = text.tokens[at - 1].low if at else ""
    after = text.tokens[at + 1].low if at + 1 < len(text) else ""
    if before in _BEFORE_VERB:
        return False
    follows = bool(after) and after[0].isalnum() and after not in lexicon().stop
    described = before in lexicon().describing or (before[:1].isalnum() and before not in lexicon().stop)
    return (follows and (bool(before) or text.tokens[at].low in _NOUN_FIRST)) or described


def _phrase(text: Text, vocabulary: Vocabulary, run: list[int], lead: list[str], asked: bool) -> Phrase | None:
    lists = lexicon()
    edge = lists.link | lists.padding
    compared = any(text.tokens[i].low in _COMPARING for i in run[:2]) or lead[-1:] in (["more"], ["less"])
    kept = list(run)
    while (kept and text.tokens[kept[-1]].low in edge - lists.generic) or (
        kept and text.tokens[kept[-1]].low in {"one", "ones"}
    ):
        kept.pop()
    generic = compared or (len(kept) < len(run) and any(text.tokens[i].low in lists.generic for i in run[-2:]))
    while kept and text.tokens[kept[0]].low in edge:
        kept.pop(0)
    kept = [
        i
        for i in kept
        if text.tokens[i].low not in lists.padding or (text.tokens[i].low in lists.generic and i == kept[-1])
    ]
    while kept and text.tokens[kept[-1]].low in edge:
        generic |= text.tokens[kept[-1]].low in lists.generic
        kept.pop()
    if len(kept) > 1 and text.tokens[kept[-1]].low in lists.generic:
        rest = [text.tokens[i].low for i in kept[:-1]]
        if all(w in lists.describing or w in lists.link for w in rest):
            kept, generic = kept[:-1], True
    if all(text.tokens[i].low in lists.generic for i in kept):
        return None
    kept = _without_loose_links(text, kept)
    low = [text.tokens[i].low for i in kept]
    if not kept or all(len(w) == 1 and not w.isalnum() for w in low):
        return None
    before = [*lead, *(text.tokens[i].low for i in run if i < kept[0])]
    corrected = [vocabulary.correct(w) for w in low[:MOST_WORDS]]
    content = [w for w in corrected if w not in lists.link]
    names = any(w not in lists.describing and not w.isdigit() for w in content) and not (
        generic and content[-1] in lists.describing
    )
    definite = bool(before) and before[-1] in {"the", "that", "this"}
    return Phrase(
        _spell(text, kept, low, corrected), tuple(corrected), _cue(before, asked, low), names, generic, definite
    )


def _without_loose_links(text: Text, kept: list[int]) -> list[int]:
    """Padding that fell out may leave "in and" behind: of links in a row the last stays."""
    links = lexicon().link
    return [
        i
        for n, i in enumerate(kept)
        if not (
            n + 1 < len(kept)
            and text.tokens[i].low in links
            and text.tokens[kept[n + 1]].low in links
            and kept[n + 1] > i + 1
        )
    ]


def _spell(text: Text, kept: list[int], low: list[str], corrected: list[str]) -> str:
    parts: list[str] = []
    last = -1
    for n, i in enumerate(kept[:MOST_WORDS]):
        token = text.tokens[i]
        word = corrected[n] if corrected[n] != low[n] else text.raw[token.start : token.end]
        glue = parts and last == token.start and i == kept[n - 1] + 1
        if glue:
            parts[-1] += word
        elif not parts or token.start >= last:
            parts.append(word)
        last = token.end
    return " ".join(parts)


def _cue(lead: list[str], asked: bool, words: list[str]) -> str:
    told = set(lead)
    if not asked and lead[-1:] == ["to"] and not told & _REQUEST:
        return "background"
    if told & {"prefer", "preferably", "ideally", "rather"}:
        return "wish"
    if told & _BACKGROUND and not told & {"if you"}:
        if not (told & {"if"} and told & {"have", "you"}):
            return "background"
    if (
        asked
        and lead
        and (lead[-1] == "to" or "to" in lead[-3:] or told & {"use", "using", "for"})
        and not told & {"i", "with"}
    ):
        return "purpose"
    if (
        told & _REQUEST
        or (told & {"have", "got"} and told & {"you", "do", "there"})
        or (told & {"what", "how"} and "about" in told)
    ):
        return "wish" if told & {"prefer"} or (told & _OBJECT and not told & {"there"}) else "request"
    if told & _WISH:
        return "wish" if not (told & {"i", "we"} and told & {"have", "has", "be"}) else "background"
    if told & {"i", "we", "he", "she", "my", "who"}:
        return "background"
    return (
        "bare"
        if not lead or set(lead) <= _ASKING | lexicon().padding | lexicon().link | {"-", "~", "please", "for"}
        else "other"
    )


def main(found: list[Phrase]) -> Phrase | None:
    """The phrase that says what is looked for; None where none does."""
    for cues in (("request",), ("bare",), ("wish", "other"), ("purpose",), ("background",)):
        for names in (True, False):
            for phrase in found:
                if (
                    phrase.cue in cues
                    and phrase.names is names
                    and not (names is False and any(p.names and p.cue == "bare" for p in found))
                ):
                    return phrase
    return found[0] if found else None


def wishes(found: list[Phrase], chosen: Phrase | None) -> tuple[str, ...]:
    """Phrases besides the chosen one that say what it should be like."""
    kept = [p for p in found if p is not chosen and p.cue in {"request", "bare", "wish", "other", "purpose"}]
    return tuple(dict.fromkeys(p.text for p in kept if len(p.words) <= 8))[:8]
