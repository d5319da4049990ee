"""The project's own form: tables with documented columns, as CSV, TSV, JSON lines or Parquet, plain or gzipped.

One file of events, one file of items, or a folder with `items.*` and `events.*` (either may miss). Case, spaces, `-`
and `_` in column names don't matter; other accepted names stand in brackets.

Events: `shopper` [user, user_id, customer_id, ...], `item` [item_id, sku, product_id, asin, ...] and `at` [timestamp,
date, time, ...] are needed. `kind` [event, event_type, action, ...]: view, cart, favourite, purchase, review, dismiss,
return or cancel; purchase where it is left out. `price` of one unit in major units, or in minor units
`price_minor` [value_minor]; `currency`; `quantity` (negative: a return); `order` [order_id, invoice, basket_id, ...];
`platform`. An events file may also tell `title`, `category`, `brand` and the other columns of items; what it tells
counts for items that have no record of their own.

Items: `item` and `title` [name, product_name, ...] are needed. `description`, `category` (one name, or a path "Home >
Kitchen > Pans"), `category_path`, `brand`, `price` or `price_minor`, `currency`, `availability` (schema.org's words,
yes / no, or the number in stock), `promotion`, `image`, `url`, `store`, `listed_at`, `as_of`, `platform`, `attributes`
(a JSON object). Other columns become attributes.

Times are ISO 8601 or epochs; without a zone they are UTC. Item ids are `platform:item`; the platform is the `platform`
column, or what stands before a colon in the item id, or the file's name ("shop" for files called items or events).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame, items_frame, lacking, malformed
from retrieval.feeds.chunks import Chunk, chunks
from retrieval.feeds.columns import Aliases, attributes_of
from retrieval.feeds.files import Source
from retrieval.feeds.values import exponent, path_of, stock_of

_SKU = ("item", "item_id", "sku", "product_id", "product", "asin", "parent_asin", "article_id", "stock_code", "id")
_TOLD = Aliases(
    sku=_SKU,
    platform=("platform", "marketplace", "shop", "site"),
    title=("title", "name", "product_name", "item_name", "product_title", "item_title"),
    description=("description", "product_description", "item_description", "desc"),
    category_path=("category_path", "categories", "breadcrumbs"),
    category=("category", "category_name", "product_category", "department", "product_type"),
    brand=("brand", "brand_name", "manufacturer", "maker"),
    price=("price", "unit_price", "price_per_unit", "value"),
    price_minor=("price_minor", "value_minor", "price_cents"),
    currency=("currency", "currency_code", "price_currency"),
    availability=("availability", "stock", "in_stock", "stock_status", "inventory"),
    promotion=("promotion", "promo", "offer", "deal"),
    attributes=("attributes", "attrs", "properties", "specs"),
    image=("image", "image_url", "image_link", "picture"),
    url=("url", "link", "product_url", "item_url"),
    store=("store", "seller", "store_name", "merchant"),
    listed_at=("listed_at", "created_at", "listed", "release_date"),
    as_of=("as_of", "updated_at", "price_as_of", "last_updated"),
)
_DONE = Aliases(
    shopper=(
        "shopper",
        "shopper_id",
        "user",
        "user_id",
        "customer",
        "customer_id",
        "visitor_id",
        "household_id",
        "session_id",
    ),
    at=("at", "timestamp", "time", "date", "datetime", "event_time", "order_date", "purchase_date", "created_at"),
    kind=("kind", "event", "event_type", "action", "behavior", "behaviour", "type"),
    quantity=("quantity", "qty", "units", "count"),
    order=("order", "order_id", "order_number", "invoice", "invoice_no", "basket_id", "transaction_id"),
)
_PLAIN_NAMES = ("items", "events", "products", "catalogue", "catalog", "interactions", "orders", "purchases")
_QUALIFIED = r"^([A-Za-z0-9][A-Za-z0-9._-]*):[^:/].*$"


class Generic(Feed):
    """Reads tables of items and events with documented columns."""

    name = "generic"

    def __init__(self, items: Source | None, events: Source | None) -> None:
        self._items, self._events = items, events
        self.sources = tuple(source for source in (items, events) if source)
        self.brands = any("brand" in _TOLD.found(source.header) for source in self.sources)

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """A pair called items and events, or a feed for every file that has the needed columns."""
        items = [source for source in sources if _is_items(source)]
        events = [source for source in sources if _is_events(source)]
        named_items = [s for s in items if s.stem.casefold() == "items"]
        named_events = [s for s in events if s.stem.casefold() == "events"]
        if len(named_items) <= 1 and len(named_events) <= 1 and named_items + named_events:
            return [cls(*(named[0] if named else None for named in (named_items, named_events)))]
        if len(items) <= 1 and len(events) <= 1 and items + events:
            return [cls(items[0] if items else None, events[0] if events else None)]
        return [cls(s, None) for s in items] + [cls(None, s) for s in events]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the items and events among these."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = max(sources, key=lambda s: len(_known(s)))
        known = _known(source)
        wanted = ("item", "title") if "title" in known and "shopper" not in known else ("shopper", "item", "at")
        column = next((c for c in wanted if ("sku" if c == "item" else c) not in known), wanted[0])
        raise lacking(source, column, cls.name, "events need shopper, item and at; items need item and title")

    def batches(self) -> Iterator[Batch]:
        """Items first, then events."""
        platforms: dict[str, str] = {}
        if self._items:
            remember = self._events is not None and "platform" not in _TOLD.found(self._events.header)
            for chunk in chunks(self._items):
                frame = _prepared(chunk, self._items, {})
                if remember:
                    platforms.update(zip(frame["sku"].fill_null(""), frame["platform"], strict=True))
                yield batch(_told(frame, own=True), None, malformed(chunk.bad))
        if self._events:
            for chunk in chunks(self._events):
                frame = _prepared(chunk, self._events, platforms)
                told = _told(frame, own=False) if _texts(self._events) else None
                yield batch(told, _done(frame), malformed(chunk.bad))


def _known(source: Source) -> set[str]:
    return _TOLD.found(source.header).keys() | _DONE.found(source.header).keys()


def nearness(source: Source) -> int:
    """How many of the columns that events or items need a file has."""
    return len({"shopper", "sku", "at", "title"} & _known(source))


def _is_events(source: Source) -> bool:
    return {"sku", "shopper", "at"} <= _known(source)


def _is_items(source: Source) -> bool:
    return {"sku", "title"} <= _TOLD.found(source.header).keys() and "shopper" not in _DONE.found(source.header)


def _texts(source: Source) -> set[str]:
    return _TOLD.found(source.header).keys() - {"sku", "platform", "currency"}


def _prepared(chunk: Chunk, source: Source, platforms: dict[str, str]) -> pl.DataFrame:
    """The chunk under raw names, with `platform` and `price` settled and unknown columns gathered as attributes."""
    told, done = _TOLD.found(source.header), _DONE.found(source.header) if _is_events(source) else {}
    told = {raw: column for raw, column in told.items() if column not in done.values()}
    columns = told | done
    frame = chunk.frame
    if _is_items(source):
        used = {column for raw, column in columns.items() if raw != "attributes"}
        frame = frame.with_columns(attributes_of(frame, used, columns.get("attributes")).alias("\x1eattributes"))
        columns = {**columns, "attributes": "\x1eattributes"}
    frame = frame.select("file", "line", *(pl.col(column).alias(raw) for raw, column in columns.items()))
    frame = frame.with_columns(
        pl.lit(None, pl.String).alias(raw) for raw in (*_TOLD.names, *_DONE.names) if raw not in columns
    )
    if "price_minor" in columns:
        majors = [_major(*row) for row in frame.select("price_minor", "currency").iter_rows()]
        frame = frame.with_columns(pl.coalesce(pl.Series(majors, dtype=pl.String), "price").alias("price"))
    return frame.with_columns(_platform(source, platforms))


def _major(minor: str | None, currency: str | None) -> str | None:
    """An amount in minor units as text in major units; what is no number stays as it is, to be refused later."""
    if minor is None or not minor.strip():
        return None
    try:
        amount = Decimal(minor.strip())
    except InvalidOperation:
        return minor
    if not amount.is_finite() or abs(amount.adjusted()) > 30:  # no price; written out, it could fill the memory
        return minor
    return f"{amount.scaleb(-exponent((currency or '').strip().upper())):f}"


def _platform(source: Source, platforms: dict[str, str]) -> pl.Expr:
    stem = re.sub(r"[^a-z0-9.]+", "-", source.stem.casefold()).strip("-")
    default = "shop" if stem in _PLAIN_NAMES or not stem else stem
    known = pl.col("sku").replace_strict(platforms, default=None) if platforms else pl.lit(None, pl.String)
    said = pl.col("platform").str.strip_chars().replace("", None)
    return pl.coalesce(said, known, pl.col("sku").str.extract(_QUALIFIED, 1), pl.lit(default)).alias("platform")


def _told(frame: pl.DataFrame, *, own: bool) -> pl.DataFrame:
    written = pl.coalesce(pl.col("category_path").replace("", None), "category")
    path = written.map_elements(path_of, return_dtype=pl.String)
    leaf = pl.col("category").map_elements(path_of, return_dtype=pl.String)
    both = pl.col("category_path").is_not_null() & leaf.is_not_null() & ~path.str.ends_with(leaf)
    names = ("sku", "platform", "title", "description", "brand", "price", "currency", "promotion", "attributes")
    columns = {name: pl.col(name) for name in (*names, "image", "url", "store", "listed_at")}
    columns["path"] = pl.when(both).then(pl.concat_str(path, leaf, separator="\x1f")).otherwise(path)
    columns["availability"] = pl.col("availability").map_elements(stock_of, return_dtype=pl.String)
    columns["as_of"] = pl.col("as_of") if own else pl.coalesce("as_of", "at")
    return items_frame(frame, own=own, **columns)


def _done(frame: pl.DataFrame) -> pl.DataFrame:
    names = ("sku", "platform", "shopper", "at", "price", "currency", "quantity", "order")
    columns = {name: pl.col(name) for name in names}
    return events_frame(frame, kind=pl.col("kind").str.strip_chars().replace("", None).fill_null("purchase"), **columns)
