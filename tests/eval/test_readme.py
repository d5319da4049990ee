"""What the README says about evaluation is run as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.shops import sample_shop
from ui.cli import app


@pytest.fixture(scope="module")
def chapter() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split("\n## Evaluate\n")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample shop where the README has it."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "shops").mkdir()
    (folder / "shops" / "sample").symlink_to(sample_shop(), target_is_directory=True)
    return folder


def blocks(chapter: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", chapter, flags=re.DOTALL | re.MULTILINE)


def test_its_commands_run_one_after_another(chapter: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    commands = [line for block in blocks(chapter, "") for line in block.splitlines() if line.startswith("crossaisle ")]
    assert len(commands) >= 4
    for command in commands:
        done = CliRunner().invoke(app, [*shlex.split(command, comments=True)[1:], "--json"])
        assert done.exit_code == 0, f"{command}\n{done.output}\n{done.exception!r}"
        json.loads(done.stdout)
    for made in ("aisles/report.html", "aisles/results.json", "evidence/report.html", "evidence/ledger.jsonl"):
        assert (workplace / "runs" / made).stat().st_size > 1000


def test_its_script_runs(chapter: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(blocks(chapter, "python")[0], {})
    assert capsys.readouterr().out.startswith("0.5 {'mine vs other'")


def test_its_baseline_runs_and_is_shorter_than_60_lines(
    chapter: str, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    code = blocks(chapter, "python")[1]
    assert code.count("\n") < 60
    Path("newest.py").write_text(code, encoding="utf-8")
    named = re.search(r"--systems (\S+newest\.py:Newest)", chapter)
    assert named is not None
    args = ["eval", "rank", "--data", "shops/sample", "--protocol", "next-item", "--systems", named[1], "--json"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    told: dict[str, Any] = json.loads(done.stdout)
    assert {"popular", "Newest"} <= set(told["systems"])
