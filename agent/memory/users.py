"""Who may sign in: names, roles and hashed passwords, in the state database.

Passwords are kept as scrypt hashes (Percival, "Stronger Key Derivation via Sequential Memory-Hard Functions", 2009;
RFC 7914) with a salt each, at the cost that OWASP's cheat sheet names for it. After several wrong passwords a name is
refused for a while, in this process.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Column, LargeBinary, MetaData, Table, Text, delete, select

from agent.memory.database import Database, LaterTables, upsert
from agent.memory.tables import UtcDateTime
from agent.storable import storable
from retrieval.errors import StateError
from retrieval.schema import Frozen

Role = Literal["shopper", "team"]
SHORTEST = 8
"""Characters that a password needs at least."""
FAILURES, PAUSE = 5, 60.0
"""After so many wrong passwords in a row a name is refused for so many seconds."""
_COST: dict[str, int] = {"n": 2**16, "r": 8, "p": 1, "maxmem": 2**27, "dklen": 32}
_AT_ONCE = threading.BoundedSemaphore(2)  # a hash takes 64 MiB: many who sign in at once wait for each other
_CREATION = 0x43524F535355  # key of the advisory lock under which PostgreSQL makes the table
_LONGEST = 1024  # characters of a password that are read

metadata = MetaData()
users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("shopper", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


class User(Frozen):
    """Somebody who may sign in. A shopper sees `shopper`'s data alone; the product team may look as anybody."""

    name: str
    role: Role
    shopper: str


class Users:
    """The table of users. Threads may share one object; several processes may open the same database.

    Args:
        url: the state database; the table is made where there is none yet.

    Raises:
        StateError: from every method too: the database can't be reached, read or written.
    """

    def __init__(self, url: str | URL) -> None:
        self._database = Database(url)
        self._failed: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        with self._database.writing() as connection:
            LaterTables(self._database, metadata, _CREATION).make(connection)

    @classmethod
    def of(cls, folder: Path, state: str | None = None) -> Users:
        """The users of a shop folder, or of the state database given instead of the folder's own."""
        return cls(state or URL.create("sqlite", database=str(folder / "state.sqlite3")))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def add(self, name: str, password: str, role: Role = "shopper", shopper: str | None = None) -> User:
        """Let somebody in, or change their password, role and shopper's id.

        Args:
            name: what they type to sign in.
            password: at least `SHORTEST` characters; only its hash is kept.
            role: `shopper` or `team`.
            shopper: whose data they see as a shopper; their name if not given.

        Raises:
            StateError: the name is empty or has blanks around it, or the password is too short.
        """
        if not name or name != name.strip():
            raise StateError("a user's name is empty or has blanks around it", "Give a name")
        if len(password) < SHORTEST:
            raise StateError("the password is too short", f"Give one of at least {SHORTEST} characters")
        user = User(name=storable(name), role=role, shopper=storable(shopper or name))
        salt = secrets.token_bytes(16)
        row = user.model_dump() | {"salt": salt, "hash": _hash(password, salt), "at": datetime.now(UTC)}
        with self._database.writing() as connection:
            put = upsert(connection, users).values(row)
            fresh = {key: put.excluded[key] for key in row if key != "name"}
            connection.execute(put.on_conflict_do_update(index_elements=["name"], set_=fresh))
        return user

    def remove(self, name: str) -> bool:
        """Let somebody in no longer; what is remembered of their shopper stays. False when there is no such user."""
        with self._database.writing() as connection:
            return bool(connection.execute(delete(users).where(users.c.name == storable(name))).rowcount)

    def get(self, name: str) -> User | None:
        """The user of that name."""
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.name == storable(name))).mappings().first()
        return None if row is None else _user(row)

    def everybody(self) -> list[User]:
        """All users by name."""
        with self._database.reading() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name)).mappings()]

    def check(self, name: str, password: str) -> User | None:
        """The user, if the password is theirs. Takes as long for a name that nobody has."""
        name, password = storable(name), password[:_LONGEST]
        with self._lock:
            count, since = self._failed.get(name, (0, 0.0))
        if count >= FAILURES and time.monotonic() - since < PAUSE:
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).mappings().first()
        salt, kept = (b"nobody", b"") if row is None else (row["salt"], row["hash"])
        if hmac.compare_digest(_hash(password, salt), kept) and row is not None:
            with self._lock:
                self._failed.pop(name, None)
            return _user(row)
        with self._lock:
            fresh = time.monotonic() - since >= PAUSE
            self._failed[name] = (1 if fresh else count + 1, time.monotonic())
            while len(self._failed) > 10_000:
                self._failed.pop(next(iter(self._failed)))
        return None


def _hash(password: str, salt: bytes) -> bytes:
    with _AT_ONCE:
        return hashlib.scrypt(storable(password[:_LONGEST]).encode(), salt=salt, **_COST)


def _user(row: Any) -> User:
    return User.model_validate({name: row[name] for name in User.model_fields})
