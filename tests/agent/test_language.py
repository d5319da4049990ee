"""Two languages: nothing is left untranslated, values keep their places, and a whole turn is told in Chinese."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from agent.language import LANGUAGES, Messages, preferred, speaking, spoken, steps_in
from agent.memory import Memory
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Message, Plan, Profile, Shown
from agent.turn import Assistant
from agent.wording import either, money, month, price_limits
from retrieval.schema import Constraints
from retrieval.shop import Shop
from tests.sentences import sentences
from tests.shops import sample_shop
from tests.ui.goods import AT

OTHERS = [language for language in LANGUAGES if language != "en"]
SHOWN = tuple(
    Shown(id=f"p:{n}", title=f"Kettle {n}", name=f"Kettle {n}", price_minor=1000 * n, currency="EUR", brand=f"B{n}")
    for n in (1, 2, 3)
)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("package", ["agent", "ui"])
def test_every_sentence_is_there_in_every_language_and_none_is_left_over(package: str, language: str) -> None:
    said, table = sentences(package), Messages(package).table(language)
    assert {text: where for text, where in said.items() if text not in table} == {}
    assert sorted(set(table) - set(said)) == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("package", ["agent", "ui"])
def test_translations_take_the_same_values_in_the_same_form(package: str, language: str) -> None:
    def values(text: str) -> list[tuple[str, str]]:
        return sorted((name, form or "") for _, name, form, _ in Formatter().parse(text) if name)

    for text, translated in Messages(package).table(language).items():
        assert values(text) == values(translated), text
        assert translated


def test_words_from_outside_are_no_template() -> None:
    say = Messages("agent")
    assert say("{name} costs {value}.", name="{value} {0}", value="€1") == "{value} {0} costs €1."


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE,de;q=0.9,zh;q=0.3", "zh"),
        ("fr", "en"),
        ("", "en"),
        ("zh;q=x", "en"),
    ],
)
def test_the_browser_says_which_language(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_a_language_holds_inside_only_also_around_a_generator() -> None:
    def told() -> object:
        yield spoken()
        yield spoken()

    steps = steps_in("zh", told())
    assert (next(steps), spoken(), next(steps), spoken()) == ("zh", "en", "zh", "en")
    with speaking("xx"):
        assert spoken() == "en"


def test_dates_lists_and_limits_in_chinese() -> None:
    with speaking("zh"):
        assert month(AT) == "2026年7月"
        assert either(["A", "B", "C"]) == "A，B或C"
        assert price_limits(Constraints(price_max=2000, currency="EUR"), "EUR") == "不超过 €20.00"
        assert money(None, "EUR") == "价格不明"
    assert month(AT) == "July 2026"


def test_a_whole_turn_is_told_in_chinese() -> None:
    shop = Shop.open(sample_shop())
    with Memory("sqlite://") as memory:
        profile = Profile(shopper=shop.shoppers()[0], language="zh")
        done = Assistant(shop, memory).reply("我接下来可能需要什么？", Conversation(), profile)
    told = done.reply.text
    names = [item.name for item in done.reply.receipt.items]
    data = {word for item in done.reply.receipt.items for word in re.findall(r"[A-Za-z]+", item.model_dump_json())}
    left = set(re.findall(r"[A-Za-z]+", told)) - data
    assert names
    assert "根据您的记录" in told
    assert left == set(), "only the shop's own words are not Chinese"
    assert all(
        "您" in item.reason or "顾客" in item.reason or "本店" in item.reason for item in done.reply.receipt.items
    )


def plan(words: str, base: Plan | None = None) -> Plan:
    answer = Message(role="assistant", text="", plan=base or Plan(query="kettle"), shown=SHOWN)
    vocabulary = Vocabulary(brands=("B1", "B2", "B3", "B4"), currency="EUR")
    return RulesPlanner(vocabulary).plan(words, Conversation(messages=(answer,)))


def test_chips_and_requests_in_chinese_do_what_they_say() -> None:
    assert plan("便宜一点").price_max == 1999
    assert plan("换个牌子").not_brands == ("B1", "B2", "B3")
    assert plan("换个牌子").query == "kettle"
    assert plan("只要有货的").in_stock
    assert set(plan("换一批").not_items) == {"p:1", "p:2", "p:3"}
    aisle = plan("换个品类")
    assert (aisle.act, aisle.query, set(aisle.not_items)) == (Act.RECOMMEND, "", {"p:1", "p:2", "p:3"})
    assert plan("给我一点惊喜").query == ""
    assert plan("我接下来可能需要什么？", Plan(query="kettle", recipient="sister")).recipient is None
    assert plan("不要塑料").exclude == ("塑料",)
    assert plan("50欧元以下的水壶").price_max == 5000


def test_comparing_in_chinese() -> None:
    assert plan("比较前两个").targets == ("p:1", "p:2")
    assert plan("第一个和第三个哪个更好？").targets == ("p:1", "p:3")
    assert (plan("对比一下").act, len(plan("对比一下").targets)) == (Act.COMPARE, 3)
