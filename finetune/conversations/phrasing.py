"""How things are said: the phrasings of each move, parted into training and held-out ones, and a shopper's noise."""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

Part = Literal["train", "held-out"]
HELD_OUT = 5  # one phrasing, and one noun, of this many is never trained on
_FOLDER = Path(__file__).resolve().parent
_KEYS = "qwertyuiop asdfghjkl zxcvbnm"


@cache
def _tables(name: str) -> Mapping[str, object]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def in_part(text: str, part: Part) -> bool:
    """Whether a phrasing or a noun belongs to a part: decided by its text alone."""
    held = hashlib.sha256(text.casefold().encode()).digest()[0] % HELD_OUT == 0
    return held == (part == "held-out")


@cache
def phrasings(move: str, part: Part) -> tuple[str, ...]:
    """The phrasings of a move such as "edit.cheaper". Each part has at least one of every move."""
    table, name = move.split(".")
    every = _tables("phrasings.toml")[table][name]  # type: ignore[index]
    chosen = tuple(text for text in every if in_part(f"{move} {text}", part))
    return chosen or tuple(every[:1] if part == "held-out" else every[1:])


@cache
def things(name: str, part: Part) -> tuple[str, ...]:
    """Nouns, adjectives, materials and the like; only nouns are parted."""
    every: Sequence[str] = _tables("things.toml")[name]  # type: ignore[assignment]
    return tuple(text for text in every if in_part(text, part)) if name == "nouns" else tuple(every)


def with_article(thing: str, rng: random.Random) -> str:
    """A thing as one asks for it: "a kettle", "some gloves"."""
    last = thing.rsplit(maxsplit=1)[-1]
    if last.endswith("s") and not last.endswith("ss"):
        return rng.choice((thing, f"some {thing}", f"a pair of {thing}" if rng.random() < 0.2 else thing))
    return f"{'an' if thing[0].lower() in 'aeiou' else 'a'} {thing}"


def noisy(text: str, keep: Sequence[str], part: Part, rng: random.Random) -> str:
    """A message as it is typed: fillers, small letters, lost marks, a slip of the finger.

    Args:
        text: the clean message.
        keep: the words that must stay as they are, since the plan copies them.
        part: whose fillers may be used.
        rng: decides.
    """
    if rng.random() < 0.2:
        before = rng.choice(phrasings("frame.before", part))
        text = before + (text[0].lower() + text[1:] if text[:2] not in ("I ", "I'") else text)
    if rng.random() < 0.12 and not text.endswith(("?", ".")):
        text += rng.choice(phrasings("frame.after", part))
    if rng.random() < 0.35:
        text = text.lower()
    if rng.random() < 0.2:
        text = text.rstrip(".!?").replace("'", "")
    if rng.random() < 0.15:
        text = _slip(text, frozenset(w for k in keep for w in k.casefold().split()), rng)
    return text[:1].upper() + text[1:] if rng.random() < 0.3 else text


def _slip(text: str, keep: frozenset[str], rng: random.Random) -> str:
    """One mistyped letter in one long word that the plan doesn't copy."""
    parts = text.split(" ")
    free = [i for i, word in enumerate(parts) if len(word) > 4 and word.isalpha() and word.casefold() not in keep]
    if not free:
        return text
    place = rng.choice(free)
    word = parts[place]
    at = rng.randrange(1, len(word) - 1)
    slipped = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + rng.choice(_KEYS.replace(" ", "")) + word[at + 1 :],
    )
    parts[place] = rng.choice(slipped)
    return " ".join(parts)
