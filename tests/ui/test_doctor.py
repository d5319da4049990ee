"""The doctor finds what is there, says what is missing, and has a remedy for it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest

from tests.shops import sample_shop
from tests.ui.conftest import crossaisle
from ui.doctor import examine


def finding(report: dict[str, object], name: str) -> dict[str, str]:
    findings = report["findings"]
    assert isinstance(findings, list)
    return next(found for found in findings if found["name"] == name)


@pytest.fixture
def server() -> Iterator[str]:
    """A real HTTP server that answers where Chroma and model servers do."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in {"/api/v2/heartbeat", "/v1/models"}
            self.send_response(200 if known else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_healthy_machine_with_a_shop_is_fine() -> None:
    done = crossaisle("doctor", "--shop", sample_shop(), "--json")
    assert done.json["ok"] is True
    named = {found["name"] for found in done.json["findings"]}
    assert named >= {"Python", "chromadb", "gradio", "encoder", "cache", "disk", "shop", "state database", "vLLM"}
    assert "480" not in finding(done.json, "shop")["found"]
    assert "of 150 shoppers" in finding(done.json, "shop")["found"]
    assert all(found["remedy"] for found in done.json["findings"] if found["status"] != "ok")


def test_every_declared_package_is_looked_at() -> None:
    named = {found["name"] for found in examine()["findings"]}
    for line in requires("crossaisle") or []:
        if "extra ==" not in line:
            assert any(line.startswith(name) for name in named), line


def test_what_is_missing_fails_with_a_remedy(tmp_path: Path) -> None:
    done = crossaisle("doctor", "--shop", tmp_path, "--state", "oracle://x", "--json")
    assert done.status == 1
    assert done.out.startswith('{"ok": false')
    report = examine(tmp_path, "postgresql://127.0.0.1:9/none", "http://127.0.0.1:9", "http://127.0.0.1:9/v1")
    for name in ("shop", "state database", "Chroma server", "model server"):
        found = finding(report, name)
        assert (found["status"], bool(found["remedy"])) == ("missing", True), found


def test_servers_that_answer_are_reachable_and_others_of_that_port_are_not(server: str) -> None:
    report = examine(chroma=server, model=f"{server}/v1")
    assert finding(report, "Chroma server")["status"] == "ok"
    assert finding(report, "model server")["status"] == "ok"
    assert "404" in finding(examine(model=f"{server}/v2"), "model server")["found"]


def test_an_unwritable_cache_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert finding(examine(), "cache")["status"] == "missing"


def test_looking_makes_no_state_database(tmp_path: Path) -> None:
    from tests.shops import copy_of

    shop = copy_of(sample_shop(), tmp_path / "shop")
    before = sorted(shop.iterdir())
    assert finding(examine(shop), "state database")["status"] == "ok"
    assert sorted(shop.iterdir()) == before
