"""Requests taken back in the same breath: "do you sell tents? Actually no, show me backpacks".

Such a message is read as two, one after the other, so that the second lies over the first as a next turn would: what
was asked for is replaced, and what is about the shopper stays. It is two only where goods, another person or another
word of a class (colours, sizes) follow the words of retraction; sums ("under 50, no wait, 80") are corrected in place.
"""

from __future__ import annotations

from agent.planner.lexicon import lexicon, said
from agent.planner.query import main, phrases
from agent.planner.recipient import read_recipient
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary


def retraction(message: str, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """What was said before and after the last words of retraction; None where none part two requests."""
    text = Text(message)
    matches = [text.span(match) for match in text.find(said("acts.retract"))]
    for span in reversed(matches):
        first, rest = text.surface(range(span[0])), text.surface(range(span[-1] + 1, len(text)))
        if _says(first) and (_names_goods(rest, vocabulary) or _rivals(first, rest)):
            return first, rest
    return None


def _says(first: str) -> bool:
    return any(token.low[0].isalpha() and token.low not in lexicon().padding for token in Text(first).tokens)


def _names_goods(rest: str, vocabulary: Vocabulary) -> bool:
    """Whether a thing is asked for, rather than a detail of one."""
    chosen = main(phrases(Text(rest), vocabulary))
    if chosen is None or not chosen.names or chosen.generic or chosen.attached:
        return False
    return chosen.cue in {"request", "bare"}


def _rivals(first: str, rest: str) -> bool:
    """Whether the rest begins with another person, or with a word that replaces one of its class: "no, blue"."""
    if read_recipient(Text(first), None).name and read_recipient(Text(rest), None).name:
        return True
    begins = [token.low for token in Text(rest).tokens if token.low not in lexicon().stop][:1]
    kinds = {lexicon().kind(token.low) for token in Text(first).tokens} - {""}
    return any(lexicon().kind(low) in kinds for low in begins)
