"""`crossaisle eval search` and `eval dialogue`, from files to the contract's object."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from eval.understanding import f1
from ui.cli import app

TITLES = ["Steel kettle 1.7 l", "Glass kettle", "Oak table", "Garden hose 20 m", "Red mug", "Blue mug", "Wool scarf"]


@pytest.fixture
def goods(tmp_path: Path) -> Path:
    path = tmp_path / "goods.csv"
    day = "2024-05-0{} 10:00"
    rows = [(f"u{i % 2}", f"I{i}", title, day.format(i + 1)) for i, title in enumerate(TITLES)]
    pl.DataFrame(rows, schema=["shopper", "item", "title", "at"], orient="row").write_csv(path)
    return path


def talk(key: int, thing: str, title: str) -> dict[str, Any]:
    said = {"role": "user", "content": f"I want to buy a {thing}", "keywords": [thing]}
    asked = {"role": "system", "content": "Any colour?", "action": "Clarify"}
    sold = {"role": "system", "content": "This one", "action": "Recommend"}
    sold["recommended_products"] = [{"product_id": f"P{key}", "product_title": title}]  # type: ignore[assignment]
    return {"conv_id": key, "conversation": [said, asked, {"role": "user", "content": "No"}, sold]}


def run(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["eval", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def test_dialogue_prints_both_halves_and_the_planner(tmp_path: Path, goods: Path) -> None:
    path, out = tmp_path / "talks.json", tmp_path / "out"
    things = [("umbrella", "Umbrella, windproof"), ("pillow", "Down pillow"), ("drum", "Snare drum"), ("kite", "Kite")]
    path.write_text(json.dumps([talk(i, *thing) for i, thing in enumerate(things)]))
    options = ("--conversations", str(path), "--catalogue", str(goods), "--systems", "crossaisle,bm25")
    report = run("dialogue", *options, "--out", str(out))
    assert report["protocol"] == "dialogue"
    assert report["n"] == 4
    for system in ("crossaisle", "bm25"):
        assert report["systems"][system]["Recall@10"]["value"] == 1.0
        assert report["systems"][system]["MRR@10"]["value"] == 1.0
        assert "Recall@10/held" in report["systems"][system]
    assert {"popular", "repeat"} <= set(report["systems"])
    assert report["understanding"]["crossaisle"]["slot F1"]["value"] == 1.0
    assert "crossaisle vs bm25" in report["paired"]
    assert {"results.json", "report.html"} <= {file.name for file in out.iterdir()}
    assert json.loads((out / "results.json").read_text())["understanding"] == report["understanding"]


def test_search_tells_of_queries_that_cannot_be_ranked_wrong(tmp_path: Path, goods: Path) -> None:
    path = tmp_path / "judgments.jsonl"
    rows = [("glass kettle", "Glass kettle", "E"), ("glass kettle", "Oak table", "I"), ("mug", "Red mug", "E")]
    path.write_text("\n".join(json.dumps({"query": q, "title": t, "label": label}) for q, t, label in rows))
    report = run("search", "--data", str(path), "--catalogue", str(goods), "--systems", "crossaisle_static,bm25")
    assert report["n"] == 1
    assert report["systems"]["crossaisle_static"]["NDCG@10"]["value"] == 1.0
    assert report["systems"]["bm25"]["Recall@100/catalogue"]["value"] == 1.0
    assert report["judgments"]["queries_that_cannot_be_ranked_wrong"] == 1
    assert any("can't be ranked wrong" in note for note in report["notes"])
    assert any(
        re.fullmatch(r"crossaisle_static reads \d+ titles with the static encoder\.", n) for n in report["notes"]
    )


def test_a_file_that_is_not_there_ends_in_words(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["eval", "search", "--data", str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2


def test_f1_counts_tokens() -> None:
    assert f1(["black", "shoe"], ["shoe"]) == pytest.approx(2 / 3)
    assert f1([], []) == 1.0
    assert f1(["a"], []) == 0.0
