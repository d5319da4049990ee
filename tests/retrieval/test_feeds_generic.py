"""The generic form: documented columns, in every way of writing a table."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from retrieval.feeds import open_feed
from retrieval.feeds.chunks import ROWS
from tests.retrieval.feed_helpers import clean, events_csv

ITEMS = [
    {"Item ID": "A1", "Name": "Trail shoe", "Category": "Sport > Shoes", "Brand": "Fjell", "Price": "89.90",
     "Currency": "EUR", "Stock": "3", "Platform": "north", "Colour": "red", "as_of": "2024-05-01"},
    {"Item ID": "B2", "Name": "Plaster", "Category": "Health", "Brand": "Heal", "Price": "500",
     "Currency": "JPY", "Stock": "0", "Platform": "east", "Colour": "", "as_of": "2024-05-01"},
]  # fmt: skip
EVENTS = [
    {"user_id": "u1", "item_id": "A1", "timestamp": "2024-05-02T10:00:00Z", "event_type": "View"},
    {"user_id": "u1", "item_id": "B2", "timestamp": "2024-05-02T11:00:00Z", "event_type": "add to cart"},
]


def write(frame: pl.DataFrame, path: Path) -> None:
    kind = path.name.split(".")[1]
    plain = path.with_name(path.name.removesuffix(".gz"))
    if kind == "parquet":
        frame.write_parquet(plain)
    elif kind == "jsonl":
        frame.write_ndjson(plain)
    else:
        frame.write_csv(plain, separator={"tsv": "\t", "csv": ",", "txt": ";"}[kind])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_a_folder_of_items_and_events(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    write(pl.DataFrame(ITEMS), folder / f"items.{ending}")
    write(pl.DataFrame(EVENTS), folder / f"events.{ending}")
    (folder / "README.txt").write_text("about this feed\n")
    (folder / "settings.json").write_text('{\n  "not": "a feed"\n}\n')
    assert open_feed(folder).name == "generic"
    result = clean(folder, tmp_path / "work")
    assert result.counts["kept"] == {"events": 2, "items": 2}
    shoe, plaster = result.items["north:A1"], result.items["east:B2"]
    assert (shoe["title"], shoe["price_minor"], shoe["currency"]) == ("Trail shoe", 8990, "EUR")
    assert (plaster["price_minor"], plaster["currency"]) == (500, "JPY")
    assert (shoe["category"], shoe["category_path"]) == ("Shoes", ["Sport", "Shoes"])
    assert (shoe["availability"], plaster["availability"]) == ("in_stock", "out_of_stock")
    assert (json.loads(shoe["attributes"]), json.loads(plaster["attributes"])) == ({"Colour": "red"}, {})
    assert shoe["as_of"] == datetime(2024, 5, 1, tzinfo=UTC)
    # the events name no platform: the items' own is found
    assert [(e["item"], e["kind"]) for e in result.events] == [("north:A1", "view"), ("east:B2", "cart")]


def test_typed_columns_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    pl.DataFrame(
        {
            "customer_id": [1, 2],
            "product_id": [10, 11],
            "date": [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)],
            "price_minor": [1299, 500],
            "currency": pl.Series(["USD", "JPY"], dtype=pl.Categorical),
            "title": ["Tea", "Cup"],
            "categories": [["Food", "Tea"], ["Home"]],
        }
    ).write_parquet(path)
    result = clean(path, tmp_path / "work")
    assert [(e["shopper"], e["item"], e["value_minor"], e["kind"]) for e in result.events] == [
        ("1", "sales:10", 1299, "purchase"),
        ("2", "sales:11", 500, "purchase"),
    ]
    assert result.items["sales:10"]["category_path"] == ["Food", "Tea"]


def test_ids_that_are_qualified_already_stay(tmp_path: Path) -> None:
    path = events_csv(tmp_path, "u1,north:A1,2024-01-01,,,,,,Tea\nu1,A2,2024-01-01,,,,,,Cup\n")
    result = clean(path, tmp_path / "work")
    assert sorted(result.items) == ["north:A1", "shop:A2"]
    assert [e["platform"] for e in result.events] == ["north", "shop"]


def test_items_alone_are_a_feed(tmp_path: Path) -> None:
    path = tmp_path / "products.jsonl"
    record = {
        "sku": 7,
        "title": "Tea",
        "price": 3.5,
        "currency": "usd",
        "attributes": {"size": ["S", "M"], "bio": True},
    }
    path.write_text(json.dumps(record) + "\n")
    result = clean(path, tmp_path / "work")
    assert result.counts["kept"] == {"events": 0, "items": 1}
    item = result.items["shop:7"]
    assert (item["price_minor"], item["currency"]) == (350, "USD")
    assert json.loads(item["attributes"]) == {"size": "S, M", "bio": "yes"}


def test_lines_are_named_across_quoted_line_breaks(tmp_path: Path) -> None:
    rows = 'u1,A,2024-01-01,,,,,,"Tea\nfor two"\n\nu1,B,never,,,,,,Cup\nu1,C\n'
    result = clean(events_csv(tmp_path, rows), tmp_path / "work")
    assert result.items["shop:A"]["title"] == "Tea for two"
    assert result.rejects == [
        {"file": "events.csv", "line": 6, "reason": "malformed_row", "field": "",
         "value": "2 fields, header has 9: u1,C"},
        {"file": "events.csv", "line": 5, "reason": "bad_date", "field": "at", "value": "never"},
    ]  # fmt: skip


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes("\ufeffshopper,item,at\nu1,A,2024-01-01\n".encode())
    assert len(clean(path, tmp_path / "work").events) == 1


def test_long_files_come_in_bounded_batches(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    rows = "".join(f"u{i % 5000},i{i % 977},2024-01-{i % 28 + 1:02d}T{i % 24:02d}:00:00\n" for i in range(250_000))
    path.write_text("shopper,item,at\n" + rows)
    batches = list(open_feed(path).batches())
    assert [batch.rows for batch in batches] == [ROWS, ROWS, 50_000]
    assert batches[2].events["line"][0] == 200_002
