"""The sample market: the same call makes the same files, they read like a shop, and the truth is in the events."""

from __future__ import annotations

import json
import random
import re
import statistics
import string
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.errors import FeedError
from retrieval.feeds import open_feed
from retrieval.market import Truth, generate
from retrieval.market import tables as market_tables
from retrieval.market.people import invite
from retrieval.schema import Availability, EventKind
from retrieval.sensitive import Sensitive

UNTIL = date(2026, 11, 15)
FILES = ("items.jsonl", "events.csv", "truth.json", "README.md")
WINDOW = timedelta(days=180)

Item = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    started = time.process_time()
    made = generate(tmp_path_factory.mktemp("market") / "new")
    assert time.process_time() - started < 20
    return made


@pytest.fixture(scope="module")
def items(folder: Path) -> dict[str, Item]:
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    by_id = {row["item"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id


@pytest.fixture(scope="module")
def events(folder: Path) -> pl.DataFrame:
    frame = pl.read_csv(folder / "events.csv", schema_overrides={"value": pl.String})
    return frame.with_columns(pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.replace_time_zone("UTC"))


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return Truth.load(folder)


@pytest.fixture(scope="module")
def first(items: dict[str, Item], events: pl.DataFrame) -> dict[str, dict[str, datetime]]:
    """When each shopper first bought in each category: category -> shopper -> time."""
    bought: dict[str, dict[str, datetime]] = {}
    rows = events.filter(pl.col("kind") == "purchase").sort("at").select("shopper", "item", "at").iter_rows()
    for shopper, item, at in rows:
        bought.setdefault(items[item]["category"], {}).setdefault(shopper, at)
    return bought


def test_the_same_call_makes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    one, same = generate(tmp_path / "a", shoppers=30), generate(tmp_path / "b", shoppers=30)
    assert all((one / name).read_bytes() == (same / name).read_bytes() for name in FILES)
    other = generate(tmp_path / "c", shoppers=30, seed=8)
    assert all((one / name).read_bytes() != (other / name).read_bytes() for name in FILES)
    again = generate(tmp_path / "c", shoppers=30)
    assert all((one / name).read_bytes() == (again / name).read_bytes() for name in FILES)


@pytest.mark.parametrize(("seed", "until"), [(1, date(2025, 3, 2)), (99, date(2028, 2, 29))])
def test_other_seeds_and_days_make_whole_markets_too(tmp_path: Path, seed: int, until: date) -> None:
    truth = Truth.load(generate(tmp_path, seed=seed, shoppers=20, until=until))
    rows = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    days = [line.split(",")[3][:10] for line in (tmp_path / "events.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) >= 1_800
    assert min(days) >= (until - timedelta(days=731)).isoformat()
    assert (until - timedelta(days=7)).isoformat() <= max(days) <= until.isoformat()
    assert (truth.seed, truth.until, len(truth.shoppers)) == (seed, until, 20)


def test_it_is_a_market_of_the_promised_size(items: dict[str, Item], events: pl.DataFrame, truth: Truth) -> None:
    assert len(items) >= 1_800
    per_category = pl.Series([row["category"] for row in items.values()]).value_counts()
    assert per_category.height >= 30
    assert per_category["count"].min() >= 8
    per_platform = pl.Series([row["platform"] for row in items.values()]).value_counts()
    assert per_platform.height == 3
    assert per_platform["count"].min() >= 400
    assert events["shopper"].n_unique() == len(truth.shoppers) == 480
    assert len({row["category_path"][0] for row in items.values()}) >= 8


def test_items_have_believable_values_in_every_column(items: dict[str, Item]) -> None:
    for item, row in items.items():
        assert item.startswith(f"{row['platform']}:")
        assert re.fullmatch(r"\d{1,4}\.\d\d", row["price"])
        assert 0.5 <= float(row["price"]) <= 2_000
        assert row["currency"] == "EUR"
        assert row["category_path"][-1] == row["category"]
        assert len(row["category_path"]) == 3
        assert row["attributes"]
        assert all(isinstance(value, str) for value in row["attributes"].values())
        assert row["store"].startswith(row["platform"])
        assert row["url"] == row["image"] == ""
        assert row["listed_at"] < row["as_of"] == f"{UNTIL}T23:00:00Z"
        assert "{" not in row["title"] + row["description"] + row["promotion"]
        assert row["title"][0] == row["title"][0].upper()
        assert 10 <= len(row["title"]) <= 100
        assert 15 <= len(row["description"]) <= 300
        assert row["brand"]


def test_titles_tell_items_apart_and_descriptions_vary(items: dict[str, Item]) -> None:
    titles = {(row["platform"], row["title"]) for row in items.values()}
    assert len(titles) == len(items)
    assert len({row["description"] for row in items.values()}) > len(items) / 2
    sentences = [len(re.findall(r"[.!?](?:\s|$)", row["description"])) for row in items.values()]
    assert statistics.mean(sentences) > 1.5


def test_most_goods_are_in_stock_and_every_other_state_occurs(items: dict[str, Item]) -> None:
    states = [row["availability"] for row in items.values()]
    assert set(states) == {state.value for state in Availability} - {"unknown"}
    assert 0.8 < states.count("in_stock") / len(states) < 0.95
    assert 0.03 < states.count("out_of_stock") / len(states) < 0.12


def test_promotions_run_on_the_last_day_and_their_arithmetic_is_right(items: dict[str, Item]) -> None:
    promoted = [row for row in items.values() if row["promotion"]]
    assert 0.05 < len(promoted) / len(items) < 0.25
    for row in promoted:
        days = re.findall(r"\d{4}-\d\d-\d\d", row["promotion"])
        assert 1 <= len(days) <= 2
        assert days[-1] >= UNTIL.isoformat()
        assert len(days) == 1 or days[0] <= UNTIL.isoformat()
        if cut := re.search(r"(\d+)% off.* was EUR (\d+\.\d\d)", row["promotion"]):
            assert float(row["price"]) == pytest.approx(float(cut[2]) * (1 - int(cut[1]) / 100), abs=0.011)
    assert any("% off" in row["promotion"] for row in promoted)


def test_prices_in_a_category_differ_widely_but_not_wildly(items: dict[str, Item]) -> None:
    for name, goods in market_tables.load().goods.items():
        prices = [float(row["price"]) for row in items.values() if row["category"] == name]
        assert max(prices) / min(prices) > 1.3, name
        assert max(prices) < goods.price[1] * 12, name
        assert goods.price[0] / 3 < statistics.median(prices) < goods.price[1] * 4, name


def test_some_products_are_sold_on_two_or_three_platforms_at_different_prices(
    items: dict[str, Item], truth: Truth
) -> None:
    groups = [[items[item] for item in group] for group in truth.same]
    assert len(groups) >= 300
    assert {len(group) for group in groups} == {2, 3}
    for group in groups:
        assert len({row["platform"] for row in group}) == len(group)
        assert all(row["brand"] == group[0]["brand"] for row in group)
        assert all(row["attributes"] == group[0]["attributes"] for row in group)
    assert sum(len({row["price"] for row in group}) > 1 for group in groups) > 0.7 * len(groups)


def test_brand_new_items_have_no_events_yet(items: dict[str, Item], events: pl.DataFrame) -> None:
    since = (UNTIL - timedelta(days=20)).isoformat()
    new = {item for item, row in items.items() if row["listed_at"] >= since}
    assert len(new) >= 40
    assert new.isdisjoint(events["item"].to_list())
    assert {items[item]["availability"] for item in new} >= {"in_stock", "preorder"}


def test_events_are_what_shoppers_can_do_at_times_when_they_can(items: dict[str, Item], events: pl.DataFrame) -> None:
    counts = dict(events["kind"].value_counts().iter_rows())
    assert set(counts) == {kind.value for kind in EventKind}
    assert counts["view"] > counts["purchase"] > 10_000
    assert min(counts.values()) > 200
    assert events["at"].min() >= datetime(2024, 11, 14, tzinfo=UTC)
    assert datetime(2026, 11, 14, tzinfo=UTC) < events["at"].max() < datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert events["at"].is_sorted()
    assert events["at"].dt.hour().n_unique() >= 16
    for item, platform, at in events.select("item", "platform", "at").iter_rows():
        assert items[item]["platform"] == platform
        assert items[item]["listed_at"] <= at.strftime("%Y-%m-%dT%H:%M:%SZ")
    paid = events.filter(pl.col("kind") == "purchase").with_columns(pl.col("value").cast(pl.Float64))
    assert paid["value"].is_not_null().all()
    ratio = paid["value"] / pl.Series([float(items[item]["price"]) for item in paid["item"]])
    assert ratio.is_between(0.7, 1.05).mean() > 0.99  # what was paid is near what it costs now
    assert events.filter(pl.col("kind") == "view")["value"].is_null().all()


def test_returns_follow_purchases_of_the_same_item(events: pl.DataFrame) -> None:
    bought: set[tuple[str, str]] = set()
    for shopper, item, kind in events.select("shopper", "item", "kind").iter_rows():
        if kind == "purchase":
            bought.add((shopper, item))
        assert kind not in ("return", "review") or (shopper, item) in bought


def test_shoppers_have_readable_names_also_when_there_are_very_many() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    shoppers = invite(market_tables.load(), 7, 6_000, start, start + WINDOW)
    names = [shopper.name for shopper in shoppers]
    assert len(set(names)) == 6_000
    assert all(re.fullmatch(r"[a-z]+-[a-z]+(-\d+)?", name) for name in names)


def test_lifestyles_cross_departments(items: dict[str, Item], truth: Truth) -> None:
    department = {row["category"]: row["category_path"][0] for row in items.values()}
    crossing = [j for j in truth.journeys if department[j.source] != department[j.target]]
    assert len(truth.journeys) >= 80
    assert len(crossing) > 0.4 * len(truth.journeys)
    mixed = [len(person.lifestyles) for person in truth.shoppers.values()]
    assert set(mixed) == {1, 2, 3}
    lived = {name for person in truth.shoppers.values() for name in person.lifestyles}
    assert lived == {journey.lifestyle for journey in truth.journeys}
    assert len(lived) >= 12


def _lift(first: dict[str, dict[str, datetime]], source: str, target: str, shoppers: int) -> float:
    """How much more often `target` is first bought soon after `source` than by people who are no kin of the buyers."""
    begun, went = first[source], first[target]
    soon = sum(1 for who, at in begun.items() if who in went and timedelta() < went[who] - at <= WINDOW)
    pairs = ((a, b) for a, at in begun.items() for b, then in went.items() if timedelta() < then - at <= WINDOW)
    strangers = sum(1 for a, b in pairs if a != b)
    return soon / max(strangers / (shoppers - 1), 0.5)


def test_the_truth_is_in_the_events_as_lift_of_journeys_over_other_pairs(
    truth: Truth, first: dict[str, dict[str, datetime]]
) -> None:
    steps = {(journey.source, journey.target) for journey in truth.journeys}
    lifts = [_lift(first, *step, len(truth.shoppers)) for step in sorted(steps)]
    assert statistics.median(lifts) > 3
    assert sum(lift > 1.3 for lift in lifts) > 0.85 * len(lifts)
    draw = random.Random(1)
    pairs = [tuple(draw.sample(sorted(first), 2)) for _ in range(200)]
    chance = [_lift(first, *pair, len(truth.shoppers)) for pair in pairs if pair not in steps]
    assert statistics.median(chance) < 1.5


def test_wishes_are_next_steps_not_walked_yet(truth: Truth, first: dict[str, dict[str, datetime]]) -> None:
    steps = {(journey.lifestyle, journey.source, journey.target) for journey in truth.journeys}
    for name, person in truth.shoppers.items():
        bought = {category for category, buyers in first.items() if name in buyers}
        for wish in person.next:
            assert (wish.lifestyle, wish.source, wish.category) in steps
            assert wish.lifestyle in person.lifestyles
            assert wish.source in bought
            assert 0 < wish.p <= 1
        ahead = {wish.category for wish in person.next} | {step.category for step in person.upcoming}
        assert ahead.isdisjoint(bought)
        assert ahead.isdisjoint(truth.sensitive)
        assert all(step.on >= UNTIL for step in person.upcoming)
    assert sum(bool(person.next) for person in truth.shoppers.values()) > 0.8 * len(truth.shoppers)


def test_what_shoppers_go_on_to_buy_is_mostly_among_their_wishes(
    truth: Truth, first: dict[str, dict[str, datetime]]
) -> None:
    people = truth.shoppers.values()
    hits = sum(len({w.category for w in p.next} & {u.category for u in p.upcoming}) for p in people)
    steps = sum(len(p.upcoming) for p in people)
    by_chance = sum(len(p.next) / len(first) * len(p.upcoming) for p in people)
    assert steps > 150
    assert hits > 0.4 * steps
    assert hits > 5 * by_chance


def test_what_runs_out_is_bought_again_about_when_it_does(items: dict[str, Item], events: pl.DataFrame) -> None:
    bought = events.filter(pl.col("kind") == "purchase")
    for category, days in (("Coffee beans", 25), ("Cat litter", 30), ("Nappies", 21)):
        ids = [item for item, row in items.items() if row["category"] == category]
        times = bought.filter(pl.col("item").is_in(ids)).group_by("shopper").agg(pl.col("at").sort())["at"].to_list()
        gaps = [(b - a) / timedelta(days=1) for row in times if len(row) > 3 for a, b in pairwise(row)]
        assert len(gaps) > 100
        assert 0.8 * days < statistics.median(gaps) < 1.5 * days, category


def test_hardly_anybody_buys_the_same_novel_or_tent_twice(events: pl.DataFrame) -> None:
    bought = events.filter(pl.col("kind") == "purchase")
    for category in ("novels", "board-games", "tents", "desk-lamps"):
        sold = bought.filter(pl.col("item").str.contains(f":{category}-", literal=True))
        assert sold.height > 50
        assert sold.select("shopper", "item").is_duplicated().mean() < 0.12, category


@pytest.mark.parametrize(("category", "months"), [("Vegetable seeds", {2, 3, 4, 5, 6}), ("Tents", {4, 5, 6, 7, 8, 9})])
def test_seasonal_goods_sell_in_their_season(
    items: dict[str, Item], events: pl.DataFrame, category: str, months: set[int]
) -> None:
    ids = [item for item, row in items.items() if row["category"] == category]
    sold = events.filter((pl.col("kind") == "purchase") & pl.col("item").is_in(ids))["at"].dt.month()
    assert sold.is_in(list(months)).mean() > 1.5 * len(months) / 12


def test_sensitive_goods_exist_and_are_just_those_that_the_shop_knows_as_such(
    items: dict[str, Item], truth: Truth
) -> None:
    assert {"Vitamins", "Pregnancy tests", "Religious books"} <= set(truth.sensitive)
    parse = {"listed_at": datetime.fromisoformat, "as_of": datetime.fromisoformat, "attributes": json.dumps}
    rows = [
        {key: parse[key](value) if key in parse else value for key, value in row.items()}
        | {"price_minor": round(float(row["price"]) * 100)}
        for row in items.values()
    ]
    catalogue = Catalogue(pl.DataFrame([{name: row[name] for name in SCHEMA} for row in rows], schema=SCHEMA))
    assert Sensitive.of(catalogue).categories == set(truth.sensitive)


def test_the_generic_reader_takes_every_row(folder: Path, items: dict[str, Item], events: pl.DataFrame) -> None:
    feed = open_feed(folder)
    batches = list(feed.batches())
    assert feed.name == "generic"
    assert sum(batch.items["own"].sum() for batch in batches) == len(items)
    assert sum(batch.events.height for batch in batches) == events.height
    assert sum(batch.rejects.height for batch in batches) == 0


def test_tables_hold_together() -> None:
    tables = market_tables.load()
    for goods in tables.goods.values():
        assert set(goods.brands) <= set(tables.brands), goods.name
        assert goods.season in tables.seasons, goods.name
        for kind in goods.kinds:
            known = set(goods.traits) | set(kind.traits or {}) | {"brand", "model", "kind", "spec"}
            for text in (*goods.spec, *goods.facts, *goods.closings, *goods.titles, kind.says):
                holes = {hole for _, hole, _, _ in string.Formatter().parse(text) if hole}
                assert holes <= known, (goods.name, kind.name, text)
    for way in tables.lifestyles.values():
        assert way.categories <= set(tables.goods), way.name
    assert all(len(months) == 12 and max(months) == 1 for months in tables.seasons.values())
    assert sum(tables.stock.values()) == pytest.approx(1)


def test_a_missing_or_foreign_truth_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="generate the market again"):
        Truth.load(tmp_path)
    (tmp_path / "truth.json").write_text('{"seed": "many"}', encoding="utf-8")
    with pytest.raises(FeedError, match=r"truth\.json"):
        Truth.load(tmp_path)


def test_a_market_without_shoppers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one shopper"):
        generate(tmp_path / "none", shoppers=0)
    assert not (tmp_path / "none").exists()
