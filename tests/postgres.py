"""A real PostgreSQL server for tests: started in a temporary folder, stopped at the end.

    from tests.postgres import postgres  # a session's server
    url = postgres.new_database()        # an empty database of its own

It listens on a Unix socket in its folder only. PostgreSQL refuses to run as root; then it runs as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

OWNER = "crossaisle"
START = 60
"""Seconds that the server may take to start."""


def program(name: str) -> str | None:
    """Where a server program of PostgreSQL lies, or None."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda home: int(home.parent.name), reverse=True)
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, homes)))
    return str(Path(found).resolve()) if found else None


class Postgres:
    """One server; `start` and `stop` may be called again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, "nobody", "nogroup")
        initdb = [
            program("initdb"),
            "-D",
            folder / "data",
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **self._as)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"]
        command = [program("postgres"), "-D", self._folder / "data", "-k", self._folder, *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **self._as)
        until = time.monotonic() + START
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    self.stop()
                    pytest.fail("PostgreSQL did not start: " + (self._folder / "log").read_text()[-2000:])
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server (a "fast" shutdown: connections are cut) and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(60)
            self._process = None

    def new_database(self) -> str:
        """Create an empty database. Returns its URL as people write it."""
        self._databases += 1
        name = f"test{self._databases}"
        self._execute(f"CREATE DATABASE {name}")
        return f"postgresql://{OWNER}@/{name}?host={self._folder}"

    def _execute(self, statement: str) -> None:
        where = {"host": str(self._folder), "user": OWNER, "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server; tests that need it skip where PostgreSQL's server programs are missing."""
    missing = [name for name in ("initdb", "postgres") if program(name) is None]
    if missing:
        pytest.skip(f"PostgreSQL's server programs are missing: {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="crossaisle-pg-", dir="/tmp"))
    server = None
    try:
        server = Postgres(folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
