"""Reading messages, scored: what counts as the same plan, and whose column is whose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.models.scripted import ScriptedModel
from agent.schema import Act, Plan
from eval.planning import planned, read_turns, same, slot_f1
from eval.protocols.conversations import Said, Talk
from eval.understanding import read_talks
from finetune.data import held_out_turns
from finetune.example import write_jsonl
from retrieval.errors import EvaluationError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("turns") / "turns.jsonl"
    write_jsonl(path, held_out_turns(20, seed=3))
    return path


def test_turns_are_read_as_they_were_written(file: Path) -> None:
    turns = list(read_turns(file))
    written = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [turn.message for turn in turns] == [record["message"] for record in written]
    assert all(len(turn.vocabulary.brands) > 1 for turn in turns)


def test_a_plan_with_other_letters_and_order_is_the_same_and_one_with_another_sum_is_not() -> None:
    plan = Plan(query="Red Shoes", brands=("A", "B"), price_max=100)
    assert same(plan, Plan(query="red shoes", brands=("B", "A"), price_max=100, ask="budget"))
    assert not same(plan, plan.model_copy(update={"price_max": 101}))
    assert not same(plan, plan.model_copy(update={"act": Act.CHITCHAT}))


def test_half_of_the_facts_found_and_one_too_many_give_a_half() -> None:
    wanted = Plan(query="red shoes", price_max=100)  # act, red, shoes, price
    found = Plan(query="red socks", price_max=90)
    assert slot_f1(found, wanted) == pytest.approx(0.5)
    assert slot_f1(wanted, wanted) == 1.0


def test_rules_model_and_served_stand_side_by_side(file: Path) -> None:
    turns = list(read_turns(file))
    sure = ScriptedModel(plans=[{"act": "chitchat"}], logprob=0.0, tasks={"change"})
    results = planned(turns, model=sure)
    assert set(results.systems) == {"rules", "model", "served"}
    talk = sum(turn.plan.act is Act.CHITCHAT for turn in turns) / len(turns)
    assert results.systems["model"]["exact"].value <= talk
    read = {name: scores["slot F1"].value for name, scores in results.systems.items()}
    assert read["model"] < read["served"] < read["rules"], "it is followed, but for where it has plainly gone astray"
    unsure = ScriptedModel(plans=[{"act": "chitchat"}], logprob=-9.0, tasks={"change"})
    again = planned(turns, model=unsure)
    assert again.systems["served"]["exact"].value == again.systems["rules"]["exact"].value
    assert "served vs rules" in again.paired
    times = next(table for table in again.tables() if table.title == "Milliseconds a query")
    assert list(times.columns[0].cells) == ["rules", "model", "served"]
    assert all(float(cell.replace(",", "")) > 0 for cell in times.columns[1].cells)


def test_a_question_beside_the_cards_counts_as_asking() -> None:
    talk = Talk("a", (Said(shopper=True, text="torch"), Said(shopper=False, text="which?", action="clarify")))
    assert read_talks([talk], lambda said, _: Plan(query=said, ask="budget"))["act accuracy"] == [1.0]
    assert read_talks([talk], lambda said, _: Plan(query=said))["act accuracy"] == [0.0]


def test_a_line_that_is_no_turn_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"message": "a torch", "shop": 0}\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match="line 1"):
        list(read_turns(path))


def test_nothing_to_read_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="nothing to read"):
        planned()
