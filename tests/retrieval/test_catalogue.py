"""The catalogue: hard constraints are exact, whatever is asked."""

from __future__ import annotations

import json
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catalogue import SCHEMA, Catalogue, Codes
from retrieval.errors import ShopError, UnknownItemError
from retrieval.schema import Availability, Constraints
from retrieval.terms import TermIndex
from retrieval.text import terms
from tests.retrieval.small_shop import frame

BRANDS = ["", "Alder", "Birk", "alder"]
CATEGORIES = ["Tea", "TRAIL_SHOES", ""]
PLATFORMS = ["north", "south"]
CURRENCIES = ["EUR", "USD", ""]
WORDS = ["leather", "red", "shoes", "no", "wool"]
STATES = [state.value for state in Availability]

ITEM = st.fixed_dictionaries(
    {
        "title": st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
        "brand": st.sampled_from(BRANDS),
        "category": st.sampled_from(CATEGORIES),
        "platform": st.sampled_from(PLATFORMS),
        "currency": st.sampled_from(CURRENCIES),
        "availability": st.sampled_from(STATES),
        "price_minor": st.none() | st.integers(0, 30),
        "attributes": st.none() | st.dictionaries(st.sampled_from(["upper"]), st.sampled_from(WORDS), max_size=1),
    }
)


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from([*values, "unheard"]), max_size=2).map(tuple)


LIMITS = st.builds(
    Constraints,
    price_min=st.none() | st.integers(0, 30),
    price_max=st.none() | st.integers(0, 30),
    currency=st.none() | st.sampled_from(["EUR", "USD", "GBP"]),
    brands=some(BRANDS),
    not_brands=some(BRANDS),
    categories=some(CATEGORIES),
    not_categories=some(CATEGORIES),
    platforms=some(PLATFORMS),
    not_platforms=some(PLATFORMS),
    availability=st.lists(st.sampled_from(list(Availability)), max_size=2).map(tuple),
    unwanted=st.lists(st.sampled_from([*WORDS, "red shoe", "trail shoes", "...", "unheard"]), max_size=2).map(tuple),
    not_items=st.lists(st.sampled_from(["p:0000", "p:0003", "p:9999"]), max_size=2).map(tuple),
)


def satisfies(row: dict[str, object], limits: Constraints) -> bool:
    """One item read by itself, as a person would check it."""
    price, priced = row["price_minor"], limits.price_min is not None or limits.price_max is not None
    if priced and price is None:
        return False
    if limits.price_min is not None and price < limits.price_min:
        return False
    if limits.price_max is not None and price > limits.price_max:
        return False
    if priced and limits.currency and row["currency"] != limits.currency:
        return False
    for name, wanted in (
        ("brand", limits.brands), ("category", limits.categories), ("platform", limits.platforms),
        ("availability", limits.availability),
    ):  # fmt: skip
        if wanted and row[name] not in wanted:
            return False
    for name, refused in (
        ("brand", limits.not_brands), ("category", limits.not_categories), ("platform", limits.not_platforms),
        ("item", limits.not_items),
    ):  # fmt: skip
        if row[name] in refused:
            return False
    fields = [str(row[name]).replace("_", " ") if name == "category" else str(row[name] or "") for name in
              ("title", "description", "brand", "category")]  # fmt: skip
    fields.append(" | ".join(json.loads(str(row["attributes"] or "{}")).values()))
    said = f" {' '.join(terms(' '.join(fields)))} "
    return not any(terms(p) and f" {' '.join(terms(p))} " in said for p in limits.unwanted)


@settings(max_examples=400, deadline=None)
@given(st.lists(ITEM, min_size=1, max_size=8), LIMITS)
def test_allowed_is_what_a_check_row_by_row_finds(items, limits):
    table = frame(items)
    mask = Catalogue(table).allowed(limits)
    naive = [satisfies(row, limits) for row in table.iter_rows(named=True)]
    assert (np.ones(len(items), dtype=bool) if mask is None else mask).tolist() == naive


def test_no_limit_is_no_mask():
    assert Catalogue(frame([{}])).allowed(Constraints()) is None


def test_a_mask_may_be_changed_without_harm():
    catalogue = Catalogue(frame([{"price_minor": 5}, {"price_minor": 7}]))
    mask = catalogue.allowed(Constraints(price_max=6))
    mask[:] = False
    assert catalogue.allowed(Constraints(price_max=6)).tolist() == [True, False]


def test_an_item_comes_back_as_it_was_written(tmp_path):
    table = frame(
        [{"title": "Tea", "category_path": ["Food", "Tea"], "price_minor": 250, "attributes": {"leaf": "whole"}}]
    )
    (tmp_path / "signals").mkdir()
    table.write_parquet(tmp_path / "catalogue.parquet")
    TermIndex.build(table).save(tmp_path / "signals" / "terms.npz")
    catalogue = Catalogue.open(tmp_path)
    item = catalogue.item(catalogue.row("p:0000"))
    assert (item.title, item.category_path, item.price_minor, item.attributes) == (
        "Tea", ("Food", "Tea"), 250, {"leaf": "whole"},
    )  # fmt: skip
    assert item.availability is Availability.UNKNOWN
    assert catalogue.rows(["p:0000", "p:1"]).tolist() == [0, -1]
    with pytest.raises(UnknownItemError, match="p:1"):
        catalogue.row("p:1")


def test_the_default_currency_is_that_of_most_priced_items():
    assert Catalogue(frame([{"currency": c} for c in ("", "", "", "EUR", "USD", "USD")])).default_currency == "USD"
    assert Catalogue(frame([{"currency": ""}])).default_currency == ""


def test_columns_that_are_missing_are_named():
    with pytest.raises(ShopError, match="brand"):
        Catalogue(frame([{}]).drop("brand"))


@given(st.lists(st.sampled_from(["b", "a", "", "ä"]), max_size=20), st.lists(st.sampled_from(["a", "ä", "zz"])))
def test_codes_stand_for_their_names(values, wanted):
    codes = Codes(pl.Series(values, dtype=pl.String))
    assert [codes.names[code] for code in codes.codes] == values
    assert codes.member(wanted).tolist() == [value in wanted for value in values]


def test_what_limits_look_up_in_150_000_items_is_made_once():
    n, chance = 150_000, np.random.default_rng(0)
    columns = {name: pl.Series([""], dtype=dtype) if dtype == pl.String() else pl.Series([None], dtype=dtype)
               for name, dtype in SCHEMA.items()}  # fmt: skip
    table = pl.DataFrame(columns).select(pl.all().repeat_by(n).explode()).with_columns(
        item=pl.Series([f"p:{i:06d}" for i in range(n)]),
        title=pl.Series(np.where(chance.random(n) < 0.05, "leather shoe", "wool sock")),
        price_minor=pl.Series(chance.integers(1, 9999, n)),
        category=pl.Series([f"c{i}" for i in chance.integers(0, 1600, n)]),
        availability=pl.Series(chance.choice(STATES, n)),
    )  # fmt: skip
    catalogue = Catalogue(table)
    limits = Constraints(price_min=100, price_max=5000, categories=("c1", "c2"), availability=(Availability.IN_STOCK,),
                         unwanted=("leather",), not_items=("p:000001",))  # fmt: skip
    first = timed(lambda: catalogue.allowed(limits))
    best = min(timed(lambda: catalogue.allowed(limits)) for _ in range(20))
    assert best < first / 5


def timed(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
