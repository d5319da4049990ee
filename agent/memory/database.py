"""The connection to the state database: settings of SQLite and PostgreSQL, creation, versions, errors with a remedy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    MetaData,
    Select,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from agent.memory.tables import VERSION, metadata, schema
from retrieval.errors import StateError

log = logging.getLogger(__name__)

WAIT = 30
"""Seconds that a writer waits for the others."""
CONNECT = 5
"""Seconds to wait for a PostgreSQL server to answer."""
_CREATION = 0x43524F53534149
"""Key of the advisory lock under which one of several processes creates the tables in PostgreSQL."""

# What a driver says, in lower case -> what it means and what to do. The first that occurs counts.
_MEANINGS = (
    ("not a database", "is not a database", "Move that file away, or give another database"),
    ("malformed", "is damaged", "Restore it from a backup, or move it away to start anew"),
    ("readonly", "can only be read", "Give write permission to it and its folder, or give another database"),
    ("read-only", "can only be read", "Connect as a user and to a server that may write, or give another database"),
    ("unable to open", "can't be opened", "See that its folder exists and that you may write there"),
    ("is locked", f"was kept busy by another process for {WAIT} s", "Find the process that holds it, or try again"),
    ("disk is full", "has no room left", "Free disk space, then try again"),
    ("disk full", "has no room left", "Free disk space, then try again"),
    ("permission denied", "denies permission", "Grant the user of that URL the right to create and change tables"),
)


class Database:
    """An engine with one way to read, one way to write, and errors that tell cause and remedy. Thread-safe."""

    def __init__(self, url: str | URL) -> None:
        self._url = _normal(url)
        self.name = self._url.render_as_string(hide_password=True)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = _sqlite(self._url) if self.is_sqlite else _postgresql(self._url)
        self._writer = self._engine.execution_options(crossaisle_write=True)
        # SQLite has one writer at a time; threads that queue here don't poll the file for their turn.
        self._turnstile = threading.Lock() if self.is_sqlite else nullcontext()
        try:
            self._prepare()
        except StateError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database.

        Raises:
            StateError: when the database can't be reached or read.
        """
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the right to write from its start (so it never fails half-way for want of it).

        Raises:
            StateError: when the database can't be reached or written, or refuses a value.
        """
        with self._told(), self._turnstile, self._writer.begin() as connection:
            yield connection

    def scrub(self, *, rewrite: bool) -> bool:
        """Drop the bytes of deleted rows from SQLite's files; True when that is done.

        Deleted rows are overwritten in place (secure_delete); this empties the write-ahead log, where older copies of
        pages stand, and with `rewrite` also writes the file anew (VACUUM) against copies that moving rows left behind.
        """
        if not self.is_sqlite:
            return False
        with self._told(), self._turnstile:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                if rewrite:
                    cursor.execute("VACUUM")
                busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except self._engine.dialect.loaded_dbapi.Error as error:
                log.warning("%s: deleted rows may still stand in the file's free space (%s)", self.name, error)
                return False
            finally:
                connection.close()
        if busy:
            log.warning("%s: a reader keeps the write-ahead log; deleted rows stand there until it ends", self.name)
        return not busy

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self.reading() as connection:
            version = _version(connection)
        if version is None:
            with self.writing() as connection:
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATION})
                version = self._create(connection)
        if version > VERSION:
            cause = f"the state database {self.name} is of version {version}; this CrossAisle knows {VERSION}"
            raise StateError(cause, "Upgrade CrossAisle, or give another database")

    def _create(self, connection: Connection) -> int:
        version = _version(connection)
        if version is not None:  # another process was faster
            return version
        foreign = set(inspect(connection).get_table_names()) & set(metadata.tables)
        if foreign:
            raise StateError(
                f"the database {self.name} has tables of somebody else under the names {', '.join(sorted(foreign))}",
                "Give a database of CrossAisle's own",
            )
        metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(schema).values(version=VERSION))
        return VERSION

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OverflowError) as error:
            raise self._told_of(error) from error

    def _told_of(self, error: Exception) -> StateError:
        origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        said = " ".join(str(origin).split())
        for words, meaning, remedy in _MEANINGS:
            if words in said.lower():
                return StateError(f"the state database {self.name} {meaning} ({said})", remedy)
        if isinstance(error, OperationalError):
            remedy = "See that the server runs and that the URL's host, port, user and password are right"
            return StateError(f"the state database {self.name} can't be reached ({said})", remedy)
        remedy = "See that the values are in range; if they are, the database may have been changed from outside"
        return StateError(f"the state database {self.name} refused ({said})", remedy)


class LaterTables:
    """Tables that join a database when something is first written to them, so that older databases open as they are.

    Threads may share one object; several processes may make them at once.

    Args:
        database: that they are in.
        tables: all of them, made together.
        lock: key of the advisory lock under which PostgreSQL makes them.
    """

    def __init__(self, database: Database, tables: MetaData, lock: int) -> None:
        self._database, self._tables, self._key = database, tables, lock
        self._there = False

    def rows(self, chosen: Select[Any]) -> list[dict[str, Any]]:
        """The rows of a query over them; none where they weren't made yet."""
        with self._database.reading() as connection:
            if not self.there(connection):
                return []
            return [dict(row) for row in connection.execute(chosen).mappings()]

    def there(self, connection: Connection) -> bool:
        """Whether they were made yet."""
        self._there = self._there or inspect(connection).has_table(self._tables.sorted_tables[-1].name)
        return self._there

    def make(self, connection: Connection) -> None:
        """See that they are there, in a transaction that writes."""
        if self._there:
            return
        if not self._database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self._key})
        self._tables.create_all(connection)


def upsert(connection: Connection, table: Table) -> Any:
    """An insert that knows ON CONFLICT, which SQLAlchemy has per dialect (alike for both)."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _normal(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        remedy = "Write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        raise StateError("the state database's URL can't be read", remedy) from error
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        cause = f"a state database of kind {parsed.drivername!r} is not supported"
        raise StateError(cause, "Write sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    return parsed


def _postgresql(url: URL) -> Engine:
    arguments = {"options": f"{url.query.get('options', '')} -c timezone=UTC".strip()}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = str(CONNECT)
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, hide_parameters=True)


def _sqlite(url: URL) -> Engine:
    in_memory = not url.database or url.database == ":memory:"
    # A database in memory lives in its one connection; threads take turns with it.
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if in_memory else {}
    arguments = {"timeout": WAIT, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, poolclass=QueuePool, hide_parameters=True, **pool)

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says, not where the driver guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if not in_memory:
            _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("crossaisle_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: Any) -> None:
    """Switch the file to a write-ahead log, once; SQLite doesn't wait for others here, so this does."""
    until = time.monotonic() + WAIT
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return  # a file system that can't do it keeps its rollback journal, which is correct too
        except connection.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                if "readonly" in str(error):
                    return
                raise
            time.sleep(0.01)


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.name):
        return None
    return connection.execute(select(schema.c.version)).scalar()
