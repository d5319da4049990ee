"""A run that is killed goes on where it was and ends as if nothing had happened; two processes make one adapter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.lora.pace import MARK, last_whole
from finetune.lora.settings import Settings
from finetune.lora.train import tune
from finetune.tiny import make_tiny_model
from tests.conftest import ROOT
from tests.finetune.lora_data import lora_data

torch = pytest.importorskip("torch")
SECONDS = 120


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("resume")
    make_tiny_model(root / "tiny")
    lora_data(root / "data")
    return root


def options(root: Path, into: str, epochs: float) -> dict[str, object]:
    return {
        "base": str(root / "tiny"),
        "data": root / "data",
        "into": root / into,
        "epochs": epochs,
        "rate": 1e-3,
        "accumulate": 1,
        "patience": 99,
    }


def started(told: dict[str, object], *launcher: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, *launcher, "-m", "finetune.lora", "sft"),
            *(part for name, value in told.items() for part in (f"--{name}", str(value))),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums in the same order in this process as in the killed one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_killed_and_run_again_it_ends_with_the_very_same_adapter(root: Path) -> None:
    process = started(options(root, "killed", 10.0))
    until = time.monotonic() + SECONDS
    while not list((root / "killed").glob(f".run-*/checkpoint-*/{MARK}")):
        assert time.monotonic() < until
        assert process.poll() is None, "it was over before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list((root / "killed").glob("tiny-*"))
    again = tune(Settings(**options(root, "killed", 10.0)))  # type: ignore[arg-type]
    whole = tune(Settings(**options(root, "whole", 10.0)))  # type: ignore[arg-type]
    assert again["evaluation"]["run"]["resumed_after"] > 0
    assert again["adapter"].name == whole["adapter"].name


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    for step in (3, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_whole(tmp_path) is None
    for step in (3, 20):
        (tmp_path / f"checkpoint-{step}" / MARK).write_text("{}")
    assert last_whole(tmp_path) == tmp_path / "checkpoint-20"


def test_two_processes_share_the_work_and_end_together(root: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--standalone")
    process = started({**options(root, "two", 1000.0), "minutes": 0.05}, *launcher)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    (line,) = (line for line in out.splitlines() if line.startswith("{"))
    run = json.loads((Path(json.loads(line)["adapter"]) / "evaluation.json").read_text())["run"]
    assert run["processes"] == 2
    assert 0 < run["steps"] < 2000  # of 16 examples each
