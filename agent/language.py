"""What is said to shoppers, in their language: English sentences are the keys, a table holds the others.

    with speaking("zh"):
        say("Nothing in the cart yet.")

The language holds for the code that runs inside `speaking`; a generator must not be left open in it, so iterators
are stepped by `steps_in`. Sentences take values by name: `say("Liked: {name}.", name=title)`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")

LANGUAGES = {"en": "English", "zh": "中文"}
"""By code, each under its own name; the first is the one the sentences are written in."""
_now: ContextVar[str] = ContextVar("language", default="en")


class Messages:
    """The sentences of one package; `PACKAGE/messages.toml` holds a table for each language but English.

    Args:
        package: an importable package.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __call__(self, text: str, /, **values: object) -> str:
        """The sentence in the language spoken now, with its values; in English where it has no translation."""
        found = self.table(_now.get()).get(text, text) if _now.get() != "en" else text
        return found.format(**values) if values else found

    def table(self, language: str) -> Mapping[str, str]:
        """All sentences of one language, by their English."""
        return _tables(self._package).get(language, {})


say = Messages("agent")


def marked(text: str) -> str:
    """A sentence that is said later, by `say(variable)`; marks it for the check that all are translated."""
    return text


def spoken() -> str:
    """The code of the language spoken now."""
    return _now.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language inside; one that isn't known is English."""
    token = _now.set(language if language in LANGUAGES else "en")
    try:
        yield
    finally:
        _now.reset(token)


def steps_in(language: str, steps: Iterator[T]) -> Iterator[T]:
    """The same steps, each made in a language; between them the caller's own holds."""
    while True:
        with speaking(language):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def preferred(accepted: str) -> str:
    """The best known language of an `Accept-Language` header: "zh-CN,zh;q=0.9,en;q=0.8" -> "zh"."""
    best, weight = "en", 0.0
    for part in accepted[:500].split(","):
        name, _, quality = part.strip().partition(";")
        code = name.strip().split("-")[0].lower()
        try:
            said = float(quality.partition("=")[2]) if quality else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and said > weight:
            best, weight = code, said
    return best


@cache
def _tables(package: str) -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = tomllib.loads(files(package).joinpath("messages.toml").read_text("utf-8"))
    return read
