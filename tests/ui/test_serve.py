"""Serving: labels and their file, vLLM's command line, how a process is waited for and stopped, and what is missing."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agent.models.adapter import WEIGHTS, digest
from agent.models.base import ChatModel, tasks_of
from agent.models.compact import FOLDER
from agent.models.labelled import LabelledServer
from agent.models.registry import KEPT, Registry, read, write
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import ModelUnavailableError
from tests.conftest import ROOT
from ui.cli import app
from ui.commands.serve import _state
from ui.options import ModelOptions
from ui.serving import launch
from ui.serving.change import listing, named, promote
from ui.serving.launch import Served, command, environment, interpreter
from ui.serving.process import Server

URL = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("serve")
    make_tiny_model(root / "tiny")
    make_tiny_adapter(root / "tiny", root / "winter", rank=12)
    return root


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    path = tmp_path / "serving.json"
    adapters = {"a-111111111111": "a", "b-222222222222": "b"}
    write(path, Registry(URL, "tiny", adapters, {"production": ("tiny", "a-111111111111"), "b": ("b-222222222222",)}))
    return path


def test_a_label_means_the_last_adapter_promoted_and_rolls_back_to_the_one_before(registry: Path) -> None:
    found = read(registry)
    assert found.meant("production") == "a-111111111111"
    moved = found.promoted("production", "b-222222222222")
    assert moved.meant("production") == "b-222222222222"
    assert moved.promoted("production", "b-222222222222") == moved
    assert moved.rolled_back("production") == found
    assert found.rolled_back("production").meant("production") == "tiny"
    with pytest.raises(ModelUnavailableError, match="meant nothing before"):
        found.rolled_back("b")
    with pytest.raises(ModelUnavailableError, match="choose from a-111111111111, b, b-222222222222, production, tiny"):
        found.meant("c")
    for number in range(50):
        found = found.promoted("production", f"x{number}")
    assert len(found.labels["production"]) == KEPT


def test_a_client_follows_the_label_from_the_next_call_on(registry: Path) -> None:
    model = LabelledServer(registry, "production")
    assert isinstance(model, ChatModel)
    assert model.name == "a-111111111111"
    write(registry, read(registry).promoted("production", "b-222222222222"))
    assert model.name == "b-222222222222"
    with pytest.raises(ModelUnavailableError, match="no label, adapter or model"):
        LabelledServer(registry, "nothing")


def test_a_client_of_a_label_knows_what_the_served_model_was_made_for(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "serving.json"
    for folder, tasks in ((FOLDER, {"change"}), (root / "tiny", set[str]())):
        write(path, _state(tmp_path / "none.json", Served(str(folder), 9, {}), {}))
        model = ModelOptions(str(path), "production").open()
        assert model is not None
        assert tasks_of(model) == tasks


def test_a_registry_is_named_where_a_server_is(registry: Path) -> None:
    options = ModelOptions(str(registry), "production")
    options.check()
    model = options.open()
    assert isinstance(model, LabelledServer)
    assert model.name == "a-111111111111"
    with pytest.raises(typer.BadParameter, match="registry of serve"):
        ModelOptions(str(registry) + "x", "production").check()


def test_readers_see_a_whole_registry_while_it_is_changed(registry: Path) -> None:
    done = threading.Event()

    def change() -> None:
        for number in range(200):
            write(registry, read(registry).promoted("production", f"x{number}"))
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    while not done.is_set():
        assert read(registry).base == "tiny"
    thread.join()


def test_the_registry_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="there is no registry"):
        read(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"url": 3}')
    with pytest.raises(ModelUnavailableError, match="can't be read"):
        read(tmp_path / "broken.json")


def test_a_served_name_carries_the_hash_of_the_weights(root: Path, tmp_path: Path) -> None:
    name = named(root / "winter", "mine")
    assert name == f"mine-{digest(root / 'winter' / WEIGHTS)[:12]}"
    hashed = tmp_path / name
    hashed.symlink_to(root / "winter")
    assert named(root / "winter") == f"winter-{name[-12:]}"
    copy = tmp_path / "other-000000000000"
    copy.mkdir()
    for file in (root / "winter").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelUnavailableError, match="SHA-256"):
        named(copy)


def given(line: list[str]) -> dict[str, str]:
    return {name: value for name, value in itertools.pairwise(line) if name.startswith("--")}


def test_the_command_line_and_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSAISLE_API_KEY", "secret")
    served = Served(str(root / "tiny"), 8123, {"mine-1": root / "winter"}, context=100_000, rank=8, queue=5)
    line = command(served, Path("python"), gpu=False)
    told = given(line)
    assert told["--host"] == "127.0.0.1"
    assert told["--max-model-len"] == "8192"  # what the model reads
    assert told["--max-lora-rank"] == "16"  # the adapter has 12
    assert told["--max-num-queued-reqs"] == "5"
    assert told["--dtype"] == "float32"
    assert json.loads(told["--structured-outputs-config"])["disable_any_whitespace"] is True
    assert {"--enable-lora", "--enable-prefix-caching"} <= set(line)
    assert line[-2:] == ["--lora-modules", f"mine-1={root / 'winter'}"]
    assert "secret" not in " ".join(line)
    own = environment(served, gpu=False)
    assert own["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == own["HF_HUB_OFFLINE"] == own["VLLM_NO_USAGE_STATS"] == "1"
    assert own["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert own["VLLM_API_KEY"] == "secret"
    assert "--gpu-memory-utilization" not in told
    on_gpu = given(command(replace(served, memory=0.4), Path("python"), gpu=True))
    assert (on_gpu["--dtype"], on_gpu["--gpu-memory-utilization"]) == ("auto", "0.4")


def test_what_can_not_be_served_is_named(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailableError, match="there is no model at"):
        command(Served(str(tmp_path / "none"), 1, {}), Path("python"), gpu=False)
    with pytest.raises(ModelUnavailableError, match="ranks up to 512"):
        command(Served(str(root / "tiny"), 1, {}, rank=999), Path("python"), gpu=False)
    with pytest.raises(ModelUnavailableError, match=r"adapter_config\.json can't be read"):
        command(Served(str(root / "tiny"), 1, {"x": tmp_path}), Path("python"), gpu=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "__file__", str(tmp_path / "ui" / "serving" / "launch.py"))
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailableError, match="make vllm"):
        interpreter()
    (tmp_path / ".venv-vllm" / "bin").mkdir(parents=True)
    (tmp_path / ".venv-vllm" / "bin" / "python").touch()
    assert interpreter() == tmp_path / ".venv-vllm" / "bin" / "python"


def test_a_server_that_ends_early_or_is_never_ready_is_told_with_its_log(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "print('no such model'); raise SystemExit(3)"]
    early = pytest.raises(ModelUnavailableError, match="status 3 before it was ready: no such model")
    with Server(failing, dict(os.environ), tmp_path / "log") as server, early:
        server.wait_ready(URL, 60)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    late = pytest.raises(ModelUnavailableError, match=r"not ready after 0\.5 s")
    with Server(sleeping, dict(os.environ), tmp_path / "log") as server, late:
        server.wait_ready(URL, 0.5)
    assert server.process.returncode is not None


def test_a_signal_ends_the_server_and_its_children(tmp_path: Path) -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read(); "
    script = tmp_path / "run.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom ui.serving.process import Server\n"
        f"line = [sys.executable, '-c', {child + 'import time; time.sleep(60)'!r}]\n"
        f"with Server(line, dict(os.environ), Path({str(tmp_path / 'log')!r})) as server:\n"
        "    print('up', flush=True)\n    server.wait()\n"
    )
    ours = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, env=with_path())
    assert ours.stdout is not None
    assert ours.stdout.readline() == b"up\n"
    until = time.monotonic() + 30
    while not (pid := (tmp_path / "log").read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    ours.send_signal(signal.SIGTERM)
    assert ours.wait(30) == 0
    assert not running(int(pid))


def with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class _Models(BaseHTTPRequestHandler):
    """As vLLM answers where runtime changes of adapters are refused."""

    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": "tiny"}, {"id": "a-111111111111"}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_response(400)
        self.end_headers()
        self.wfile.write(b"rank 12 is greater than max_lora_rank 8")

    def log_message(self, *args: object) -> None:
        pass


def test_a_label_is_not_moved_to_what_the_server_refuses(root: Path, registry: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Models) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        told = read(registry)
        url = f"http://127.0.0.1:{http.server_port}/v1"
        write(registry, Registry(url, told.base, told.adapters, told.labels))
        with pytest.raises(ModelUnavailableError, match=r"rank 12 is greater .*--max-rank"):
            promote(registry, str(root / "winter"))
        assert read(registry).labels == told.labels
        assert promote(registry, "tiny") == {"label": "production", "now": "tiny", "before": "a-111111111111"}
        assert listing(registry)["loaded"] == ["a-111111111111", "tiny"]
        http.shutdown()


def test_commands(registry: Path, root: Path, tmp_path: Path) -> None:
    def run(*args: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["serve", *args])
        return done.exit_code, done.stdout, done.stderr

    code, out, _ = run("list", "--registry", str(registry), "--json")
    assert (code, json.loads(out)["reachable"]) == (0, False)
    assert "production -> a-111111111111 (before: tiny)" in run("list", "--registry", str(registry))[1]
    code, _, error = run("promote", "b", "--registry", str(registry))
    assert (code, "start it with crossaisle serve" in error) == (1, True)
    assert read(registry).meant("production") == "a-111111111111"
    assert run("--model", str(root / "tiny"), "--adapter", "winter")[0] == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, error = run("--model", str(root / "tiny"), "--port", port, "--registry", str(tmp_path / "new.json"))
    assert (code, "give another --port" in error) == (1, True)
