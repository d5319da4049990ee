"""Limits that were once lost or made up, each by the mechanism that now gets them right.

Rows are as in `tests.agent.test_planner`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agent.planner.amounts import MOST, amounts
from agent.planner.money import Price, read_price
from agent.planner.tokens import Text
from tests.agent.planner_shop import talk
from tests.agent.test_planner import check, row

AFTER_PEOPLE = [
    row("toys for kids under 50", query="toys for kids", price_max=5000),
    row("gift for children under 30", price_max=3000, without="30"),
    row("a tent for 4 people under 300", query="tent for 4 people", price_max=30000),
    row("a tent for 4 people under 50", query="tent for 4 people", price_max=5000),
    row("tent for 4 people under €300", query="tent for 4 people", price_max=30000, currency="EUR"),
    row("tent for 4 people under 300 euros", query="tent for 4 people", price_max=30000, currency="EUR"),
    row("toys for kids under $5", query="toys for kids", price_max=500),
    row("game for kids between 20 and 50", query="game for kids", price_min=2000, price_max=5000),
    row("headphones 2023 model under 100", query="headphones 2023 model", price_max=10000),
    row("laptop with windows under 500", query="laptop with windows", price_max=50000),
    row("another option under 50", price_max=5000),
]

NO_PRICE = [
    row(said, price_min=None, price_max=None)
    for said in (
        "toys for kids under 5",
        "toys for kids up to 5",
        "toys for children under 12",
        "stroller for 2 kids under 5",
        "game for kids between 5 and 8",
        "gift for people over 60",
        "laptop windows under 11",
        "sunscreen spf over 50",
        "shoes size under 40",
        "chair for people over 250 pounds",
        "car seat for toddlers up to 40 pounds",
        "harness for dogs under 50 pounds",
        "parcel weighing under 5 pounds",
        "lamp under -5 euros",
        "lamp under €-5",
        "lamp under -€5",
        "lamp under minus five dollars",
    )
]

SUMS = [
    row("lamp between twenty and forty euros", query="lamp", price_min=2000, price_max=4000, currency="EUR"),
    row("lamp between twenty and forty", query="lamp", price_min=2000, price_max=4000),
    row("lamp between a hundred and two hundred", query="lamp", price_min=10000, price_max=20000),
    row("lamp under a hundred and fifty", query="lamp", price_max=15000),
    row("lamp no dearer than 40", query="lamp", price_max=4000),
    row("lamp not more expensive than 40", query="lamp", price_max=4000),
    row("lamp under €1e9", query="lamp", price_max=10**11, include=(), currency="EUR"),
    row("headphones for free", query="headphones", price_max=0),
    row("headphones for free | headphones under 80", query="headphones", price_max=8000),
    row("buy a mug, get one for free", price_max=None, without="free"),
    row("stand for free weights", price_max=None, words="free weight"),
]

CURRENCIES = [
    row(f"headphones under {said} | black", words="headphone", without=f"{said} 40", price_max=4000, currency=code)
    for said, code in {
        "40 bitcoin": "BTC",
        "₿40": "BTC",
        "40 kr": "kr",
        "kr 40": "kr",
        "40 kroner": "kr",
        "40 pesos": "MXN",
        "40 dirhams": "AED",
        "40 rubles": "RUB",
        "40 shekels": "ILS",
    }.items()
]


@pytest.mark.parametrize(("turns", "expected"), [*AFTER_PEOPLE, *NO_PRICE, *SUMS, *CURRENCIES])
def test_limits_are_read_as_they_were_said(turns: str, expected: dict[str, Any]) -> None:
    check(talk(*turns.split(" | ")), expected)


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("twenty and forty", ["20", "40"]),
        ("twenty forty", ["20", "40"]),
        ("twenty five", ["25"]),
        ("between one hundred and two hundred", ["100", "200"]),
        ("a hundred and fifty", ["150"]),
        ("a thousand and two thousand", ["1000", "2000"]),
        ("two thousand three hundred and five", ["2305"]),
        ("one million two hundred thousand", ["1200000"]),
        ("5 e27 bulbs", ["5"]),
        ("1e3", ["1000"]),
    ],
)
def test_numbers_in_words_end_where_another_begins(said: str, values: list[str]) -> None:
    assert [amount.value for amount in amounts(Text(said), "USD")] == [Decimal(value) for value in values]


def test_a_sum_beyond_all_bounds_is_capped() -> None:
    assert amounts(Text("€1e99"), "USD")[0].minor("USD") == MOST


def test_crowns_are_the_shops_own_where_it_trades_in_crowns() -> None:
    assert amounts(Text("500 kr"), "NOK")[0].currency == "NOK"
    assert amounts(Text("500 kr"), "USD")[0].currency == "kr"


@pytest.mark.parametrize(
    ("said", "high", "currency"),
    [
        ("headphones under 50 zorkmids", 5000, "zorkmids"),
        ("headphones under 50 quatloos, please", 5000, "quatloos"),
        ("puzzle under 500 parts", None, None),  # goods have the word, so it may be what is counted
        ("jacket under 80 goretex", None, None),
        ("knife under 20 centimeters", None, None),
        ("headphones under 50 zorkmids wide", None, None),
        ("toys for kids under 5 zorkmids", None, None),
        ("headphones 50 zorkmids", None, None),
    ],
)
def test_an_unknown_unit_is_asked_about_and_not_searched_for(said: str, high: int | None, currency: str | None) -> None:
    text = Text(said)
    price = read_price(text, "USD", sells=lambda word: word == "parts")
    assert (price.high, price.currency) == (high, currency)
    free = [token.low for token, taken in zip(text.tokens, text.taken, strict=True) if not taken]
    assert high is None or currency not in free


@pytest.mark.parametrize(
    ("price", "earlier", "left"),
    [
        (Price(high=2500, currency="USD"), (2400, 3600, "USD"), (None, None)),  # "around 30", "my budget is 25"
        (Price(high=100000, currency="USD"), (2400, 3600, "USD"), (None, None)),
        (Price(low=2000, currency="USD"), (2399, 3599, "USD"), (None, None)),
        (Price(high=4000, currency="EUR"), (1000, None, "USD"), (None, None)),
        (Price(high=3000, currency="USD"), (1000, 4000, "USD"), (1000, 4000)),  # said, not implied
        (Price(high=3000, currency="USD"), (1000, None, "USD"), (1000, None)),
        (Price(), (2400, 3600, "USD"), (2400, 3600)),
        (Price(clear=True), (1000, None, "USD"), (None, None)),
    ],
)
def test_limits_that_around_implied_go_with_a_new_limit(
    price: Price, earlier: tuple[int | None, int | None, str | None], left: tuple[int | None, int | None]
) -> None:
    assert price.over(*earlier) == left


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        row("lamp around 30 | my budget is 25", query="lamp", price_min=None, price_max=2500),
        row("usb cable 6 ft | between $8 and $15 | pack of 3", words="cable pack", price_min=800, price_max=1500),
        row("headphones under 50 zorkmids", query="headphones", price_max=5000),
    ],
)
def test_an_old_floor_falls_a_pack_joins_and_units_that_nobody_sells_do_not_stick(turns: str, expected: Any) -> None:
    check(talk(*turns.split(" | ")), expected)
