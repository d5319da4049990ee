"""Users: passwords are hashed, wrong ones refused, and nobody may guess for long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.memory import Memory, users
from agent.memory.users import FAILURES, User, Users
from retrieval.errors import StateError
from tests.postgres import postgres  # noqa: F401 - a fixture

SECRET = "correct horse 电池"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(users._COST, "n", 2**10)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.sqlite3"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def table(url: str) -> Iterator[Users]:
    with Memory(url):  # beside what an older version has written
        found = Users(url)
        yield found
        found.close()


def test_only_the_right_password_lets_in(table: Users) -> None:
    anna = table.add("anna", SECRET, shopper="s1")
    assert anna == User(name="anna", role="shopper", shopper="s1")
    assert table.check("anna", SECRET) == anna
    for name, password in (("anna", SECRET + " "), ("anna", ""), ("Anna", SECRET), ("ben", SECRET)):
        assert table.check(name, password) is None


def test_no_password_stands_in_the_file(tmp_path: Path) -> None:
    table = Users.of(tmp_path)
    table.add("anna", SECRET)
    table.add("ben", SECRET)
    table.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"anna" in kept
    assert b"correct horse" not in kept


def test_equal_passwords_have_different_hashes(table: Users) -> None:
    for name in ("anna", "ben"):
        table.add(name, SECRET)
    with table._database.reading() as connection:
        rows = connection.execute(users.users.select()).mappings().all()
    assert rows[0]["hash"] != rows[1]["hash"]
    assert len(rows[0]["salt"]) == 16


def test_guessing_stops_for_a_while(table: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    table.add("anna", SECRET)
    table.add("ben", SECRET)
    for _ in range(FAILURES):
        assert table.check("anna", "wrong guess") is None
    assert table.check("anna", SECRET) is None, "even the right one, for now"
    assert table.check("ben", SECRET) is not None
    monkeypatch.setattr(users, "PAUSE", 0.0)
    assert table.check("anna", SECRET) is not None


def test_a_user_is_changed_listed_and_removed(table: Users) -> None:
    table.add("anna", SECRET)
    changed = table.add("anna", "another secret", "team")
    assert table.check("anna", SECRET) is None
    assert table.check("anna", "another secret") == changed
    assert table.everybody() == [changed]
    assert table.remove("anna")
    assert not table.remove("anna")
    assert table.get("anna") is None


@pytest.mark.parametrize(("name", "password"), [("", SECRET), (" anna", SECRET), ("anna", "short")])
def test_bad_names_and_short_passwords_are_refused(table: Users, name: str, password: str) -> None:
    with pytest.raises(StateError):
        table.add(name, password)
    assert table.everybody() == []


def test_many_processes_may_open_it_at_once(url: str) -> None:
    first, second = Users(url), Users(url)
    first.add("anna", SECRET)
    assert second.check("anna", SECRET) is not None
    first.close()
    second.close()
