"""`crossaisle serve` with a real vLLM: adapters side by side, promoted and rolled back without a restart."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.models.base import ChatMessage
from agent.models.labelled import LabelledServer
from agent.models.local import LocalModel
from agent.models.openai_server import OpenAIServer
from agent.models.registry import read
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import ModelUnavailableError
from tests.agent.vllm_server import need_vllm
from tests.conftest import ROOT
from ui.serving.change import listing, promote, roll_back

pytestmark = pytest.mark.vllm
SECONDS = 600.0
QUESTION, OPTIONS = [ChatMessage("user", "Which? A, B, C or D.")], ["A", "B", "C", "D"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_vllm()
    root = tmp_path_factory.mktemp("serve-vllm")
    make_tiny_model(root / "tiny")
    for seed, name in enumerate(("winter", "summer", "autumn"), start=1):
        make_tiny_adapter(root / "tiny", root / name, seed=seed)
    return root


@pytest.fixture(scope="module")
def registry(root: Path) -> Iterator[Path]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = root / "serving.json"
    adapters = [part for name in ("winter", "summer") for part in ("--adapter", f"{name}={root / name}")]
    line = ["-c", "from ui.cli import main; main()", "serve", "--model", str(root / "tiny"), *adapters]
    more = ["--port", str(port), "--registry", str(path), "--sequences", "4", "--queue", "6"]
    process = subprocess.Popen([sys.executable, *line, *more], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    until = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, (root / "serving.log").read_text()[-3000:]
        assert time.monotonic() < until, (root / "serving.log").read_text()[-3000:]
        time.sleep(0.5)
    yield path
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "vLLM outlived the command"


def soon() -> float:
    return time.monotonic() + 300


def scores(model: OpenAIServer | LabelledServer | LocalModel) -> list[float]:
    return model.choose(QUESTION, OPTIONS, deadline=soon())


def test_promotion_and_rollback_reach_the_next_request(registry: Path, root: Path) -> None:
    here = {
        name: scores(LocalModel(root / "tiny", root / name if name else None, threads=1))
        for name in ("", "winter", "summer", "autumn")
    }
    model = LabelledServer(registry, "production")
    assert scores(model) == pytest.approx(here[""], abs=0.05)
    for name in ("winter", "summer"):
        assert scores(LabelledServer(registry, name)) == pytest.approx(here[name], abs=0.05)
    assert promote(registry, "winter")["before"] == "tiny"
    assert scores(model) == pytest.approx(here["winter"], abs=0.05)
    moved = promote(registry, str(root / "autumn"))  # not loaded at the start
    assert moved["now"] in listing(registry)["loaded"]
    assert scores(model) == pytest.approx(here["autumn"], abs=0.05)
    assert roll_back(registry)["now"] == read(registry).meant("winter")
    assert scores(model) == pytest.approx(here["winter"], abs=0.05)


def test_an_adapter_that_does_not_fit_is_refused_and_changes_nothing(registry: Path, root: Path) -> None:
    make_tiny_adapter(root / "tiny", root / "wide", seed=9, rank=64)
    before = read(registry).labels
    with pytest.raises(ModelUnavailableError, match="--max-rank"):
        promote(registry, str(root / "wide"))
    assert read(registry).labels == before


def test_more_requests_than_the_queue_holds_are_refused_and_told(registry: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 60, "maxItems": 60}

    def ask(number: int) -> str:
        try:
            model = LabelledServer(registry, "production")
            return model.complete([ChatMessage("user", str(number))], schema, deadline=soon(), max_tokens=600).text
        except ModelUnavailableError as error:
            return str(error)

    with ThreadPoolExecutor(24) as pool:
        told = list(pool.map(ask, range(24)))
    answered = [text for text in told if text.startswith("[")]
    assert all(len(json.loads(text)) == 60 for text in answered)
    assert answered
    assert any("status 503" in text for text in told)
    assert all(text.startswith("[") or "status 503" in text for text in told)
