"""Simulated shoppers: goals from the future, words from the goal alone, and an error of their own that is measured."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.memory import Memory
from agent.schema import Act
from agent.versions import Versions
from eval.lab.cells import cells_of
from eval.lab.grid import checked
from eval.lab.replay import Replay
from eval.lab.run import CancelledError, Opened, run
from eval.lab.sessions import Said, Session
from eval.protocols.conversations import Said as Spoken
from eval.protocols.conversations import Talk
from eval.simulate.check import AMONG, Reader, beside_people, contradicts, errors
from eval.simulate.crowd import Simulation, crowd, shopper_of
from eval.simulate.goals import Goal, Wish, cut_of, wishes
from eval.simulate.past import channels_at
from eval.simulate.shopper import SimulatedShopper, mistyped
from eval.simulate.styles import STYLES, Simulated
from retrieval.channels.copurchase import Copurchase
from retrieval.errors import EvaluationError
from retrieval.shop import Shop
from tests.conftest import DATA
from tests.shops import sample_shop

GOAL = Goal(
    item="plaza:1",
    title="Tarnwick Glim head torch",
    category="Head torches",
    path=("Outdoors", "Light"),
    brand="Tarnwick",
    attributes={"light": "200 lumens", "power": "rechargeable"},
    price_minor=2999,
    currency="EUR",
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    found = Shop.open(sample_shop())
    yield found
    found.close()


@pytest.fixture(scope="module")
def many(shop: Shop) -> list[Simulation]:
    return crowd(shop, Simulated(count=100))[0]


def wish(goal: Goal = GOAL) -> Wish:
    return Wish(shopper="ann", at="2026-10-01T00:00:00Z", goal=goal, before=("Mugs",))


def titles(shop: Shop) -> list[str]:
    return [f"{t} {c}" for t, c in zip(shop.catalogue.titles, shop.catalogue.frame["category"], strict=True)]


class TestGoals:
    def test_a_goal_is_a_real_purchase_of_something_new_after_the_cut(self, shop: Shop) -> None:
        cut = cut_of(shop, 0.15)
        found = wishes(shop, cut, 40, seed=1)
        assert len(found) == 40
        for one in found:
            events = shop.events_of(one.shopper).filter(pl.col("kind") == "purchase", pl.col("item") == one.goal.item)
            first = events["at"].min()
            assert first >= cut
            assert one.at <= first < one.at + timedelta(days=1), "what is known ends with the day before"
            assert not shop.sensitive.mask[shop.catalogue.row(one.goal.item)]

    def test_the_same_seed_draws_the_same_and_another_one_others(self, shop: Shop) -> None:
        cut = cut_of(shop, 0.15)
        assert wishes(shop, cut, 20, 1) == wishes(shop, cut, 20, 1)
        assert wishes(shop, cut, 20, 1) != wishes(shop, cut, 20, 2)

    def test_channels_of_the_past_have_not_heard_of_what_came_after(self, shop: Shop, tmp_path: Path) -> None:
        early = shop.events["at"].min() + timedelta(days=200)
        found = channels_at(shop, early, tmp_path / "past")
        assert set(found) >= set(shop.channels) - {"ranker"}
        before = Copurchase.fit(shop.events.filter(pl.col("at") < early), shop.catalogue)
        learnt, whole = (tmp_path / "past" / "copurchase"), tmp_path / "again"
        whole.mkdir()
        before.save(whole)
        for file in whole.iterdir():
            assert (learnt / file.name).read_bytes() == file.read_bytes()
        stamp = (tmp_path / "past" / "copurchase").stat().st_mtime_ns
        channels_at(shop, early, tmp_path / "past")
        assert (tmp_path / "past" / "copurchase").stat().st_mtime_ns == stamp, "what was learnt is kept"


class TestWords:
    def test_the_same_seed_says_the_same(self) -> None:
        for style in STYLES:
            one, other = (SimulatedShopper(wish(), style, (7, 1)).script() for _ in range(2))
            assert one == other
            assert len({SimulatedShopper(wish(), style, (7, n)).script() for n in range(20)}) > 1

    def test_each_style_keeps_its_character(self) -> None:
        said = {style: SimulatedShopper(wish(), style, (3, 1)).script() for style in STYLES}
        assert "head torch" not in said["vague"][0][0].lower()
        assert "head torches" in said["vague"][1][0]
        assert "mugs" in said["changes-mind"][0][0]
        assert "head torches" in said["changes-mind"][1][0]
        assert said["cooperative"][-1][1] is Act.CHITCHAT
        assert len(said["impatient"][0][0]) < len(said["cooperative"][0][0])
        lines = [SimulatedShopper(wish(), "typo-prone", (3, n)).script()[0][0] for n in range(20)]
        assert any("torches" not in line for line in lines), "some words are mistyped"

    def test_nothing_is_said_that_the_goal_does_not_give(self) -> None:
        bare = Goal(item="plaza:9", title="Thing", category="Things")
        for style in STYLES:
            for text, _ in SimulatedShopper(Wish(shopper="a", at=wish().at, goal=bare), style, (1, 1)).script():
                assert "{" not in text
                assert "unknown" not in text
                assert "plaza" not in text

    def test_questions_are_answered_from_the_goal_and_nothing_else_is(self) -> None:
        shopper = SimulatedShopper(wish(), "vague", (1, 1))
        assert "€" in shopper.answer("I found lots. What is your budget?")
        assert "head torches" in shopper.answer("What kind of thing are you looking for?")
        assert "me" in shopper.answer("Who is it for?") or "myself" in shopper.answer("Who is it for?")
        assert shopper.answer("Here is a head torch. It costs €29.99.") == ""
        assert shopper.answer("What is the meaning of life?") == ""

    def test_typos_leave_sums_and_short_words_alone(self) -> None:
        line = mistyped("under €30.00 for the waterproof rechargeable lantern " * 5, np.random.default_rng(1))
        assert line.count("€30.00") == 5
        assert line.count("the") >= 5
        assert line != "under €30.00 for the waterproof rechargeable lantern " * 5


class TestOwnError:
    def test_words_that_tell_the_goal_are_found_and_others_are_not(self) -> None:
        reader = Reader([f"thing number {n} of kind {n % 50}" for n in range(AMONG)] + ["head torch", "mug"])
        assert reader.finds(["a head torch please"], "Glim head torch")
        assert not reader.finds(["something nice"], "Glim head torch")
        assert not reader.finds(["thing"], "thing number 7 of kind 7"), "a word that all share tells nothing"

    def test_a_limit_below_the_price_is_a_contradiction_and_a_corrected_one_is_not(self) -> None:
        assert contradicts(["under €20.00"], GOAL)
        assert not contradicts(["under €20.00. No wait, €40.00"], GOAL)
        assert not contradicts(["a head torch"], GOAL)

    def test_the_crowd_is_believed_as_far_as_measured(self, shop: Shop, many: list[Simulation]) -> None:
        found = errors(many, titles(shop))
        assert found["all"]["sessions"] == len(many) == sum(found[s]["sessions"] for s in STYLES if s in found)
        assert found["cooperative"]["unrecoverable"] < 0.2
        assert found["all"]["contradictory"] == 0.0
        liars = [Simulation(one.key, one.wish, one.style, (("under €0.01", Act.RECOMMEND),)) for one in many]
        lied = errors(liars, titles(shop))["all"]
        assert lied["contradictory"] > 0.9
        assert lied["unrecoverable"] == 1.0

    def test_people_are_measured_in_the_same_way(self, shop: Shop, many: list[Simulation]) -> None:
        talks = [
            Talk("1", (Spoken(shopper=True, text="a sports watch"), seller("Sports watch, black"))),
            Talk("2", (Spoken(shopper=True, text="hello"), seller("Garden hose"))),
            Talk("3", (Spoken(shopper=True, text="nothing was recommended"),)),
        ]
        found = beside_people(many, titles(shop), talks)
        assert found["people"]["sessions"] == 2
        assert found["people"]["unrecoverable"] == 0.5
        assert found["people"]["words"] == 2.0
        assert found["simulated"]["sessions"] == len(many)

    @pytest.mark.data
    def test_beside_real_people(self, data: Path, shop: Shop, many: list[Simulation]) -> None:
        from eval.protocols.conversations import read_conversations

        found = beside_people(many, titles(shop), read_conversations(DATA / "pscon" / "conversations_en.json"))
        assert found["people"]["sessions"] > 100
        assert 0.0 < found["people"]["unrecoverable"] < 0.6


def seller(title: str) -> Spoken:
    return Spoken(shopper=False, text="", action="recommend", products=((title, title),))


class TestInTheLab:
    def test_a_run_over_simulated_shoppers_says_so_and_how_far_to_believe_it(self, shop: Shop, tmp_path: Path) -> None:
        grid = checked({"shop": str(sample_shop()), "sessions": {"simulated": {"count": 6}}}, "test")
        with Memory("sqlite://") as memory:
            results = run(grid, tmp_path / "lab", Opened(shop, memory))
        told = results.to_json()
        assert told["simulator"]["all"]["sessions"] == 6
        assert any("Their own error" in note for note in told["notes"])
        assert any("ALL sessions are simulated" in note for note in told["notes"])
        assert told["counts"]["act accuracy"] == 6
        assert (tmp_path / "lab" / "past" / "learnt.txt").exists()

    def test_it_can_be_stopped_while_the_past_is_learnt(self, shop: Shop, tmp_path: Path) -> None:
        grid = checked({"shop": str(sample_shop()), "sessions": {"simulated": {"count": 1}}}, "test")
        cancel, steps = threading.Event(), list[tuple[str, int]]()

        def stop(stage: str, done: int, total: int | None) -> None:
            steps.append((stage, done))
            if stage == "learning the past":
                cancel.set()

        with Memory("sqlite://") as memory, pytest.raises(CancelledError):
            run(grid, tmp_path / "lab", Opened(shop, memory), stop, cancel)
        assert steps[-1] == ("learning the past", 0)
        assert not (tmp_path / "lab" / "past" / "learnt.txt").exists()

    def test_a_question_is_answered_where_the_grid_asks_for_it_and_a_kill_changes_nothing(self, shop: Shop) -> None:
        grid = checked({"shop": str(sample_shop()), "sessions": {"simulated": {"count": 1}}}, "test")
        with Memory("sqlite://") as memory:
            replay = Replay(shop, cells_of(grid, shop, Versions.of(memory.prompts))[0], None)
        said = (Said(text="a gift for my sister", act=Act.RECOMMEND), Said(text="head torches", act=Act.RECOMMEND))
        session = Session(
            key="sim-7-0000",
            source="simulated",
            shopper="ann",
            at=wish().at,
            turns=said,
            style="vague",
            goal=GOAL,
        )
        plain = list(replay.replay(session, (), threading.Event()))
        assert [turn.words for turn in plain] == [one.text for one in said]
        answered = list(replay.replay(session, (), threading.Event(), answers=True))
        words = [turn.words for turn in answered]
        assert words[0] == said[0].text
        assert words[1] not in ("", said[1].text), "the system asked, and was answered"
        assert words[-1] == said[1].text
        heard = answered[0].reply.text
        assert words[1] == shopper_of("sim-7-0000", wish(), "vague").answer(heard)
        rest = list(replay.replay(session, answered[:1], threading.Event(), answers=True))
        assert [turn.words for turn in rest] == words[1:]

    def test_a_shop_without_later_purchases_is_told(self, shop: Shop) -> None:
        with pytest.raises(EvaluationError, match="time held back"):
            wishes(shop, shop.events["at"].max() + timedelta(days=1), 5, 0)
        with pytest.raises(EvaluationError, match="weight 0"):
            crowd(shop, Simulated(styles={"vague": 0.0}))
