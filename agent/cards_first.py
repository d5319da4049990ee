"""Who goes first where many turns share few cores: shoppers wait for cards, nobody waits for what can be read later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TOGETHER = 2  # turns whose cards are made at once: more share the same cores, and all of them come late


class CardsFirst:
    """Lets the afterwork of turns, one at a time, give way to turns that have no cards yet; safe from many threads."""

    def __init__(self, together: int = TOGETHER) -> None:
        self._changed, self._late = threading.Condition(), threading.Lock()
        self._early, self._places = 0, threading.BoundedSemaphore(together)

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
    def making(self) -> Iterator[None]:
        """While cards are made: a shopper waits, and so does whoever comes when `together` are being made."""
        with self.early(), self._places:
            yield

    @contextmanager
    def late(self, seconds: float) -> Iterator[Callable[[], None]]:
        """For what can be read later: begins when nobody waits for cards, but after `seconds` in any case.

        Yields what the work calls between its parts, to give way anew to whoever waits for cards by then.
        """
        until = time.monotonic() + seconds

        def give_way() -> None:
            with self._changed:
                self._changed.wait_for(lambda: self._early == 0, timeout=max(0.0, until - time.monotonic()))

        had = self._late.acquire(timeout=seconds)
        try:
            give_way()
            yield give_way
        finally:
            if had:
                self._late.release()
