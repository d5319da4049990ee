"""A message as tokens: one canonical lower-case line for patterns, and the way back to the shopper's own spelling."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agent.planner.lexicon import lexicon
from retrieval.text import clean

HEAD, TAIL = 1_200, 300  # characters: of longer messages the beginning and the end are read
_TITLES = r"(?:mrs?|ms|drs?|st|mt|jr|sr|prof|vs|approx)"  # before a dot that ends no sentence
_LETTER = r"[^\W\d_]"
_SHORTENED = (  # "Mr. Coffee", "L.L. Bean", "e.l.f", "G.Skill", "StarTech.com": the dot belongs to the word
    rf"(?i:{_TITLES}\.(?=\s?\w))|\w+\.(?:com|net|org)\b|(?:{_LETTER}\.)+{_LETTER}\.?(?!\w)|{_LETTER}\.(?={_LETTER}{{2}})"
)
_TOKEN = re.compile(
    rf"{_SHORTENED}|"
    r"[wW]/(?:[oO]\b|(?=\s))|\d+(?:st|nd|rd|th)\b|\d+(?:[.,'’]\d+)*|[^\W\d_]\w*(?:['’&-]\w+)*(?:(?<=s)['’](?=\s))?|[^\w\s]|_",
    re.UNICODE,
)
_MARKUP = re.compile(r"</?[a-zA-Z!][^<>]{0,200}>")
_ENDINGS = {"n't": "not", "'m": "am", "'re": "are", "'ll": "will", "'d": "would", "'ve": "have"}
_IS = {
    "it's",
    "that's",
    "what's",
    "he's",
    "she's",
    "there's",
    "here's",
    "who's",
    "where's",
    "how's",
    "this's",
    "budget's",
    "price's",
    "maximum's",
}
_SHORT = {
    "im": "i am", "ive": "i have", "dont": "do not", "doesnt": "does not", "didnt": "did not", "cant": "can not",
    "cannot": "can not", "wont": "will not", "can't": "can not", "won't": "will not", "shan't": "shall not",
    "isnt": "is not", "arent": "are not", "wanna": "want to", "gonna": "going to", "gotta": "got to",
    "lemme": "let me", "gimme": "give me", "let's": "let us", "lets": "let us", "pls": "please", "plz": "please",
    "thx": "thanks", "ty": "thanks", "u": "you", "ur": "your", "lookin": "looking", "whats": "what is",
    "thats": "that is", "w/o": "without", "w/": "with", "y'all": "you", "ain't": "is not", "shouldnt": "should not",
    "wouldnt": "would not", "tho": "though", "cuz": "because", "coz": "because", "its": "its",
    "hes": "he is", "shes": "she is", "theyre": "they are", "youre": "you are", "weve": "we have",
    "theres": "there is", "whos": "who is", "hows": "how is", "wheres": "where is", "havent": "have not",
    "hasnt": "has not", "wasnt": "was not", "werent": "were not", "couldnt": "could not",
    "sumthing": "something", "somethin": "something", "somthing": "something", "smth": "something",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One canonical word; `start` and `end` are its place in the message (a contraction's parts share theirs)."""

    low: str
    start: int
    end: int


@lru_cache(maxsize=2_048)
def pattern(expression: str) -> re.Pattern[str]:
    """Compile an expression over whole tokens of `Text.low` (tokens are parted by single spaces)."""
    return re.compile(rf"(?<= )(?:{expression})(?= )")


def _expand(surface: str) -> list[str]:
    low = unicodedata.normalize("NFKC", surface).casefold().replace("’", "'").replace(" ", "").rstrip("'")
    low = low.rstrip(".") or low
    if not low:
        return []
    if low in _SHORT:
        return _SHORT[low].split()
    if low in _IS:
        return [low[:-2], "is"]
    for ending, word in _ENDINGS.items():
        if low.endswith(ending) and len(low) > len(ending):
            return [low[: -len(ending)], word]
    return [low]


def shortened(message: str) -> str:
    """A message cleaned, without markup, line ends as full stops, and of a long one its beginning and its end."""
    if len(message) > HEAD + TAIL:
        message = f"{message[:HEAD]} . {message[-TAIL:]}"
    message = _MARKUP.sub(" . ", message)
    return clean(message.replace("\r", "\n").replace("\n", " . ") if "\n" in message.strip() else message)


def _initials(tokens: list[Token], raw: str) -> list[Token]:
    """Join an initial with its dot before a name ("by J. Crew"), but not in "vitamin C. Show me"."""
    kept: list[Token] = []
    led, dotted = True, False  # whether a name may begin here; whether the last token is such an initial
    for at, token in enumerate(tokens):
        named = at + 1 < len(tokens) and raw[tokens[at + 1].start].isupper()
        if token.low == "." and dotted and named and kept[-1].end == token.start:
            kept[-1] = Token(kept[-1].low, kept[-1].start, token.end)
            led, dotted = True, False
            continue
        kept.append(token)
        surface = raw[token.start : token.end]
        dotted = led and len(surface) == 1 and surface.isupper() and surface not in "AI"
        led = not surface[0].isalnum() or token.low in lexicon().stop
    return kept


class Text:
    """A message while it is being read: readers take the tokens that they understood, the query gets the rest.

    Attributes:
        raw: the message, cleaned; spans point into it.
        low: canonical tokens with a space before, between and after.
        taken: by token, the role it was taken for, "" while free.
    """

    def __init__(self, message: str) -> None:
        self.raw = raw = shortened(message)
        self.tokens: list[Token] = _initials(
            [Token(low, m.start(), m.end()) for m in _TOKEN.finditer(raw) for low in _expand(m.group())], raw
        )
        self.low = " " + "".join(f"{t.low} " for t in self.tokens)
        self._starts: list[int] = []
        at = 1
        for token in self.tokens:
            self._starts.append(at)
            at += len(token.low) + 1
        self.taken: list[str] = [""] * len(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def span(self, match: re.Match[str], group: int | str = 0) -> range:
        """The tokens that a match (or one of its groups) covers."""
        start, end = match.span(group)
        if start < 0 or start == end:
            return range(0)
        return range(bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1))

    def find(self, expression: str, *, free: bool = True) -> Iterator[re.Match[str]]:
        """Matches of an expression over whole tokens; with `free` only where no token is taken yet."""
        for match in pattern(expression).finditer(self.low):
            if not free or all(not self.taken[i] for i in self.span(match)):
                yield match

    def has(self, expression: str, *, free: bool = False) -> bool:
        """Whether the expression stands anywhere."""
        return next(self.find(expression, free=free), None) is not None

    def take(self, span: range, role: str) -> None:
        """Mark tokens as understood."""
        for i in span:
            self.taken[i] = role

    def words(self, span: range) -> list[str]:
        """Canonical words of a span."""
        return [self.tokens[i].low for i in span]

    def surface(self, span: range) -> str:
        """The shopper's own spelling of a span, one space between words."""
        if not span:
            return ""
        return " ".join(self.raw[self.tokens[span[0]].start : self.tokens[span[-1]].end].split())
