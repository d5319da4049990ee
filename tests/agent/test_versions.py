"""Prompt versions: kept for good, promoted with evidence, rolled back, and served from the very next turn on."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from agent.memory import Memory
from agent.memory.shelf import Move
from agent.models.scripted import ScriptedModel
from agent.prompting import PROMPTS, PromptLibrary
from agent.schema import Conversation, Profile, Reply
from agent.turn import Assistant
from agent.versions import Versions
from retrieval.errors import PromptError
from retrieval.shop import Shop
from tests.postgres import Postgres, postgres  # noqa: F401
from tests.shops import sample_shop

SHIPPED = PromptLibrary().load("plan").hash
EVIDENCE = {"evidence": "runs/lab", "evidence_hash": "e" * 64}


def other(words: str = "Think twice.", task: str = "plan") -> str:
    """The shipped prompt with one sentence more."""
    text = (PROMPTS / f"{task}.md").read_text(encoding="utf-8")
    return text.replace(f"name: {task}-1", f"name: {task}-2").replace("# system\n", f"# system\n{words} ", 1)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory.at(tmp_path / "state.sqlite3")


def test_a_version_is_kept_by_its_hash_and_never_changes(memory: Memory) -> None:
    prompts = Versions.of(memory.prompts)
    new = prompts.save(other(), "ada")
    assert prompts.save(other().replace("\n", "\r\n"), "ben").who == "ada", "the same text is the same version"
    assert [v.hash for v in prompts.all("plan")] == [SHIPPED, new.hash]
    assert prompts.find("plan", "production").hash == SHIPPED, "saving promotes nothing"
    assert prompts.find("plan", new.hash[:8]).text == other()
    told = "\n".join(prompts.difference(prompts.find("plan", SHIPPED), new))
    assert "+Think twice. You read what a shopper says" in told
    assert "name: plan-2" in new.front


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "is no prompt file"),
        (other().replace("task: plan", "task: greet"), "nobody asks"),
        (other(task="explain").replace("task: explain", "task: plan"), "plan is given"),
        (other("x" * 50_000), "characters"),
    ],
)
def test_what_could_not_serve_is_not_kept(memory: Memory, text: str, why: str) -> None:
    prompts = Versions.of(memory.prompts)
    with pytest.raises(PromptError, match=why):
        prompts.save(text, "ada")
    assert memory.prompts.versions() == []


def test_promotions_are_undone_one_by_one_down_to_what_was_shipped(memory: Memory) -> None:
    prompts = Versions.of(memory.prompts)
    one, two = prompts.save(other("One."), "ada"), prompts.save(other("Two."), "ada")
    prompts.promote("plan", one.hash, "ada", **EVIDENCE)
    moved = prompts.promote("plan", two.hash[:10], "ben", **EVIDENCE)
    assert (moved.from_hash, moved.to_hash, moved.who, moved.evidence_hash) == (one.hash, two.hash, "ben", "e" * 64)
    assert prompts.roll_back("plan", "cy").to_hash == one.hash
    prompts.promote("plan", two.hash, "ben", **EVIDENCE)
    assert [prompts.roll_back("plan", "cy").to_hash for _ in range(2)] == [one.hash, SHIPPED]
    assert prompts.find("plan", "production").hash == SHIPPED
    assert memory.prompts.labels() == {}, "back at the start, later releases count again"
    with pytest.raises(PromptError, match="left to undo"):
        prompts.roll_back("plan", "cy")
    told = [(move.action, move.who, move.to_hash) for move in memory.prompts.history()]
    assert len(told) == 6
    assert told[0] == ("promote", "ada", one.hash)
    assert isinstance(memory.prompts.history()[0], Move)


def test_a_promotion_that_changes_nothing_or_means_nothing_is_refused(memory: Memory) -> None:
    prompts = Versions.of(memory.prompts)
    for task, which, why in (
        ("plan", SHIPPED, "already"),
        ("plan", "0" * 64, "no version"),
        ("plan", SHIPPED[:3], "too short"),
        ("sing", SHIPPED, "no task 'sing'"),
    ):
        with pytest.raises(PromptError, match=why):
            prompts.promote(task, which, "ada", **EVIDENCE)
    assert memory.prompts.history() == []


def test_the_installed_files_stay_untouched(memory: Memory) -> None:
    before = {file: file.read_bytes() for file in PROMPTS.iterdir()}
    prompts = Versions.of(memory.prompts)
    prompts.promote("plan", prompts.save(other(), "ada").hash, "ada", **EVIDENCE)
    assert {file: file.read_bytes() for file in PROMPTS.iterdir()} == before


def test_a_database_of_an_earlier_release_opens_and_takes_promotions(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    Memory.at(path).close()
    with sqlite3.connect(path) as raw:
        names = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    assert not {name for name in names if name.startswith("prompt_")}, "tables come with the first version"
    with Memory.at(path) as memory:
        prompts = Versions.of(memory.prompts)
        assert memory.prompts.history() == []
        prompts.promote("plan", prompts.save(other(), "ada").hash, "ada", **EVIDENCE)
    with Memory.at(path) as again:
        assert len(again.prompts.history()) == 1


def test_promotions_at_once_are_all_written_down(memory: Memory) -> None:
    prompts = Versions.of(memory.prompts)
    made = [prompts.save(other(f"{n}."), "ada").hash for n in range(8)]
    threads = [
        threading.Thread(target=prompts.promote, args=("plan", digest, "ada"), kwargs=EVIDENCE) for digest in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moves = memory.prompts.history()
    assert {move.to_hash for move in moves} == set(made)
    assert [move.from_hash for move in moves] == [SHIPPED, *(move.to_hash for move in moves[:-1])]


@pytest.mark.postgres
def test_postgresql_keeps_versions_and_history(postgres: Postgres) -> None:  # noqa: F811
    url = postgres.new_database()
    with Memory(url) as memory, Memory(url) as reader:
        serving = PromptLibrary(shelf=reader.prompts)
        assert serving.load("plan").hash == SHIPPED
        prompts = Versions.of(memory.prompts)
        new = prompts.save(other(), "ada")
        prompts.promote("plan", new.hash, "ada", **EVIDENCE)
        assert serving.load("plan").hash == new.hash
        assert prompts.roll_back("plan", "ada").to_hash == SHIPPED
        assert serving.load("plan").hash == SHIPPED


class TestServing:
    def said(self, assistant: Assistant) -> Reply:
        return assistant.reply("scented candles", Conversation(), Profile()).reply

    def test_a_promotion_and_a_roll_back_count_in_the_very_next_turn(self, tmp_path: Path) -> None:
        path = tmp_path / "state.sqlite3"
        model = ScriptedModel(plans=[{"act": "recommend", "query": "candles"}], texts=["Candles."])
        with Memory.at(path) as served, Memory.at(path) as desk:
            assistant = Assistant(Shop.open(sample_shop()), served, model)
            assert self.said(assistant).trace.prompts["plan"] == SHIPPED
            prompts = Versions.of(desk.prompts)  # somebody else's process, as far as the assistant can tell
            new = prompts.save(other("Think twice."), "ada")
            prompts.promote("plan", new.hash, "ada", **EVIDENCE)
            assert self.said(assistant).trace.prompts["plan"] == new.hash
            asked = [one.messages[0].content for one in model.asked if one.call == "complete"]
            assert [text.startswith("Think twice.") for text in asked] == [False, True]
            prompts.roll_back("plan", "ada")
            assert self.said(assistant).trace.prompts["plan"] == SHIPPED

    def test_a_promoted_prompt_that_this_release_cannot_fill_in_is_told_and_not_served(self, memory: Memory) -> None:
        odd = other(task="explain").replace("task: explain", "task: plan")
        memory.prompts.keep("f" * 64, "plan", odd, "a later release")
        gone = Move(at="2026-01-01T00:00:00Z", who="x", action="promote", task="plan", from_hash="", to_hash="f" * 64)
        memory.prompts.promote(gone)
        model = ScriptedModel(plans=[{"act": "recommend", "query": "candles"}], texts=["Candles."])
        trace = self.said(Assistant(Shop.open(sample_shop()), memory, model)).trace
        assert trace.prompts["plan"] == SHIPPED
        assert trace.degraded
        assert "other variables" in " ".join(trace.problems)
