"""Whole runs: files, figures, times, fairness, and that two runs agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from eval import experiment
from eval.fairness import gap
from eval.inventory import read_history
from eval.protocols import leave_one_out, next_category, next_item
from eval.ranking import Options, rank
from eval.runs import read_qrels, read_run
from eval.score import score
from retrieval.errors import EvaluationError
from tests.eval.hand_made import crowd
from ui.cli import app

MINE = '''
"""Newest rows first."""
import numpy as np
from eval.systems.base import System

class Last(System):
    name = "last"

    def fit(self, problem):
        self.n = len(problem.catalogue)

    def scores_of(self, case):
        return np.arange(self.n, dtype=float)
'''


MUTE = """
from eval.systems.base import System

class Mute(System):
    name = "mute"

    def fit(self, problem):
        self.n = len(problem.catalogue)

    def scores_of(self, case):
        import numpy as np
        return np.full(self.n, -np.inf)
"""


def test_what_ranks_nothing_is_told_and_left_out_instead_of_scored_as_nought(tmp_path: Path):
    mute = tmp_path / "mute.py"
    mute.write_text(MUTE)
    results = experiment.run(next_category.problem(crowd()), ["ease", f"{mute}:Mute"], tmp_path / "out")
    assert list(results.systems) == ["ease", "popular", "repeat"]
    assert "Mute ranks nothing on these data and is left out." in results.notes
    assert not list((tmp_path / "out" / "runs").rglob("Mute.trec"))
    assert "Mute" not in results.to_json()["seconds"]


def test_a_run_writes_everything_and_its_files_give_the_same_figures(tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text(MINE)
    problem = next_category.problem(crowd())
    results = experiment.run(problem, ["ease", f"{mine}:Last"], tmp_path / "out")
    assert list(results.systems) == ["ease", "Last", "popular", "repeat"]
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    assert told["n"] == len(problem.main) == 40
    assert set(told["paired"]) == {"ease vs Last", "ease vs popular", "ease vs repeat"}
    for system, metrics in told["systems"].items():
        assert set(told["seconds"][system]) == {"fit", "median_ms", "p95_ms"}
        for view in ("all", "novel"):
            again = score(
                tmp_path / "out" / "runs" / view / f"{system}.trec",
                tmp_path / "out" / "qrels" / f"{view}.qrels",
                ["NDCG@10"],
            )
            name = "NDCG@10" if view == "all" else "NDCG@10/novel"
            assert again.systems[system]["NDCG@10"].value == pytest.approx(metrics[name]["value"], abs=1e-6)
    had = read_history(tmp_path / "out" / "history.parquet")
    first = problem.main[0]
    assert had[first.key] == [problem.catalogue.ids[row] for row in first.history.rows]
    assert {case.key for case in problem.main} == set(had)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "ease" in page
    assert "novel" in page
    assert {"Coverage@10", "Gini@10", "Calibration@10"} <= set(told["beyond"]["ease"])


def test_figures_are_what_can_be_counted_by_hand(tmp_path: Path):
    problem = next_item.problem(crowd())
    experiment.run(problem, ["repeat"], tmp_path)
    run, qrels = read_run(tmp_path / "runs" / "repeat" / "repeat.trec"), read_qrels(tmp_path / "qrels" / "repeat.qrels")
    told = json.loads((tmp_path / "results.json").read_text())
    shares = []
    for key, targets in qrels.items():
        hits = [item in targets for item, _ in run[key][:10]]
        shares.append(sum(hits) / len(targets))
    assert told["systems"]["repeat"]["Recall@10/repeat"]["value"] == pytest.approx(np.mean(shares))
    assert set(qrels) == {case.key for case in problem.views["repeat"]}


def test_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    problem = next_category.problem(crowd())
    whole = experiment.run(problem, ["item_knn"], tmp_path / "whole")
    monkeypatch.setattr("eval.trial.CHUNK", 7)
    parts = experiment.run(problem, ["item_knn"], tmp_path / "parts")
    assert whole.systems == parts.systems
    for file in sorted((tmp_path / "whole" / "runs").rglob("*.trec")):
        assert file.read_bytes() == (tmp_path / "parts" / file.relative_to(tmp_path / "whole")).read_bytes()
    assert not list((tmp_path / "parts").rglob("*.part"))


def test_two_runs_agree(tmp_path: Path):
    systems = ["popular", "repeat_decayed", "item_knn", "ease", "ials", "bm25", "dense"]
    told = []
    for number in range(2):
        experiment.run(next_item.problem(crowd(), "valid"), systems, tmp_path / str(number), seed=4)
        found = json.loads((tmp_path / str(number) / "results.json").read_text())
        told.append({key: value for key, value in found.items() if key != "seconds"})
    assert told[0] == told[1]
    for file in sorted((tmp_path / "0" / "runs").rglob("*.trec")):
        assert file.read_bytes() == (tmp_path / "1" / file.relative_to(tmp_path / "0")).read_bytes()


def test_groups_are_sliced_and_their_gap_is_told():
    results = experiment.run(next_category.problem(replace(crowd(80), groups=crowd(80).groups)), ["repeat"])
    told = results.to_json()
    parts = {(one["name"], one["value"]): one["n"] for one in told["slices"]}
    assert parts["taste", "even"] == parts["taste", "odd"] == 40
    found = told["fairness"]["taste"]["repeat"]["NDCG@10"]
    assert {found["best"], found["worst"]} == {"even", "odd"}
    assert found["low"] <= found["value"] <= found["high"]
    assert any("taste" in note for note in told["notes"])


def test_a_gap_is_known_from_chance():
    rng = np.random.default_rng(5)
    same = rng.random(600)
    group = [f"g{n % 6}" for n in range(600)]
    found = gap(same, group)
    assert found is not None
    assert found.p > 0.05
    assert found.gap == pytest.approx(max(m := [same[n::6].mean() for n in range(6)]) - min(m))
    other = gap(same + np.array([0.3 * (name == "g2") for name in group]), group)
    assert other is not None
    assert (other.best, other.groups) == ("g2", 6)
    assert other.p < 0.01 < other.chance < other.low
    assert gap(same[:40], ["a"] * 20 + ["b"] * 20) is None
    assert gap(same, [""] * 300 + ["a"] * 300) is None


def test_names_must_differ(tmp_path: Path):
    (tmp_path / "mine.py").write_text(MINE.replace("class Last", "class popular"))
    with pytest.raises(EvaluationError, match="two systems"):
        experiment.run(next_category.problem(crowd()), ["popular", f"{tmp_path / 'mine.py'}:popular"])


def sequences(folder: Path) -> Path:
    file = folder / "walks.txt"
    rng = np.random.default_rng(2)
    file.write_text("".join(f"{u} {' '.join(map(str, rng.permutation(30)[:8] + 1))}\n" for u in range(1, 61)))
    return file


def test_the_command_prints_one_object(tmp_path: Path):
    args = ["eval", "rank", "--data", str(sequences(tmp_path)), "--protocol", "leave-one-out"]
    args += ["--systems", "ease,item_knn", "--out", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert "DEBUG" not in done.stderr
    told = json.loads(done.stdout)
    assert (told["protocol"], told["n"], told["split"], told["data"]) == ("leave-one-out", 60, "test", "walks.txt")
    assert {"NDCG@10", "Recall@5", "Recall@20", "MRR"} <= set(told["systems"]["ease"])
    assert told["systems"]["ease"]["NDCG@10"].keys() == {"value", "low", "high"}
    assert any("no dates" in note for note in told["notes"])
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == told
    table = CliRunner().invoke(app, args[:-1])
    assert "item_knn" in table.output


def test_the_command_says_what_cannot_be_asked(tmp_path: Path):
    file = str(sequences(tmp_path))
    shuffled = ["eval", "rank", "--data", file, "--protocol", "leave-one-out", "--shuffle-ties", "--systems", "popular"]
    assert CliRunner().invoke(app, shuffled).exit_code == 2
    other = ["eval", "rank", "--data", file, "--protocol", "next-category", "--systems", "popular"]
    done = CliRunner().invoke(app, other)
    assert done.exit_code == 2
    assert "tells no categories" in done.stderr
    assert CliRunner().invoke(app, [*other, "--date", "2022-01-01"]).exit_code == 2
    assert CliRunner().invoke(app, [*other[:4], "--protocol", "guess"]).exit_code == 2


@pytest.mark.data
def test_real_purchases_give_the_published_order(data: Path, tmp_path: Path):
    source = data / "open-ecommerce" / "amazon-purchases.csv.gz"
    if not source.is_file():
        pytest.skip(f"no {source}")
    told = rank(source, Options("next-category"), ["repeat_decayed", "popular"], tmp_path).to_json()
    assert told["n"] == 735
    figures = {name: row["NDCG@10"]["value"] for name, row in told["systems"].items()}
    assert figures["repeat_decayed"] == pytest.approx(0.440, abs=0.01)
    assert figures["repeat"] == pytest.approx(0.427, abs=0.015)
    assert figures["popular"] == pytest.approx(0.335, abs=0.01)
    assert told["systems"]["popular"]["NDCG@10/novel"]["value"] == pytest.approx(0.137, abs=0.01)


def test_a_misspelt_system_is_told_before_any_is_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fitted = []
    monkeypatch.setattr("eval.systems.ease.Ease.fit", lambda self, problem: fitted.append(problem))
    with pytest.raises(EvaluationError, match=r"no system 'item_kn'\. perhaps item_knn is meant"):
        experiment.run(next_category.problem(crowd()), ["ease", "item_kn"], tmp_path / "out")
    assert fitted == []


def test_a_trivial_system_that_ranks_nothing_is_told_to_count_as_nought(tmp_path: Path):
    data = crowd()
    bought = replace(data, events=data.events.filter(pl.col("kind") == "purchase"))
    results = experiment.run(leave_one_out.problem(bought), ["ease"])
    assert results.systems["repeat"]["NDCG@10"].value == 0
    assert "repeat ranks nothing on these data, which counts as 0." in results.notes


def test_a_folder_that_can_not_be_written_to_is_told_before_anything_is_read(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for where in (tmp_path / "file", Path("/proc/nope")):
        line = ["eval", "rank", "--data", str(tmp_path / "none"), "--protocol", "next-item", "--out", str(where)]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 2
        assert "nothing can be written to" in done.output
