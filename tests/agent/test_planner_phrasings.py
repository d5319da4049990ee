"""The many ways in which shoppers say the same: openings, asides, slips, answers, limits, what a thing is for."""

from __future__ import annotations

from typing import Any

import pytest

from agent.planner.plainer import mended, plainer
from tests.agent.planner_shop import VOCABULARY, talk
from tests.agent.test_planner import C, E, K, R, S, X, check, row

OPENINGS = [
    row("I'm hunting for a teapot", query="teapot", include=()),
    row("bring up some teapots", query="teapots", include=()),
    row("help me choose a teapot under 40", query="teapot", price_max=4000),
    row("pick out a teapot, please", query="teapot", include=()),
    row("a teapot is what I'm after", query="teapot", include=()),
    row("it's time for a teapot", query="teapot", include=()),
    row("we ran out of candles", query="candles", include=()),
    row("jug | let's switch to candles", query="candles", include=()),
    row("jug | moving on, candles", query="candles", include=()),
    row("jug under 20 | next on my shopping list is a candle", query="candle", price_max=None, not_items=()),
    row("jug | another thing I need is a candle", query="candle", include=(), not_items=()),
    row("jug | my next purchase should be a candle", query="candle", include=(), not_items=()),
    row("jug | what about a candle?", query="candle", include=()),
    row("jug | different topic: candles", query="candles", include=()),
]
ASIDES = [
    row("My old one broke yesterday. I need a teapot", query="teapot", include=()),
    row("I saw it in a magazine. do you have a teapot?", query="teapot", include=()),
    row("listen, I need a teapot", query="teapot", include=()),
    row("id like a teapot", query="teapot", include=()),
    row("My cat is allergic. I need a bowl without plastic", query="bowl", exclude=("plastic",)),
    row("My budget is 30. I need a teapot", query="teapot", price_max=3000),
    row("I hate wool. I need a scarf", query="scarf", exclude=("wool",)),
    row("I forgot my limit is 30. I need a teapot", query="teapot", price_max=3000),
]
ANSWERS = [
    row("jug | whatever", act=R, query="jug", include=()),
    row("jug | just a normal one", act=R, query="jug", include=()),
    row("jug | I'm not sure", act=R, query="jug", exclude=()),
    row("jug | let me see them", act=R, query="jug", include=()),
    row("jug | mainly for the balcony", act=R, query="jug for the balcony", include=()),
    row("jug | I need it for gardening", act=R, query="jug for gardening", include=()),
    row("jug | it's for picnics", act=R, query="jug for picnics"),
    row("jug | it's for my sister", query="jug", recipient="sister"),
    row("jug | I'd like to see it first, in blue", query="jug"),
]
LIMITS = [
    row("jug | not the cheap stuff, 30 or more", price_min=3000, price_max=None, include=(), not_items=()),
    row("jug | nothing cheaper than 25", price_min=2500, price_max=None, query="jug"),
    row("jug | anything over 80 is too much", price_max=8000, price_min=None, query="jug"),
    row("jug | the price should start at 20", price_min=2000, price_max=None, query="jug"),
    row("jug | I'd rather not buy at Harbour", not_platforms=("Harbour",), platforms=(), query="jug"),
    row("jug | no Harbour offers please", not_platforms=("Harbour",), exclude=(), query="jug"),
    row("jug | leave out plastic", exclude=("plastic",), query="jug"),
    row("jug | hide the sold out ones", in_stock=True, include=(), query="jug"),
    row("jug | it must be available right away", in_stock=True, include=(), query="jug"),
    row("a jug not from Harbour over 20", price_min=2000, price_max=None, not_platforms=("Harbour",)),
    row("a jug among mugs", query="jug", categories=("Mugs",)),
    row("jug | a lid is a must", query="jug", include=("lid",)),
    row("jug | I want one with a lid", query="jug", include=("lid",)),
    row("jug | could it be round?", act=R, query="round jug", include=()),
]
SHOWN_ITEMS = [
    row("jug | take option 1 away", act=R, not_items=("s:1",), query="jug"),
    row("jug | remove the first from the list", act=R, not_items=("s:1",), query="jug"),
    row("jug | don't show me #3 again", act=R, not_items=("s:3",), query="jug"),
    row("jug | which is better, the first or the second?", act=X, targets=("s:1", "s:2")),
    row("jug | why 3 and not 2?", act=X, targets=("s:3", "s:2")),
    row("jug | item 2 is pretty", act=S, targets=("s:2",), query="jug"),
    row("jug | make it 3 of option 2", act=K, cart_op="add", quantity=3, targets=("s:2",)),
    row("jug | 2 of number 4", act=K, cart_op="add", quantity=2, targets=("s:4",)),
    row("jug | I have a question about item 3", act=E, targets=("s:3",), question="I have a question about item 3"),
]
OTHERS = [
    row("what would suit me?", act=R, query="", include=()),
    row("jug | based on my last orders, what should I get?", act=R, query="", not_items=("s:1", "s:2", "s:3", "s:4")),
    row("anything I might like?", act=R, query=""),
    row("how tall is Everest?", act=S),
    row("jug | book me a flight to Oslo", act=S, query="jug"),
    row("I have a question about a product", act=C, query="", ask="kind"),
]


@pytest.mark.parametrize(("message", "expected"), [*OPENINGS, *ASIDES, *ANSWERS, *LIMITS, *SHOWN_ITEMS, *OTHERS])
def test_many_ways_to_say_it_are_understood(message: str, expected: dict[str, Any]) -> None:
    check(talk(*message.split(" | ")), expected)


@pytest.mark.parametrize(
    ("slip", "word"),
    [("plaese", "please"), ("somethin", "something"), ("recomend", "recommend"), ("shwo", "show"), ("Coudl", "Could")],
)
def test_slips_in_words_of_asking_are_mended(slip: str, word: str) -> None:
    assert mended(slip, VOCABULARY) == word


@pytest.mark.parametrize(
    "goods", ["shoes", "tanks", "remote", "shaving", "cooking", "mothers", "pants", "thing", "blanket"]
)
def test_goods_and_other_words_are_no_slips(goods: str) -> None:
    assert mended(goods, VOCABULARY) == goods


@pytest.mark.parametrize(
    "message", ["", "?", "listen,", "my old one broke.", "🙂", "@q@", "\\1 of \\2", "is that possible?"]
)
def test_something_is_always_left_to_read(message: str) -> None:
    assert plainer(message, VOCABULARY).strip() == message.strip() or any(
        map(str.isalnum, plainer(message, VOCABULARY))
    )
