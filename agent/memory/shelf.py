"""Prompts that people wrote and labels that they moved, in the state database, with who did what and on what evidence.

Shipped prompts are files of the package and are never touched; what is here lies over them (`agent/versions.py`). The
tables are made when the first version or promotion is kept, so a database of any earlier release opens as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, delete, insert, select

from agent.memory.database import Database, LaterTables, upsert
from agent.memory.tables import UtcDateTime
from agent.storable import storable
from retrieval.errors import PromptError
from retrieval.schema import Frozen

PRODUCTION = "production"
_CREATION = 0x43524F535051  # key of the advisory lock under which PostgreSQL makes the tables

metadata = MetaData()
versions = Table(
    "prompt_versions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("task", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
labels = Table(
    "prompt_labels",
    metadata,
    Column("task", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
history = Table(
    "prompt_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("from_hash", Text, nullable=False),
    Column("to_hash", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("evidence_hash", Text, nullable=False),
)


class Kept(Frozen):
    """A prompt version that somebody wrote: the file's text, by its SHA-256."""

    hash: str
    task: str
    text: str
    who: str
    at: datetime


class Move(Frozen):
    """One line of the audit history: who moved which label from where to where, and on what evidence.

    Attributes:
        evidence: the lab folder that was shown, as a path; "" for a roll-back.
        evidence_hash: SHA-256 of what lay in that folder.
    """

    at: datetime
    who: str
    action: Literal["promote", "rollback"]
    task: str
    label: str = PRODUCTION
    from_hash: str
    to_hash: str
    evidence: str = ""
    evidence_hash: str = ""


class Shelf:
    """The tables of prompts in one state database. Threads may share one object; several processes may write at once.

    Raises:
        StateError: from every method: the database can't be reached, read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = LaterTables(database, metadata, _CREATION)

    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Task -> label -> hash, of the labels that were moved here."""
        found: dict[str, dict[str, str]] = {}
        for row in self._tables.rows(select(labels)):
            found.setdefault(row["task"], {})[row["label"]] = row["hash"]
        return found

    def text(self, digest: str) -> str | None:
        """The text of a version that was written here, None where there is none of that hash."""
        found = self._tables.rows(select(versions.c.text).where(versions.c.hash == digest))
        return str(found[0]["text"]) if found else None

    def versions(self) -> list[Kept]:
        """Everything that was written here, oldest first."""
        return [Kept.model_validate(row) for row in self._tables.rows(select(versions).order_by(versions.c.at))]

    def history(self) -> list[Move]:
        """Every promotion and roll-back, oldest first."""
        rows = self._tables.rows(select(history).order_by(history.c.id))
        return [Move.model_validate({name: row[name] for name in Move.model_fields}) for row in rows]

    def keep(self, digest: str, task: str, content: str, who: str) -> bool:
        """Keep a version; False where it is kept already (then nothing changes)."""
        row = {"hash": digest, "task": task, "text": content, "who": storable(who), "at": datetime.now(UTC)}
        with self._database.writing() as connection:
            self._tables.make(connection)
            put = upsert(connection, versions).values(row).on_conflict_do_nothing()
            return bool(connection.execute(put).rowcount)

    def promote(self, move: Move) -> Move:
        """Point a label at a version and write the move down, both or neither.

        Args:
            move: `from_hash` is what the shipped files say; where the label was moved here before, that counts.

        Returns:
            The move as it was written.
        """
        with self._database.writing() as connection:
            self._tables.make(connection)
            now = _label(connection, move.task, move.label)
            done = move.model_copy(update={"from_hash": now or move.from_hash})
            row = {"task": move.task, "label": move.label, "hash": move.to_hash, "at": move.at}
            put = upsert(connection, labels).values(row)
            fresh = {"hash": put.excluded.hash, "at": put.excluded.at}
            connection.execute(put.on_conflict_do_update(index_elements=["task", "label"], set_=fresh))
            connection.execute(insert(history).values(_storable(done)))
            return done

    def roll_back(self, task: str, label: str, shipped: str, who: str) -> Move:
        """Undo the last promotion that isn't undone yet, and write that down.

        Args:
            task: whose label.
            label: which one.
            shipped: the hash that the shipped files give it; rolled back as far as that, it follows them again.
            who: does it.

        Raises:
            PromptError: there is no promotion to undo.
        """
        with self._database.writing() as connection:
            self._tables.make(connection)
            mine = (history.c.task == task) & (history.c.label == label)
            before: list[str] = []
            for row in connection.execute(select(history).where(mine).order_by(history.c.id)).mappings():
                if row["action"] == "promote":
                    before.append(row["from_hash"])
                elif before:
                    before.pop()
            if not before:
                raise PromptError(f"no promotion of {task} {label} is left to undo", "see crossaisle lab history")
            now, back = _label(connection, task, label) or shipped, before[-1]
            place = (labels.c.task == task) & (labels.c.label == label)
            if len(before) == 1 and back == shipped:
                connection.execute(delete(labels).where(place))
            else:
                connection.execute(labels.update().where(place).values(hash=back, at=datetime.now(UTC)))
            done = Move(
                at=datetime.now(UTC), who=who, action="rollback", task=task, label=label, from_hash=now, to_hash=back
            )
            connection.execute(insert(history).values(_storable(done)))
            return done


def _label(connection: Connection, task: str, label: str) -> str | None:
    chosen = select(labels.c.hash).where((labels.c.task == task) & (labels.c.label == label))
    found = connection.execute(chosen).scalar()
    return None if found is None else str(found)


def _storable(move: Move) -> dict[str, Any]:
    return {key: storable(value) if isinstance(value, str) else value for key, value in move.model_dump().items()}
