"""Memory's database itself: what is no database, who may write, what forgetting leaves behind, how fast it is."""

from __future__ import annotations

import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from agent.memory import Memory, tables
from agent.schema import Consent
from retrieval.errors import StateError
from tests.agent.test_memory import NOON, event, reply
from tests.conftest import ROOT
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture


def traces(folder: Path, words: bytes) -> list[str]:
    """The files of the folder in which the words stand."""
    return [path.name for path in sorted(folder.iterdir()) if words in path.read_bytes()]


class TestRefusals:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("no url at all", "can't be read. Write sqlite:///FILE"),
            ("mysql://root@localhost/shop", "'mysql' is not supported"),
            ("sqlite:////no/such/folder/state.sqlite3", "can't be opened .* See that its folder exists"),
            ("postgresql://ann:hunter2@127.0.0.1:1/shop", "can't be reached .* See that the server runs"),
        ],
    )
    def test_a_url_that_leads_nowhere(self, url: str, says: str) -> None:
        with pytest.raises(StateError, match=says) as caught:
            Memory(url)
        assert "hunter2" not in str(caught.value)

    def test_a_file_that_is_no_database_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("shopping list: " * 1000)
        with pytest.raises(StateError, match=r"notes.txt is not a database .* Move that file away"):
            Memory.at(path)
        assert path.read_text() == "shopping list: " * 1000

    def test_a_folder_is_no_database(self, tmp_path: Path) -> None:
        with pytest.raises(StateError, match="can't be opened"):
            Memory.at(tmp_path)

    def test_a_newer_version_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        Memory.at(path).close()
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE crossaisle SET version = 7")
        connection.close()
        with pytest.raises(StateError, match=r"of version 7; this CrossAisle knows 1\. Upgrade"):
            Memory.at(path)

    def test_a_database_of_somebody_else_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "calendar.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE events (day TEXT)")
        connection.close()
        with pytest.raises(StateError, match="tables of somebody else under the names events"):
            Memory.at(path)

    def test_a_database_that_may_only_be_read_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        with Memory.at(path) as memory:
            memory.record(event())
        with Memory(f"sqlite:///file:{path}?mode=ro&uri=true") as memory:
            assert memory.events_of("ann") == [event()]
            with pytest.raises(StateError, match=r"can only be read .* Give write permission"):
                memory.record(event())

    def test_a_damaged_database_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        with Memory.at(path) as memory:
            for number in range(500):
                memory.record(event(item=f"plaza:{number}"))
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:4096] + b"\x55" * (size - 4096))
        with pytest.raises(StateError, match="is damaged"), Memory.at(path) as memory:
            memory.events_of("ann")


class TestSqlite:
    def test_any_file_name_will_do(self, tmp_path: Path) -> None:
        path = tmp_path / "50% off? #1 & ünï.sqlite3"
        with Memory.at(path) as memory:
            memory.record(event())
        assert path.stat().st_size > 0

    def test_in_memory_is_one_database_for_all_threads(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with Memory("sqlite://") as memory, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: memory.record(event(item=str(n))), range(100)))
            assert len(memory.events_of("ann")) == 100
            assert memory.forget("ann").erased

    def test_a_reader_is_not_kept_waiting_by_a_writer(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        with Memory.at(path) as memory:
            memory.record(event())
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            start = time.perf_counter()
            assert len(memory.events_of("ann")) == 1
            assert time.perf_counter() - start < 1
            other.close()

    def test_a_kill_loses_nothing_that_was_recorded(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        script = (
            "import sys; from pathlib import Path; from agent.memory import Memory\n"
            "from tests.agent.test_memory import event\n"
            "memory = Memory.at(Path(sys.argv[1]))\n"
            "for n in range(10**6): memory.record(event(item=str(n))); print(n, flush=True)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script, path], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(30):
            process.stdout.readline()
        process.kill()
        said = process.stdout.read().decode().split("\n")[:-1]
        process.wait()
        process.stdout.close()
        with Memory.at(path) as memory:
            assert len(memory.events_of("ann")) >= 30 + len(said)


class TestForgetting:
    def test_no_byte_of_a_forgotten_shopper_is_left_in_any_file(self, tmp_path: Path) -> None:
        memory = Memory.at(tmp_path / "state.sqlite3")
        for number in range(300):  # the two shoppers' rows lie mixed on the same pages
            for shopper in ("forget-me-7731", "keep-me-4242"):
                memory.record(event(shopper, f"plaza:{number}-of-{shopper}"))
        for shopper in ("forget-me-7731", "keep-me-4242"):
            memory.set_consent(shopper, Consent())
            memory.cart_add(shopper, "plaza:1")
            conversation = memory.open_conversation(shopper)
            for number in range(20):
                text = f"said by {shopper} {number} " * 50
                conversation = memory.save_turn(conversation, text, reply(shopper, text=text, query=text))
        assert traces(tmp_path, b"forget-me-7731")
        assert memory.forget("forget-me-7731").erased
        assert traces(tmp_path, b"forget-me-7731") == []
        assert traces(tmp_path, b"keep-me-4242") == ["state.sqlite3"]
        memory.close()
        assert traces(tmp_path, b"forget-me-7731") == []

    def test_no_byte_is_left_where_rows_were_moved_between_pages(self, tmp_path: Path) -> None:
        # Splitting an index page leaves copies of rows behind in its free space, which deleting them doesn't reach.
        dice = random.Random(1)
        shoppers = [f"shopper-{number:04d}-unique" for number in range(40)]
        with Memory.at(tmp_path / "state.sqlite3") as memory:
            with memory._database.writing() as connection:
                for _ in range(4000):
                    item = str(dice.randrange(10 ** dice.randrange(20, 150)))
                    line = {"shopper": dice.choice(shoppers), "item": item, "quantity": 1, "at": NOON}
                    connection.execute(insert(tables.carts), line)
            for shopper in shoppers[::3]:
                assert memory.forget(shopper).cart
                assert traces(tmp_path, shopper.encode()) == []

    def test_no_byte_of_a_forgotten_event_is_left(self, tmp_path: Path) -> None:
        with Memory.at(tmp_path / "state.sqlite3") as memory:
            memory.record(event(item="plaza:kept"))
            number = memory.record(event(item="plaza:regretted-9182"))
            assert traces(tmp_path, b"regretted-9182")
            memory.forget_event("ann", number)
            assert traces(tmp_path, b"regretted-9182") == []

    def test_bytes_that_a_reader_still_holds_are_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "state.sqlite3"
        monkeypatch.setattr("agent.memory.database.WAIT", 0.2)
        with Memory.at(path) as memory:
            memory.record(event())
            reader = sqlite3.connect(path, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM events").fetchall()
            gone = memory.forget("ann")
            reader.close()
            assert (gone.events, gone.erased) == (1, False)
            assert memory.events_of("ann") == []
            assert memory.forget("ann").erased


def median_ms(work: Callable[[int], object], times: int) -> float:
    taken = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def test_ten_thousand_shoppers_do_not_slow_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    with Memory.at(path) as memory:
        engine = create_engine(f"sqlite:///{path}")
        rows = [
            event(f"shopper {who}", f"plaza:{n}", NOON + timedelta(hours=n)).model_dump()
            for who in range(10_000)
            for n in range(10)
        ]
        with engine.begin() as connection:
            connection.execute(insert(tables.events), rows)
            plan = connection.exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT * FROM events WHERE shopper = 's' ORDER BY at, id"
            )
            assert "events_by_shopper" in " ".join(str(row) for row in plan)
        engine.dispose()
        turn = reply(items=10)
        reading = median_ms(lambda n: memory.events_of(f"shopper {n * 37}"), 100)
        conversation = memory.open_conversation("ann")

        def save(_: int) -> None:
            nonlocal conversation
            conversation = memory.save_turn(conversation, "hello", turn)

        saving = median_ms(save, 40)
        print(f"events_of {reading:.2f} ms, save_turn {saving:.2f} ms")
        assert reading < 3
        assert saving < 10


@pytest.mark.postgres
class TestPostgresql:
    def test_memory_goes_on_after_the_server_was_away(self, postgres: Postgres) -> None:  # noqa: F811
        with Memory(postgres.new_database()) as memory:
            memory.record(event())
            postgres.stop()
            try:
                with pytest.raises(StateError, match=r"can't be reached .* See that the server runs"):
                    memory.record(event())
            finally:
                postgres.start()
            memory.record(event())
            assert len(memory.events_of("ann")) == 2

    def test_somebody_elses_tables_are_left_alone(self, postgres: Postgres) -> None:  # noqa: F811
        url = postgres.new_database()
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE messages (body TEXT)")
        with pytest.raises(StateError, match="somebody else under the names messages"):
            Memory(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA crossaisle")
        with Memory(f"{url}&options=-csearch_path%3Dcrossaisle") as memory:  # a schema of its own solves it
            memory.record(event())
            assert memory.events_of("ann") == [event()]
        engine.dispose()

    def test_a_user_who_may_only_read_is_told(self, postgres: Postgres) -> None:  # noqa: F811
        url = postgres.new_database()
        with Memory(url) as memory:
            memory.record(event())
        with Memory(f"{url}&options=-cdefault_transaction_read_only%3Don") as memory:
            assert memory.events_of("ann") == [event()]
            with pytest.raises(StateError, match="can only be read"):
                memory.record(event())

    def test_forgetting_says_that_the_servers_files_are_not_its_own(self, postgres: Postgres) -> None:  # noqa: F811
        with Memory(postgres.new_database()) as memory:
            memory.record(event())
            gone = memory.forget("ann")
        assert (gone.events, gone.erased) == (1, False)
