"""A plan as a change to the one before: exact both ways, and only what was said is believed."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

import pytest

from agent.models.scripted import ScriptedModel
from agent.planner.change_model import ChangePlanner
from agent.planner.changes import Change, applied, change_of
from agent.planner.reading import Reading
from agent.planner.vocabulary import Vocabulary
from agent.prompting import load_prompt
from agent.schema import Act, Conversation, Message, Plan, Shown
from finetune.conversations.generate import turns
from finetune.conversations.world import made_up
from retrieval.errors import ModelOutputError

SHOWN = (
    Shown(id="a:1", title="Torch One", name="Torch One", price_minor=5000, currency="USD", brand="Petzl"),
    Shown(id="a:2", title="Torch Two", name="Torch Two", price_minor=3000, currency="USD", brand="Lumo"),
    Shown(id="a:3", title="Torch Three", name="Torch Three", price_minor=2000, currency="USD", brand="Lumo"),
)
WISH = Plan(query="head torch", include=("red light",), exclude=("plastic",), price_max=8000, currency="USD")
TALK = Conversation(
    messages=(
        Message(role="user", text="a head torch with red light, no plastic, under 80"),
        Message(role="assistant", text="Here:", plan=WISH, shown=SHOWN),
    )
)
VOCABULARY = Vocabulary(brands=("Lumo", "Petzl"), categories=("Torches",), platforms=("alpha", "beta"), currency="USD")


def planned(change: dict[str, Any], message: str = "cheaper") -> Plan:
    planner = ChangePlanner(ScriptedModel(plans=[change]), load_prompt("change"), VOCABULARY)
    return planner.plan(message, TALK, deadline=time.monotonic() + 30)


def test_a_change_and_its_inverse_agree_on_generated_conversations() -> None:
    for seed in range(2):
        world = made_up(seed, "train")
        for turn in islice(turns(world, "train", seed), 250):
            reading = Reading.of(turn.message, turn.conversation, world.vocabulary)
            shown, before = turn.conversation.shown, turn.conversation.plan
            seen = [item.id for message in turn.conversation.messages for item in message.shown]
            change = change_of(before, turn.plan, shown, seen)
            again = applied(change, before, shown, reading.slots.sums, seen)
            assert again == turn.plan.model_copy(update={"question": ""}), turn.message


def test_cheaper_keeps_the_query_without_naming_it() -> None:
    plan = planned({"act": "recommend", "price": "cheaper"})
    assert plan.query == "head torch"
    assert plan.price_max == 2999


def test_another_thing_drops_wishes_and_budget_and_keeps_what_is_refused() -> None:
    plan = planned({"act": "recommend", "topic": "replace", "query": "tent"}, "now a tent")
    assert (plan.query, plan.include, plan.price_max) == ("tent", (), None)
    assert plan.exclude == ("plastic",)


def test_a_refusal_taken_back_goes() -> None:
    assert planned({"act": "recommend", "allow": ["plastic"]}, "plastic is fine").exclude == ()


def test_a_brand_said_now_takes_the_place_of_a_refused_one() -> None:
    refused = planned({"act": "recommend", "not_brands": ["Lumo"]}, "not Lumo")
    assert refused.not_brands == ("Lumo",)
    change = Change(act="recommend", brands=["Lumo"])
    wanted = applied(change, refused, SHOWN, {})
    assert (wanted.brands, wanted.not_brands) == (("Lumo",), ())


def test_what_is_shown_is_spoken_of_by_number() -> None:
    plan = planned({"act": "compare", "items": [1, 3]}, "compare one and three")
    assert (plan.act, plan.targets, plan.question) == (Act.COMPARE, ("a:1", "a:3"), "compare one and three")
    assert plan.query == "head torch"
    assert planned({"act": "recommend", "others": True}, "others").not_items == ("a:1", "a:2", "a:3")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"act": "recommend", "topic": "replace", "query": "yacht"}, "nobody said 'yacht'"),
        ({"act": "recommend", "price_max": "77"}, "nobody named the sum '77'"),
        ({"act": "recommend", "brands": ["Acme"]}, "no 'Acme'"),
        ({"act": "explain", "items": [4]}, "item 4, 3 are shown"),
        ({"act": "recommend", "query": "head"}, "refines or replaces"),
        ({"act": "fly"}, "act"),
        ({"act": "recommend", "mood": "good"}, "mood"),
    ],
)
def test_what_was_not_said_is_not_believed(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ModelOutputError, match=why):
        planned(change)


def test_the_schema_holds_every_change_that_generated_messages_make() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    world = made_up(5, "held-out")
    for turn in islice(turns(world, "held-out", 5), 150):
        reading = Reading.of(turn.message, turn.conversation, world.vocabulary)
        seen = [item.id for message in turn.conversation.messages for item in message.shown]
        written = change_of(turn.conversation.plan, turn.plan, turn.conversation.shown, seen).written()
        jsonschema.validate(written, reading.schema())


def test_the_prompt_is_short_and_holds_no_history() -> None:
    reading = Reading.of("not from Lumo", TALK, VOCABULARY)
    system, user = reading.messages(load_prompt("change"))
    assert len(system.content) < 200
    assert "> brands: Lumo" in user.content
    assert "2 Torch Two" in user.content
    assert user.content.endswith("> not from Lumo")
