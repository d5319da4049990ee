"""The load bench talks to a real page as a browser does, and notices what goes wrong there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from agent.act import Actor
from eval.bench import Case
from eval.load import Load, bench_load
from eval.visitor import PageError, Tab
from tests.shops import sample_shop
from ui.cli import app
from ui.commands.load import measure_load, served
from ui.desk import Desk


def test_it_serves_a_page_and_times_every_message_of_every_chat() -> None:
    report = measure_load(sample_shop(), Load(chats=3, turns=4, pause=0.1), seed=0)
    assert report["ok"] is True, report
    assert report["answered"] == report["turns"] == 12
    assert report["errors"] == 0
    cards, done = report["cards_ms"], report["done_ms"]
    assert isinstance(cards, dict)
    assert isinstance(done, dict)
    assert 1 < cards["p50"] <= cards["p95"] <= cards["max"] < done["max"]
    assert isinstance(report["machine"], dict)
    assert report["machine"]["cores"] >= 1


def test_a_tab_sees_the_cards_before_the_answer_is_whole_and_keeps_its_conversation() -> None:
    async def talk(url: str) -> list[Any]:
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client, Tab(client, 30) as tab:
            return [await tab.say("scented candles"), await tab.say("what is the meaning of life?")]

    with served(sample_shop()) as url:
        first, second = asyncio.run(talk(url))
    assert first.count == 6
    assert 0 < first.cards < first.done
    assert second.done > 0


@contextmanager
def here(desk: Desk) -> Iterator[str]:
    """The page in this process, so that a test can break a part of it."""
    import uvicorn

    from ui.server import application, listen

    bound = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(desk), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        bound.close()


def test_an_answer_that_shows_a_problem_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    with Desk(sample_shop(), "sqlite://") as desk, here(desk) as url:
        monkeypatch.setattr(Actor, "act", broken)
        report = bench_load(url, [Case("candles", None, {})] * 4, Load(chats=2, turns=2, pause=0))
    assert report["ok"] is False
    assert report["errors"] == 4
    assert report["kinds_of_error"] == {"PageError": 4}


def test_a_server_that_is_no_shop_is_told() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"dependencies": [], "components": []}')

        def log_message(self, *_: Any) -> None:
            return

    async def enter(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client, Tab(client, 5):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(PageError, match="no CrossAisle shop"):
            asyncio.run(enter(f"http://127.0.0.1:{server.server_address[1]}"))
        server.shutdown()


def test_a_page_that_is_away_fails_the_command() -> None:
    call = ["bench", "load", "--shop", str(sample_shop()), "--chats", "1", "--turns", "1", "--pause", "0"]
    done = CliRunner().invoke(app, [*call, "--url", "http://127.0.0.1:9", "--json"])
    assert done.exit_code == 1
    assert '"errors": 1' in done.stdout
