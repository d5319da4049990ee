"""Timing a model's plans: every call is counted, and only answers of the schema are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.models.local import LocalModel
from agent.models.scripted import ScriptedModel
from eval.planning import read_turns
from eval.serving import ROUNDS, bench_model, request_of
from finetune.data import held_out_turns
from finetune.example import write_jsonl
from finetune.tiny import make_tiny_model
from retrieval.errors import EvaluationError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("turns") / "turns.jsonl"
    write_jsonl(path, held_out_turns(6, seed=4))
    return path


def test_a_model_under_a_grammar_gives_valid_plans_alone_and_at_once(file: Path, tmp_path: Path) -> None:
    model = LocalModel(make_tiny_model(tmp_path / "tiny"))
    model.tasks = frozenset({"change"})
    report = bench_model([model, model], file, count=4, concurrent=2)
    for kind in ("alone", "at once", "parted over adapters"):
        assert report[kind]["valid"] == 1.0
        assert report[kind]["tokens_per_second"] > 0
    assert report["plans"] == 4
    for kind in ("schema", "adapter"):
        assert len(report[f"{kind} overhead by round"]) == ROUNDS
        assert min(report[f"{kind} overhead by round"]) <= report[f"{kind} overhead"] < 1
    assert bench_model([model], file, count=2, concurrent=1)["adapter overhead"] is None


def test_answers_of_another_form_are_not_valid(file: Path) -> None:
    wrong = ScriptedModel(plans=[{"act": "refund"}], texts=["so be it"], tasks={"change"})
    assert bench_model([wrong], file, count=2, concurrent=1)["alone"]["valid"] == 0.0
    right = ScriptedModel(plans=[{"act": "chitchat"}], texts=["so be it"], tasks={"change"})
    assert bench_model([right], file, count=2, concurrent=1)["alone"]["valid"] == 1.0


def test_a_small_model_is_asked_for_the_change_and_any_other_for_the_plan(file: Path) -> None:
    turn = next(read_turns(file))
    small, large = request_of(turn, ScriptedModel(tasks={"change"})), request_of(turn, ScriptedModel())
    assert all(kind["required"] == ["act"] for kind in small.schema["anyOf"])
    assert "query" in large.schema["required"]
    assert len(small.messages[-1].content) < len(large.messages[-1].content)


def test_a_model_that_fails_every_time_is_told_with_its_reason(file: Path) -> None:
    with pytest.raises(EvaluationError, match=r"scripted-dead answered nothing: .*can't be reached"):
        bench_model([ScriptedModel.dead()], file, count=2, concurrent=1)


def test_no_turns_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(EvaluationError, match="no turns"):
        bench_model([ScriptedModel()], tmp_path / "empty.jsonl")
