"""Where a small model goes astray the rules keep it: figures that are no sums, second refusals, slips, whole tables."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from agent.models.scripted import ScriptedModel
from agent.planner.change_model import ChangePlanner
from agent.planner.question import DOUBT
from agent.planner.rules import RulesPlanner
from agent.planner.together import SURE, Together
from agent.planner.vocabulary import Vocabulary
from agent.prompting import load_prompt
from agent.schema import OFFER, Act, Conversation, Message, Plan
from agent.understand import understand
from tests.agent.planner_shop import SHOWN

COUNTS = {"torch": 40, "red": 30, "blue": 30, "headlamp": 40, "tea": 40}
RULES = RulesPlanner(Vocabulary(brands=("Lumo", "Petzl"), currency="USD", count=lambda word: COUNTS.get(word, 0)))
TORCH = {"act": "recommend", "topic": "replace", "query": " torch"}


def read(
    message: str, change: dict[str, Any], before: Conversation | None = None, logprob: float = 0.0
) -> tuple[Plan, str]:
    model = ScriptedModel(plans=[change], logprob=logprob)
    both = Together(RULES, ChangePlanner(model, load_prompt("change"), RULES.vocabulary))
    return both.read(message, before or Conversation(), deadline=time.monotonic() + 30)


@pytest.mark.parametrize(
    ("message", "figure"),
    [
        ("a torch for my 70 year old dad", "70"),
        ("a torch that holds 5 years please", "5"),
        ("I could do with a torch for my girlfriend who turns 30", "30"),
    ],
)
def test_ages_and_the_like_are_no_sums(message: str, figure: str) -> None:
    for limit in ("price_max", "price_min"):
        plan, _ = read(message, TORCH | {limit: figure})
        assert (plan.price_min, plan.price_max) == (None, None)


def test_whom_it_is_for_is_kept() -> None:
    plan, _ = read("I could do with a torch for my dad", TORCH)
    assert plan.recipient == "dad"


@pytest.mark.parametrize(
    ("message", "change", "told"),
    [
        ("a torch, not red and not blue", TORCH | {"exclude": [" blue"]}, {"red", "blue"}),
        ("a torch, not tartan and not mauve", TORCH | {"exclude": [" mauve"]}, {"tartan", "mauve"}),
        ("a torch, not by Lumo or Petzl", TORCH | {"not_brands": ["Lumo"]}, {"Lumo", "Petzl"}),
    ],
)
def test_of_two_refusals_both_are_heard(message: str, change: dict[str, Any], told: set[str]) -> None:
    plan, reader = read(message, change)
    assert reader == "rules"
    assert told <= {*plan.exclude, *plan.not_brands}


def test_slips_of_the_pen_that_it_copies_are_mended() -> None:
    plan, reader = read("would you have some headlmp for me", TORCH | {"query": " headlmp", "exclude": []})
    assert plan.query == "headlamp", reader


def test_measures_are_not_dropped() -> None:
    plan, _ = read("a torch 8x42 please", TORCH)
    assert "8x42" in plan.query


def test_what_is_on_offer_stays_asked_for() -> None:
    plan, _ = read("is any tea on sale", TORCH | {"query": " tea"})
    assert OFFER in plan.include


def test_nothing_shown_is_turned_down_by_words_that_turn_nothing_down() -> None:
    before = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="torch"), shown=SHOWN),))
    everything = {"act": "recommend", "topic": "keep", "not_items": [*range(1, len(SHOWN) + 1)]}
    assert read("well I am thinking", everything, before)[1] == "rules"
    assert len(read("I hate the lot", everything, before)[0].not_items) == len(SHOWN)


def test_a_new_thing_is_no_property_of_the_thing_before() -> None:
    before = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="torch"), shown=SHOWN),))
    assert (
        read("a headlamp", {"act": "recommend", "topic": "keep", "include": [" headlamp"]}, before)[0].query
        == "headlamp"
    )


def test_ideas_are_no_small_talk_and_numbers_no_goods() -> None:
    assert read("surprise me", {"act": "chitchat", "topic": "keep"})[0].act is Act.RECOMMEND
    dinosaurs = "something for my 6 year old who loves dinosaurs"
    assert read(dinosaurs, TORCH | {"query": " 6"})[1] == "rules"
    assert (
        read(dinosaurs, TORCH | {"query": " dinosaurs", "recipient": " son"} | {"recipient": None})[0].query
        == "dinosaurs"
    )


def test_starting_over_is_not_read_again() -> None:
    before = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="torch"), shown=SHOWN),))
    plan, reader = read("start over", {"act": "recommend", "topic": "keep"}, before)
    assert (plan.query, reader) == ("", "rules")


class Unsure(ScriptedModel):
    """A model that finds its own answer unlikely, and that of the rules far less likely."""

    def likelihood(self, messages: object, answer: str, *, deadline: float) -> float:
        return -100.0


@pytest.mark.parametrize(("sure", "ask"), [(DOUBT - 0.1, "meaning"), (SURE + 0.1, "features")])
def test_what_was_read_without_certainty_is_told_and_asked_about(sure: float, ask: str) -> None:
    model = Unsure(plans=[TORCH | {"exclude": []}], logprob=math.log(sure))
    both = Together(RULES, ChangePlanner(model, load_prompt("change"), RULES.vocabulary))
    found = understand("it is dark where my torch was", Conversation(), RULES, both, seconds=30)
    assert (found.planner, found.plan.query, found.plan.ask) == ("model", "torch", ask)
