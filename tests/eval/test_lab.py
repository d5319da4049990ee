"""The lab: the same sessions in every cell, nothing done twice after a kill, and a table that the runs give again."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eval.lab.grid
from agent.memory import Memory
from agent.models.scripted import ScriptedModel
from agent.schema import Consent, Conversation, Profile
from agent.turn import Assistant
from agent.versions import Versions
from eval.lab.cells import BASELINE, cells_of
from eval.lab.configuration import Configured, Retrieval
from eval.lab.export import digest, recomputed
from eval.lab.folder import Folder
from eval.lab.grid import Grid, checked, read_grid
from eval.lab.quantiles import quantile, quantile_difference
from eval.lab.replay import Replay
from eval.lab.run import CancelledError, run
from eval.lab.sessions import Said, Session, recorded
from retrieval.errors import EvaluationError
from retrieval.history import digest as digest_of
from retrieval.schema import Event, EventKind
from retrieval.shop import Shop
from tests.eval.lab_helpers import grid, obedient, opened, prompt_file, session, write_sessions
from tests.shops import sample_shop

MODEL = {"url": "http://127.0.0.1:9/v1", "name": "scripted"}  # never asked: the tests open the model themselves
NOW = datetime(2026, 10, 1, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    found = Shop.open(sample_shop())
    yield found
    found.close()


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory.at(tmp_path / "state.sqlite3")


@pytest.fixture
def candles(shop: Shop) -> str:
    return found_by(shop, "scented candles")


def found_by(shop: Shop, words: str) -> str:
    """The first thing that is shown to a visitor who says so."""
    reply = Assistant(shop, Memory("sqlite://")).reply(words, Conversation(), Profile()).reply
    return reply.receipt.items[0].item.id


def two_prompts(folder: Path, sessions: Path, **more: Any) -> Grid:
    other = prompt_file(folder, "asks-back", "CLARIFY")
    return grid(sample_shop(), sessions, model=MODEL, prompts={"plan": ["production", str(other)]}, **more)


class TestGrid:
    def test_the_documented_example_is_a_grid(self) -> None:
        text = eval.lab.grid.__doc__ or ""
        example = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
        found = checked(tomllib.loads(example), "the example")
        assert found.retrieval["words-only"].on == ("dense", "lexical")
        assert found.model is not None
        assert found.model.adapters == ("", "adapters/winter")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("shop = 's'\nshoop = 1\n[sessions]\nrecorded = 1", "shoop: Extra inputs"),
            ("shop = 's'\n[sessions]", "give recorded, files or simulated"),
            ("shop = 's'\n[sessions]\nrecorded = 1\n[prompts]\nplan = ['a', 'b']", "without a model"),
            ("shop = 's'\n[sessions]\nrecorded = 1\n[model]\nurl = 'x'", "url and name"),
            ("shop = 's'\n[sessions]\nrecorded = 1\n[retrieval.a]\noff = ['sense']", "no channel 'sense'"),
            ("shop = 's'\n[sessions]\nrecorded = 1\n[retrieval.'a b']", "String should match"),
            ("shop = [", "no TOML"),
        ],
    )
    def test_a_mistake_is_named(self, tmp_path: Path, text: str, why: str) -> None:
        path = tmp_path / "grid.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(EvaluationError, match=why) as found:
            read_grid(path)
        assert "grid.toml" in found.value.cause

    def test_production_is_always_among_the_cells_and_no_cell_twice(
        self, shop: Shop, memory: Memory, tmp_path: Path
    ) -> None:
        versions = Versions.of(memory.prompts)
        sessions = tmp_path / "none.jsonl"
        narrow = grid(sample_shop(), sessions, retrieval={"few": {"cards": 3}})
        assert [cell.name for cell in cells_of(narrow, shop, versions)] == [BASELINE, "few"]
        four = two_prompts(tmp_path, sessions, retrieval={"default": {}, "few": {"cards": 3}})
        names = [cell.name for cell in cells_of(four, shop, versions)]
        assert names == [BASELINE, "plan-production.few", "plan-asks-back.default", "plan-asks-back.few"]
        twice = grid(sample_shop(), sessions, retrieval={"a": {"cards": 3}, "b": {"cards": 3}})
        with pytest.raises(EvaluationError, match="'a' and 'b' are one and the same"):
            cells_of(twice, shop, versions)

    def test_a_channel_that_is_off_proposes_nothing(self, shop: Shop) -> None:
        few = Configured(shop, Retrieval(on=("dense", "lexical"), learned_order=False).channels_of(shop))
        reply = Assistant(few, Memory("sqlite://")).reply("scented candles", Conversation(), Profile()).reply
        named = {said.channel for entry in reply.receipt.items for said in entry.channels}
        assert named
        assert named <= {"dense", "lexical"}
        with pytest.raises(EvaluationError, match="no channel 'graph'"):
            Retrieval(off=("graph",)).channels_of(shop)


class TestRun:
    def test_prompts_differ_in_what_is_found_and_the_runs_give_the_table_again(
        self, shop: Shop, memory: Memory, tmp_path: Path, candles: str
    ) -> None:
        rows = [session(f"s{n}", "scented candles", "scented candles", took=(candles,)) for n in range(3)]
        wanted = two_prompts(tmp_path, write_sessions(tmp_path / "s.jsonl", rows))
        model = ScriptedModel(answer=obedient)
        results = run(wanted, tmp_path / "lab", opened(shop, memory, model))
        served, asks = results.systems[BASELINE], results.systems["plan-asks-back"]
        assert (served["MRR"].value, asks["MRR"].value) == (1.0, 0.0)
        assert (served["act accuracy"].value, asks["act accuracy"].value) == (1.0, 0.0)
        assert results.beyond[BASELINE]["grounded"].value == 0.0, "what the model said was false and was replaced"
        assert "grounded" not in results.beyond["plan-asks-back"], "it wrote no sentence: not scorable is not 0"
        assert results.beyond["plan-asks-back"]["clarifying turns"].value == 1.0
        assert results.beyond[BASELINE]["tokens in"].value > 100
        pair = results.paired[f"plan-asks-back vs {BASELINE}"]
        assert (pair["NDCG@10"].difference, pair["NDCG@10"].n) == (-1.0, 3)
        assert {"p50 ms", "p95 ms", "clarifying turns"} <= pair.keys()
        again, equal = recomputed(tmp_path / "lab")
        assert equal
        assert again.to_json() == results.to_json()

    def test_a_figure_that_production_has_not_is_compared_with_nothing(
        self, shop: Shop, memory: Memory, tmp_path: Path, candles: str
    ) -> None:
        """Production's prompt asks back, so that it writes no sentence that could be grounded."""
        versions = Versions.of(memory.prompts)
        asks = versions.save(prompt_file(tmp_path, "asks", "CLARIFY").read_text(encoding="utf-8"), "ada")
        versions.promote("plan", asks.hash, "ada", evidence="x", evidence_hash="x")
        sessions = write_sessions(tmp_path / "s.jsonl", [session("s", "scented candles", took=(candles,))])
        shipped = prompt_file(tmp_path, "finds", "Find.")
        wanted = grid(sample_shop(), sessions, model=MODEL, prompts={"plan": ["production", str(shipped)]})
        results = run(wanted, tmp_path / "lab", opened(shop, memory, ScriptedModel(answer=obedient)))
        assert "grounded" in results.beyond["plan-finds"]
        assert "grounded" not in results.paired[f"plan-finds vs {BASELINE}"]
        assert recomputed(tmp_path / "lab")[1]

    def test_a_changed_run_file_is_noticed(self, shop: Shop, memory: Memory, tmp_path: Path, candles: str) -> None:
        rows = [session("s", "scented candles", took=(candles,))]
        run(grid(sample_shop(), write_sessions(tmp_path / "s.jsonl", rows)), tmp_path / "lab", opened(shop, memory))
        before = digest(tmp_path / "lab")
        file = tmp_path / "lab" / "runs" / "production.trec"
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(lines[1:]), encoding="utf-8")
        assert not recomputed(tmp_path / "lab")[1]
        assert digest(tmp_path / "lab") != before

    def test_a_stopped_run_goes_on_and_no_turn_is_made_twice(
        self, shop: Shop, memory: Memory, tmp_path: Path, candles: str
    ) -> None:
        rows = [session(f"s{n}", "scented candles", "mugs", took=(candles,)) for n in range(4)]
        wanted = two_prompts(tmp_path, write_sessions(tmp_path / "s.jsonl", rows))
        whole = run(wanted, tmp_path / "whole", opened(shop, memory, ScriptedModel(answer=obedient)))
        model, cancel = ScriptedModel(answer=obedient), threading.Event()

        def stop(stage: str, done: int, total: int | None) -> None:
            if stage == "turns" and done == 7:
                cancel.set()

        with pytest.raises(CancelledError, match="run it again to go on"):
            run(wanted, tmp_path / "lab", opened(shop, memory, model), stop, cancel)
        assert len(turns_in(tmp_path / "lab")) == 7
        torn = next((tmp_path / "lab" / "turns").iterdir())
        with torn.open("ab") as file:
            file.write(b'{"cell": "half a li')
        parts = run(wanted, tmp_path / "lab", opened(shop, memory, model))
        keys = [(turn["cell"], turn["session"], turn["turn"]) for turn in turns_in(tmp_path / "lab")]
        assert len(keys) == len(set(keys)) == 16
        plans = [asked for asked in model.asked if asked.call == "complete"]
        assert len(plans) == 16, "each turn was planned once, over both runs"
        for cell in whole.systems:
            assert parts.systems[cell] == whole.systems[cell]
        finished = len(model.asked)
        run(wanted, tmp_path / "lab", opened(shop, memory, model))
        assert len(model.asked) == finished, "a finished run asks nobody anything"

    def test_a_wider_grid_adds_its_cells_to_the_folder(
        self, shop: Shop, memory: Memory, tmp_path: Path, candles: str
    ) -> None:
        sessions = write_sessions(tmp_path / "s.jsonl", [session("s", "scented candles", took=(candles,))])
        run(grid(sample_shop(), sessions), tmp_path / "lab", opened(shop, memory))
        wide = grid(sample_shop(), sessions, retrieval={"default": {}, "few": {"cards": 3}})
        assert list(run(wide, tmp_path / "lab", opened(shop, memory)).systems) == [BASELINE, "few"]
        assert len(turns_in(tmp_path / "lab")) == 2
        other = write_sessions(tmp_path / "t.jsonl", [session("t", "mugs")])
        with pytest.raises(EvaluationError, match="other sessions"):
            run(grid(sample_shop(), other), tmp_path / "lab", opened(shop, memory))

    def test_one_run_at_a_time_writes_to_a_folder(self, tmp_path: Path) -> None:
        again = Folder.opened(tmp_path / "lab")
        with Folder.opened(tmp_path / "lab"), pytest.raises(EvaluationError, match="another lab run"), again:
            pass
        assert (tmp_path / "lab").stat().st_mode & 0o077 == 0, "what shoppers said is for the owner's eyes"

    def test_several_sessions_at_once_come_to_the_same(
        self, shop: Shop, memory: Memory, tmp_path: Path, candles: str
    ) -> None:
        rows = [session(f"s{n}", "scented candles", "mugs", took=(candles,)) for n in range(6)]
        sessions = write_sessions(tmp_path / "s.jsonl", rows)
        one = run(grid(sample_shop(), sessions), tmp_path / "one", opened(shop, memory))
        many = run(grid(sample_shop(), sessions, concurrency=4), tmp_path / "many", opened(shop, memory))
        assert many.systems == one.systems
        assert any("4 sessions at once" in note for note in many.notes)

    def test_the_shops_own_state_is_left_alone(self, shop: Shop, memory: Memory, tmp_path: Path) -> None:
        rows = [session("s", "scented candles", "put the first one in my cart", shopper="ann")]
        run(grid(sample_shop(), write_sessions(tmp_path / "s.jsonl", rows)), tmp_path / "lab", opened(shop, memory))
        assert memory.cart("ann") == []
        assert memory.shoppers() == []


class TestReplay:
    def replay(self, shop: Shop, memory: Memory, model: ScriptedModel | None = None) -> Replay:
        given = grid(sample_shop(), Path("none"), **({"model": MODEL} if model else {}))
        return Replay(shop, cells_of(given, shop, Versions.of(memory.prompts))[0], model)

    def test_nothing_from_later_on_is_known(self, shop: Shop, memory: Memory) -> None:
        shopper = max(shop.shoppers(), key=lambda one: len(shop.events_of(one)))
        at = shop.events_of(shopper)["at"][len(shop.events_of(shopper)) // 2]
        replay = self.replay(shop, memory)
        replay.memory = memory
        replay.session = Session(key="s", shopper=shopper, at=at, turns=(Said(text="hello"),))
        known = replay.history(Profile(shopper=shopper))
        assert 0 < len(known) < len(shop.history(shopper))
        assert known.at.max() < np.datetime64(at.replace(tzinfo=None))
        assert known.now == np.datetime64(at.replace(tzinfo=None))
        assert not len(replay.history(Profile(shopper=shopper, consent=Consent(personalise=False))))

    def test_what_a_shopper_forgot_is_known_to_no_replay(self, shop: Shop, memory: Memory) -> None:
        shopper = max(shop.shoppers(), key=lambda one: len(shop.events_of(one)))
        replay = Replay(shop, self.replay(shop, memory).cell, None, memory.hidden)
        replay.memory = memory
        replay.session = Session(key="s", shopper=shopper, at=NOW, turns=(Said(text="hello"),))
        before = len(replay.history(Profile(shopper=shopper)))
        event = next(iter(shop.events_of(shopper).iter_rows(named=True)))
        memory.hidden.hide(shopper, [digest_of(shopper, event["item"], event["kind"], event["at"])])
        assert len(replay.history(Profile(shopper=shopper))) == before - 1

    def test_a_taken_up_session_has_its_cart_and_what_was_shown(self, shop: Shop, memory: Memory) -> None:
        replay = self.replay(shop, memory)
        words = ("scented candles", "put the first one in my cart", "show my cart")
        given = Session(key="s", shopper="ann", at=NOW, turns=tuple(Said(text=text) for text in words))
        whole = list(replay.replay(given, (), threading.Event()))
        assert [turn.last for turn in whole] == [False, False, True]
        assert len(whole[2].reply.cart) == 1
        resumed = list(replay.replay(given, whole[:2], threading.Event()))
        assert [turn.turn for turn in resumed] == [2]
        assert resumed[0].reply.cart == whole[2].reply.cart
        assert resumed[0].reply.text == whole[2].reply.text

    def test_history_enters_a_prompt_only_with_consent(self, shop: Shop, memory: Memory) -> None:
        shopper = max(shop.shoppers(), key=lambda one: len(shop.events_of(one)))
        for allowed in (False, True):
            model = ScriptedModel(answer=obedient)
            consent = Consent(prompt=allowed)
            given = Session(key="s", shopper=shopper, at=NOW, turns=(Said(text="candles"),), consent=consent)
            list(self.replay(shop, memory, model).replay(given, (), threading.Event()))
            asked = model.asked[0].messages[1].content
            assert ("purchase:" in asked or "view:" in asked) is allowed


class TestRecorded:
    def test_what_was_taken_later_is_right_and_what_was_done_before_is_known(self, shop: Shop, memory: Memory) -> None:
        assistant = Assistant(shop, memory)
        item, other, *_ = shop.catalogue.ids
        done = assistant.reply("scented candles", memory.open_conversation("ann"), Profile(shopper="ann"))
        assistant.reply("mugs", done.conversation, Profile(shopper="ann"))
        assistant.reply("towels", memory.open_conversation(None), Profile())
        memory.set_consent("ann", Consent(personalise=False))
        now = datetime.now(UTC)
        events = [
            (item, EventKind.CART, timedelta(minutes=1)),
            (other, EventKind.PURCHASE, timedelta(days=40)),  # too late to be told of
            (other, EventKind.VIEW, timedelta(minutes=2)),  # looking is not taking
            (other, EventKind.FAVOURITE, timedelta(days=-3)),
        ]
        for thing, kind, apart in events:
            memory.record(Event(shopper="ann", item=thing, kind=kind, at=now + apart))
        found = recorded(memory, 10, days=30)
        assert [[said.text for said in one.turns] for one in found] == [["scented candles", "mugs"], ["towels"]]
        assert found[0].took == {item: 1.0}
        assert [(event.item, event.kind) for event in found[0].events] == [(other, EventKind.FAVOURITE)]
        assert not found[0].consent.personalise
        assert (found[1].shopper, found[1].took) == (None, {})
        assert len(recorded(memory, 1, days=30)) == 1

    def test_recorded_sessions_run_and_say_what_they_favour(self, shop: Shop, memory: Memory, tmp_path: Path) -> None:
        given = checked({"shop": str(sample_shop()), "sessions": {"recorded": 5}}, "test")
        with pytest.raises(EvaluationError, match="nobody has talked"):
            run(given, tmp_path / "none", opened(shop, memory))
        assistant = Assistant(shop, memory)
        shown = assistant.reply("scented candles", memory.open_conversation("ann"), Profile(shopper="ann")).reply
        taken = shown.receipt.items[1].item.id
        memory.record(Event(shopper="ann", item=taken, kind=EventKind.PURCHASE, at=datetime.now(UTC)))
        results = run(given, tmp_path / "lab", opened(shop, memory))
        assert results.systems[BASELINE]["MRR"].value == 0.5
        assert any("speaks for `production`" in note for note in results.notes)
        assert results.notes[0].startswith("There are only 1 recorded sessions, not the 5 that were asked for")
        assert any(note.startswith("grounded is left out: no model wrote prose") for note in results.notes)


def test_a_quantile_is_numpys_and_pairs_share_their_draws() -> None:
    rng = np.random.default_rng(3)
    a = [rng.gamma(2.0, 50.0, size) for size in (3, 1, 4, 2, 5, 1, 2)]
    assert quantile(a, 0.95).value == np.quantile(np.concatenate(a), 0.95)
    slower = [own + 10.0 for own in a]
    pair = quantile_difference(slower, a, 0.5)
    assert pair.low == pytest.approx(10.0)
    assert pair.high == pytest.approx(10.0)
    assert pair.p < 0.01
    one = quantile([np.array([1.0, 2.0, 3.0])], 0.5)
    assert (one.value, one.low, one.high) == (2.0, 2.0, 2.0)
    draws = quantile([np.array([1.0]), np.array([3.0])], 0.5, n=4000)
    assert (draws.low, draws.high) == (1.0, 3.0), "both, or either session twice"


def turns_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in (folder / "turns").iterdir() for line in file.read_bytes().splitlines()]
