"""Tokens that a turn's model calls cost, counted where the model answers and added up where the turn is made.

    usage = Usage()
    for piece in counted(usage, steps):
        ...

A model calls `spent`; whoever wants to know wraps what may call one. Nobody has to pass the counter along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Usage:
    """Tokens read and written so far; a call that broke off may count for nothing."""

    prompt: int = 0
    completion: int = 0


_now: ContextVar[Usage | None] = ContextVar("usage", default=None)


def spent(prompt: int, completion: int) -> None:
    """Tell what a call cost in tokens, to whoever counts here."""
    usage = _now.get()
    if usage is not None:
        usage.prompt += prompt
        usage.completion += completion


@contextmanager
def counting(usage: Usage) -> Iterator[None]:
    """Count what is spent inside."""
    token = _now.set(usage)
    try:
        yield
    finally:
        _now.reset(token)


def counted(usage: Usage, steps: Iterator[T]) -> Iterator[T]:
    """The same steps, counting what each spends, whichever thread asks for it."""
    while True:
        with counting(usage):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step
