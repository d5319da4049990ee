"""What people who looked at a turn say should have been done in it, by conversation and message.

The table is made when the first turn is labelled, so a database of any earlier release opens as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, delete, select

from agent.memory.database import Database, LaterTables, upsert
from agent.memory.tables import UtcDateTime, conversations
from agent.schema import Act
from agent.storable import storable
from retrieval.errors import StateError

_CREATION = 0x43524F534A55  # key of the advisory lock under which PostgreSQL makes the table

metadata = MetaData()
acts = Table(
    "judged_turns",
    metadata,
    Column("conversation", Text, primary_key=True),
    Column("message", Integer, primary_key=True, autoincrement=False),
    Column("act", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


class Judged:
    """Labels in one state database; threads may share it, several processes may write at once.

    Raises:
        StateError: from every method: the database can't be reached, read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = LaterTables(database, metadata, _CREATION)

    def of(self, conversation: str) -> dict[int, Act]:
        """Message -> what should have been done about it, of a conversation's labelled messages."""
        chosen = select(acts).where(acts.c.conversation == storable(conversation)).order_by(acts.c.message)
        rows = self._tables.rows(chosen)
        return {int(row["message"]): Act(row["act"]) for row in rows if row["act"] in set(Act)}

    def label(self, conversation: str, message: int, act: Act | None, who: str) -> None:
        """Say what should have been done about a message, in place of what was said before; None takes that back.

        Args:
            conversation: its id.
            message: which of the shopper's messages, counted from 0.
            act: what should have been done.
            who: says so.

        Raises:
            StateError: the conversation was forgotten meanwhile.
        """
        key = storable(conversation)
        with self._database.writing() as connection:
            self._tables.make(connection)
            there = select(conversations.c.id).where(conversations.c.id == key).with_for_update()
            if connection.execute(there).scalar() is None:
                raise StateError("the conversation is not there any more", "Choose another one")
            place = (acts.c.conversation == key) & (acts.c.message == message)
            if act is None:
                connection.execute(delete(acts).where(place))
                return
            row = {"conversation": key, "message": message, "act": act.value, "who": storable(who)}
            put = upsert(connection, acts).values(row | {"at": datetime.now(UTC)})
            fresh = {name: put.excluded[name] for name in ("act", "who", "at")}
            connection.execute(put.on_conflict_do_update(index_elements=["conversation", "message"], set_=fresh))

    def forget(self, connection: Connection, keys: Collection[str]) -> None:
        """Remove the labels of conversations, in the transaction that removes these."""
        if keys and self._tables.there(connection):
            connection.execute(delete(acts).where(acts.c.conversation.in_(list(keys))))
