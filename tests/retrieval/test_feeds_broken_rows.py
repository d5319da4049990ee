"""Rows that no reader can keep: each is counted or named with its line, never lost, and never ends in a traceback."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from retrieval.errors import FeedError
from retrieval.feeds import open_feed
from retrieval.feeds.delimited import LONGEST
from retrieval.feeds.json_text import DEEPEST
from retrieval.feeds.values import moment

Read = tuple[list[tuple[str, str]], list[tuple[int, str]]]
DEEP = '{"a":' * 200_000 + "1" + "}" * 200_000


def read(path: Path) -> Read:
    """Items as (sku, title) and refused rows as (line, value)."""
    batches = list(open_feed(path).batches())
    items = [row for each in batches for row in each.items.select("sku", "title").rows()]
    rejects = [row for each in batches for row in each.rejects.select("line", "value").rows()]
    assert all(set(each.rejects["reason"]) <= {"malformed_row"} for each in batches)
    return items, rejects


def written(folder: Path, text: str, name: str = "items.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def stopped(path: Path) -> FeedError:
    with pytest.raises(FeedError) as caught:
        read(path)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"item": "x", "title": "a\\ud800"}', "half a character (\\ud800, a lone surrogate)"),
        ('{"item": "x", "title": "a", "\\uDC00": "b"}', "half a character (\\udc00, a lone surrogate)"),
        (DEEP, "nested more than"),
        (json.dumps({"item": "x", "title": "a", "tags": json.loads("[" * DEEPEST + "]" * DEEPEST)}), "nested more"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_json_that_cannot_be_kept_costs_its_row_alone(tmp_path: Path, bad: str, reason: str, first: bool) -> None:
    good = ['{"item": "y", "title": "Bear \\ud83d\\udc3b"}', '{"item": "z", "title": "Cat"}']
    lines = [bad, *good] if first else [*good, bad]
    items, rejects = read(written(tmp_path, "\n".join(lines) + "\n", "items.jsonl"))
    assert items == [("y", "Bear 🐻"), ("z", "Cat")]
    assert [line for line, _ in rejects] == [1 if first else 3]
    assert rejects[0][1].startswith(reason)


@pytest.mark.parametrize("line", ['{"item": "x", "title": "a\\ud800"}', DEEP])
def test_json_of_nothing_but_such_rows_names_the_first(tmp_path: Path, line: str) -> None:
    error = stopped(written(tmp_path, line + "\n", "items.jsonl"))
    assert error.line == 1
    assert "the line can't be read" in error.cause


@pytest.mark.parametrize("first", [True, False])
def test_a_number_of_5000_digits_is_kept_as_written(tmp_path: Path, first: bool) -> None:
    long, plain = '{"item": "x", "title": "Apple", "n": %s}' % ("9" * 5000), '{"item": "y", "title": "Bear"}'
    text = f"{long}\n{plain}\n" if first else f"{plain}\n{long}\n"
    items, rejects = read(written(tmp_path, text, "items.jsonl"))
    assert sorted(items) == [("x", "Apple"), ("y", "Bear")]
    assert not rejects


@pytest.mark.parametrize("value", ['{""a"": ""\\ud800""}', "[" * 200_000, '{""a"": %s}' % ("9" * 5000)])
def test_attributes_that_cannot_be_kept_cost_no_more(tmp_path: Path, value: str) -> None:
    items, _ = read(written(tmp_path, f'item,title,attributes\nx,Apple,"{value}"\n'))
    assert items == [("x", "Apple")]


def test_amazon_details_that_cannot_be_kept_cost_no_more(tmp_path: Path) -> None:
    meta = {"parent_asin": "x", "title": "Apple", "main_category": "", "average_rating": 1, "features": [],
            "categories": [], "details": '{"n": %s, "a": "\\ud800"}' % ("9" * 5000)}  # fmt: skip
    path = written(tmp_path, json.dumps(meta) + "\n", "meta_Fruit.jsonl")
    assert open_feed(path).name == "amazon-reviews"
    assert read(path) == ([("x", "Apple")], [])


@pytest.mark.parametrize("minor", ["1e9999999", "-1e9999999", "1e999999", "9" * 5000, "1e99999999999999999999", "nan"])
def test_a_price_beyond_all_numbers_is_left_to_be_refused(tmp_path: Path, minor: str) -> None:
    path = written(tmp_path, f"item,title,price_minor\nx,Apple,{minor}\ny,Bear,1250\n")
    prices = [price for each in open_feed(path).batches() for price in each.items["price"]]
    assert prices == [minor, "12.50"]


@pytest.mark.parametrize("text", ["1e9999999", "0e9999999", "1e99999999999999999999", "9" * 5000])
def test_a_time_beyond_all_numbers_is_none(text: str) -> None:
    assert moment(text) is None


def test_a_header_longer_than_the_csv_module_allows(tmp_path: Path) -> None:
    names = [f"column_{i:03}" + "s" * 1000 for i in range(400)]  # 404 kB, more than is looked at first
    path = written(tmp_path, ",".join(["item", "title", *names]) + "\n" + "x,Apple" + "," * len(names) + "\n")
    assert read(path) == ([("x", "Apple")], [])


def test_a_first_json_line_longer_than_the_first_look(tmp_path: Path) -> None:
    line = json.dumps({"item": "x", "description": "long " * 100_000, "title": "Apple"})
    assert read(written(tmp_path, line + "\n", "items.jsonl")) == ([("x", "Apple")], [])


def test_a_first_line_without_end(tmp_path: Path) -> None:
    error = stopped(written(tmp_path, "\n" + "item,title," * (LONGEST // 10)))
    assert error.line == 2
    assert "longer than" in error.cause


def test_a_long_header_beside_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    written(folder, "item,title\nx,Apple\n")
    written(folder, "a" * 200_000 + "\n1\n", "notes.csv")
    assert read(folder) == ([("x", "Apple")], [])


def test_carriage_returns_alone(tmp_path: Path) -> None:
    error = stopped(written(tmp_path, "item,title\rx,Apple\r"))
    assert error.line == 1
    assert "carriage returns" in error.cause
    assert "tr " in error.remedy
    items, rejects = read(written(tmp_path, "item,title\nx,App\rle\ny,Bear\n"))
    assert items == [("y", "Bear")]
    assert [line for line, _ in rejects] == [2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('item,title\nx,"Apple\ny,Bear\nz,Cat\n', 2),
        ('item,title\nx,"Apple\ny,Bear\nz,Cat', 2),
        ('item,title\nw,Wolf\n"v\nv","Apple\ny,Bear\nz,Cat\n', 4),
        ('item,"title\ny,Bear\nz,Cat\n', 1),
        ('item,title\nx,"' + "y,Bear\n" * (LONGEST // 6), 2),
    ],
)
def test_a_quotation_without_end_names_the_line_that_opens_it(tmp_path: Path, text: str, line: int) -> None:
    error = stopped(written(tmp_path, text))
    assert error.line == line
    assert "quotation mark that opens here" in error.cause
    assert error.value == text.splitlines()[line - 1]


def test_lines_within_a_quotation_that_ends_wrongly_are_all_counted(tmp_path: Path) -> None:
    path = written(tmp_path, 'item,title\nx,"Apple\ny,Bear\nz,"Cat"\nw,Wolf\n')
    items, rejects = read(path)
    assert items == [("w", "Wolf")]
    assert [line for line, _ in rejects] == [2, 3, 4]
    assert all("quotation that opens on line 2" in value for _, value in rejects)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_quotation_left_open_in_the_last_row_costs_that_row(tmp_path: Path, end: str) -> None:
    items, rejects = read(written(tmp_path, f'item,title\nx,Apple\ny,"Bear{end}'))
    assert items == [("x", "Apple")]
    assert [line for line, _ in rejects] == [3]
    assert rejects[0][1].startswith("the quotation mark is not closed")


def test_sloppy_quotation_marks_within_a_line_are_read_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, 'item,title\nx,"5" pan"\ny,2" pipe\n"z",say "hi"\nw,"two\nlines"\n')
    assert read(path) == ([("x", '5 pan"'), ("y", '2" pipe'), ("z", 'say "hi"'), ("w", "two\nlines")], [])


def test_a_long_quoted_description_is_read(tmp_path: Path) -> None:
    text = 'Fine, "very" fine.\n' * 11_000
    path = tmp_path / "items.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([("item", "title", "description"), ("x", "Apple", text), ("y", "Bear", "")])
    [found] = [each.items["description"].to_list() for each in open_feed(path).batches()]
    assert found == [text, ""]


def test_a_value_beyond_all_texts_costs_its_row_alone(tmp_path: Path) -> None:
    items, rejects = read(written(tmp_path, f"item,title\nx,{'a' * (LONGEST + 1)}\ny,Bear\n"))
    assert items == [("y", "Bear")]
    assert [line for line, _ in rejects] == [2]
    assert "longer than" in rejects[0][1]
