"""Things that are no feed at all: each error names the place, the value and the remedy."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from retrieval.clean import clean_feed
from retrieval.errors import FeedError
from retrieval.feeds import FORMATS, open_feed
from tests.retrieval.feed_helpers import NOW, OPEN_ECOMMERCE_HEADER


def refused(path: Path, form: str | None = None) -> FeedError:
    with pytest.raises(FeedError) as caught:
        for _ in open_feed(path, form).batches():
            pass
    error = caught.value
    assert str(path) in str(error)
    assert error.remedy
    return error


def test_a_missing_path(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere.csv")
    assert "no such file" in error.cause
    assert "path" in error.remedy


def test_an_empty_file_and_an_empty_archive(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.touch()
    packed.write_bytes(gzip.compress(b""))
    for path in (plain, packed):
        error = refused(path)
        assert "empty" in error.cause
        assert error.line == 1


@pytest.mark.parametrize(
    ("name", "content", "word", "remedy"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n\x00\x00", "PNG", "CSV"),
        ("a.csv", b"<!DOCTYPE html>\n<html></html>", "HTML", "CSV"),
        ("a.json", b'[{"item": 1}]', "JSON array", "jq"),
        ("a.jsonl", b'{\n  "item": 1\n}', "no whole JSON object", "jq"),
        ("a.xlsx", b"PK\x03\x04....[Content_Types].xml", "Excel", "export"),
        ("a.zip", b"PK\x03\x04....data", "zip archive", "unpack"),
        ("a.csv", "shopper,item,at\n".encode("utf-16"), "UTF-16", "UTF-8"),
        ("a.csv", b"\x01\x02\x00\x00binary", "binary", "CSV"),
        ("a.csv", b"\n \n\n", "blank lines", "CSV"),
        ("a.parquet", b"PAR1 and then nothing", "damaged", "copy the file again"),
    ],
)
def test_other_kinds_of_file_are_named(tmp_path: Path, name: str, content: bytes, word: str, remedy: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(path)
    assert word in error.cause
    assert remedy in error.remedy


def test_a_truncated_archive_names_the_line_that_it_reached(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    rows = "".join(f"u{i * 7919 % 9973},sku{i * 104729 % 99991},2024-01-01\n" for i in range(60_000))
    whole = gzip.compress(("shopper,item,at\n" + rows).encode())
    path.write_bytes(whole[: len(whole) * 3 // 4])
    error = refused(path)
    assert "cut short" in error.cause
    assert error.line is not None
    assert 30_000 < error.line < 60_001
    assert "gzip -t" in error.remedy


def test_wrong_bytes_name_line_column_and_value(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes("shopper,item,at,title\nu1,i1,2024-01-01,Tea\nu2,i2,2024-01-01,Café au lait\n".encode("latin-1"))
    error = refused(path)
    assert (error.line, error.column) == (3, "title")
    assert error.value is not None
    assert "\\xe9" in error.value
    assert "iconv" in error.remedy


def test_a_missing_column_is_named_with_the_header(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("shopper,at,colour\nu1,2024-01-01,red\n")
    error = refused(path, "generic")
    assert (error.line, error.column, error.value) == (1, "item", "shopper, at, colour")
    assert "shopper, item and at" in error.remedy


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_refuses_a_table_of_something_else(tmp_path: Path, form: str) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("day,rain\n2024-01-01,3\n")
    error = refused(path, form)
    assert error.line == 1
    assert error.column
    assert error.value


def test_unknown_columns_list_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("day,rain\n2024-01-01,3\n")
    error = refused(path)
    assert (error.line, error.column, error.value) == (1, "day", "day, rain")
    assert all(name in error.remedy for name in FORMATS)


@pytest.mark.parametrize(
    ("header", "near", "column"),
    [
        ("user_id,product_id,price", "generic", "at"),
        ("shopper,at,colour", "generic", "item"),
        (OPEN_ECOMMERCE_HEADER.strip().replace("Category,", ""), "open-ecommerce", "Category"),
        ("InvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID", "online-retail", "InvoiceDate"),
        ("household_id,basket_id,product_id,quantity,transaction_timestamp", "complete-journey", "sales_value"),
    ],
)
def test_a_feed_that_lacks_one_column_hears_which(tmp_path: Path, header: str, near: str, column: str) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    error = refused(path)
    assert (error.line, error.column) == (1, column)
    assert error.value is not None
    assert error.value.startswith(header.partition(",")[0])
    assert near in error.cause
    assert all(name in error.remedy for name in FORMATS)


def test_an_unknown_format_lists_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("shopper,item,at\n")
    error = refused(path, "sap")
    assert (error.column, error.value) == ("--format", "sap")
    assert all(name in error.remedy for name in FORMATS)


def test_a_folder_without_data_files(tmp_path: Path) -> None:
    assert "no files" in refused(tmp_path).cause
    (tmp_path / "README.md").write_text("hello")
    assert "no data files" in refused(tmp_path).cause


def test_two_feeds_in_one_folder_ask_which(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(OPEN_ECOMMERCE_HEADER)
    (tmp_path / "b.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    error = refused(tmp_path)
    assert "more than one" in error.cause
    assert "--format (open-ecommerce or recbole)" in error.remedy
    assert open_feed(tmp_path, "recbole").name == "recbole"


def test_a_header_that_names_a_column_twice(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("shopper,item,at,item\nu1,i1,2024-01-01,i1\n")
    error = refused(path)
    assert (error.line, error.column) == (1, "item")


def test_an_open_quotation_mark_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('shopper,item,at\nu1,i1,2024-01-01\nu2,"i2,2024-01-01\n' + "u3,i3,2024-01-01\n" * 20_000)
    error = refused(path)
    assert error.line == 3
    assert "quotation mark" in error.remedy


def test_a_header_alone_and_rows_without_any_use(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("shopper,item,at\n")
    with pytest.raises(FeedError, match="no rows"):
        clean_feed(open_feed(path), tmp_path, NOW)
    path.write_text("shopper,item,at\nu1,i1,03/04/2024\nu1,i2,05/06/2024\n")
    with pytest.raises(FeedError) as caught:
        clean_feed(open_feed(path), tmp_path, NOW)
    error = caught.value
    assert (error.file, error.line, error.column, error.value) == (str(path), 2, "at", "03/04/2024")
    assert "bad_date 2" in error.cause


def test_a_parquet_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"shopper": ["u"] * 999, "item": ["i"] * 999, "at": ["2024-01-01"] * 999}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    assert "damaged" in refused(path).cause
