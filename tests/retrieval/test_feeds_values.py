"""Money, times, paths and stock as publishers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.feeds.values import PATH, exponent, moment, moment_column, money, money_column, path_of, stock_of


@pytest.mark.parametrize(
    ("text", "currency", "minor", "said"),
    [
        ("12.99", "USD", 1299, "USD"),
        ("12", "USD", 1200, "USD"),
        ("1.005", "USD", 101, "USD"),  # exactly, by decimals: a float would say 100
        ("8.989999999", "USD", 899, "USD"),
        ("1980", "JPY", 1980, "JPY"),
        ("1.5", "KWD", 1500, "KWD"),
        ("$1,299.00", "", 129900, "USD"),
        ("1.299,00 €", "", 129900, "EUR"),
        ("12,5", "EUR", 1250, "EUR"),
        ("1,299", "USD", 129900, "USD"),
        ("0,500", "KWD", 500, "KWD"),
        ("1 299,00", "SEK", 129900, "SEK"),
        ("1,299,000", "JPY", 1299000, "JPY"),
        ("GBP 3.39", "", 339, "GBP"),
        ("1e2", "USD", 10000, "USD"),
        ("0", "USD", 0, "USD"),
        ("25000000", "VND", 25000000, "VND"),  # a thousand dollars
    ],
)
def test_prices_are_read_exactly(text: str, currency: str, minor: int, said: str) -> None:
    assert money(text, currency) == (minor, said)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "free", "", "1e400", "1000000.01", "$-5", "--"])
def test_impossible_prices_are_none(text: str) -> None:
    assert money(text, "USD") is None


@given(st.integers(min_value=0, max_value=99_999_999), st.sampled_from(["USD", "JPY", "KWD"]))
def test_every_amount_survives_being_written(minor: int, currency: str) -> None:
    written = f"{Decimal(minor).scaleb(-exponent(currency)):f}"
    assert money(written, currency) == (minor, currency)


def test_a_missing_price_is_not_bad_and_a_wrong_one_is() -> None:
    read = money_column(pl.Series(["1", None, "x"]), pl.Series(["USD", "USD", "USD"]))
    assert read.rows() == [(100, "USD", False), (None, "USD", False), (None, "USD", True)]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2019-08-10", datetime(2019, 8, 10, tzinfo=UTC)),
        ("2019-08-10T12:30:00+02:00", datetime(2019, 8, 10, 10, 30, tzinfo=UTC)),
        ("2019-08-10 12:30:00 UTC", datetime(2019, 8, 10, 12, 30, tzinfo=UTC)),
        ("20190810", datetime(2019, 8, 10, tzinfo=UTC)),
        ("1483228800", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1483228800.0", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1483228800000", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2019/08/10 12:30", datetime(2019, 8, 10, 12, 30, tzinfo=UTC)),
    ],
)
def test_times_are_utc(text: str, at: datetime) -> None:
    assert moment(text) == at


@pytest.mark.parametrize("text", ["03/04/2019", "yesterday", "12", "2019-02-30", "0000-00-00"])
def test_ambiguous_and_impossible_times_are_none(text: str) -> None:
    assert moment(text) is None


WRITTEN = st.one_of(
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda at: at.isoformat()),
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda at: at.isoformat(" ", "seconds") + "Z"),
    st.dates().map(str),
    st.integers(-(10**16), 10**16).map(str),
    st.integers(10**8, 10**10).map(lambda second: f"{second}.0"),
    st.from_regex(r"[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{1,2}(:[0-9]{2})?)?[Z+]?", fullmatch=True),
)


@given(WRITTEN)
@example("-62135596801")  # a second before the year 1
def test_columns_are_read_as_single_values_are(text: str) -> None:
    assert moment_column(pl.Series([text, None])).to_list() == [moment(text), None]


def test_paths_in_five_spellings_are_one() -> None:
    want = PATH.join(["Home", "Kitchen", "Pans"])
    for text in ("Home > Kitchen > Pans", "Home|Kitchen|Pans", '["Home", "Kitchen", "Pans"]', "Home / Kitchen / Pans"):
        assert path_of(text) == want
    assert path_of("Tops/Shirts") == "Tops/Shirts"


def test_stock_is_told_in_schema_org_words() -> None:
    said = {"https://schema.org/InStock": "in_stock", "in stock": "in_stock", "12": "in_stock", "yes": "in_stock"}
    said |= {"0": "out_of_stock", "Sold Out": "out_of_stock", "PreOrder": "preorder", "who knows": "unknown"}
    assert {text: stock_of(text) for text in said} == said
