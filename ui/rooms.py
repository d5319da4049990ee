"""The tabs that are open: one `Room` for each session of each person."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ui.desk import Desk
from ui.room import Room


class Rooms:
    """Rooms by session; the longest unused make room for new ones.

    A session's name is chosen by the browser, so where people sign in their name is part of the key: nobody enters
    another's room by guessing its session.
    """

    def __init__(self, desk: Desk, limit: int = 1000) -> None:
        self._desk, self._limit = desk, limit
        self._rooms: OrderedDict[tuple[str, str], Room] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: str | None, person: str = "", fixed: str = "") -> Room:
        """The room of a session; a new one is entered as a visitor, or as the only shopper that it may be (`fixed`)."""
        key = person, session or ""
        with self._lock:
            room = self._rooms.get(key)
            if room is None or room.fixed != fixed:
                room = Room(self._desk, fixed=fixed)
            self._rooms[key] = room
            self._rooms.move_to_end(key)
            while len(self._rooms) > self._limit:
                self._rooms.popitem(last=False)
            return room

    def close(self, session: str | None, person: str = "") -> None:
        """A tab was closed: a running model is told to stop."""
        with self._lock:
            room = self._rooms.pop((person, session or ""), None)
        if room is not None:
            room.cancel.set()
