"""Timing a model's plans: every call is counted, and only answers of the schema are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.models.base import ChatMessage
from agent.models.local import LocalModel
from agent.models.scripted import ScriptedModel
from eval.generation import Generator
from eval.planning import read_turns
from eval.serving import ROUNDS, bench_model, request_of
from finetune.data import held_out_turns
from finetune.example import write_jsonl
from finetune.tiny import make_tiny_model
from retrieval.errors import EvaluationError, ModelUnavailableError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("turns") / "turns.jsonl"
    write_jsonl(path, held_out_turns(6, seed=4))
    return path


def test_a_model_under_a_grammar_gives_valid_plans_alone_and_at_once(file: Path, tmp_path: Path) -> None:
    model = LocalModel(make_tiny_model(tmp_path / "tiny"))
    model.tasks = frozenset({"change"})
    report = bench_model([model, model], file, count=4, concurrent=2, generate=tmp_path / "tiny")
    for kind in ("alone", "at once", "parted over adapters"):
        assert report[kind]["valid"] == 1.0
        assert report[kind]["tokens_per_second"] > 0
    assert report["plans"] == 4
    for kind in ("schema", "adapter"):
        assert len(report[f"{kind} overhead by round"]) == ROUNDS
        assert min(report[f"{kind} overhead by round"]) <= report[f"{kind} overhead"] < 1
    for wait in report["first token"].values():
        assert 0 < wait["p50_ms"] <= wait["p95_ms"] < 1000 * report["plans"] / report["alone"]["plans_per_second"]
    generated = report["transformers.generate"]
    for kind in ("alone", "at once"):
        ratio = report[kind]["tokens_per_second"] / generated[kind]["tokens_per_second"]
        assert generated[f"ratio {kind}"] == pytest.approx(ratio, rel=0.02)
    alone = bench_model([model], file, count=2, concurrent=1)
    assert alone["adapter overhead"] is alone["transformers.generate"] is None


def test_generate_writes_as_many_tokens_as_it_is_asked_for(tmp_path: Path) -> None:
    generator = Generator(make_tiny_model(tmp_path / "tiny"))
    chats = [[ChatMessage("user", "a tent")], [ChatMessage("user", "a much longer wish for a warm tent")]]
    one, other = generator._generate(chats, 5)
    assert generator._generate(chats[:1], 5) == [one]
    assert generator._generate(chats[1:], 5) == [other]
    assert len(one) == len(other) == 5
    assert generator.seconds(chats, [1, 5], batch=2) > 0


def test_a_folder_without_a_model_can_not_generate(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="no model can be loaded"):
        Generator(tmp_path)


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
