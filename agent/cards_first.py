"""Who goes first where many turns share few cores: shoppers wait for cards, nobody waits for what can be read later."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class CardsFirst:
    """Lets the afterwork of turns, one at a time, give way to turns that have no cards yet; safe from many threads."""

    def __init__(self) -> None:
        self._changed, self._late = threading.Condition(), threading.Lock()
        self._early = 0

    @contextmanager
    def early(self) -> Iterator[None]:
        """While a shopper waits for cards."""
        with self._changed:
            self._early += 1
        try:
            yield
        finally:
            with self._changed:
                self._early -= 1
                self._changed.notify_all()

    @contextmanager
    def late(self, seconds: float) -> Iterator[None]:
        """For what can be read later: begins when nobody waits for cards, but after `seconds` in any case."""
        until = time.monotonic() + seconds
        had = self._late.acquire(timeout=seconds)
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._early == 0, timeout=max(0.0, until - time.monotonic()))
            yield
        finally:
            if had:
                self._late.release()
