"""Generated conversations: repeatable, true to the plan's meaning, and honest about what is held out."""

from __future__ import annotations

from itertools import islice

import pytest

from agent.planner.slots import Slots, draft
from agent.schema import Act
from finetune.conversations.generate import Turn, turns
from finetune.conversations.moves import MOVES
from finetune.conversations.phrasing import Part, phrasings, things
from finetune.conversations.world import World, made_up, nonce
from retrieval.text import words

PARTS: tuple[Part, ...] = ("train", "held-out")


@pytest.fixture(scope="module", params=PARTS)
def world(request: pytest.FixtureRequest) -> World:
    return made_up(0, request.param)


def some(world: World, count: int = 300, seed: int = 0) -> list[Turn]:
    return list(islice(turns(world, world.part, seed), count))


def test_the_same_seed_gives_the_same_turns_and_another_seed_others(world: World) -> None:
    again = made_up(0, world.part)
    assert some(world, 40) == some(again, 40)
    assert some(world, 40) != some(world, 40, seed=1)


def test_every_move_happens(world: World) -> None:
    assert {turn.move for turn in some(world, 600)} == set(MOVES)


def test_no_phrasing_and_no_noun_is_in_both_parts() -> None:
    for move in ("open.thing", "sentence.price_max", "edit.cheaper", "talk.compare", "chat.off"):
        assert phrasings(move, "train")
        assert phrasings(move, "held-out")
        assert not set(phrasings(move, "train")) & set(phrasings(move, "held-out"))
    assert not set(things("nouns", "train")) & set(things("nouns", "held-out"))


def test_made_up_words_of_the_two_parts_share_no_syllable() -> None:
    import random

    rng = random.Random(0)
    known = {nonce("train", rng, 1) for _ in range(3000)}
    assert not known & {nonce("held-out", rng, 1) for _ in range(3000)}


def test_what_a_plan_searches_for_was_said_by_the_shopper(world: World) -> None:
    for turn in some(world):
        said = {w for m in turn.conversation.messages if m.role == "user" for w in words(m.text)}
        said |= set(words(turn.message))
        said |= {word[:-1] for word in said if word.endswith("s")}  # "my dads birthday" is for dad
        for text in (turn.plan.query, *turn.plan.include, *turn.plan.exclude, turn.plan.recipient or ""):
            assert set(words(text)) <= said, (turn.message, text)


def test_every_plan_can_be_written_with_the_choices_its_conversation_leaves(world: World) -> None:
    for turn in some(world):
        slots = Slots.of(turn.message, turn.conversation, world.vocabulary)
        written = draft(turn.plan, slots.shown)
        for name in ("price_min", "price_max"):
            assert written.get(name) is None or written[name] in slots.sums, (turn.message, written)
        for name in ("brands", "not_brands"):
            assert set(written.get(name, ())) <= set(slots.brands)
        assert set(words(written["query"])) <= set(slots.words), turn.message


def test_targets_were_shown_and_limits_never_contradict_each_other(world: World) -> None:
    for turn in some(world):
        plan = turn.plan
        assert set(plan.targets) <= {item.id for item in turn.conversation.shown}
        assert plan.price_min is None or plan.price_max is None or plan.price_min <= plan.price_max
        assert not set(plan.brands) & set(plan.not_brands)
        assert not set(plan.platforms) & set(plan.not_platforms)


def test_a_new_wish_drops_the_old_budget_and_keeps_what_is_refused(world: World) -> None:
    checked = 0
    for turn in some(world, 1500):
        before = turn.conversation.plan
        if turn.move == "ideas" and before is not None:
            assert turn.plan.price_max is None
            assert turn.plan.query == ""
            assert set(before.exclude) <= set(turn.plan.exclude)
            checked += 1
    assert checked > 3


def test_talk_about_shown_things_leaves_the_wish_as_it_was(world: World) -> None:
    for turn in some(world, 600):
        if turn.plan.act in (Act.COMPARE, Act.EXPLAIN, Act.CART, Act.CHITCHAT) and turn.conversation.plan:
            assert turn.plan.query == turn.conversation.plan.query
            assert turn.plan.price_max == turn.conversation.plan.price_max
