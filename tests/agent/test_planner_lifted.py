"""Limits that are lifted, brands and offers that are turned down, and questions about nothing shown.

Rows are as in `tests.agent.test_planner`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.planner_shop import talk
from tests.agent.test_planner import C, E, K, R, S, check, row

LIFTED = [
    row("jug under 30 | remove the price limit", act=R, query="jug", price_max=None, cart_op=None),
    row("black jug | remove the colour", act=R, query="jug", cart_op=None),
    row("Acme jug | remove the brand please", act=R, query="jug", brands=(), cart_op=None),
    row("jug from Harbour | remove the shop filter", act=R, platforms=(), cart_op=None),
    row("blue Acme jug under 30 | clear all filters", act=R, query="jug", brands=(), price_max=None, cart_op=None),
    row("jug under 30 | remove the limit", act=R, query="jug", price_max=None),
    row("jug under 30 | take the limit off", act=R, query="jug", price_max=None, cart_op=None),
    row("jug under 30 | drop the price filter", act=R, query="jug", price_max=None),
    row("jug in stock on sale | clear all filters", query="jug", in_stock=False, include=()),
    row("jug, not Brita | clear all filters", query="jug", not_brands=()),
    row("jug | another brand | any brand is fine", query="jug", not_brands=()),
    row("a water jug without filter", query="water jug", exclude=("filter",)),
    row("jug | remove the filter", act=K, targets=("s:1",), cart_op="remove"),
    row("black jug | remove the blue one", act=K, targets=("s:3",), cart_op="remove"),
    row("jug | remove the Brita", act=K, targets=("s:1",), cart_op="remove"),
]

BRANDS = [
    row("jug | not that brand", not_brands=("Brita", "Acme", "Kilo"), not_items=()),
    row("jug | not these brands", not_brands=("Acme", "Brita", "Kilo"), not_items=()),
    row("jug | nothing from the last brand you showed", act=R, not_brands=("Acme",), not_items=()),
    row("jug | another brand | a warm blanket under 60", query="warm blanket", not_brands=()),
    row("jug | another brand | in blue", not_brands=("Brita", "Acme", "Kilo")),
    row("jug, not Brita | a warm blanket", query="warm blanket", not_brands=("Brita",)),
]

OFFERS = [
    row("jug on sale", query="jug", include=("promotion",)),
    row("jug on sale | not only on sale", query="jug", include=()),
    row("jug on sale | it does not need to be on sale", query="jug", include=()),
    row("jug on sale | full price is fine too", query="jug", include=()),
    row("jug on sale | remove the wish for an offer", query="jug", include=(), cart_op=None),
    row("jug, not on sale", query="jug", include=()),
    row("jug | is that a good deal?", act=E, include=()),
    row("any deals on jugs?", query="jugs", include=("promotion",)),
]

OF_NOTHING = [
    row("how big is it?", act=C, ask="kind", query=""),
    row("compare the first two", act=C, ask="kind", query=""),
    row("is it better to have down or synthetic sleeping bags?", act=R),
    row("can they deliver to Norway?", act=S),
    row("is this safe for kids?", act=C, ask="kind", query=""),
    row("what about the first one", act=C, ask="kind", query=""),
    row("which is better, the first or the second", act=C, ask="kind", query=""),
    row("is this blue mug in stock", act=R, query="blue mug", in_stock=True),
    row("is it possible to get a lamp", act=R, query="lamp"),
    row("does this shop sell mugs", act=R, query="mugs"),
]

NEEDS = [
    row("a blanket | no wool pls, im allergic", query="blanket", exclude=("wool",), include=()),
    row("snacks, my son is allergic to nuts", query="snacks", exclude=("nuts",)),
    row("gift for wife, budget 1.500 euros", recipient="wife", price_max=150000, currency="EUR", query=""),
    row("gift for my brother, about 40 | something smaller maybe", query="", include=("smaller",), price_max=4800),
    row("gift for my dad | a lighter", query="lighter", recipient="dad"),
    row("a lamp, size: 38-45", price_max=None),
    row("novel, 2010-2020", price_max=None),
    row("a lamp, 20-30 | not 20-30, 30-40", query="lamp", price_min=3000, price_max=4000, exclude=()),
    row("running socks, 39-42", query="running socks", price_min=None, price_max=None),
    row("toys for kids, 3-5", price_max=None),
    row("a lamp, size 20-30", query="lamp", price_min=None),
]


@pytest.mark.parametrize(("turns", "expected"), [*LIFTED, *BRANDS, *OFFERS, *OF_NOTHING, *NEEDS])
def test_a_reading(turns: str, expected: dict[str, Any]) -> None:
    check(talk(*(turn.strip() for turn in turns.split("|"))), expected)
