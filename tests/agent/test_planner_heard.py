"""Follow-ups and asides as shoppers say them: several places, the cheaper of two, what is known of them, returns."""

from __future__ import annotations

import pytest

from agent.memory import Memory
from agent.planner.acts import BESIDE, PAST
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Message, Plan, Profile
from agent.turn import Assistant
from retrieval.shop import Shop
from tests.agent.planner_shop import SHOWN, talk
from tests.shops import sample_shop

IDS = [item.id for item in SHOWN]


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("add the second and third to my cart", (1, 2)),
        ("put the first and the third into my cart", (0, 2)),
        ("add the first, second and third to the basket", (0, 1, 2)),
    ],
)
def test_every_place_that_is_named_goes_into_the_cart(said: str, places: tuple[int, ...]) -> None:
    plan = talk("a jug", said)
    assert (plan.act, plan.cart_op) == (Act.CART, "add")
    assert set(plan.targets) == {IDS[place] for place in places}


def test_the_cheaper_one_after_comparing_is_one_of_those_compared() -> None:
    by_price = sorted(SHOWN, key=lambda item: item.price_minor or 0)
    dearest, cheapest = [item for item in by_price if item.price_minor][-2:], by_price[0]
    places = [IDS.index(item.id) + 1 for item in dearest]
    plan = talk("a jug", f"compare {places[0]} and {places[1]}", "I'll take the cheaper one")
    assert plan.targets == (dearest[0].id,)
    assert plan.targets != (cheapest.id,)
    both = talk("a jug", f"compare {places[0]} and {places[1]}", "add both to my cart")
    assert set(both.targets) == {item.id for item in dearest}
    assert talk("a jug", "I'll take the cheapest one").targets == (cheapest.id,)


@pytest.mark.parametrize(
    "said",
    [
        "forget that I bought the wool throw",
        "forget everything about me",
        "please delete my order history",
        "what do you know about me?",
        "stop tracking me",
    ],
)
def test_what_is_known_of_the_shopper_is_no_search(said: str) -> None:
    assert talk("a jug", said).act is Act.CHITCHAT


@pytest.mark.parametrize(
    "said",
    [
        "forget about red",
        "forget the colour",
        "tell me all about the first one",
        "forget I looked at mugs, I want a kettle",
        "forget about me, it's for my wife",
        "baby book all about me",
        "vinyl brush to clear my records",
        "I need a kettle, can I return a kettle if it leaks?",
        "how do I return the favour? a gift for a neighbour",
        "how much did I pay for coffee? find me cheaper coffee",
    ],
)
def test_what_names_goods_is_a_search_whatever_else_it_says(said: str) -> None:
    assert talk("a red jug", said).act is not Act.CHITCHAT


@pytest.mark.parametrize("said", ["is it not for cats?", "no thanks, not for tonight", "the second is not for you"])
def test_questions_and_talk_refuse_nothing(said: str) -> None:
    assert talk("a jug", said).exclude == ()


@pytest.mark.parametrize("said", ["can I return the kettle?", "how do I send back something"])
def test_returns_are_the_shops_service(said: str) -> None:
    assert talk(said).act is Act.CHITCHAT


@pytest.mark.parametrize("said", ["what did I buy in October?", "how much did I spend on cat food?"])
def test_past_purchases_are_told(said: str) -> None:
    assert talk(said).question == PAST


def test_what_it_is_not_for_is_not_wanted() -> None:
    plan = talk("water filter for hiking not for kitchen")
    assert (plan.query, plan.exclude, plan.include) == ("water filter for hiking", ("kitchen",), ())
    assert talk("not for me, for my husband").exclude == ()


def test_what_goes_with_goods_that_are_named_is_of_other_aisles() -> None:
    plan = talk("what goes well with a camping stove?")
    assert (plan.query, plan.question) == ("camping stove", BESIDE)


def chinese(said: str) -> Plan:
    shown = Message(role="assistant", text="", plan=Plan(query="kettle"), shown=SHOWN)
    rules = RulesPlanner(
        Vocabulary(currency="EUR", count=lambda word: int(word in {"dark", "roast", "coffee", "bean", "bookshelf"}))
    )
    return rules.plan(said, Conversation(messages=(shown,)))


def test_chinese_refusals_sums_and_questions_of_the_shop() -> None:
    assert chinese("不要第二个牌子").not_brands == (SHOWN[1].brand,)
    assert chinese("咖啡豆 不要深烘").exclude == ("dark roast",)
    about = chinese("水壶 50欧左右")
    assert (about.price_min, about.price_max, about.currency) == (4000, 6000, "EUR")
    for said in ("最多50元左右", "大约50元以下"):
        assert (chinese(f"水壶 {said}").price_min, chinese(f"水壶 {said}").price_max) == (None, 5000)
    assert chinese("尺码42左右的水壶").price_max is None
    for said in ("你能做什么？", "怎么退货？", "删除我的数据"):
        assert chinese(said).act is Act.CHITCHAT
    for said in ("有三年保修的咖啡豆", "忘记我刚才说的，我要咖啡豆", "可更换货架的书柜"):
        assert chinese(said).act is Act.RECOMMEND
    assert (chinese("不要第九个牌子").act, chinese("不要第九个牌子").ask) == (Act.CLARIFY, "item")


def test_what_is_refused_in_unknown_chinese_is_told_and_not_promised() -> None:
    with Memory("sqlite://") as memory:
        profile = Profile(language="zh")
        done = Assistant(Shop.open(sample_shop()), memory).reply("不要紫薯味的咖啡", Conversation(), profile)
    assert done.reply.receipt.plan.exclude == ()
    assert "没有“紫薯味”" in done.reply.text
