"""What a message doesn't want, and which earlier wishes and refusals it takes back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from agent.planner.lexicon import lexicon, said
from agent.planner.phrase import NUMBERS
from agent.planner.refused import name_only, phrase_at, refused_phrases
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from retrieval.text import key, terms

_OPPOSITES = {
    "big": "smaller", "large": "smaller", "small": "larger", "tiny": "larger", "little": "larger", "heavy": "lighter",
    "dark": "brighter", "bright": "darker", "loud": "quieter", "noisy": "quieter", "long": "shorter", "short": "longer",
    "wide": "narrower", "narrow": "wider", "thin": "thicker", "thick": "thinner", "tight": "wider", "hard": "softer",
    "soft": "firmer", "plain": "patterned", "colourful": "plain", "colorful": "plain",
    "slow": "faster", "weak": "stronger",
    "complicated": "simple", "fancy": "simple", "flimsy": "sturdy", "fragile": "sturdy", "bulky": "compact",
    "formal": "casual", "casual": "formal", "old": "newer", "warm": "lighter", "bitter": "mild", "spicy": "mild",
}  # fmt: skip
_TOO = (
    rf"(?:a bit |way |much |far |a little )?(?:too|overly) (?P<what>{'|'.join(_OPPOSITES)})(?: (?:for me|for us|"
    rf"though))?"
)
_SOFT = (
    r"not (?:to be )?(?:too|so|that|very|overly|super|terribly|be too|as) (?P<what>(?!brands? )[\w-]+)"
    r"(?: (?:and|or) (?:too )?[\w-]+)?"
)
_FINE = (
    r"(?:fine|ok|okay|alright|acceptable|good|great|cool|welcome|allowed)(?: (?:after all|too|with me|for me|by "
    r"me|as well|then|now|again|actually))*"
)
_ALSO_AND = (
    "without",
    "avoid",
    "hate",
    "dislike",
    "no",
    "free",
    "allergic",
    "do",
    "except",
    "exclude",
    "excluding",
    "other",
    "nothing",
)


_WHOLE_LISTS = ("allergic", "avoid", "avoiding", "free")  # of what does harm, no wish stands among it


@dataclass
class Edits:
    """Refusals in words or names; `unneeded` wishes and `accepted` refusals are dropped, `soft` wishes added.

    Of `any_kind`, "colour" and "size", any will do: wishes for one are dropped.
    Of `exclude`, those in `names` are names of several words that the catalogue doesn't know ("mr. coffee").
    """

    exclude: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    not_brands: list[str] = field(default_factory=list)
    not_categories: list[str] = field(default_factory=list)
    not_platforms: list[str] = field(default_factory=list)
    unneeded: list[str] = field(default_factory=list)
    any_kind: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    soft: list[str] = field(default_factory=list)
    refused_references: bool = False
    refused_brand: bool = False


def read_edits(text: Text, vocabulary: Vocabulary, refused: Collection[str] = ()) -> Edits:
    """Read refusals and take the tokens that state them. References must have been taken before.

    Args:
        text: the message.
        vocabulary: the shop's own words.
        refused: terms and brands refused earlier, which may be said to be fine after all.
    """
    edits = Edits()
    if refused:
        _accept(text, edits, {term for phrase in refused for term in terms(phrase)})
    _set_aside(text, edits)
    for match in text.find(said("edits.not_that_brand"), free=False):
        edits.refused_brand = True
        text.take(text.span(match), "edit")
    for match in text.find(said("edits.unneeded"), free=False):
        if any(text.taken[i] not in {"", "reference"} for i in text.span(match)):
            continue
        if any(text.taken[i] for i in text.span(match, "what")):
            continue
        edits.unneeded.append(match["what"])
        text.take(text.span(match), "edit")
    for match in text.find(_SOFT):
        if match["what"] in {"expensive", "pricey", "costly", "dear"}:
            edits.soft.append("affordable")
        text.take(text.span(match), "edit")
    for match in text.find(_TOO):
        edits.soft.append(_OPPOSITES[match["what"]])
        text.take(text.span(match), "edit")
    for match in text.find(said("edits.idioms")):
        text.take(text.span(match), "idiom")
    _owned(text, edits)
    for match in text.find(said("edits.negators"), free=False):
        span = text.span(match)
        if any(text.taken[i] for i in span):
            continue
        _refuse(text, vocabulary, edits, span, match.group())
    return edits


def _set_aside(text: Text, edits: Edits) -> None:
    """Wishes of a kind of which any will do ("any colour"), and what is told to be another use ("not for A, for B")."""
    for match in text.find(said("edits.any_kind")):
        edits.any_kind.append("size" if "size" in match.groupdict().values() else "colour")
        text.take(text.span(match), "edit")
    for match in text.find(said("edits.contrast")):
        edits.exclude.append(match["what"] or match["last"])
        text.take(text.span(match), "edit")


def _owned(text: Text, edits: Edits) -> None:
    """Refuse what somebody has already, unless the message asks for a further one or for what goes with it."""
    if text.has(said("edits.around_owned")):
        return
    lists = lexicon()
    for match in text.find(said("edits.owned")):
        start, end = phrase_at(text, text.span(match)[-1] + 1)
        span = [i for i in range(start, end) if text.tokens[i].low != "already"]
        plain = lists.describing | lists.padding | lists.link | NUMBERS
        head = [i for i in span if text.tokens[i].low not in plain and text.tokens[i].low[0].isalpha()]
        named = {t for i in head[-1:] for t in terms(text.tokens[i].low)}
        others = {t for i in range(len(text)) if i not in span for t in terms(text.tokens[i].low)}
        if not named or named & others:
            continue
        edits.exclude.append(" ".join(text.surface(range(i, i + 1)) for i in head).lower())
        text.take(range(text.span(match)[0], end), "edit")


def _accept(text: Text, edits: Edits, refused: set[str]) -> None:
    for match in text.find(said("edits.accepted")):
        group = next(name for name in "abc" if match[name])
        again = set(terms(match[group])) & refused
        if again:
            edits.accepted.extend(sorted(again))
            text.take(text.span(match), "edit")


def _refuse(text: Text, vocabulary: Vocabulary, edits: Edits, negator: range, negating: str) -> None:
    at = negator[-1] + 1
    if negating == "not" and negator[0] and text.tokens[negator[0] - 1].low in lexicon().auxiliary:
        if text.tokens[negator[0] - 1].low in {"does", "should", "must", "would"}:  # but "I can't sleep" tells a need
            text.take(range(negator[0], min(at + 1, len(text))), "edit")
        return  # "it doesn't squeak" says something of a verb
    if (
        negating == "no"
        and at < len(text)
        and text.tokens[at].low in {",", ".", "!", "i", "it", "that", "this", "the", "you", "actually", "make", "not"}
    ):
        return  # "no, ..." answers, it doesn't refuse what follows
    led = negating.split(maxsplit=1)[0]
    end, phrases = refused_phrases(text, vocabulary, at, lists_and=led in _ALSO_AND, commas=led in _WHOLE_LISTS)
    if len(phrases) == 1:
        end, phrases = name_only(text, vocabulary, end, phrases)
    brand_said = any(text.tokens[i].low in {"brand", "brands"} for i in range(at, min(end, len(text))))
    if at < len(text) and any(text.taken[i] == "reference" for i in range(at, min(end + 2, len(text)))):
        after = range(at, min(end + 3, len(text)))
        edits.refused_brand = any(text.tokens[i].low in {"brand", "brands"} for i in after)
        edits.refused_references = not edits.refused_brand
        text.take(negator, "edit")
        return
    if not phrases:
        edits.refused_brand |= brand_said
        if negating not in {"no", "not", "never", "nothing", "enough", "skip"} or brand_said:
            text.take(range(negator[0], max(end, negator[-1] + 1)), "edit")
        return
    for phrase in phrases:
        _file(text, vocabulary, edits, phrase, brand_said)
    text.take(range(negator[0], end), "edit")


def _file(text: Text, vocabulary: Vocabulary, edits: Edits, span: range, brand_said: bool) -> None:
    words = [i for i in span if text.tokens[i].low not in lexicon().padding] or list(span)
    phrase = " ".join({text.tokens[i].start: text.surface(range(i, i + 1)) for i in words}.values())
    if text.tokens[words[-1]].low in lexicon().stop and len(words) == 1:
        return
    brands = vocabulary.brand(phrase)
    ordinary = bool(brands) and vocabulary.is_ordinary(phrase) and phrase.islower() and not brand_said
    if vocabulary.platform(phrase):
        edits.not_platforms.extend(vocabulary.platform(phrase))
    elif brands and not ordinary:
        edits.not_brands.extend(brands)
    else:
        edits.not_categories.extend(vocabulary.category(phrase))
        phrase = phrase if not key(phrase) or vocabulary.brand(phrase) else phrase.lower()
        edits.exclude.append(phrase)
        edits.names |= {phrase} if _is_name(text, words) else set()


def _is_name(text: Text, words: list[int]) -> bool:
    """Whether words are one name: "Mr. Coffee", "Kirkland Signature"."""
    surfaces = [text.raw[text.tokens[i].start : text.tokens[i].end] for i in words]
    shouted = text.raw.isupper() or text.raw.istitle()
    return len(words) > 1 and (
        surfaces[0].endswith(".") or (not shouted and all(s[0].isupper() or s == "&" for s in surfaces))
    )
