"""What a refusal refuses: the noun phrases after "not", "without" and the like, with names kept whole."""

from __future__ import annotations

from agent.planner.lexicon import lexicon
from agent.planner.query import is_noun
from agent.planner.tokens import Text
from agent.planner.vocabulary import MAX_NAME, Vocabulary

_NEGATING = frozenset({"no", "not", "without"})  # "without not wool" refuses wool
_PARTS = frozenset(".,;:?()")  # no name runs over these


def refused_phrases(
    text: Text, vocabulary: Vocabulary, at: int, *, lists_and: bool, commas: bool = False
) -> tuple[int, list[range]]:
    """Noun phrases after a negator: "leather, plastic or metal" are three. Returns where they end, and them.

    Args:
        text: the message.
        vocabulary: the shop's own words.
        at: where they begin.
        lists_and: whether "and" goes on with what is refused, too.
        commas: whether a list that ends in "and" is refused as a whole: "allergic to nuts, milk and eggs".
    """
    phrases: list[range] = []
    while True:
        start, end = _brand_at(text, vocabulary, at) or phrase_at(text, at)
        if start == end:
            return (phrases[-1][-1] + 1 if phrases else at if start == at else start), phrases
        phrases.append(range(start, end))
        following = text.tokens[end].low if end < len(text) else ""
        after = text.tokens[end + 1].low if end + 1 < len(text) else ""
        if following in {"or", "nor"} or (following in {"and", "&"} and lists_and and _lists(text, end + 1)):
            at = end + 1
        elif following == "," and (after in {"or", "nor", "no"} or _comma_lists(text, end + 1, commas=commas)):
            at = end + (2 if after in {"or", "nor", "no"} else 1)
        else:
            return end, phrases


def name_only(text: Text, vocabulary: Vocabulary, end: int, phrases: list[range]) -> tuple[int, list[range]]:
    """Refuse Nike alone in "anything but Nike running shoes": what follows a name or a material is still wanted."""
    span = phrases[0]
    hits = vocabulary.find_brands(text.words(span))
    named = hits[0].end if hits and hits[0].start == 0 else 0
    if not named and span[0] > 0 and not text.raw.istitle():
        capital = [text.raw[text.tokens[i].start].isupper() or text.tokens[i].low == "&" for i in span]
        named = capital.index(False) if capital[0] and not all(capital) else 0
    if not named and text.tokens[span[0] - 1].low in {"but", "except"}:  # "anything but plastic boxes"
        named = next(
            (n for n, low in enumerate(text.words(span)) if low not in lexicon().material | lexicon().colour), 0
        )
    if not named or named == len(span):
        return end, phrases
    return span[0] + named, [span[:named]]


def _brand_at(text: Text, vocabulary: Vocabulary, at: int) -> tuple[int, int] | None:
    """A brand of several words that begins here, whatever stands in it: "The North Face", "Arm & Hammer"."""
    skipped = phrase_at(text, at)[0]
    for start in sorted({at, skipped}):
        near = [token.low for token in text.tokens[start : start + 2 * MAX_NAME]]
        hits = vocabulary.find_brands(near)
        end = hits[0].end if hits and hits[0].start == 0 else 0
        if end > 1 and not {*near[:end]} & _PARTS and not any(text.taken[start : start + end]):
            return start, start + end
    return None


def phrase_at(text: Text, at: int) -> tuple[int, int]:
    """Where a noun phrase of at most four words begins and ends that is refused from here on; equal where none is."""
    while at < len(text) and not text.taken[at] and text.tokens[at].low in lexicon().after_no | _NEGATING:
        at += 1
    end = at
    while (
        end < len(text) and end - at < 4 and not text.taken[end] and text.tokens[end].low not in lexicon().ends_refusal
    ):
        low = text.tokens[end].low
        if not (low[0].isalnum() or (low == "&" and _is_named(text, end))):
            break
        noun = low in lexicon().verb_or_noun and is_noun(text, end)  # "slim fit"
        if low in lexicon().breaks and end > at and not noun:
            break
        end += 1
    return at, end


def _is_named(text: Text, at: int) -> bool:
    """Whether a mark stands between two words in capitals, as in "Crate & Barrel"."""
    around = text.tokens[max(at - 1, 0) : at + 2 : 2]
    return len(around) == 2 and all(text.raw[token.start].isupper() for token in around)


def _lists(text: Text, at: int) -> bool:
    """Whether "and" goes on with another short refusal, not with a wish of its own."""
    start, end = phrase_at(text, at)
    described = all(t in lexicon().adjective for t in text.words(range(start, end)))
    return 0 < end - at <= 2 and start == at and not described and text.tokens[at].low not in lexicon().breaks


def _comma_lists(text: Text, at: int, *, commas: bool) -> bool:
    """Whether a comma goes on a list that ends in "or": "no leather, plastic or metal"; with `commas` also in "and"."""
    start, end = phrase_at(text, at)
    if start != at or not 0 < end - start <= 2 or end >= len(text):
        return False
    following = text.tokens[end].low
    if commas and following in {"and", "&"}:
        return _lists(text, end + 1)
    return following in {"or", "nor"} or (following == "," and _comma_lists(text, end + 1, commas=commas))
