"""Cleaning a whole feed: each reason once, and what comes out in exact values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import retrieval.clean
import retrieval.feeds.chunks
from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.clean import clean_feed
from retrieval.cleaning.rejects import REASONS
from retrieval.feeds import open_feed
from retrieval.history import EVENT_SCHEMA
from tests.retrieval.feed_helpers import NOW, clean, events_csv

ONE_BAD_VALUE_EACH = [
    ("u1,,2024-01-01,purchase,5,USD,1,,Tea", "missing_item", "sku", ""),
    ("u1,null,2024-01-01,purchase,5,USD,1,,Tea", "missing_item", "sku", "null"),
    (",A,2024-01-01,purchase,5,USD,1,,Tea", "missing_shopper", "shopper", ""),
    ("guest,A,2024-01-01,purchase,5,USD,1,,Tea", "missing_shopper", "shopper", "guest"),
    ("u1,A,2024-01-01,sneeze,5,USD,1,,Tea", "bad_kind", "kind", "sneeze"),
    ("u1,A,soon,purchase,5,USD,1,,Tea", "bad_date", "at", "soon"),
    ("u1,A,,purchase,5,USD,1,,Tea", "bad_date", "at", ""),
    ("u1,A,1994-12-31,purchase,5,USD,1,,Tea", "impossible_date", "at", "1994-12-31"),
    ("u1,A,2025-01-03,purchase,5,USD,1,,Tea", "impossible_date", "at", "2025-01-03"),
    ("u1,A,2024-01-01,purchase,5,dollars,1,,Tea", "bad_currency", "currency", "DOLLARS"),
    ("u1,A,2024-01-01,purchase,-5,USD,1,,Tea", "bad_price", "price", "-5"),
    ("u1,A,2024-01-01,purchase,NaN,USD,1,,Tea", "bad_price", "price", "NaN"),
    ("u1,A,2024-01-01,purchase,1000001,USD,1,,Tea", "bad_price", "price", "1000001"),
    ("u1,A,2024-01-01,purchase,5,USD,0,,Tea", "bad_quantity", "quantity", "0"),
    ("u1,A,2024-01-01,purchase,5,USD,lots,,Tea", "bad_quantity", "quantity", "lots"),
    ("u1,A,2024-01-01,purchase,5,USD,nan,,Tea", "bad_quantity", "quantity", "nan"),
]


@pytest.mark.parametrize(("row", "reason", "field", "value"), ONE_BAD_VALUE_EACH)
def test_a_bad_value_drops_its_row_with_place_reason_and_value(
    tmp_path: Path, row: str, reason: str, field: str, value: str
) -> None:
    good = "u9,A,2024-01-01,purchase,5,USD,1,,Tea\n"
    result = clean(events_csv(tmp_path, good + row + "\n"), tmp_path / "work")
    assert result.rejects == [{"file": "events.csv", "line": 3, "reason": reason, "field": field, "value": value}]
    assert [event["shopper"] for event in result.events] == ["u9"]


def test_every_reason_can_be_explained() -> None:
    assert all(text and text[0].islower() for text in REASONS.values())
    assert {reason for _, reason, _, _ in ONE_BAD_VALUE_EACH} < REASONS.keys()


def test_the_future_begins_a_day_after_now(tmp_path: Path) -> None:
    rows = "u1,A,2025-01-01T23:00:00,,,,,,Tea\nu1,A,2025-01-02T01:00:00,,,,,,Tea\n"
    assert clean(events_csv(tmp_path, rows), tmp_path / "work").reasons == {3: "impossible_date"}


def test_duplicates_are_rows_alike_in_everything(tmp_path: Path) -> None:
    rows = (
        "u1,A,2024-01-01,purchase,5,USD,1,o1,Tea\n"
        "u1,A,2024-01-01,purchase,5.00,USD,1.0,o1,Tea\n"  # alike, though written otherwise
        "u1,A,2024-01-01,purchase,5,USD,2,o1,Tea\n"
        "u1,A,2024-01-01,purchase,5,USD,1,o2,Tea\n"
        "u1,A,2024-01-01,view,5,USD,1,o1,Tea\n"
        "u2,A,2024-01-01,purchase,5,USD,1,o1,Tea\n"
    )
    assert clean(events_csv(tmp_path, rows), tmp_path / "work").reasons == {3: "duplicate"}


def test_a_cancelled_purchase_and_its_cancellation_go_and_a_return_stays(tmp_path: Path) -> None:
    rows = (
        "u1,A,2024-01-01,purchase,5,USD,2,,Tea\n"
        "u1,A,2024-01-02,cancel,5,USD,2,,Tea\n"
        "u1,B,2024-01-01,purchase,5,USD,3,,Cup\n"
        "u1,B,2024-01-05,return,5,USD,1,,Cup\n"
        "u1,C,2024-01-01,purchase,5,USD,1,,Pot\n"
        "u1,C,2024-01-05,purchase,5,USD,-1,,Pot\n"
        "u2,D,2024-01-05,return,5,USD,1,,Lid\n"
    )
    result = clean(events_csv(tmp_path, rows), tmp_path / "work")
    assert result.reasons == {2: "cancelled", 3: "cancellation", 6: "returned"}
    assert [(e["item"], e["kind"], e["quantity"]) for e in result.events] == [
        ("shop:B", "purchase", 2.0),
        ("shop:B", "return", 1.0),
        ("shop:C", "return", 1.0),
        ("shop:D", "return", 1.0),
    ]


def test_a_robot_goes_with_all_its_rows(tmp_path: Path) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    human = "".join(f"u{i},A,2024-01-{i % 9 + 1:02d},view,,,,,Tea\n" for i in range(40))
    robot = "".join(f"bot,A,{(start + timedelta(seconds=9 * i)).isoformat()},view,,,,,Tea\n" for i in range(1200))
    result = clean(events_csv(tmp_path, human + robot), tmp_path / "work")
    assert result.counts["dropped"] == {"robot": 1200}
    assert result.rejects[0] == {
        "file": "events.csv",
        "line": 42,
        "reason": "robot",
        "field": "shopper",
        "value": "bot",
    }
    assert len(result.events) == 40


def test_an_item_without_a_title_goes_where_others_have_one(tmp_path: Path) -> None:
    rows = "u1,A,2024-01-01,,,,,,Tea\nu1,B,2024-01-01,,,,,,\nu1,A,2024-01-02,,,,,,\n"
    result = clean(events_csv(tmp_path, rows), tmp_path / "work")
    assert result.reasons == {3: "no_title"}
    assert sorted(result.items) == ["shop:A"]


def test_a_row_without_shopper_still_tells_its_item_and_a_mistrusted_one_does_not(tmp_path: Path) -> None:
    rows = (
        ",A,2024-01-02,purchase,7,USD,1,,Green tea\n"
        "u1,A,2024-01-01,purchase,5,USD,1,,Green tea\n"
        "u1,A,2024-01-03,purchase,-9,USD,1,,Broken\n"
        "u1,A,2030-01-03,purchase,9,USD,1,,Broken\n"
    )
    item = clean(events_csv(tmp_path, rows), tmp_path / "work").items["shop:A"]
    assert (item["title"], item["price_minor"], item["as_of"].day) == ("Green tea", 700, 2)


def test_free_is_an_event_but_no_price(tmp_path: Path) -> None:
    result = clean(events_csv(tmp_path, "u1,A,2024-01-01,purchase,0,USD,1,,Tea\n"), tmp_path / "work")
    assert result.events[0]["value_minor"] == 0
    assert (result.items["shop:A"]["price_minor"], result.items["shop:A"]["currency"]) == (None, "")


def test_currencies_stay_as_they_are(tmp_path: Path) -> None:
    rows = "u1,A,2024-01-01,purchase,5,USD,1,,Tea\nu1,B,2024-01-01,purchase,500,JPY,1,,Cup\n"
    rows += "u1,C,2024-01-01,purchase,5.250,KWD,1,,Pot\nu1,D,2024-01-01,purchase,£5,,1,,Lid\n"
    result = clean(events_csv(tmp_path, rows), tmp_path / "work")
    assert [(e["value_minor"], e["currency"]) for e in result.events] == [
        (500, "USD"),
        (500, "JPY"),
        (5250, "KWD"),
        (500, "GBP"),
    ]


def test_one_spelling_for_each_category_and_brand(tmp_path: Path) -> None:
    names = [("Pet Food", "Acme"), ("Pet Food", "ACME"), ("PET_FOOD", "Acme"), ("pet  food", "acme"), ("Shoes", "")]
    rows = [{"item": str(i), "title": f"t{i}", "category": c, "brand": b} for i, (c, b) in enumerate(names)]
    path = tmp_path / "items.csv"
    pl.DataFrame(rows).write_csv(path)
    result = clean(path, tmp_path / "work")
    assert [(r["category"], r["category_path"], r["brand"]) for r in result.items.values()] == [
        *[("Pet Food", ["Pet Food"], "Acme")] * 4,
        ("Shoes", ["Shoes"], ""),
    ]


def test_the_newest_record_of_an_item_wins_and_older_ones_fill_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(
        "item,title,description,price,currency,as_of\n"
        "A,Tea,Green,5,USD,2024-03-01\n"
        "A,Tea (new),,6,USD,2024-05-01\n"
        "A,Tea (old),,4,USD,2024-01-01\n"
        "A,Tea (old),,4,USD,2024-01-01\n"
        "B,Cup,,-4,USD,2024-01-01\n"
        ",Pot,,4,USD,2024-01-01\n"
        "C,,,4,USD,2024-01-01\n"
    )
    result = clean(path, tmp_path / "work")
    reasons = {2: "superseded", 4: "superseded", 5: "duplicate", 6: "bad_price", 7: "missing_item", 8: "no_title"}
    assert result.reasons == reasons
    assert result.counts["kept"] == {"events": 0, "items": 1}
    item = result.items["shop:A"]
    assert (item["title"], item["description"], item["price_minor"]) == ("Tea (new)", "Green", 600)


def test_text_is_cleaned_of_what_cannot_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    record = {"item": " A\u200b1 ", "title": "Te\u200ba \x07 for\u00a0 two", "color": "re\u200bd", "brand": "  "}
    path.write_text(json.dumps(record) + "\n")
    item = clean(path, tmp_path / "work").items["shop:A1"]
    assert (item["title"], item["brand"]) == ("Te a for two", "")
    assert json.loads(item["attributes"]) == {"color": "re d"}


def test_results_have_the_contract_s_columns_and_order(tmp_path: Path) -> None:
    rows = "u2,B,2024-01-01,,,,,,Tea\nu1,C,2024-01-02,,,,,,Pot\nu1,A,2024-01-02,,,,,,Cup\nu1,B,2024-01-01,,,,,,Tea\n"
    work = tmp_path / "work"
    work.mkdir()
    done = clean_feed(open_feed(events_csv(tmp_path, rows)), work, NOW)
    items, events = pl.read_parquet(done.catalogue), pl.read_parquet(done.events)
    assert dict(items.schema) == SCHEMA
    assert dict(events.schema) == EVENT_SCHEMA
    assert items["item"].to_list() == ["shop:A", "shop:B", "shop:C"]
    assert list(zip(events["shopper"], events["item"], strict=True)) == [
        ("u1", "shop:B"),
        ("u1", "shop:C"),  # a tie keeps the source's order
        ("u1", "shop:A"),
        ("u2", "shop:B"),
    ]
    assert Catalogue(items).item(0).title == "Cup"
    assert sorted(path.name for path in work.iterdir()) == ["catalogue.parquet", "events.parquet", "rejects.jsonl"]


def messy_csv(folder: Path, count: int) -> Path:
    """Rows of many shoppers with every kind of trouble, in a fixed order."""
    kinds = ("purchase", "view", "cancel", "return", "sneeze")
    rows = []
    for i in range(count):
        item, day, kind = "" if i % 31 == 0 else i % 17, f"2024-01-{i % 33 + 1:02d}", kinds[i * 3 % 5]
        rows.append(f"u{i * 7 % 53},{item},{day},{kind},{i % 13 - 1},USD,{i % 5},,T{i % 17}")
    return events_csv(folder, "\n".join(rows) + "\n")


def test_ranges_of_shoppers_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = messy_csv(tmp_path, 2_000)
    whole = clean(path, tmp_path / "one")
    monkeypatch.setattr(retrieval.clean, "RANGE", 100)
    parted = clean(path, tmp_path / "two")
    assert whole.events == parted.events
    assert whole.counts == parted.counts
    assert len(whole.events) > 500


def test_folding_what_is_told_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval.feeds.chunks, "ROWS", 50)
    path = messy_csv(tmp_path, 2_000)
    whole = clean(path, tmp_path / "one")
    monkeypatch.setattr(retrieval.clean, "_FOLD", 20)
    folded = clean(path, tmp_path / "two")
    assert whole.items == folded.items
    assert len(whole.items) == 17


def test_the_same_feed_gives_the_same_bytes_also_after_a_killed_run(tmp_path: Path) -> None:
    path = messy_csv(tmp_path, 2_000)
    one, two = tmp_path / "one", tmp_path / "two"
    clean(path, one)
    (two / "cleaning").mkdir(parents=True)
    (two / "cleaning" / "events-000099.parquet").write_bytes(b"half written")
    clean(path, two)
    for name in ("catalogue.parquet", "events.parquet", "rejects.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    feed = open_feed(messy_csv(tmp_path, 100))
    clean_feed(feed, tmp_path, NOW, lambda stage, done, total: told.append((stage, done, total)))
    assert ("reading rows", 100, None) in told


cells = st.one_of(
    st.sampled_from(
        ["", "A", "u1", "2024-01-01", "purchase", "cancel", "return", "-1", "5", "0", "nan", "USD", "null"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6),
)
typical = st.tuples(
    st.sampled_from(["u1", "u2", ""]), st.sampled_from(["A", "B"]), st.sampled_from(["2024-01-01", "2024-01-02", "x"]),
    st.sampled_from(["purchase", "cancel", "return", "view"]), st.sampled_from(["5", "6", "-1", ""]),
    st.sampled_from(["USD", "", "?"]), st.sampled_from(["1", "2", "-1", "0", ""]), st.sampled_from(["", "o1"]),
    st.sampled_from(["Tea", ""]),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(typical, st.tuples(*[cells] * 9), st.lists(cells, max_size=11)), max_size=25))
def test_kept_and_dropped_make_the_rows_read(tmp_path: Path, rows: list[list[str]]) -> None:
    quoted = [
        "u9,Z,2024-01-01,purchase,5,USD,1,,Lamp",
        *(",".join(f'"{c.replace(chr(34), chr(34) * 2)}"' for c in row) for row in rows),
    ]
    result = clean(events_csv(tmp_path, "\n".join(quoted)), tmp_path / "work")  # the sums are checked in there
    assert result.counts["rows"] == sum(1 for line in quoted if line)
    assert {reject["reason"] for reject in result.rejects} <= REASONS.keys()
