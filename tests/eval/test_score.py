"""`score` from a script and `crossaisle eval score` from a shell: the same figures, the contract, exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from eval.results import Results
from eval.runs import write_qrels, write_run
from eval.score import name_of, score
from retrieval.errors import EvaluationError
from tests.ui.conftest import crossaisle
from ui.commands.evaluate import app

QRELS = {f"q{n}": {f"i{n}": 1.0, f"j{n}": 1.0} for n in range(40)}
GOOD = {f"q{n}": [(f"i{n}", 3.0), ("x", 2.0), (f"j{n}", 1.0)] for n in range(40)}
POOR = {f"q{n}": [("x", 3.0), (f"i{n}", 2.0)] if n % 4 else [("x", 1.0)] for n in range(40)}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_run(tmp_path / "good.trec", GOOD, "good")
    write_run(tmp_path / "poor.jsonl.gz", POOR, "poor")
    write_qrels(tmp_path / "test.qrels", QRELS)
    return tmp_path


def test_paths_and_mappings_give_the_same_results(files: Path) -> None:
    by_path = score({"good": files / "good.trec", "poor": str(files / "poor.jsonl.gz")}, files / "test.qrels")
    by_value = score({"good": GOOD, "poor": POOR}, QRELS)
    assert by_path == by_value
    assert by_path.systems["good"]["MRR"].value == 1.0
    assert by_path.systems["poor"]["MRR"].value == 0.375
    assert by_path.paired["good vs poor"]["MRR"].difference == 0.625
    assert by_path.paired["good vs poor"]["MRR"].p < 0.01
    assert by_path.n == 40


def test_one_run_may_be_given_bare(files: Path) -> None:
    assert list(score(files / "good.trec", files / "test.qrels").systems) == ["good"]
    assert list(score(GOOD, QRELS).systems) == ["run"]
    as_mapping = {query: dict(ranking) for query, ranking in GOOD.items()}
    assert score(as_mapping, QRELS, ["MRR"]).systems["run"]["MRR"].value == 1.0
    assert list(score({"mine": as_mapping}, QRELS, ["MRR"]).systems) == ["mine"]
    as_lists = {query: [item for item, _ in ranking] for query, ranking in GOOD.items()}
    assert score(as_lists, QRELS, ["MRR"]).systems["run"]["MRR"].value == 1.0


def test_the_object_is_the_contract() -> None:
    told = score({"good": GOOD, "poor": POOR}, QRELS, ["ndcg@10", "recall@1"], baseline="poor").to_json()
    json.dumps(told, allow_nan=False)
    assert (told["protocol"], told["n"]) == ("score", 40)
    assert list(told["systems"]["good"]) == ["NDCG@10", "Recall@1"]
    assert set(told["systems"]["good"]["Recall@1"]) == {"value", "low", "high"}
    assert set(told["paired"]["good vs poor"]["NDCG@10"]) == {"difference", "low", "high", "p"}
    assert told["seconds"] == {}


def test_what_can_not_be_scored_is_told_and_not_counted_as_0() -> None:
    qrels = {**QRELS, "nothing": {"x": 0.0}, "missed": {"x": 1.0}}
    found = score(GOOD, qrels, ["MRR"])
    assert found.n == 41
    assert found.systems["run"]["MRR"].value == pytest.approx(40 / 41)
    assert "1 of 42 queries have no relevant item" in found.notes[0]
    assert "run: ranks nothing for 1 queries" in found.notes[1]
    with pytest.raises(EvaluationError, match="no query has a relevant item"):
        score({"a": ["x"]}, {"a": {"x": 0}})


def test_queries_without_judgments_are_an_error_unless_ignored() -> None:
    run = {**GOOD, "stranger": ["x"]}
    with pytest.raises(EvaluationError, match=r"'stranger'.*don't know 1 of the 41 queries"):
        score(run, QRELS)
    found = score(run, QRELS, ["MRR"], unjudged="ignore")
    assert found.systems["run"]["MRR"].value == 1.0
    assert found.notes == ("run: 1 queries without judgments ignored",)
    with pytest.raises(EvaluationError, match="know none of the queries"):
        score({"stranger": ["x"]}, QRELS, unjudged="ignore")


def test_faults_of_the_caller_are_named() -> None:
    with pytest.raises(EvaluationError, match="no run 'best'"):
        score(GOOD, QRELS, baseline="best")
    with pytest.raises(EvaluationError, match="takes no slice"):
        score(GOOD, QRELS, slice="x")
    with pytest.raises(EvaluationError, match="no metric 'BLEU'"):
        score(GOOD, QRELS, ["BLEU"])
    with pytest.raises(EvaluationError, match="there is no run"):
        score({}, QRELS)
    with pytest.raises(EvaluationError, match="no mapping of items"):
        score(GOOD, {"q0": ["a"]})  # type: ignore[dict-item]


def test_two_calls_agree_and_the_seed_moves_the_interval_only() -> None:
    first, second, other = (score(POOR, QRELS, ["MRR"], seed=seed).to_json()["systems"] for seed in (1, 1, 2))
    assert first == second
    assert first["run"]["MRR"]["value"] == other["run"]["MRR"]["value"]
    assert first != other


def test_a_name_is_the_files_own() -> None:
    assert [name_of(Path(path)) for path in ("runs/a.trec", "b.v2.trec.gz", "c", ".hidden")] == [
        "a",
        "b.v2",
        "c",
        ".hidden",
    ]


def test_results_pair_everybody_with_each_baseline_once() -> None:
    rng = np.random.default_rng(0)
    values = {name: {"MRR": rng.random(20), "MRR/novel": rng.random(5)} for name in ("ours", "ease", "popular")}
    found = Results.of("next-item", values, {"ours": 1.5}, against=("popular", "ease", "absent"))
    assert set(found.paired) == {"ours vs popular", "ease vs popular", "ours vs ease"}
    assert found.to_json()["counts"] == {"MRR": 20, "MRR/novel": 5}
    assert found.n == 20
    assert [str(table.title) for table in found.tables()][:2] == [
        "next-item: 20 queries, 95% intervals",
        "next-item, novel: 5 queries, 95% intervals",
    ]
    with pytest.raises(EvaluationError, match="nothing to score"):
        Results.of("next-item", {})


@pytest.fixture
def everything(files: Path) -> list[Any]:
    items = sorted({item for ranking in (*GOOD.values(), *POOR.values()) for item, _ in ranking})
    pl.DataFrame({"item": items, "category": [item[0] for item in items]}).write_csv(files / "goods.csv")
    pl.DataFrame({"shopper": list(QRELS), "item": [f"i{n}" for n in range(40)]}).write_parquet(files / "had.parquet")
    ages = ["young" if n < 35 else "old" for n in range(40)]
    pl.DataFrame({"query": list(QRELS), "age": ages}).write_csv(files / "ages.csv")
    shown = [{"query": q, "item": GOOD[q][0][0], "propensity": 0.5, "click": n % 2} for n, q in enumerate(GOOD)]
    pl.DataFrame(shown).write_ndjson(files / "log.jsonl")
    options = {"catalogue": "goods.csv", "history": "had.parquet", "slices": "ages.csv", "log": "log.jsonl"}
    return [part for name, file in options.items() for part in (f"--{name}", files / file)]


def test_the_command_prints_one_object_with_everything(files: Path, everything: list[Any]) -> None:
    poor = f"poor={files / 'poor.jsonl.gz'}"
    call = ("eval", "score", files / "good.trec", files / "test.qrels", "--run", poor, *everything, "--json")
    told = crossaisle(*call, "--metrics", "NDCG@10,MRR", "--min", "MRR=0.9", "--min", "Coverage@10=0.5").json
    assert told["ok"] is True
    assert told["systems"]["poor"]["MRR"]["value"] == 0.375
    assert told["systems"]["good"] == score(GOOD, QRELS, ["NDCG@10", "MRR"]).to_json()["systems"]["run"]
    slices = {(one["name"], one["value"]): one for one in told["slices"]}
    assert slices["age", "old"]["too_small"] is True
    assert slices["age", "young"]["too_small"] is False
    assert slices["repeat/new", "new"]["systems"]["good"]["MRR"]["value"] == pytest.approx(1 / 3)
    assert slices["cold/warm", "warm"]["systems"]["good"]["MRR"]["value"] == 1.0
    assert {"category"} <= {one["name"] for one in told["slices"]}
    assert told["beyond"]["good"]["Coverage@10"]["value"] == 1.0
    assert {"Gini@10", "ILD-category@10", "Novelty@10", "Serendipity@10", "Calibration@10", "Popularity@10"} <= set(
        told["beyond"]["poor"]
    )
    assert told["clicks"]["good"]["SNIPS"]["value"] == 0.5
    assert told["clicks"]["poor"]["SNIPS"] is None
    assert any("age=old (5)" in note for note in told["notes"])


def test_the_command_prints_tables_for_people(files: Path, everything: list[Any]) -> None:
    call = ("score", files / "poor.jsonl.gz", files / "test.qrels", *everything)
    done = CliRunner().invoke(app, [str(part) for part in call])
    assert done.exit_code == 0
    for text in ("NDCG@10", ".3750 (", "Beyond accuracy", "Click-through", "By age", "too small to tell", "cold/warm"):
        assert text in done.stdout, text


def test_a_missed_threshold_exits_with_1_and_says_by_how_much(files: Path) -> None:
    call = ("eval", "score", files / "poor.jsonl.gz", files / "test.qrels", "--min", "mrr=0.4")
    done = crossaisle(*call, "--json")
    assert done.status == 1
    told = json.loads(done.out)
    assert told["ok"] is False
    assert told["missed"] == [{"system": "poor", "metric": "MRR", "value": 0.375, "least": 0.4}]
    assert "MRR of poor is 0.375, below 0.4" in CliRunner().invoke(app, [str(part) for part in call[1:]]).stderr


def test_less_is_better_for_some_figures_and_can_be_held_to(files: Path, everything: list[Any]) -> None:
    call = ("score", files / "poor.jsonl.gz", files / "test.qrels", *everything, "--max", "Gini@10=0.0001", "--json")
    done = CliRunner().invoke(app, [str(part) for part in (*call, "--max", "MRR=0.9")])
    missed = json.loads(done.stdout)["missed"]
    assert done.exit_code == 1
    assert [(one["metric"], one["most"]) for one in missed] == [("Gini@10", 0.0001)]
    assert missed[0]["value"] > 0.0001


def test_a_history_that_holds_what_was_to_be_foretold_is_told(files: Path) -> None:
    shop = files / "shop"
    shop.mkdir()
    pl.DataFrame({"shopper": list(QRELS), "item": [f"i{n}" for n in range(40)]}).write_parquet(shop / "events.parquet")
    whole = score(GOOD, QRELS, ["MRR"], history=shop)
    cut = score(GOOD, QRELS, ["MRR"], history=shop / "events.parquet")
    assert any("what was to be foretold as well" in note for note in whole.notes)
    assert not any("foretold" in note for note in cut.notes)


def test_bad_input_exits_with_2_and_prints_no_object(files: Path) -> None:
    run, qrels, bad = files / "good.trec", files / "test.qrels", files / "bad"
    bad.write_text("q0 Q0 i0 1 nan t\n")
    for call, said in (
        ((bad, qrels), "bad, line 1, value 'nan'"),
        ((files / "nothing", qrels), "no such file"),
        ((run, qrels, "--min", "MRR"), "METRIC=VALUE"),
        ((run, qrels, "--min", "MRR=high"), "gives no number"),
        ((run, qrels, "--max", "MRR=low"), "--max MRR=low gives no number"),
        ((run, qrels, "--min", "Coverage@10=0.1"), "--catalogue"),
        ((run, qrels, "--metrics", "BLEU"), "no metric 'BLEU'"),
        ((run, qrels, "--run", "other"), "NAME=PATH"),
        ((run, qrels, "--run", f"good={run}"), "is taken"),
    ):
        done = CliRunner().invoke(app, ["score", *map(str, call), "--json"])
        assert (done.exit_code, done.stdout) == (2, ""), call
        assert said in " ".join(done.stderr.replace("│", " ").split()), done.stderr


def test_the_status_of_the_process_is_2_too(files: Path) -> None:
    done = crossaisle("eval", "score", files / "test.qrels", files / "test.qrels", "--json")
    assert (done.status, done.out) == (2, "")
    assert "4 columns instead of 6" in done.err
    assert "Traceback" not in done.err
