"""A real vLLM server for tests: a process of its own, in an environment of its own, with a tiny model and adapters.

The environment is made by `make vllm`. Tests ask for the fixture `vllm`, which skips visibly where it is missing.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from agent.models.openai_server import WHITE_SPACE, OpenAIServer
from finetune.tiny import CONTEXT, make_tiny_adapter, make_tiny_model
from tests.conftest import ROOT

PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
MODEL, ADAPTERS = "tiny", {"winter": 1, "summer": 2}
START_SECONDS = 300.0


class VllmServer:
    """A running server; `url` is its OpenAI address."""

    def __init__(
        self,
        models: Path,
        log: Path,
        model: str = MODEL,
        adapters: Sequence[str] = tuple(ADAPTERS),
        context: int = CONTEXT,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{port}/v1", log
        command = [
            *(str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)),
            *("--model", str(models / model), "--served-model-name", model, "--dtype", "float32"),
            *("--max-model-len", str(context), "--max-num-seqs", "8", "--structured-outputs-config", WHITE_SPACE),
        ]
        if adapters:
            command += ["--enable-lora", "--max-lora-rank", "8", "--lora-modules"]
            command += [f"{name}={models / name}" for name in adapters]
        settings = {
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_LOGGING_COLOR": "0",
        }
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=models,
                env={**os.environ, **settings},
                start_new_session=True,  # engine processes belong to its group and are ended with it
            )

    def model(self, name: str = MODEL) -> OpenAIServer:
        """A client for the model or one of its adapters."""
        return OpenAIServer(self.url, name)

    def wait(self) -> None:
        """Wait until it serves."""
        health = self.url.removesuffix("/v1") + "/health"
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"vLLM ended with {self.process.returncode}:\n{self.tail()}")
            with suppress(OSError):
                urllib.request.urlopen(health, timeout=2).close()
                return
            time.sleep(0.5)
        raise RuntimeError(f"vLLM was not ready after {START_SECONDS} s:\n{self.tail()}")

    def freeze(self) -> None:
        """Stop it where it is: it takes requests and answers none, on a machine of any speed, until it is killed."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """End it and its engine at once, as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model and its adapters."""
    root = tmp_path_factory.mktemp("models")
    make_tiny_model(root / MODEL)
    for name, seed in ADAPTERS.items():
        make_tiny_adapter(root / MODEL, root / name, seed=seed)
    return root


@pytest.fixture(scope="session")
def vllm_servers(tiny_models: Path) -> Iterator[list[VllmServer]]:
    """The servers of this session; the last one runs unless a test has killed it."""
    servers: list[VllmServer] = []
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture
def vllm(tiny_models: Path, vllm_servers: list[VllmServer]) -> VllmServer:
    """A vLLM server that is ready: one for the whole session, started again only after a test has killed it."""
    need_vllm()
    if not vllm_servers or vllm_servers[-1].process.poll() is not None:
        vllm_servers.append(VllmServer(tiny_models, tiny_models / f"vllm-{len(vllm_servers)}.log"))
        vllm_servers[-1].wait()
    return vllm_servers[-1]


def need_vllm() -> None:
    """Skip where the server's environment was not made."""
    if not PYTHON.exists():
        pytest.skip("no vLLM here: make vllm")
