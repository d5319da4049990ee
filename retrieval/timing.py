"""Milliseconds of the parts of a search: measured where they are spent, gathered by whoever wants to tell them.

    with timing() as took:
        search(...)

Then `took` is {"dense+lexical": 3.1, "copurchase": 0.8}.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_now: ContextVar[dict[str, float] | None] = ContextVar("timing", default=None)


@contextmanager
def timing() -> Iterator[dict[str, float]]:
    """Gather what `timed` measures inside; parts of one name are added up."""
    took: dict[str, float] = {}
    token = _now.set(took)
    try:
        yield took
    finally:
        _now.reset(token)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Measure a part; costs next to nothing where nobody gathers."""
    took = _now.get()
    if took is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        took[name] = took.get(name, 0.0) + (time.perf_counter() - began) * 1e3
