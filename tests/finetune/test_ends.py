"""The ends of tuning commands: folders that are made, files that can't be, numbers that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.data import build
from finetune.example import write_jsonl
from finetune.lora.settings import Settings
from finetune.lora.store import readable
from retrieval.errors import ShopError, TuneError
from retrieval.shop import Shop
from tests.shops import sample_shop
from ui.commands.adapters import note_consent
from ui.commands.measure import _told


def test_a_missing_folder_is_made_and_a_file_that_cannot_be_is_told(tmp_path: Path) -> None:
    assert write_jsonl(tmp_path / "a" / "b" / "turns.jsonl", [{"one": 1}]) == 1
    with pytest.raises(TuneError, match=r"can't be written \("):
        write_jsonl(tmp_path / "a", [{"one": 1}])


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("finetune.data._examples", lambda *_, **__: pytest.fail("it has begun"))
    with pytest.raises(ShopError, match="can't be written"):
        build(Shop.open(sample_shop()), tmp_path / "file" / "data")


def test_a_number_that_makes_no_sense_is_called_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(TuneError, match="--rate is -1"):
        Settings(base=str(tmp_path), data=tmp_path, into=tmp_path, rate=-1.0).check()


def test_weights_may_be_read_by_everybody(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.touch(mode=0o600)
    readable(tmp_path)
    assert weights.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("taken", "told"), [(0, True), (3, False)])
def test_that_nobody_consented_is_said(taken: int, told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    note_consent({"shoppers_in": taken, "shoppers_out": 480})
    assert ("No shopper of 480 has consented" in capsys.readouterr().err) is told


def test_a_report_is_printed_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    report = {"items": 2188, "cards_ms": {"p50": 21.256}, "ok": True, "runs": [{"share": 0.5}]}
    assert _told(dict(report), quiet=False) == report
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert {(line[0], line[-1].strip()) for line in lines} == {
        ("items", "2,188"),
        ("cards ms p50", "21.26"),
        ("ok", "yes"),
        ("runs 1 share", "0.5"),
    }
