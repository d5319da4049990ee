"""Training data of a real shop: time-honest, consenting, without identifiers, and true to what serving sends."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from agent.memory import Memory
from agent.planner.model import plan_messages
from agent.planner.slots import Slots
from agent.prompting import load_prompt
from agent.schema import Consent
from finetune.behaviour import Taken, query_of
from finetune.conversations.generate import turns
from finetune.conversations.world import made_up
from finetune.data import Sizes, build
from finetune.example import SPLITS
from finetune.moments import WINDOW, borders, moments
from finetune.plans import plan_example
from retrieval.history import digest
from retrieval.shop import Shop
from tests.shops import copy_of, sample_shop

SIZES = Sizes(plan=60, infer=40, choose=40, explain=10)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    build(Shop.open(copy_of(sample_shop(), folder / "shop")), folder / "out", SIZES, assume_consent=True)
    return folder / "out"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_split_holds_every_task_in_chat_form(written: Path) -> None:
    for split in SPLITS:
        records = lines(written / f"{split}.jsonl")
        assert {record["task"] for record in records} == {"plan", "infer", "choose", "explain"}
        for record in records:
            assert [message["role"] for message in record["messages"]] == ["system", "user", "assistant"]  # type: ignore[union-attr, index]


def test_no_identifier_of_a_shopper_or_an_item_enters_the_text(written: Path, shop: Shop) -> None:
    known = {*shop.shoppers(), *shop.catalogue.ids}
    for split in SPLITS:
        for record in lines(written / f"{split}.jsonl"):
            text = " ".join(message["content"] for message in record["messages"])  # type: ignore[union-attr, index]
            assert not {word.strip("(),.") for word in text.split()} & known


def test_a_rejected_explanation_differs_from_the_chosen_one(written: Path) -> None:
    pairs = lines(written / "preference-train.jsonl")
    assert pairs
    for pair in pairs:
        assert pair["chosen"] != pair["rejected"]


def test_the_card_tells_counts_and_dates(written: Path, shop: Shop) -> None:
    card = (written / "README.md").read_text(encoding="utf-8")
    assert all(str(border)[:10] in card for border in borders(shop))
    assert '"plan": 60' in card


def test_nothing_learnt_happened_after_what_is_tested(shop: Shop) -> None:
    first, second = borders(shop)
    seen = set()
    for moment in moments(shop, shop.shoppers()[:60]):
        seen.add(moment.split)
        assert (moment.history.at < moment.history.now).all()
        if moment.split == "train":
            assert moment.history.now + WINDOW <= first
        if moment.split == "valid":
            assert first <= moment.history.now <= second - WINDOW
        if moment.split == "test":
            assert moment.history.now >= second
    assert seen == set(SPLITS)


def test_what_a_shopper_forgot_is_in_no_moment(shop: Shop) -> None:
    whole = list(moments(shop, shop.shoppers()[:60]))
    shopper = whole[0].shopper
    events = shop.events_of(shopper).select("item", "kind", "at").rows()
    gone = frozenset(digest(shopper, *event) for event in events if event[0] == shop.catalogue.ids[whole[0].taken[0]])
    left = [m for m in moments(shop, [shopper], hidden={shopper: gone}) if m.shopper == shopper]
    assert gone
    assert all(whole[0].taken[0] not in {*moment.taken, *moment.history.rows} for moment in left)


def test_only_shoppers_who_agreed_are_learnt_from(tmp_path: Path) -> None:
    folder = copy_of(sample_shop(), tmp_path / "shop")
    shop = Shop.open(folder)
    yes, no = shop.shoppers()[:2]
    with Memory.at(folder / "state.sqlite3") as memory:
        memory.set_consent(yes, Consent(prompt=True))
        memory.set_consent(no, Consent(prompt=False))
    few = Sizes(plan=1, infer=1, choose=1, explain=0)
    assert build(shop, tmp_path / "out", few)["shoppers_in"] == 1
    assumed = build(shop, tmp_path / "out", few, assume_consent=True)
    assert assumed["shoppers_out"] == 1


def test_an_example_is_the_prompt_that_serving_sends() -> None:
    world = made_up(3, "train")
    prompt = load_prompt("plan")
    turn = next(t for t in turns(world, "train") if t.conversation.plan is not None)
    slots = Slots.of(turn.message, turn.conversation, world.vocabulary)
    served = plan_messages(prompt, turn.message, turn.conversation, slots)
    assert plan_example(prompt, world, turn, "train").prompt == tuple(served)


def test_brief_data_ask_briefly_and_hide_the_right_thing_among_others_of_those_weeks(tmp_path: Path) -> None:
    shop = Shop.open(copy_of(sample_shop(), tmp_path / "shop"))
    build(shop, tmp_path / "out", Sizes(0, 40, 40, 30), assume_consent=True, brief=True)
    records = lines(tmp_path / "out" / "train.jsonl")
    systems = {load_prompt(task, "brief").system for task in ("infer", "choose", "explain")}
    assert {record["messages"][0]["content"] for record in records} == systems  # type: ignore[index]
    needs = [record["messages"][-1]["content"] for record in records if record["task"] == "infer"]  # type: ignore[index]
    assert all("query" not in need for need in needs)
    told = [record["messages"] for record in records if record["task"] == "explain"]
    assert len(told) == 30
    for _, asked, said in told:  # type: ignore[misc]
        assert asked["content"].count("\n") == 0, "one thing at a time"
        assert asked["content"].removeprefix("> ").split(" |")[0] in said["content"]


def test_other_things_to_choose_from_were_taken_by_others_in_the_same_weeks(shop: Shop) -> None:
    everybody = Taken.of(shop)
    at = {row: everybody.at[everybody.rows == row] for row in set(everybody.rows.tolist())}
    checked = 0
    for moment in moments(shop, shop.shoppers()[:30]):
        others = everybody.among(moment, 10, random.Random(0))
        own = {*moment.taken.tolist(), *moment.history.rows.tolist()}
        assert len(set(others)) == len(others)
        assert not own & {*others}
        for row in others:
            assert ((at[row] >= moment.history.now) & (at[row] < moment.history.now + WINDOW)).any()
        checked += len(others)
    assert checked > 100
    assert not shop.sensitive.mask[everybody.rows].any()


def test_all_shoppers_are_learnt_from_alike(tmp_path: Path) -> None:
    shop = Shop.open(sample_shop())
    few = [moment.shopper for moment in moments(shop, shop.shoppers(), most=1) if moment.split == "train"]
    many = [moment.shopper for moment in moments(shop, shop.shoppers(), most=9) if moment.split == "train"]
    assert len(few) == len(set(few)) == len(set(many))
    assert len(many) > 2 * len(few)


@pytest.mark.parametrize(
    ("title", "brand", "query"),
    [
        ("Fellhorn Trail Shoe 3, Men's, Blue", "Fellhorn", "trail shoe"),
        ("Otto and the Very Loud Library (hardback)", "", "otto and the very loud"),
        ("3M 500 - pack", "3M", ""),
        ("", "", ""),
    ],
)
def test_query_of_a_title(title: str, brand: str, query: str) -> None:
    assert query_of(title, brand) == query
