"""Readings that a review found wrong: the cheapest, numbered cards, the cart, ideas, allergies, ages, marketplaces.

Rows are as in `tests.agent.test_planner`; where the goods themselves bear on the reading, it is made with a vocabulary
of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.act import Actor
from agent.answer import answer, why
from agent.memory import Memory
from agent.planner.acts import EVERYTHING
from agent.planner.chinese_words import in_english
from agent.planner.covers import covered, with_covered
from agent.planner.recipient import age_words, is_age
from agent.planner.rules import RulesPlanner
from agent.schema import Act, Check, Conversation, Message, Plan, Profile, Shown
from retrieval.history import History
from retrieval.shop import Shop
from tests.agent.planner_shop import SHOWN, VOCABULARY, shown
from tests.agent.receipts import torch
from tests.agent.test_planner import C, E, K, R, S, check, row
from tests.shops import sample_shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


CARDS = (
    shown(1, "Acme jug, big", 3000, "Harbour", "Acme"),
    shown(2, "Kilo scale 0.1 g", 2500, "Harbour", "Kilo"),
    shown(3, "Brita jug, 3 l", 2000, "Harbour", "Brita"),
    shown(4, "Trek bottle", 900, "Harbour", "Trek & Co").model_copy(update={"beside": True}),
    shown(5, "Gold bottle", 9900, "Harbour", "Gold").model_copy(update={"beside": True}),
)
KNOWN = {
    "sock", "snack", "nut", "peanut", "walnut", "coconut", "milk", "egg", "black", "red", "white", "boot", "nephew",
    "butter", "toy",
}  # fmt: skip
PLANNER = RulesPlanner(replace(VOCABULARY, count=lambda term: 50 * (term in KNOWN)))


def said(*turns: str, cards: Sequence[Shown] = CARDS) -> Plan:
    """The plan after the last of some turns; every recommending turn shows the cards."""
    messages: tuple[Message, ...] = ()
    plan = Plan()
    for turn in turns:
        plan = PLANNER.plan(turn, Conversation(messages=messages))
        seen = tuple(cards) if plan.act is Act.RECOMMEND else ()
        messages += (Message(role="user", text=turn), Message(role="assistant", text="", plan=plan, shown=seen))
    return plan


POINTED = [
    row("jug | which one is the cheapest?", act="compare", targets=("s:3", "s:2", "s:1")),
    row("jug | which is the best value", act="compare", targets=("s:3", "s:2", "s:1")),
    row("jug | which of them is the most expensive?", act="compare", targets=("s:1", "s:2", "s:3")),
    row("jug | which costs the least?", act="compare", targets=("s:3", "s:2", "s:1")),
    row("jug | what is the cheapest one?", act=E, targets=("s:3",)),
    row("jug | the cheapest?", act=E, targets=("s:3",)),
    row("jug | what is the most expensive one?", act=E, targets=("s:1",)),
    row("jug | which is cheaper, the first or the second?", act="compare", targets=("s:1", "s:2")),
    row("jug | compare them", act="compare", targets=("s:1", "s:2", "s:3")),
    row("jug | compare 1 and 3", act="compare", targets=("s:1", "s:3")),
    row("jug | 1 vs 3", act="compare", targets=("s:1", "s:3")),
    row("jug | compare 1 and 4", act="compare", targets=("s:1", "s:4")),
    row("jug | compare the Brita one and the scale", act="compare", targets=("s:3", "s:2")),
]
CART = [
    *(
        row(f"jug | {words}", act=K, cart_op="remove", targets=(), question=EVERYTHING)
        for words in (
            "empty my cart",
            "clear the cart",
            "please clear my basket",
            "remove everything from my cart",
            "take everything out of my basket",
            "delete all items from the cart",
            "get rid of everything in my cart",
            "empty cart please",
            "清空购物车",
        )
    ),
    row("jug | don't empty my cart", act=K, cart_op="show"),
    row("jug | how do I empty my cart?", act=K, cart_op="show"),
    row("jug | remove everything from my cart except the first", act=K, cart_op="remove", targets=(), question=""),
    row("jug | throw everything in the cart", act=K, cart_op="add"),
    row("show me a clear bag", act=R, words="clear bag"),
]
IDEAS = [
    *(
        row(words, act=R, query="")
        for words in ("show me ideas", "give me some ideas", "inspire me", "ideas?", "I need a few good suggestions")
    ),
    row("socks | give me some ideas", act=R, query="socks"),
    row("show me ideas for the garden", act=R, query="garden"),
    row("show me backpack ideas", act=R, query="backpack"),
    row("I have no ideas", act=S),
]
REFUSALS = [
    row(
        "socks | I'm allergic to nuts: snacks please", query="snacks", include=(), exclude=("nuts", "peanut", "walnut")
    ),
    row("socks | I'm allergic to nuts, snacks please", query="snacks", exclude=("nuts", "peanut", "walnut")),
    row("snacks without nuts", query="snacks", exclude=("nuts", "peanut", "walnut")),
    row("snacks without nuts | nuts are fine after all", exclude=()),
    row("peanut butter without nuts", query="peanut butter", exclude=("nuts", "walnut")),
    row("snacks | allergic to nuts, milk and eggs", include=(), exclude=("nuts", "peanut", "walnut", "milk", "eggs")),
    row("headphones without wires, black and soft", exclude=("wires",), words="black soft"),
    row("boots without not wool", query="boots", exclude=("wool",)),
    row("boots | not no leather", query="boots", exclude=("leather",)),
    row("boots | unwanted no leather", query="boots", exclude=("leather",)),
    row("unwanted hair remover", words="unwanted hair remover", exclude=()),
]
AGES = [
    row("gift for my 5 year old nephew", act=R, recipient="5 year old nephew", include=("5 year old",)),
    row("gift for my 5 year old nephew | he likes dinosaurs", query="dinosaurs", include=()),
    row("gift for my 5 year old nephew | he likes dinosaurs | for my dad instead", recipient="dad", without="year old"),
    row("gift for my 5 year old nephew | for my dad instead", act=C, recipient="dad", include=()),
    row("70 year old man who likes fishing", query="fishing", recipient="70 year old man", include=()),
    row("gift for my 70 year old dad", act=C, recipient="70 year old dad", include=()),
    row("gift for my niece | she is 7", recipient="7 year old niece"),
    row("gift for my niece | she is 7 | unicorns | she is 8", recipient="8 year old niece", query="unicorns"),
    row("gift for my nephew, he is 5 years old", recipient="5 year old nephew", query=""),
    row("my 6-year-old niece loves unicorns", recipient="6-year-old niece", query="unicorns"),
    row("gift for a two year old girl", recipient="2 year old girl", query="", include=("2 year old girl",)),
    row("toys for my two-year-old son", recipient="2-year-old son", query="toys"),
    row("12 year old whisky", words="12 year old whisky", recipient=None),
]
ELSEWHERE = [
    row("headphones under 50 | from eBay", query="headphones", include=(), price_max=5000),
    row("headphones under 50 | on amazon please", query="headphones", include=(), price_max=5000),
    row("headphones under 50 from ebay", query="headphones", include=(), price_max=5000),
    row("headphones under 50 | from Zorblax", words="headphones", price_max=5000),
    row("headphones | from Harbour", query="headphones", platforms=("Harbour",)),
]
CHINESE = [
    row("socks | 不要黑色", query="socks", exclude=("black",)),
    row("黑色袜子 | 不要黑色的", query="socks", exclude=("black",)),
    row("袜子 | 不要黑色和红色", query="socks", exclude=("black", "red")),
    row("袜子 | 不要黑色，要白色", query="socks", include=("white",), exclude=("black",)),
    row("袜子 | 不要黑色 | 黑色", include=("black",), exclude=()),
    row("袜子 | 不要紫色", query="socks", exclude=("紫色",)),
    row("不要坚果的零食", query="snacks", exclude=("nuts", "peanut", "walnut")),
    row("socks | 第二个", act=E, targets=("s:2",), query="socks"),
    row("socks | 我要第三个", act=E, targets=("s:3",), query="socks"),
    row("socks | 第二个多少钱", act=E, targets=("s:2",), query="socks"),
    row("第二个", act=C, ask="item", query=""),
]


@pytest.mark.parametrize(("turns", "expected"), [*POINTED, *CART, *IDEAS, *REFUSALS, *AGES, *ELSEWHERE, *CHINESE])
def test_a_reading_that_a_review_found_wrong(turns: str, expected: dict[str, Any]) -> None:
    check(said(*turns.split(" | ")), expected)


def test_the_cheapest_of_suggestions_counts_where_nothing_else_is_shown() -> None:
    beside = [card.model_copy(update={"beside": True}) for card in SHOWN]
    assert said("jug", "the cheapest?", cards=beside).targets == ("s:1",)
    foreign = [CARDS[0], CARDS[1], CARDS[2].model_copy(update={"currency": "JPY"})]
    assert said("jug", "the cheapest?", cards=foreign).targets == ("s:2",)  # yen are not compared with dollars


def test_kinds_are_covered_only_where_they_are_meant() -> None:
    assert "peanut" in covered("nuts")
    assert covered("tree nuts") == covered("nut")
    assert covered("pine nuts") == covered("spring") == ()
    assert with_covered(["nuts", "ring"], {"walnut"}, lambda term: term != "peanut")[:3] == [
        "nuts",
        "hazelnut",
        "chestnut",
    ]


def test_chinese_is_translated_as_a_whole_or_not_at_all() -> None:
    everything = lambda term: int(term.isascii())  # noqa: E731 - a catalogue in English
    assert in_english("黑色的运动鞋", everything) == "black sneakers"
    assert in_english("黑", everything) == "black"
    assert in_english("量子袜子", everything) == "量子袜子"
    assert in_english("黑色", lambda _: 0) == "黑色"
    assert in_english("黑色", lambda _: 9) == "黑色"  # the catalogue is in Chinese


def test_ages_of_children_are_words_of_goods_and_those_of_grown_people_are_not() -> None:
    assert age_words("5 year old nephew") == "5 year old"
    assert age_words("3-month-old baby") == "3-month-old baby"
    assert age_words("70 year old man") == age_words("nephew") == ""
    assert is_age("5 years old")
    assert not is_age("5 pack")


def test_what_is_not_wanted_is_told_once() -> None:
    item = torch()
    kept = Check(constraint="unwanted", asked="no leather", found="not mentioned", passed=True)
    told = " ".join(why(item.model_copy(update={"checks": (kept,)})))
    assert "no leather" in told
    assert "unwanted" not in told


def test_the_cheapest_is_answered_with_its_price_and_a_place_alone_with_a_summary() -> None:
    item = torch()
    assert "costs" in answer(item, "what is the cheapest one?")[0]
    assert answer(item, "第二个") == answer(item, "我要第二个") != why(item)


def test_the_whole_cart_is_emptied_and_told(shop: Shop, tmp_path: Path) -> None:
    memory = Memory(f"sqlite:///{tmp_path}/state.sqlite3")
    actor = Actor(shop, memory, 6, 2)
    for item in (shop.catalogue.ids[0], shop.catalogue.ids[1], "gone:from-the-shop"):
        memory.cart_add("mia", item, 2)
    plan = Plan(act=Act.CART, cart_op="remove", question=EVERYTHING)
    history = History.empty(shop.now)
    acted = actor.act(plan, "empty my cart", Conversation(), Profile(shopper="mia"), history)
    assert memory.cart("mia") == []
    assert acted.cart == ()
    assert acted.receipt.notes == ("I took everything out of your cart.", "Your cart is empty.")
    assert len(acted.receipt.items) == 2
    again = actor.act(plan, "empty my cart", Conversation(), Profile(shopper="mia"), history)
    assert again.receipt.notes == ("Your cart is empty.",)
    vague = actor.act(
        Plan(act=Act.CART, cart_op="remove"), "remove it", Conversation(), Profile(shopper="mia"), history
    )
    assert vague.receipt.plan.act is Act.CLARIFY
