"""The tables of the state database, alike in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

VERSION = 1
"""Of the tables below; a change of theirs that older code can't live with raises it."""


class UtcDateTime(TypeDecorator[datetime]):
    """Times to the microsecond, in UTC both in the database and here; a time without zone is taken as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps the text without a zone, so that text order is time order."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up only an INTEGER key

metadata = MetaData()

schema = Table("crossaisle", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("shopper", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("value_minor", BigInteger),
    Column("currency", Text, nullable=False),
    Column("quantity", Float(53), nullable=False),
    Column("platform", Text, nullable=False),
    Index("events_by_shopper", "shopper", "at", "id"),
    sqlite_autoincrement=True,  # a forgotten event's id is never given to another
)

consents = Table(
    "consents",
    metadata,
    Column("shopper", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("allowed", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

carts = Table(
    "carts",
    metadata,
    Column("shopper", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shopper", Text),
    Column("started", UtcDateTime, nullable=False),
    Index("conversations_by_shopper", "shopper", "started"),
)


def _conversation() -> Column[str]:
    return Column("conversation", Text, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)


messages = Table(
    "messages",
    metadata,
    _conversation(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("plan", Text),
    Column("shown", Text, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    _conversation(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("shopper", Text),
    Column("reply", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("turns_by_shopper", "shopper"),
)
