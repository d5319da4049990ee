"""Events of the shop's own data that a shopper forgot, and the audit of everything that was forgotten.

The shop's data is read-only and is built anew from its feeds, so an event of it is hidden instead: a digest (see
`retrieval.history.digest`) stands here as its tombstone. Neither the shopper nor the item can be read from it, so it
may stay when all else of the shopper is forgotten; otherwise forgetting more would bring back what was forgotten first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Column, Connection, Index, Integer, MetaData, Table, Text, insert, select

from agent.memory.database import Database, LaterTables, upsert
from agent.memory.tables import UtcDateTime
from retrieval.schema import Frozen

_CREATION = 0x43524F53484944  # key of the advisory lock under which PostgreSQL makes the tables

metadata = MetaData()
tombstones = Table(
    "forgotten_events",
    metadata,
    Column("shopper", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
audit = Table(
    "forgotten_audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("shopper", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Index("forgotten_audit_by_shopper", "shopper", "id"),
)

Action = Literal["shop events", "recorded events", "everything"]


class Audited(Frozen):
    """One line of the audit: what a shopper had forgotten, and how many events of it.

    Attributes:
        shopper: `name_of` the shopper; who knows the id finds their lines, and nobody reads the id from them.
        action: events hidden in the shop's data, events that were recorded here, or everything recorded here.
    """

    at: datetime
    shopper: str
    action: Action
    count: int


def name_of(shopper: str) -> str:
    """What stands for a shopper's id in these tables: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(shopper.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Hidden:
    """Tombstones and audit in one state database; threads may share it, several processes may write at once.

    The tables are made when something is first forgotten, so a database of any earlier release opens as it is.

    Raises:
        StateError: from every method: the database can't be reached, read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = LaterTables(database, metadata, _CREATION)

    def of(self, shopper: str) -> frozenset[str]:
        """Digests of the events that the shopper forgot."""
        rows = self._tables.rows(select(tombstones.c.event).where(tombstones.c.shopper == name_of(shopper)))
        return frozenset(row["event"] for row in rows)

    def hide(self, shopper: str, digests: Collection[str]) -> int:
        """Hide events of the shop's data from this shopper's history. Returns how many were not hidden before."""
        who, now = name_of(shopper), datetime.now(UTC)
        rows = [{"shopper": who, "event": event, "at": now} for event in digests]
        if not rows:
            return 0
        with self._database.writing() as connection:
            self._tables.make(connection)
            fresh = upsert(connection, tombstones).values(rows).on_conflict_do_nothing().returning(tombstones.c.event)
            count = len(connection.execute(fresh).all())
            if count:
                _note(connection, shopper, "shop events", count)
        return count

    def note(self, connection: Connection, shopper: str, action: Action, count: int) -> None:
        """Write a line of the audit in the transaction of what it tells of."""
        self._tables.make(connection)
        _note(connection, shopper, action, count)

    def audit(self, shopper: str | None = None) -> list[Audited]:
        """What was forgotten, oldest first; of one shopper, or of all."""
        chosen = select(audit).order_by(audit.c.id)
        if shopper is not None:
            chosen = chosen.where(audit.c.shopper == name_of(shopper))
        return [Audited.model_validate({k: row[k] for k in Audited.model_fields}) for row in self._tables.rows(chosen)]


def _note(connection: Connection, shopper: str, action: Action, count: int) -> None:
    row = {"at": datetime.now(UTC), "shopper": name_of(shopper), "action": action, "count": count}
    connection.execute(insert(audit).values(row))
