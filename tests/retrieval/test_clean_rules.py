"""The rules that see more than one row: cancellations, robots, spelling, brands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from retrieval.cleaning.brands import derive_brands
from retrieval.cleaning.orders import settle
from retrieval.cleaning.robots import robots
from retrieval.cleaning.spelling import respell, spellings

START = datetime(2024, 1, 1, tzinfo=UTC)


def settled(*rows: tuple[str, int | None, float]) -> tuple[list[tuple[str, float]], list[str]]:
    """(kind, price, quantity) rows of one shopper and item, in time order: what remains, and why the others go."""
    frame = pl.DataFrame(
        [("u", "i", kind, price, quantity) for kind, price, quantity in rows],
        schema={
            "shopper": pl.String,
            "item": pl.String,
            "kind": pl.String,
            "value_minor": pl.Int64,
            "quantity": pl.Float64,
        },
        orient="row",
    )
    kept, gone = settle(frame)
    return list(kept.select("kind", "quantity").iter_rows()), gone["reason"].to_list()


def test_the_latest_purchase_of_the_same_quantity_and_price_is_cancelled_first() -> None:
    kept, gone = settled(("purchase", 5, 2), ("purchase", 5, 3), ("purchase", 6, 2), ("cancel", 5, 2))
    assert kept == [("purchase", 3), ("purchase", 2)]
    assert gone == ["cancelled", "cancellation"]


def test_a_part_cancelled_leaves_the_rest_and_a_large_one_takes_several() -> None:
    assert settled(("purchase", 5, 6), ("cancel", 5, 2)) == ([("purchase", 4)], ["cancellation"])
    kept, gone = settled(("purchase", 5, 2), ("purchase", 5, 3), ("cancel", 5, 4))
    assert kept == [("purchase", 1)]
    assert gone == ["cancelled", "cancellation"]
    kept, gone = settled(("purchase", 5, 6), ("cancel", 5, 2), ("cancel", 5, 4))
    assert kept == []
    assert sorted(gone) == ["cancellation", "cancellation", "cancelled"]


def test_a_cancellation_undoes_only_what_came_before_it() -> None:
    assert settled(("cancel", 5, 2), ("purchase", 5, 2)) == ([("purchase", 2)], ["cancellation"])


def test_views_are_not_undone() -> None:
    assert settled(("view", 5, 1), ("return", 5, 1)) == ([("view", 1), ("return", 1)], [])


def acts(
    shopper: str, day: int, count: int, seconds: float = 1, order: str | None = None, hour: int = 8
) -> pl.DataFrame:
    at = [START + timedelta(days=day, hours=hour, seconds=seconds * i) for i in range(count)]
    schema = {"shopper": pl.String, "at": pl.Datetime("us", "UTC"), "order": pl.String}
    return pl.DataFrame({"shopper": [shopper] * count, "at": at, "order": [order] * count}, schema=schema)


def found(*frames: pl.DataFrame) -> list[str]:
    humans = [acts(f"human{i}", day, 3, 60) for i in range(20) for day in range(3)]
    return robots(pl.concat([*humans, *frames]).lazy())["shopper"].to_list()


def test_robots_by_burst_by_steadiness_and_by_never_sleeping() -> None:
    burst = acts("burst", 0, 1_000)
    steady = pl.concat([acts("steady", day, 200) for day in range(5)])
    awake = pl.concat([acts("awake", day, 120, 720, hour=0) for day in range(3)])  # every twelve minutes, day and night
    assert found(burst, steady, awake) == ["awake", "burst", "steady"]


def test_heavy_people_are_no_robots() -> None:
    wholesaler = pl.concat([acts("wholesaler", day, 900, 0, f"invoice {day}") for day in range(60)])
    collector = acts("collector", 0, 900)
    busy = pl.concat([acts("busy", day, 150, 60) for day in range(90)])
    four_days = pl.concat([acts("sale", day, 300) for day in range(4)])
    assert found(wholesaler, collector, busy, four_days) == []


def test_where_everybody_is_busy_busy_is_usual() -> None:
    raters = [acts(f"rater{i}", 0, 100) for i in range(40)]
    assert robots(pl.concat([*raters, acts("fan", 0, 2_000)]).lazy()).height == 0
    assert robots(pl.concat([*raters, acts("fan", 0, 20_000)]).lazy())["shopper"].to_list() == ["fan"]


def test_the_most_usual_spelling_stands_and_ties_are_settled() -> None:
    names = pl.DataFrame({"name": ["PET_FOOD", "Pet Food", "SHOE", "Shoe", "***", "+++"], "n": [3, 2, 1, 1, 1, 1]})
    assert spellings(names) == {"Pet Food": "PET_FOOD", "SHOE": "Shoe"}
    assert respell(pl.Series(["Levi's", "LEVI'S", "Levi's", None])).to_list() == ["Levi's", "Levi's", "Levi's", None]


GOODS = ("Kettle", "Toaster", "Blender", "Mixer", "Grill", "Iron", "Lamp", "Fan", "Scale", "Clock")


def brands(titles: list[str], category: str | None = None) -> list[str | None]:
    categories = [category or f"C{i % 4}" for i in range(len(titles))]
    frame = pl.DataFrame({"title": titles, "category": categories, "brand": [None] * len(titles)})
    return derive_brands(frame.cast(pl.String)).to_list()


def test_a_word_that_leads_titles_and_stands_nowhere_else_is_a_brand() -> None:
    titles = [f"Velmora {good} with wireless Timer" for good in GOODS]
    titles += [f"Wireless {good}, Steel" for good in GOODS] + [f"Steel {good} Wireless" for good in GOODS]
    assert brands(titles) == ["Velmora"] * 10 + [None] * 20


def test_goods_made_for_a_brand_are_not_the_brand_s() -> None:
    titles = [f"Velmora {good}" for good in GOODS] + [f"{good} Cover for Velmora {good}" for good in GOODS]
    assert brands(titles) == ["Velmora"] * 10 + [None] * 10


def test_names_of_several_words() -> None:
    titles = [f"Hamber Peach {good}" for good in GOODS] + [f"{good} Holder, Peach Colour" for good in GOODS]
    titles += [f"Orm & Hollis {good}" for good in GOODS] + [f"{good} Shelf Under Counter" for good in GOODS]
    titles += [f"Under Armitage {good} Jacket" for good in GOODS]
    want = ["Hamber Peach"] * 10 + [None] * 10 + ["Orm & Hollis"] * 10 + [None] * 10 + ["Under Armitage"] * 10
    assert brands(titles) == want


def test_too_few_titles_books_and_capitals_show_no_brand() -> None:
    assert brands([f"Velmora {good}" for good in GOODS[:4]]) == [None] * 4
    assert brands([f"Velmora {good}" for good in GOODS], "ABIS_BOOK") == [None] * 10
    assert brands([f"VELMORA {good}".upper() for good in GOODS]) == [None] * 10


def test_one_brand_in_two_spellings_is_one_and_a_known_brand_stays() -> None:
    titles = [f"Velmora {good}" for good in GOODS] + [f"VELMORA {good}" for good in GOODS[:4]]
    assert set(brands(titles)) == {"Velmora"}
    frame = pl.DataFrame(
        {"title": [f"Velmora {g}" for g in GOODS], "category": ["C"] * 10, "brand": ["Acme"] + [None] * 9}
    )
    assert derive_brands(frame).to_list() == ["Acme"] + ["Velmora"] * 9
