"""A message that is nothing but a list of brands: "Samsung, LG or Vizio please".

Where the catalogue knows only some of them, none may limit the search: the others would never be shown. Then all are
wanted terms.
"""

from __future__ import annotations

from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary

SEPARATORS = frozenset([",", "/", "or", "and", "&", "either"])
MOST_WORDS = 3  # of a name


def wanted_names(text: Text, vocabulary: Vocabulary) -> list[str]:
    """Names to wish for, their tokens taken; none where the catalogue knows all, or where other things are said."""
    known = [
        range(hit.start, hit.end)
        for hit in vocabulary.find_brands([token.low for token in text.tokens])
        if _is_capital(text, hit.start) or not any(map(vocabulary.is_word, hit.names))
    ]
    parts = _parts(text, {at for span in known for at in span})
    odd = [part for part in parts if not set(part) <= {at for span in known for at in span}]
    trusted = len(odd) < len(parts) or all(_is_capital(text, part[0]) for part in parts[1:])
    if len(parts) < 2 or not odd or not trusted or not all(_may_name(text, vocabulary, part) for part in odd):
        return []
    for part in parts:
        text.take(part, "name")
    return [text.surface(part) for part in parts]


def _parts(text: Text, protected: set[int]) -> list[range]:
    """What stands between commas and "or", without words that name nothing at its edges."""
    cuts = [at for at, token in enumerate(text.tokens) if at not in protected and token.low in SEPARATORS]
    found = []
    for start, end in zip([-1, *cuts], [*cuts, len(text)], strict=True):
        inner = [at for at in range(start + 1, end) if not text.taken[at]]
        while inner and inner[0] not in protected and _is_loose(text, inner[0]):
            inner.pop(0)
        while inner and inner[-1] not in protected and _is_loose(text, inner[-1]):
            inner.pop()
        if inner:
            found.append(range(inner[0], inner[-1] + 1))
    return found


def _is_loose(text: Text, at: int) -> bool:
    low = text.tokens[at].low
    return low in lexicon().stop or not low[0].isalnum()


def _may_name(text: Text, vocabulary: Vocabulary, part: range) -> bool:
    """Whether words may be a name that the catalogue doesn't know: no goods, no colours, no clause."""
    low = text.words(part)
    plain = lexicon().describing | lexicon().stop | lexicon().generic
    return (
        len(part) <= MOST_WORDS
        and all(word.isalpha() for word in low)
        and not any(text.taken[at] for at in part)
        and low[-1] not in plain
        and not vocabulary.is_noun(low[-1])
        and not set(low) & lexicon().breaks
    )


def _is_capital(text: Text, at: int) -> bool:
    return text.raw[text.tokens[at].start].isupper() and not text.raw.isupper()
