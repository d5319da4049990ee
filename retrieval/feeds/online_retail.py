"""UCI Online Retail and Online Retail II: invoice lines of a British gift wholesaler, 2009-2011.

doi:10.24432/C5BW33, doi:10.24432/C5CG6D. `InvoiceNo` (or `Invoice`), `StockCode`, `Description`, `Quantity`,
`InvoiceDate`, `UnitPrice` (or `Price`, pounds sterling), `CustomerID` (or `Customer ID`); CSV, TSV or Parquet (an Excel
workbook has to be exported first).

- An invoice number that starts with C cancels earlier purchases; a negative quantity on any other line is a stock
  adjustment or a return of goods.
- Stock codes such as POST, DOT, M or BANK CHARGES are charges and manual entries, no goods: `not_a_product`. A good's
  code has a digit in it; PADS is the one good whose code has none, C2 the one charge whose code has one.
- The same code in upper and lower case is the same good.
- A line at price zero is a stock-keeper's note or a gift: its description ("damaged", "?") is not taken as a title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame, items_frame, lacking, malformed, rejects_frame
from retrieval.feeds.chunks import chunks
from retrieval.feeds.files import Source
from retrieval.feeds.values import US_FORMS

_NAMES = {
    "invoice": ("InvoiceNo", "Invoice"),
    "code": ("StockCode",),
    "name": ("Description",),
    "units": ("Quantity",),
    "date": ("InvoiceDate",),
    "paid": ("UnitPrice", "Price"),
    "customer": ("CustomerID", "Customer ID"),
}
_GOODS = r"\d"
_CHARGES = r"^(C\d|ADJUST\d*|TEST\d+|AMAZONFEE\d*|GIFT|BANK CHARGES)$"


class OnlineRetail(Feed):
    """Reads the invoice lines of Online Retail."""

    name = "online-retail"
    needs = tuple(names[0] for names in _NAMES.values())
    date_forms = US_FORMS

    def __init__(self, source: Source, columns: dict[str, str]) -> None:
        self.sources, self._columns = (source,), columns

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """Files that have all seven columns, in either release's spelling."""
        mapped = [(source, _columns(source)) for source in sources]
        return [cls(source, columns) for source, columns in mapped if len(columns) == len(_NAMES)]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the one file of invoice lines among these."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = max(sources, key=lambda s: len(_columns(s)))
        known = set(_columns(source).values())
        column = next(names[0] for raw, names in _NAMES.items() if raw not in known)
        raise lacking(source, column, cls.name, "give the publisher's file, an Excel sheet exported as CSV")

    def batches(self) -> Iterator[Batch]:
        """One invoice line and what it says of its item a line."""
        for chunk in chunks(self.sources[0], fallback="cp1252"):
            frame = chunk.frame.rename(self._columns).with_columns(
                pl.col("code").str.strip_chars().str.to_uppercase(),
                pl.col("customer").str.strip_suffix(".0"),
                pl.col("units").str.strip_chars().alias("units"),
                pl.col("invoice").str.to_uppercase().str.starts_with("C").alias("cancels"),
                pl.col("paid").cast(pl.Float64, strict=False).ne_missing(0).alias("charged"),
            )
            charge = ~pl.col("code").str.contains(_GOODS) & (pl.col("code") != "PADS")
            charge = (charge | pl.col("code").str.contains(_CHARGES)) & (pl.col("code") != "")
            frame = frame.with_columns(charge.fill_null(value=False).alias("charge"))
            goods = frame.filter(~pl.col("charge"))
            yield batch(
                _items(goods.filter(~pl.col("cancels").fill_null(value=False))),
                _events(goods),
                rejects_frame(frame.filter("charge"), "not_a_product", "StockCode", "code"),
                malformed(chunk.bad),
            )


def _columns(source: Source) -> dict[str, str]:
    return {name: raw for raw, names in _NAMES.items() for name in names[::-1] if name in source.header}


def _items(goods: pl.DataFrame) -> pl.DataFrame:
    return items_frame(
        goods,
        own=False,
        sku=pl.col("code"),
        platform="uci",
        title=pl.when("charged").then("name"),
        price=pl.when("charged").then("paid"),
        currency="GBP",
        as_of=pl.col("date"),
    )


def _events(goods: pl.DataFrame) -> pl.DataFrame:
    return events_frame(
        goods,
        sku=pl.col("code"),
        platform="uci",
        shopper=pl.col("customer"),
        kind=pl.when("cancels").then(pl.lit("cancel")).otherwise(pl.lit("purchase")),
        at=pl.col("date"),
        price=pl.col("paid"),
        currency="GBP",
        quantity=pl.col("units"),
        order=pl.col("invoice"),
    )
