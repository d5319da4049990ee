"""An adapter against its base: what is scored, by hand and with a real model, and what can't be scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.models.scripted import Asked, ScriptedModel
from agent.prompting import load_prompt
from eval.adapters.cases import read_cases
from eval.adapters.compare import Subject, compare, recall, schema_of
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import EvaluationError
from ui.cli import app

AISLES = [f"Aisle {number}" for number in range(20)]
PLAN = '{"act":"recommend","query":"trail shoes"}'


def line(task: str, answer: str, **values: object) -> str:
    messages = load_prompt(task).messages(**values)  # type: ignore[arg-type]
    said = [*({"role": m.role, "content": m.content} for m in messages), {"role": "assistant", "content": answer}]
    return json.dumps({"messages": said, "task": task})


def needs(*aisles: str) -> str:
    return json.dumps({"needs": [{"category": aisle, "query": "x"} for aisle in aisles]})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    things = [f"{letter}. thing > Aisle | 5.00" for letter in "ABCD"]
    change = {name: "" for name in load_prompt("change").variables}
    lines = [
        line("infer", needs("Aisle 3", "Aisle 15"), history=["bought a tent"], aisles=AISLES),
        line("infer", needs("Aisle 0"), history="", aisles=AISLES),
        line("choose", "B", history="bought a tent", request="", things=things),
        line("choose", "D", history="bought a mug", request="", things=things),
        line("change", PLAN, **change),
        line("change", PLAN, **change),
        json.dumps({"messages": [{"role": "user", "content": "x"}], "task": "explain"}),
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "data"


def subject(name: str, model: ScriptedModel) -> Subject:
    return Subject(name, lambda: model)


def first_ten(asked: Asked) -> str:
    if asked.call == "complete":
        assert asked.schema is not None
        aisles = asked.schema["properties"]["needs"]["items"]["properties"]["category"]["enum"]
        return json.dumps({"needs": [{"category": aisle} for aisle in aisles[:10]]})
    return PLAN.replace(",", ", ")  # white space doesn't make another plan


def test_by_hand(data: Path) -> None:
    base = ScriptedModel(plans=[{"needs": [{"category": "Aisle 1"}] * 10}], texts=["no plan", '{"act":"help"}'])
    ours = ScriptedModel(answer=first_ten, scores=[0.1, 0.7, 0.1, 0.1])
    results = compare([subject("base", base), subject("ours", ours)], data)
    found = {name: {metric: one.value for metric, one in row.items()} for name, row in results.systems.items()}
    assert found["base"] == {
        "infer Recall@10": 0.0,
        "choose Hit@1": 0.0,  # all alike: A is first
        "change exact": 0.0,
        "change valid": 0.5,
    }
    assert found["ours"] == {
        "infer Recall@10": pytest.approx((1 / 2 + 1) / 2),
        "choose Hit@1": 0.5,
        "change exact": 1.0,
        "change valid": 1.0,
    }
    assert found["chance"] == {"infer Recall@10": 0.5, "choose Hit@1": 0.25}
    assert results.paired["ours vs base"]["change exact"].difference == 1.0
    assert set(results.paired["ours vs chance"]) == {"infer Recall@10", "choose Hit@1"}


def test_the_same_aisle_twice_counts_once_and_an_eleventh_not_at_all() -> None:
    assert recall(["a", "a", "b"], ["a", "c"]) == 0.5
    assert recall([*"abcdefghij", "k"], ["k"]) == 0.0


def test_few_aisles_are_all_asked_for() -> None:
    listed = schema_of(["a", "b"])["properties"]["needs"]
    assert listed["minItems"] == listed["maxItems"] == 2


def test_prompts_that_do_not_fit_are_left_out_for_all(data: Path) -> None:
    short = Subject("base", ScriptedModel, fits=lambda messages, more: "mug" not in messages[-1].content)
    results = compare([short, subject("ours", ScriptedModel())], data, tasks=["choose"])
    assert results.n == 1
    assert results.notes == ("1 of 2 cases don't fit into the model's context and are left out.",)


def test_real_models_are_compared_on_the_command_line(data: Path, tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "tiny")
    adapter = make_tiny_adapter(base, tmp_path / "mine")
    args = ["eval", "adapter", "--base", str(base), "--adapter", str(adapter), "--data", str(data)]
    done = CliRunner().invoke(app, [*args, "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert set(told["systems"]) == {"base", "mine", "chance"}
    assert set(told["systems"]["mine"]) == {"infer Recall@10", "choose Hit@1", "change exact", "change valid"}
    assert set(told["paired"]) == {"mine vs base", "base vs chance", "mine vs chance"}
    assert set(told["seconds"]["mine"]) == {"infer", "choose", "change"}
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == told
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000
    table = CliRunner().invoke(app, [*args, "--tasks", "choose"]).stdout
    assert "choose Hit@1" in table
    assert "mine vs base" in table


def test_what_can_not_be_scored(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="finetune data"):
        read_cases(tmp_path, 10)
    with pytest.raises(EvaluationError, match="holds nothing of plan"):
        read_cases(data, 10, ["plan"])
    path = data / "test.jsonl"
    path.write_text(path.read_text().replace('"content": "D"', '"content": "Z"'))
    with pytest.raises(EvaluationError, match=r"line 4: .*'Z' is none of the things"):
        read_cases(data, 10)
    done = CliRunner().invoke(app, ["eval", "adapter", "--base", "b", "--adapter", "a", "--data", "d", "--tasks", "x"])
    assert done.exit_code == 2
