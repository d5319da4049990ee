"""Each published form, from a few hand-made lines to exact values."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from retrieval.feeds import open_feed
from tests.retrieval.feed_helpers import OPEN_ECOMMERCE_HEADER, clean


def test_open_ecommerce(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    rows = (
        '2019-08-10,22.47,1.0,NJ,"Brita Filter, 6 Count",B00008IHL8,WATER_FILTER,u1\n'
        "2020-01-05,21.00,2.0,NJ,Brita Filter 6 Count,B00008IHL8,WATER_FILTER,u2\n"
        '2020-02-05,23.00,1.0,NJ,"Brita Filter, 6 Count",B00008IHL8,WATER_FILTER,u3\n'
    )
    path.write_bytes(gzip.compress((OPEN_ECOMMERCE_HEADER + rows).encode()))
    assert open_feed(path).name == "open-ecommerce"
    result = clean(path, tmp_path / "work")
    item = result.items["amazon:B00008IHL8"]
    assert item["title"] == "Brita Filter, 6 Count"  # the most frequent one
    assert (item["price_minor"], item["currency"]) == (2300, "USD")  # the last one
    assert item["as_of"] == datetime(2020, 2, 5, tzinfo=UTC)
    assert item["listed_at"] == datetime(2019, 8, 10, tzinfo=UTC)
    assert (item["category"], item["category_path"], item["platform"]) == ("WATER_FILTER", ["WATER_FILTER"], "amazon")
    assert result.events[1] == {
        "shopper": "u2",
        "item": "amazon:B00008IHL8",
        "kind": "purchase",
        "at": datetime(2020, 1, 5, tzinfo=UTC),
        "value_minor": 2100,
        "currency": "USD",
        "quantity": 2.0,
        "platform": "amazon",
    }


ONLINE_RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HEART HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
536366,85123a,WHITE HEART HOLDER,4,12/2/2010 8:26,2.55,17850.0,United Kingdom
536367,POST,POSTAGE,1,12/2/2010 9:00,18.00,17850,United Kingdom
536368,22139,damaged,-10,12/2/2010 9:10,0,,United Kingdom
C536369,85123A,WHITE HEART HOLDER,-6,12/3/2010 9:00,2.55,17850,United Kingdom
536370,22139,TEA SET £5,1,12/4/2010 9:00,4.25,17851,France
"""


def test_online_retail(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(ONLINE_RETAIL.encode("cp1252"))  # as the spreadsheet is exported
    assert open_feed(path).name == "online-retail"
    result = clean(path, tmp_path / "work")
    assert result.reasons == {2: "cancelled", 4: "not_a_product", 5: "missing_shopper", 6: "cancellation"}
    assert [(e["shopper"], e["item"], e["quantity"], e["value_minor"]) for e in result.events] == [
        ("17850", "uci:85123A", 4.0, 255),
        ("17851", "uci:22139", 1.0, 425),
    ]
    assert result.events[0]["at"] == datetime(2010, 12, 2, 8, 26, tzinfo=UTC)
    assert result.items["uci:22139"]["title"] == "TEA SET £5"
    assert result.items["uci:22139"]["currency"] == "GBP"


def test_online_retail_two_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    names = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}
    frame = pl.DataFrame(
        {
            "InvoiceNo": ["489434", "489435"],
            "StockCode": ["85048", "PADS"],
            "Description": ["BALL", "PADS TO MATCH"],
            "Quantity": [12, 1],
            "InvoiceDate": [datetime(2009, 12, 1, 7, 45), datetime(2009, 12, 1, 7, 46)],
            "UnitPrice": [6.95, 0.001],
            "CustomerID": [13085.0, 13085.0],
            "Country": ["UK", "UK"],
        }
    )
    frame.rename(names).write_parquet(path)
    result = clean(path, tmp_path / "work")
    assert [(e["shopper"], e["item"], e["value_minor"]) for e in result.events] == [
        ("13085", "uci:85048", 695),
        ("13085", "uci:PADS", 0),
    ]
    assert result.items["uci:PADS"]["price_minor"] is None


def test_complete_journey(tmp_path: Path) -> None:
    folder = tmp_path / "cj"
    folder.mkdir()
    pl.DataFrame(
        {
            "product_id": ["1", "2", "3", "4"],
            "manufacturer_id": ["9"] * 4,
            "department": ["GROCERY", "MEAT-PCKGD", "FUEL", "GROCERY"],
            "brand": ["National", "Private", "Private", "National"],
            "product_category": ["CHIPS", "SAUSAGE", "COUPON/MISC ITEMS", None],
            "product_type": ["POTATO CHIPS", "FRESH", "GASOLINE", None],
            "package_size": ["9 OZ", None, None, None],
        }
    ).write_parquet(folder / "products.parquet")
    pl.DataFrame(
        {
            "household_id": ["7"] * 5,
            "store_id": ["1"] * 5,
            "basket_id": ["b1", "b1", "b2", "b3", "b4"],
            "product_id": ["1", "2", "3", "1", "4"],
            "quantity": [2.0, 1.0, 9000.0, 0.0, 1.0],
            "sales_value": [5.0, 1.0, 20.0, 0.0, 1.0],
            "retail_disc": [1.0] + [0.0] * 4,
            "coupon_disc": [0.5, 2.0] + [0.0] * 3,
            "coupon_match_disc": [0.2] + [0.0] * 4,
            "week": [1] * 5,
            "transaction_timestamp": [1485606196.0] * 5,
        }
    ).write_parquet(folder / "transactions_sample.parquet")
    shown = {"product_id": ["1", "1", "2"], "store_id": ["1"] * 3, "display_location": ["0", "5", "3"]}
    shown |= {"mailer_location": ["A", "0", "0"], "week": [2, 2, 1]}
    pl.DataFrame(shown).write_parquet(folder / "promotions.parquet")
    pl.DataFrame({"household_id": ["7"], "age": ["45-54"]}).write_parquet(folder / "demographics.parquet")
    assert open_feed(folder).name == "complete-journey"
    result = clean(folder, tmp_path / "work")
    assert result.counts["dropped"] == {"bad_quantity": 1, "no_title": 2, "not_a_product": 2}
    chips, sausage = result.items["journey:1"], result.items["journey:2"]
    assert (chips["title"], sausage["title"]) == ("POTATO CHIPS, 9 OZ", "SAUSAGE: FRESH")
    assert (chips["category"], chips["category_path"]) == ("CHIPS", ["GROCERY", "CHIPS"])
    assert (chips["price_minor"], chips["currency"]) == (260, "USD")  # (5.00 + 0.20) / 2
    assert (chips["promotion"], sausage["promotion"]) == ("On display and in this week's mailer", "")
    assert json.loads(chips["attributes"])["label"] == "maker's brand"
    paid = [(e["item"], e["value_minor"], e["quantity"]) for e in result.events]
    assert paid == [("journey:1", 225, 2.0), ("journey:2", 0, 1.0)]  # (5.00 - 0.50) / 2; the coupon pays the sausage


def test_recbole_with_and_without_items(tmp_path: Path) -> None:
    inter = tmp_path / "Toys.inter"
    inter.write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu1\tA\t5.0\t881250949\nu1\tB\t1.0\t881250950\n"
    )
    alone = clean(inter, tmp_path / "work")
    assert [(e["item"], e["kind"]) for e in alone.events] == [("toys:A", "review"), ("toys:B", "review")]
    assert alone.events[0]["at"] == datetime(1997, 12, 4, 15, 55, 49, tzinfo=UTC)
    assert alone.items["toys:A"]["title"] == "A"  # no text anywhere in the feed
    item = tmp_path / "Toys.item"
    item.write_text(
        "item_id:token\ttitle:token_seq\tcategories:token_seq\tbrand:token\tprice:float\tage:token\n"
        "A\t7\" Robot \"Max\"\t'Toys', 'Robots & Co'\tAcme\t12.5\t6+\n"
    )
    for path in (tmp_path, inter, item):
        both = clean(path, tmp_path / "work", "recbole")
        robot = both.items["toys:A"]
        assert robot["title"] == '7" Robot "Max"'  # quotation marks are plain characters here
        assert (robot["category_path"], robot["brand"]) == (["Toys", "Robots & Co"], "Acme")
        assert (robot["price_minor"], json.loads(robot["attributes"])) == (1250, {"age": "6+"})
        assert both.counts["dropped"] == {"no_title": 1}


def test_recbole_behaviours_and_order_without_times(tmp_path: Path) -> None:
    path = tmp_path / "x.inter"
    path.write_text("session_id:token\titem_id:token\tbehavior_type:token\n1\tA\tpv\n1\tB\tbuy\n1\tC\tjump\n")
    result = clean(path, tmp_path / "work")
    assert [(e["item"], e["kind"]) for e in result.events] == [("x:A", "view"), ("x:B", "purchase")]
    assert result.reasons == {4: "bad_kind"}
    assert result.events[0]["at"] < result.events[1]["at"]
    assert result.items["x:A"]["listed_at"] is None  # made-up times date nothing


REVIEWS = [
    {"rating": 5.0, "title": "Good", "text": "Yes", "asin": "B1v", "parent_asin": "B1", "user_id": "U1",
     "timestamp": 1588687728923, "verified_purchase": True, "helpful_vote": 0, "images": []},
    {"rating": 1.0, "title": "Bad", "text": "No", "asin": "B2", "parent_asin": "B2", "user_id": "U1",
     "timestamp": 1588687728924, "verified_purchase": False, "helpful_vote": 0, "images": []},
]  # fmt: skip
META = [
    {"main_category": "All Beauty", "title": "Soap &amp; Dish", "average_rating": 4.8, "rating_number": 10,
     "features": ["Mild"], "description": ["<b>Hand</b> made<br />"], "price": 9.99, "store": "Howard",
     "images": [{"thumb": "t", "large": "https://x/1.jpg", "variant": "MAIN", "hi_res": None}],
     "categories": ["Beauty", "Soap"], "details": {"Brand": "How & Co", "Item Weight": "3 oz"}, "parent_asin": "B1"},
    {"main_category": "All Beauty", "title": "Brush", "average_rating": 4.0, "rating_number": 1, "features": [],
     "description": [], "price": "from 4.50", "store": "Howard", "images": [], "categories": [], "details": {},
     "parent_asin": "B2"},
    {"main_category": "All Beauty", "title": "Comb", "average_rating": 4.0, "rating_number": 1, "features": [],
     "description": [], "price": "—", "store": None, "images": [], "categories": [], "details": {},
     "parent_asin": "B3"},
]  # fmt: skip


def write_jsonl(path: Path, records: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def test_amazon_reviews_with_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "amazon"
    folder.mkdir()
    write_jsonl(folder / "All_Beauty.jsonl.gz", REVIEWS)
    write_jsonl(folder / "meta_All_Beauty.jsonl", META)
    for path in (folder, folder / "All_Beauty.jsonl.gz", folder / "meta_All_Beauty.jsonl"):
        assert open_feed(path).name == "amazon-reviews"
        result = clean(path, tmp_path / "work")
        soap, brush, comb = (result.items[f"amazon:B{n}"] for n in (1, 2, 3))
        assert (soap["title"], soap["description"]) == ("Soap & Dish", "Hand made Mild")
        assert (soap["price_minor"], soap["currency"], soap["brand"]) == (999, "USD", "How & Co")
        assert (soap["category_path"], soap["image"], soap["store"]) == (
            ["Beauty", "Soap"],
            "https://x/1.jpg",
            "Howard",
        )
        assert json.loads(soap["attributes"]) == {"Item Weight": "3 oz"}
        assert (brush["price_minor"], brush["category"], brush["brand"]) == (450, "All Beauty", "Howard")
        assert comb["price_minor"] is None
        assert [(e["item"], e["kind"], e["shopper"]) for e in result.events] == [
            ("amazon:B1", "review", "U1"),
            ("amazon:B2", "review", "U1"),
        ]
        assert result.events[0]["at"] == datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC)


def test_amazon_reviews_alone_have_ids_for_titles(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    write_jsonl(path, REVIEWS)
    path.write_text(path.read_text() + '{"broken": \n')
    result = clean(path, tmp_path / "work")
    assert {item: row["title"] for item, row in result.items.items()} == {"amazon:B1": "B1", "amazon:B2": "B2"}
    assert result.reasons == {3: "malformed_row"}


def test_sequences(tmp_path: Path) -> None:
    path = tmp_path / "Beauty.txt"
    path.write_text("1 10 11 12\n2 11 10\n")
    assert open_feed(path).name == "sequences"
    result = clean(path, tmp_path / "work")
    assert [(e["shopper"], e["item"], e["at"].day) for e in result.events] == [
        ("1", "beauty:10", 1),
        ("1", "beauty:11", 2),
        ("1", "beauty:12", 3),
        ("2", "beauty:11", 1),
        ("2", "beauty:10", 2),
    ]
