"""Cleaning the publishers' real files: figures that are known from them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.retrieval.feed_helpers import clean

pytestmark = pytest.mark.data


def test_open_ecommerce(data: Path, tmp_path: Path) -> None:
    result = clean(data / "open-ecommerce", tmp_path)
    assert result.counts["rows"] == 199_274
    assert result.counts["dropped"] == {"duplicate": 30}
    assert result.counts["result"] == {"items": 147_705, "events": 199_244, "shoppers": 1_231}
    items = pl.DataFrame(list(result.items.values()), schema_overrides={"category_path": pl.List(pl.String)})
    assert items["title"].str.len_chars().min() > 0
    assert items["price_minor"].is_between(1, 300_000).all()
    assert items["currency"].unique().to_list() == ["USD"]
    assert 1_500 < items["category"].n_unique() < 1_700
    brands = items.filter(pl.col("brand") != "")
    assert brands.height > 40_000
    led = brands.select(pl.col("title").str.to_lowercase().str.starts_with(pl.col("brand").str.to_lowercase()))
    assert led.to_series().mean() > 0.97  # the rest differs in ™, # or an accent
    known = {"Hanes", "OXO", "Crayola", "Sony", "Melissa & Doug", "Burt's Bees", "Under Armour", "adidas"}
    assert known <= set(brands["brand"])
    common = {
        "women's",
        "wireless",
        "the",
        "new",
        "organic",
        "stainless",
        "portable",
        "premium",
        "personalized",
        "harry",
    }
    assert not common & set(brands["brand"].str.to_lowercase())


def test_open_ecommerce_takes_little_memory(data: Path, tmp_path: Path) -> None:
    script = (
        "import re, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from retrieval.feeds import open_feed; from retrieval.clean import clean_feed\n"
        "clean_feed(open_feed(Path(sys.argv[1])), Path(sys.argv[2]), datetime.now(UTC))\n"
        # getrusage would tell the peak of the process that started this one as well
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]) // 1024)\n"
    )
    command = [sys.executable, "-c", script, str(data / "open-ecommerce"), str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ, cwd=Path(__file__).parents[2]
    )
    assert int(done.stdout) < 1_500


def test_online_retail(data: Path, tmp_path: Path) -> None:
    result = clean(data / "online-retail", tmp_path)
    assert result.counts["rows"] == 541_909
    dropped = result.counts["dropped"]
    assert dropped["missing_shopper"] + dropped["not_a_product"] > 135_080  # lines without a customer, and charges
    assert 5_000 < dropped["duplicate"] < 5_400
    assert 8_000 < dropped["cancellation"] < 9_300
    assert dropped["cancelled"] < dropped["cancellation"]
    assert "robot" not in dropped  # its heaviest customers are wholesalers
    assert 4_300 < result.counts["result"]["shoppers"] < 4_372
    assert result.items["uci:85123A"]["title"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert not {"uci:POST", "uci:M", "uci:DOT", "uci:BANK CHARGES"} & result.items.keys()
    source = pl.read_parquet(data / "online-retail" / "online_retail.parquet")
    charge = next(reject for reject in result.rejects if reject["reason"] == "not_a_product")
    assert source["StockCode"][charge["line"] - 1] == charge["value"]  # the place can be looked up
    assert all(event["quantity"] < 80_995 for event in result.events if event["shopper"] == "16446")


def test_complete_journey(data: Path, tmp_path: Path) -> None:
    result = clean(data / "complete-journey", tmp_path)
    assert result.counts["rows"] == 75_000 + 92_331
    assert result.counts["dropped"].keys() == {"bad_quantity", "no_title", "not_a_product"}
    assert result.counts["result"]["shoppers"] > 2_300
    assert sum(result.counts["dropped"].values()) < 2_500
    assert any(item["promotion"] for item in result.items.values())
    prices = [event["value_minor"] for event in result.events]
    assert 100 < sorted(prices)[len(prices) // 2] < 400


def test_sequences(data: Path, tmp_path: Path) -> None:
    result = clean(data / "amazon-5core" / "Beauty.txt.gz", tmp_path)
    assert result.counts["rows"] == 198_502
    assert result.counts["result"] == {"items": 12_101, "events": 198_502, "shoppers": 22_363}
