"""What is searched for: the phrases that are left of a message when all else has been read.

A message is cut into phrases at verbs, pronouns and marks; polite padding falls out. What led up to a phrase tells
what it is: asked for ("show me", "do you have"), wished ("preferably", "should be"), a purpose ("to listen to"), or
background ("because my old ones broke"). The query is the first phrase asked for that names a thing; wishes go into
`include`.
"""

from __future__ import annotations

from agent.planner.lexicon import lexicon, said
from agent.planner.phrase import Phrase, phrase_of
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from retrieval.text import terms

_OLD = r"(?:my|our|his|her|their) (?:old|last|current|previous|existing)"


def phrases(text: Text, vocabulary: Vocabulary) -> list[Phrase]:
    """Cut what no reader has taken into phrases, in order."""
    found: list[Phrase] = []
    run: list[int] = []
    lead: list[str] = []
    asked = False
    old = {text.span(match)[0] for match in text.find(_OLD)}
    fixed = {at for match in text.find(said("topic.fixed")) for at in text.span(match)}
    for at in range(len(text) + 1):
        kind = "word" if at in fixed else _kind(text, at)
        if at in old and run and text.tokens[at - 1].low not in lexicon().link:
            kind = "break"  # "shoes my old ones"
        if kind == "word" or (kind == "link" and run):
            run.append(at)
            continue
        if run:
            phrase = phrase_of(text, vocabulary, run, lead, asked)
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
    """What a token does to a phrase: end the sentence, part phrases, belong to one, or link within one."""
    if at >= len(text):
        return "end"
    low = text.tokens[at].low
    if text.taken[at]:
        return "taken"
    if not low[0].isalnum():
        return "end" if _ends_refusal(text, at, low) else _mark(text, at, low)
    lists = lexicon()
    if low in lists.verb_or_noun and is_noun(text, at):
        return "word"
    return "break" if low in lists.breaks else "link" if low in lists.link or low in lists.padding else "word"


def _ends_refusal(text: Text, at: int, low: str) -> bool:
    """Whether a mark parts a refusal told first from what is asked for: "I'm allergic to nuts: snacks please"."""
    if not at or text.taken[at - 1] != "edit" or _inside(text, at):
        return False
    polite = [token.low for token in text.tokens if token.low[0].isalnum()][-1] == "please"
    return low in {":", "-", "–", "—"} or (low == "," and polite)


def _mark(text: Text, at: int, low: str) -> str:
    inside = _inside(text, at)
    if inside and low == "." and not text.tokens[at + 1].low[0].isdigit():
        return "end"  # "a lamp.It should be blue"
    if inside and low in {"-", "/", "'", '"', "&", "+", "."}:
        return "link"
    return "end" if low in {".", "!", "?", ";", "…"} and not inside else "comma"


def _inside(text: Text, at: int) -> bool:
    """Whether a mark stands between two characters without spaces, as in "3.5" or "black/white"."""
    if not 0 < at < len(text) - 1:
        return False
    here = text.tokens[at]
    return text.tokens[at - 1].end == here.start and here.end == text.tokens[at + 1].start


def is_noun(text: Text, at: int) -> bool:
    """Tell "work boots" from "it should work": verbs follow a pronoun, an auxiliary or "to", nouns stand by nouns."""
    before = text.tokens[at - 1].low if at else ""
    after = text.tokens[at + 1].low if at + 1 < len(text) else ""
    if before in lexicon().before_verb:
        return False
    if text.tokens[at].low == "display" and before in {"a", "an", "the"}:
        return True
    follows = bool(after) and after[0].isalnum() and after not in lexicon().stop
    described = before in lexicon().describing or (before[:1].isalnum() and before not in lexicon().stop)
    return (follows and (bool(before) or text.tokens[at].low in lexicon().noun_first)) or described


def main(found: list[Phrase]) -> Phrase | None:
    """The phrase that says what is looked for; None where none does."""
    bare_name = any(p.names and p.cue == "bare" for p in found)
    for cues in (("request",), ("bare",), ("wish", "other"), ("purpose",), ("background",)):
        for names in (True, False):
            fitting = [p for p in found if p.cue in cues and p.names is names]
            if fitting and (names or not bare_name):
                return next((p for p in fitting if not p.attached), fitting[0])
    return None


def wishes(found: list[Phrase], chosen: Phrase | None) -> tuple[str, ...]:
    """Phrases besides the chosen one that say what it should be like."""
    kept = [p for p in found if p is not chosen and p.cue in {"request", "bare", "wish", "other", "purpose"}]
    return tuple(dict.fromkeys(p.text for p in kept if len(p.words) <= 8))[:8]


def without_loose_ends(left: list[str]) -> str:
    """Words of a query of which some fell out, without what linked them: "shirt in" -> "shirt"."""
    while left and left[-1].casefold() in lexicon().link:
        left = left[:-1]
    while left and left[0].casefold() in lexicon().link:
        left = left[1:]
    return " ".join(left)


def head_of(query: str) -> str:
    """The word that names the thing: the last before a size, a measure, "for", "with" and the like."""
    head, parts, lists = "", query.casefold().split(), lexicon()
    for at, word in enumerate(parts):
        measures = word == "size" or (word[0].isdigit() and parts[at + 1 : at + 2] and parts[at + 1] in lists.units)
        if head and (word in lists.link or measures):
            break
        if word not in lists.link:
            head = word
    return (terms(head) or [""])[-1]
