"""Open e-commerce 1.0: Amazon.com purchases 2018-2022 of consenting US shoppers (`amazon-purchases.csv`).

Berke et al., Scientific Data 11:491 (2024), doi:10.7910/DVN/YGLYDY. One line a purchase: `Order Date` (no time),
`Purchase Price Per Unit` (US dollars), `Quantity`, `Title`, `ASIN/ISBN (Product Code)`, `Category`,
`Survey ResponseID`; other columns are left aside. There is no order number and no brand column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame, items_frame, lacking, malformed
from retrieval.feeds.chunks import chunks
from retrieval.feeds.files import Source

_COLUMNS = {
    "Order Date": "date",
    "Purchase Price Per Unit": "paid",
    "Quantity": "units",
    "Title": "name",
    "ASIN/ISBN (Product Code)": "asin",
    "Category": "kind_of_good",
    "Survey ResponseID": "who",
}


class OpenEcommerce(Feed):
    """Reads `amazon-purchases.csv`, plain or gzipped."""

    name = "open-ecommerce"
    needs = tuple(_COLUMNS)
    brands = False

    def __init__(self, source: Source) -> None:
        self.sources = (source,)

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """Files that have all seven columns."""
        return [cls(source) for source in sources if _COLUMNS.keys() <= set(source.header)]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the one file of purchases among these."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = max(sources, key=lambda s: len(_COLUMNS.keys() & set(s.header)))
        column = next(name for name in _COLUMNS if name not in source.header)
        raise lacking(source, column, cls.name, "give the publisher's amazon-purchases.csv")

    def batches(self) -> Iterator[Batch]:
        """One purchase and what it says of its item a line."""
        for chunk in chunks(self.sources[0]):
            frame = chunk.frame.rename(_COLUMNS)
            items = items_frame(
                frame,
                own=False,
                sku=pl.col("asin"),
                platform="amazon",
                title=pl.col("name"),
                path=pl.col("kind_of_good"),
                price=pl.col("paid"),
                currency="USD",
                as_of=pl.col("date"),
            )
            events = events_frame(
                frame,
                sku=pl.col("asin"),
                platform="amazon",
                shopper=pl.col("who"),
                kind="purchase",
                at=pl.col("date"),
                price=pl.col("paid"),
                currency="USD",
                quantity=pl.col("units"),
            )
            yield batch(items, events, malformed(chunk.bad))
