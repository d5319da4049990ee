"""`crossaisle lab` as a process: killed and gone on with, interrupted, promoting, and saying why it can't."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.prompting import PROMPTS
from finetune.tiny import make_tiny_model
from tests.eval.lab_helpers import prompt_file, session, write_sessions
from tests.ui.conftest import ROOT, crossaisle

RUN = [sys.executable, "-c", "from ui.cli import main; main()", "lab", "run"]


def grid_of(folder: Path, shop: Path, sessions: int, *more: str) -> Path:
    rows = [session(f"s{n}", "scented candles", "under 30 euros", "something cheaper") for n in range(sessions)]
    files = write_sessions(folder / "sessions.jsonl", rows)
    lines = [f'shop = "{shop}"', *more, "[retrieval.default]", "[retrieval.words]", 'on = ["dense", "lexical"]']
    lines += ["learned_order = false", "[sessions]", f'files = ["{files}"]']
    path = folder / "grid.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def lines_in(folder: Path) -> list[bytes]:
    files = sorted((folder / "turns").glob("*.jsonl")) if (folder / "turns").is_dir() else []
    return [line for file in files for line in file.read_bytes().split(b"\n")[:-1]]


def started(grid: Path, into: Path, turns: int) -> subprocess.Popen[bytes]:
    """A run that has made so many turns."""
    process = subprocess.Popen([*RUN, str(grid), "--into", str(into)], cwd=ROOT, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while len(lines_in(into)) < turns:
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


def test_a_killed_run_goes_on_where_it_was_and_its_table_is_made_again(shop: Path, tmp_path: Path) -> None:
    grid, lab = grid_of(tmp_path, shop, 50), tmp_path / "lab"
    process = started(grid, lab, 40)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert lab.stat().st_mode & 0o077 == 0, "what shoppers said is for the owner's eyes"
    kept = lines_in(lab)
    assert 40 <= len(kept) < 300
    unfinished = crossaisle("lab", "table", lab)
    assert (unfinished.status, "no results yet" in unfinished.err) == (2, True)
    process = started(grid, lab, len(kept) + 20)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    done = crossaisle("lab", "run", grid, "--into", lab, "--json").json
    assert set(kept) < set(lines_in(lab)), "what was done stands as it was written"
    keys = [(turn["cell"], turn["session"], turn["turn"]) for turn in map(json.loads, lines_in(lab))]
    assert len(keys) == len(set(keys)) == 50 * 2 * 3
    again = crossaisle("lab", "table", lab, "--json").json
    assert again.pop("equal")
    assert again.pop("ok")
    assert again == done
    assert (lab / "report.html").stat().st_size > 1000


def test_a_real_model_reads_the_prompts_that_are_compared_and_one_is_promoted(shop: Path, tmp_path: Path) -> None:
    model, draft = make_tiny_model(tmp_path / "tiny"), prompt_file(tmp_path, "brief", "Be brief.")
    more = ("[model]", f'path = "{model}"', "[prompts]", f'plan = ["production", "{draft}"]')
    grid, lab = grid_of(tmp_path, shop, 1, *more), tmp_path / "lab"
    done = crossaisle("lab", "run", grid, "--into", lab, "--json").json
    assert done["counts"]["clarifying turns" if "clarifying turns" in done["counts"] else "act accuracy"] == 1
    tokens = {cell: row["tokens in"]["value"] for cell, row in done["beyond"].items()}
    assert tokens["plan-brief.default"] > tokens["production"] > 500, "the longer prompt was read"
    new = next(cell for cell in json.loads((lab / "lab.json").read_text("utf-8"))["cells"] if "brief" in cell["name"])
    before = {file: file.read_bytes() for file in PROMPTS.iterdir()}
    moved = crossaisle(
        "lab", "promote", "plan", new["prompts"]["plan"][:10], "--evidence", lab, "--who", "ada", "--json"
    )
    assert moved.json["move"]["to_hash"] == new["prompts"]["plan"]
    assert {file: file.read_bytes() for file in PROMPTS.iterdir()} == before
    listed = crossaisle("lab", "prompts", "--shop", shop, "--task", "plan", "--json").json["prompts"]
    assert [(one["name"], one["labels"], one["who"]) for one in listed][1] == ("brief", ["production"], "ada")
    diff = crossaisle("lab", "prompts", "--shop", shop, "--task", "plan", "--diff", listed[0]["hash"], "production")
    assert "+Be brief. You read" in diff.out
    crossaisle("lab", "rollback", "plan", "--shop", shop, "--who", "ben", "--json").json  # noqa: B018 - it asserts
    told = crossaisle("lab", "history", "--shop", shop, "--json").json["history"]
    assert [(move["action"], move["who"]) for move in told] == [("promote", "ada"), ("rollback", "ben")]
    assert told[0]["evidence"] == str(lab.resolve())
    again = crossaisle("lab", "rollback", "plan", "--shop", shop)
    assert (again.status, "left to undo" in again.err, "Traceback" in again.err) == (1, True, False)


def test_a_version_is_saved_from_a_file_and_shown(shop: Path, tmp_path: Path) -> None:
    draft = prompt_file(tmp_path, "warm", "Be warm.", task="explain")
    kept = crossaisle("lab", "save", draft, "--shop", shop, "--who", "ada", "--json").json
    shown = crossaisle("lab", "prompts", "--shop", shop, "--task", "explain", "--show", kept["hash"][:8])
    assert shown.out.rstrip("\n") == draft.read_text(encoding="utf-8").rstrip("\n")
    bad = tmp_path / "bad.md"
    bad.write_text("hello", encoding="utf-8")
    refused = crossaisle("lab", "save", bad, "--shop", shop)
    assert (refused.status, "is no prompt file" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("run", "none.toml", "--into", "x"), 2, "can't be read"),
        (("table", "nowhere"), 2, "no lab folder"),
        (("promote", "plan", "abc", "--evidence", "nowhere"), 2, "no lab folder"),
        (("prompts", "--shop", "nowhere"), 1, "no shop folder"),
        (("prompts", "--shop", "nowhere", "--show", "x"), 2, "need --task"),
    ],
)
def test_what_can_not_be_done_is_told_with_its_remedy(words: tuple[str, ...], status: int, why: str) -> None:
    done = crossaisle("lab", *words, env={"COLUMNS": "200"} | dict(os.environ))
    assert done.status == status
    assert why in done.err
    assert "Traceback" not in done.err


def test_the_simulators_own_error_is_told(shop: Path) -> None:
    told = crossaisle("lab", "simulator", "--shop", shop, "--count", "40", "--json").json["simulator"]
    assert told["all"]["sessions"] == 40
    assert 0.0 < told["all"]["messages_unrecoverable"] < 1.0
