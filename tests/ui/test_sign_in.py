"""Signing in: a shopper is themselves in every handler, the team may be anybody, and nothing is told before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.memory.users import Users
from tests.ui.conftest import ROOT, crossaisle, served
from ui.desk import Desk
from ui.room import Room
from ui.rooms import Rooms
from ui.server import ServeError, users_for

SECRET = "a long secret"


@pytest.fixture(scope="module")
def site(shop: Path, regulars: list[str]) -> Iterator[str]:
    users = Users.of(shop)
    users.add("anna", SECRET, shopper=regulars[0])
    users.add("tess", SECRET, "team")
    users.close()
    with served(shop, "--sign-in") as url:
        yield url


@contextmanager
def enter(url: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.post("/login", data={"username": name, "password": SECRET}).status_code == 200
        yield client


def loaded(client: httpx.Client, session: str, stored: dict[str, str]) -> str:
    """What the page's first handler answers, as the browser gets it."""
    return answered(client, session, "load", {"data": [stored]})


def answered(client: httpx.Client, session: str, event: str, sent: dict[str, Any]) -> str:
    """What the first handler of an event answers to what a browser sends."""
    functions = client.get("/config").json()["dependencies"]
    handler = next(one["id"] for one in functions if one["targets"][0][1] == event)
    body = {"fn_index": handler, "session_hash": session, **sent}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        for line in answer.iter_lines():
            if "process_completed" in line:
                return line
    return ""


def test_a_room_may_be_one_shopper_only(shop: Path, tmp_path: Path) -> None:
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        rooms = Rooms(desk)
        room = rooms.of("tab", "anna", "s1")
        assert room.shopper == "s1"
        for other in ("s2", "", None):
            room.enter(other)
            assert room.shopper == "s1"
        room.resume("s2", "")
        assert room.shopper == "s1"
        assert rooms.of("tab", "ben", "s2") is not room, "a guessed session leads to nobody else's room"
        assert rooms.of("tab", "anna", "") is not room, "a changed role is a new room"
        assert Room(desk).is_visitor


def test_who_has_to_sign_in(shop: Path, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    for host in ("127.0.0.1", "localhost", "::1"):
        with users_for(host, None, shop, empty) as users:
            assert users is None
    with users_for("0.0.0.0", False, shop, empty) as users:
        assert users is None
    for host, asked in (("0.0.0.0", None), ("127.0.0.1", True)):
        with pytest.raises(ServeError, match="no user yet"), users_for(host, asked, shop, empty):
            pass


def test_nothing_is_told_before_signing_in(site: str, regulars: list[str]) -> None:
    with httpx.Client(base_url=site) as client:
        assert client.get("/config").status_code == 401
        assert client.post("/gradio_api/queue/join", json={}).status_code == 401
        assert client.post("/login", data={"username": "anna", "password": "guess"}).status_code == 400
        assert "After 5 wrong passwords a name has to wait 60 seconds" in client.get("/").text
        assert not [name for name in regulars if name in client.get("/").text]
        assert {client.get(path).status_code for path in ("/openapi.json", "/lab/openapi.json")} == {404}


@pytest.mark.parametrize("event", ["say", "act"])
@pytest.mark.parametrize("sent", [[1], "text", 7, None, {"op": {"a": 1}, "item": [2]}])
def test_a_button_may_send_anything(site: str, event: str, sent: Any) -> None:
    with enter(site, "anna") as client:
        loaded(client, "three", {})
        told = json.loads(answered(client, "three", event, {"data": [], "event_data": sent}).removeprefix("data: "))
    assert told["success"], told


def test_a_shopper_gets_their_own_page_whatever_the_browser_sends(site: str, regulars: list[str]) -> None:
    mine, other = regulars[0], regulars[-1]
    with enter(site, "anna") as client:
        assert other not in client.get("/config").text
        told = loaded(client, "one", {"shopper": other, "conversation": "", "language": "en"})
    assert mine in told
    assert json.dumps(other) not in told


def test_the_team_may_be_anybody(site: str, regulars: list[str]) -> None:
    with enter(site, "tess") as client:
        told = loaded(client, "two", {"shopper": regulars[-1], "conversation": "", "language": "en"})
    assert regulars[-1] in told


def test_users_are_kept_by_the_command(shop: Path) -> None:
    call = [
        sys.executable,
        "-c",
        "from ui.cli import main; main()",
        "user",
        "add",
        "carl",
        "--shop",
        str(shop),
        "--json",
    ]
    done = subprocess.run(call, input=SECRET + "\n", capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["user"] == {"name": "carl", "role": "shopper", "shopper": "carl"}
    assert SECRET not in done.stdout + done.stderr
    names: list[dict[str, Any]] = crossaisle("user", "list", "--shop", shop, "--json").json["users"]
    assert "carl" in [user["name"] for user in names]
    assert crossaisle("user", "remove", "carl", "--shop", shop, "--json").json == {"removed": True}
    assert crossaisle("user", "list", "--shop", shop / "nowhere").status == 1
