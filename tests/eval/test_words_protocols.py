"""Search and dialogue become cases, by hand-made judgments and conversations with known answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.models.scripted import ScriptedModel
from agent.planner.vocabulary import Vocabulary
from agent.schema import Conversation
from eval.problem import Problem
from eval.protocols import dialogue, search
from eval.protocols.conversations import read_conversations
from eval.protocols.goods import titled
from eval.systems import crossaisle_words
from eval.systems.crossaisle_words import CompactWords, Words
from eval.systems.registry import make
from retrieval.errors import EvaluationError

GOODS = titled({f"shop:{i}": title for i, title in enumerate(["Blue mug", "Red mug", "Garden hose", "Oak table"])})


def judgments(folder: Path, *rows: tuple[str, str, str]) -> Path:
    path = folder / "judgments.jsonl"
    lines = [json.dumps({"query": q, "title": t, "label": label}) for q, t, label in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def sold(text: str, *products: tuple[str, str], **more: Any) -> dict[str, Any]:
    named = [{"product_id": item, "product_title": title} for item, title in products]
    action = "Recommend" if named else "Clarify"
    return {"role": "system", "content": text, "action": action, "recommended_products": named, **more}


def conversations(folder: Path, *talks: list[dict[str, Any]]) -> Path:
    path = folder / "conversations.json"
    path.write_text(json.dumps([{"conv_id": i, "conversation": talk} for i, talk in enumerate(talks)]))
    return path


TALK = [
    said("hello", keywords=[]),
    sold("What may I do for you?"),
    said("I want a kettle", keywords=["kettle"]),
    sold("This?", ("K1", "Steel kettle 1.7 l"), ("K2", "Glass kettle")),
    said("Others?", keywords=["kettle"]),
    sold("These?", ("K2", "Glass kettle"), ("K3", "Copper kettle for the stove")),
    said("No"),
    sold("Then this once more", ("K1", "Steel kettle 1.7 l")),
]


def test_judged_products_of_a_query_are_its_candidates_with_graded_gains(tmp_path: Path) -> None:
    path = judgments(
        tmp_path,
        ("mug", "Blue mug", "E"),
        ("mug", "Oak table", "I"),
        ("mug", "Mug rack", "C"),
        ("hose", "Garden hose", "E"),
        ("hose", "Garden hose", "S"),
    )
    judged = search.read_judgments(path)
    problem = search.problem(judged, GOODS)
    [case] = problem.views["judged"]
    assert case.words == ("mug",)
    assert dict(case.targets) == {"shop:0": 1.0, "judged:Mug rack": 0.01}
    assert case.allowed is not None
    rows = np.flatnonzero(case.allowed)
    assert {problem.catalogue.ids[row] for row in rows} == {"shop:0", "shop:3", "judged:Mug rack"}
    assert search.told(judged) == {"queries": 2, "pairs": 4, "queries_that_cannot_be_ranked_wrong": 1}


def test_the_whole_catalogue_is_searched_for_exact_products_alone(tmp_path: Path) -> None:
    path = judgments(tmp_path, ("mug", "Blue mug", "E"), ("mug", "Red mug", "S"), ("hose", "Garden hose", "E"))
    problem = search.problem(search.read_judgments(path), GOODS)
    wanted = {case.words[0]: dict(case.targets) for case in problem.views["catalogue"]}
    assert wanted == {"mug": {"shop:0": 1.0}, "hose": {"shop:2": 1.0}}
    assert all(case.allowed is None for case in problem.views["catalogue"])
    assert problem.catalogue is GOODS


def test_halves_of_the_queries_part_them(tmp_path: Path) -> None:
    rows = [(f"query {i}", title, label) for i in range(40) for title, label in (("Blue mug", "E"), ("Red mug", "I"))]
    judged = search.read_judgments(judgments(tmp_path, *rows))
    valid, test = search.problem(judged, split="valid"), search.problem(judged, split="test")
    assert len(test.main) == 40
    keys = {case.key for case in test.views["held"]}
    assert keys
    assert keys.isdisjoint(case.key for case in valid.main)
    assert len(keys) + len(valid.main) == 40


@pytest.mark.parametrize("line", ['{"query": "a", "title": "b", "label": "X"}', '{"query": "a"}', "not json", "[1]"])
def test_a_line_that_is_no_judgment_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "judgments.jsonl"
    path.write_text('{"query": "a", "title": "b", "label": "E"}\n' + line)
    with pytest.raises(EvaluationError, match="line 2"):
        search.read_judgments(path)


def dialogue_of(folder: Path, *talks: list[dict[str, Any]], **options: Any) -> Problem:
    return dialogue.problem(read_conversations(conversations(folder, *talks)), GOODS, **options)


def test_only_what_is_recommended_for_the_first_time_is_a_target(tmp_path: Path) -> None:
    first, second = dialogue_of(tmp_path, TALK).main
    assert dict(first.targets) == {"talk:K1": 1.0, "talk:K2": 1.0}
    assert dict(second.targets) == {"talk:K3": 1.0}
    assert first.words == ("hello", "I want a kettle")
    assert second.words == ("hello", "I want a kettle", "Others?")
    assert second.shown == ("talk:K1", "talk:K2")


def test_the_pool_is_the_products_and_drawn_titles_that_nothing_else_tells_apart(tmp_path: Path) -> None:
    problem = dialogue_of(tmp_path, TALK, pool=2)
    assert len(problem.catalogue) == 3 + 2
    frame = problem.catalogue.frame.drop("item", "title")
    assert frame.unique().height == 1
    assert dialogue_of(tmp_path, TALK, pool=2).catalogue.ids == problem.catalogue.ids
    drawn = {tuple(dialogue_of(tmp_path, TALK, pool=2, seed=seed).catalogue.ids) for seed in range(8)}
    assert len(drawn) > 1


def test_a_product_of_a_conversation_is_not_drawn_again(tmp_path: Path) -> None:
    talk = [said("a mug"), sold("This?", ("0", "Any mug"), ("X", "Red mug"))]
    problem = dialogue_of(tmp_path, talk)
    assert set(problem.catalogue.ids) == {"talk:0", "talk:X", "shop:2", "shop:3"}


def test_conversations_part_in_halves_by_their_ids(tmp_path: Path) -> None:
    talks = [TALK] * 30
    test, valid = dialogue_of(tmp_path, *talks), dialogue_of(tmp_path, *talks, split="valid")
    assert len(test.main) == 60
    held = {case.shopper for case in test.views["held"]}
    assert held
    assert held.isdisjoint(case.shopper for case in valid.main)
    assert len(held) + len({case.shopper for case in valid.main}) == 30


@pytest.mark.parametrize("name", ["crossaisle", "bm25", "dense", "fusion"])
def test_neither_the_seller_nor_the_annotator_tells_a_system_anything(tmp_path: Path, name: str) -> None:
    spoken = [dict(message) for message in TALK]
    for message in spoken:
        if message["role"] == "system":
            message |= {"content": "copper kettle for the stove, oak table", "action": "Clarify"}
            message |= {"search_results": [{"product_id": "K3"}], "clarifying_attribute": ["copper"]}
        else:
            message |= {"keywords": ["oak table"], "intent": "Chitchat"}
    plain, loud = dialogue_of(tmp_path, TALK), dialogue_of(tmp_path, spoken)
    assert _rankings(name, plain) == _rankings(name, loud)


def test_the_shop_leaves_out_what_was_shown_and_words_alone_do_not(tmp_path: Path) -> None:
    problem = dialogue_of(tmp_path, TALK)
    ours, alone = _rankings("crossaisle", problem), _rankings("crossaisle_words_alone", problem)
    assert ours[0] == alone[0]
    assert not {"talk:K1", "talk:K2"} & set(ours[1])
    assert {"talk:K1", "talk:K2"} <= set(alone[1])


def test_the_compact_model_reads_messages_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    change = {"act": "recommend", "topic": "replace", "query": " head torch"}
    model = ScriptedModel(plans=[change], logprob=0.0, tasks=["change"])
    monkeypatch.setattr(crossaisle_words, "compact_model", lambda: model)
    rules, both = (system.planner(Vocabulary()) for system in (Words(), CompactWords()))
    assert rules("my head needs a torch", Conversation()).query != "head torch"
    assert both("my head needs a torch", Conversation()).query == "head torch"


@pytest.mark.parametrize("name", ["crossaisle", "crossaisle_compact", "bm25", "dense", "fusion"])
def test_words_find_what_they_name(tmp_path: Path, name: str) -> None:
    talk = [said("I want a copper kettle for my stove"), sold("", ("K3", "Copper kettle for the stove"))]
    best = _rankings(name, dialogue_of(tmp_path, TALK, talk))[-1]
    assert best[0] == "talk:K3"


def test_echo_repeats_what_was_shown_and_finds_nothing_new(tmp_path: Path) -> None:
    problem = dialogue_of(tmp_path, TALK)
    assert _rankings("echo", problem) == [[], ["talk:K2", "talk:K1"]]


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '[{"conv_id": 1}]', '[{"conversation": [{"role": "cat"}]}]'])
def test_what_are_no_conversations_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=r"conversations\.json"):
        read_conversations(path)


def test_conversations_without_recommendations_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="recommends"):
        dialogue_of(tmp_path, [said("hello"), sold("hi")])


def _rankings(name: str, problem: Problem) -> list[list[str]]:
    system = make(name)
    system.fit(problem)
    return [[problem.catalogue.ids[row] for row in system.rank(case, 10)[0]] for case in problem.main]
