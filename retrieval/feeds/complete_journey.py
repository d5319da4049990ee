"""dunnhumby The Complete Journey: a year of groceries of 2,469 US households, as in the R package `completejourney`.

A folder (Parquet or CSV) with `transactions*` and `products*`, optionally `promotions*`; or the transactions alone.
Source: 84.51°. Times are UTC epochs; prices are US dollars.

- The price paid for a unit is `(sales_value - coupon_disc) / quantity`: what the till took less the maker's coupon,
  nothing where the coupon is worth more. A quantity of 0 is no sale. Weighed goods count as the publisher counts them.
- A product has no name. Its title is the product type and the package size ("POTATO CHIPS, 9 OZ"), after the category
  where the two share no word ("DINNER SAUSAGE: FRESH, 19.76 OZ"); its category path is department and category.
- The publisher's `brand` says only whether a maker's ("National") or the store's own ("Private") brand is on it, so it
  goes to the attributes, as does the manufacturer's number.
- Fuel, coupons, donations and store supplies pass the till but stand on no shelf: `not_a_product`.
- Products shown in a display or mailer in the last week that the promotions know carry that as their promotion. The
  other tables (demographics, campaigns, coupons) say nothing that the catalogue or the events could hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame, items_frame, lacking, malformed, rejects_frame
from retrieval.feeds.chunks import chunks
from retrieval.feeds.files import Source
from retrieval.feeds.values import PATH

_TRANSACTIONS = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp")
_PRODUCTS = ("product_id", "department", "product_category", "product_type", "package_size")
_PROMOTIONS = ("product_id", "display_location", "mailer_location", "week")
_NO_GOODS = ("COUPON", "FUEL", "CHARITABLE CONT", "CNTRL/STORE SUP", "GM MERCH EXP", "PROD-WHS SALES")
_NO_CATEGORIES = ("COUPON/MISC ITEMS", "COUPON", "COUPONS/STORE & MFG", "FUEL")


class CompleteJourney(Feed):
    """Reads transactions, products and promotions of The Complete Journey."""

    name = "complete-journey"
    needs = _TRANSACTIONS

    def __init__(self, transactions: Source, products: Source | None, promotions: Source | None) -> None:
        self._transactions, self._products, self._promotions = transactions, products, promotions
        self.sources = tuple(source for source in (products, promotions, transactions) if source)
        self._no_goods: set[str] = set()

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """A feed for each file of transactions."""
        products = _having(sources, _PRODUCTS)
        promotions = _having(sources, _PROMOTIONS)
        return [
            cls(source, products[0] if products else None, promotions[0] if promotions else None)
            for source in _having(sources, _TRANSACTIONS)
        ]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the transactions among these, with the products beside them."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = max(sources, key=lambda s: len(set(_TRANSACTIONS) & set(s.header)))
        column = next(name for name in _TRANSACTIONS if name not in source.header)
        raise lacking(source, column, cls.name, "give the folder with transactions and products")

    def batches(self) -> Iterator[Batch]:
        """Products first, then transactions; a product's price comes from what was paid last."""
        promoted = self._promoted()
        for chunk in chunks(self._products) if self._products else ():
            frame = _filled(chunk.frame, ("brand", "manufacturer_id"))
            no_goods = pl.col("department").is_in(_NO_GOODS) | pl.col("product_category").is_in(_NO_CATEGORIES)
            frame = frame.with_columns(no_goods.fill_null(value=False).alias("off"))
            self._no_goods.update(frame.filter("off")["product_id"])
            items = _items(frame.filter(~pl.col("off")), promoted)
            off = rejects_frame(frame.filter("off"), "not_a_product", "product_category", "product_category")
            yield batch(items, None, off, malformed(chunk.bad))
        for chunk in chunks(self._transactions):
            yield self._sales(chunk.frame, chunk.bad)

    def _sales(self, frame: pl.DataFrame, bad: pl.DataFrame) -> Batch:
        frame = _filled(frame, ("coupon_disc", "coupon_match_disc"))
        frame = frame.with_columns(
            _each("sales_value", "coupon_disc", sign=-1).alias("paid"),
            _each("sales_value", "coupon_match_disc", sign=1).alias("shelf"),
            pl.col("product_id").is_in(sorted(self._no_goods)).fill_null(value=False).alias("off"),
        )
        sold = frame.filter(~pl.col("off"))
        common: dict[str, pl.Expr | str | None] = {
            "sku": pl.col("product_id"),
            "platform": "journey",
            "currency": "USD",
        }
        items = items_frame(sold, own=False, price=pl.col("shelf"), as_of=pl.col("transaction_timestamp"), **common)
        events = events_frame(
            sold,
            shopper=pl.col("household_id"),
            kind="purchase",
            at=pl.col("transaction_timestamp"),
            price=pl.col("paid"),
            quantity=pl.col("quantity"),
            order=pl.col("basket_id"),
            **common,
        )
        off = rejects_frame(frame.filter("off"), "not_a_product", "product_id", "product_id")
        return batch(items, events, off, malformed(bad))

    def _promoted(self) -> dict[str, str]:
        """Products of the last week of the promotions, with how they were shown."""
        frames = [chunk.frame.select(_PROMOTIONS) for chunk in chunks(self._promotions)] if self._promotions else []
        if not frames:
            return {}
        frame = pl.concat(frames).with_columns(pl.col("week").cast(pl.Int64, strict=False))
        frame = (
            frame.filter(pl.col("week") == pl.col("week").max())
            .group_by("product_id")
            .agg(
                (pl.col("display_location") != "0").any().alias("display"),
                (pl.col("mailer_location") != "0").any().alias("mailer"),
            )
        )
        said = {(True, True): "On display and in this week's mailer", (True, False): "On display in store"}
        said[(False, True)] = "In this week's mailer"
        return {item: said[shown] for item, *flags in frame.iter_rows() if (shown := (flags[0], flags[1])) in said}


def _having(sources: Sequence[Source], columns: tuple[str, ...]) -> list[Source]:
    return [source for source in sources if set(columns) <= set(source.header)]


def _filled(frame: pl.DataFrame, optional: tuple[str, ...]) -> pl.DataFrame:
    return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in optional if name not in frame.columns)


def _each(total: str, discount: str, sign: int) -> pl.Expr:
    """Unit price as text: (total + sign * discount) / quantity; the total as it stands where that can't be said."""
    amount, units = pl.col(total).cast(pl.Float64, strict=False), pl.col("quantity").cast(pl.Float64, strict=False)
    less = pl.col(discount).cast(pl.Float64, strict=False).fill_null(0.0)
    due = pl.when(amount < 0).then(amount).otherwise(pl.max_horizontal(amount + sign * less, 0.0))
    unit = (due / units).round(6).cast(pl.String)
    return pl.when(amount.is_not_null() & (units > 0)).then(unit).otherwise(pl.col(total))


def _title() -> pl.Expr:
    """Type and package size, after the category where the type doesn't repeat a word of it; null without a type."""
    words = [pl.col(name).fill_null("").str.extract_all(r"[A-Z]{3,}") for name in ("product_type", "product_category")]
    alike = (words[0].list.set_intersection(words[1]).list.len() > 0) | pl.col("product_category").is_null()
    kind = (
        pl.when(alike).then("product_type").otherwise(pl.concat_str("product_category", "product_type", separator=": "))
    )
    sized = pl.concat_str(kind, "package_size", separator=", ", ignore_nulls=True)
    return pl.when(pl.col("product_type").is_not_null()).then(sized)


def _items(frame: pl.DataFrame, promoted: dict[str, str]) -> pl.DataFrame:
    promotion = pl.col("product_id").replace_strict(promoted, default=None) if promoted else pl.lit(None, pl.String)
    attributes = pl.struct(
        pl.col("brand").replace({"National": "maker's brand", "Private": "store's own brand"}).alias("label"),
        pl.col("package_size").alias("package"),
        pl.col("manufacturer_id").alias("manufacturer"),
    ).struct.json_encode()
    return items_frame(
        frame,
        own=True,
        sku=pl.col("product_id"),
        platform="journey",
        title=_title(),
        path=pl.concat_str("department", "product_category", separator=PATH, ignore_nulls=True),
        currency="USD",
        attributes=attributes,
        promotion=promotion,
    )
