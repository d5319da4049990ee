"""Rules that look at one row alone: ids, kinds, times, prices, quantities, texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from retrieval.cleaning.text import TITLE_LIMIT, clean_attributes, clean_column, clean_paths, identifier
from retrieval.feeds.base import Batch
from retrieval.feeds.values import moment_column, money_column
from retrieval.schema import Availability, EventKind

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
QUANTITY_LIMIT = 1_000_000
NOBODY = ("anonymous", "guest", "unknown", "-1", "not set", "(not set)")
KINDS = {kind.value: kind.value for kind in EventKind} | {
    "cancel": "cancel", "cancellation": "cancel", "cancelled": "cancel", "canceled": "cancel",
    "pv": "view", "click": "view", "page_view": "view", "product_view": "view", "detail": "view", "impression": "view",
    "add_to_cart": "cart", "addtocart": "cart", "add": "cart", "basket": "cart",
    "fav": "favourite", "favorite": "favourite", "like": "favourite", "wishlist": "favourite", "collect": "favourite",
    "buy": "purchase", "order": "purchase", "transaction": "purchase", "bought": "purchase", "sale": "purchase",
    "rating": "review", "rate": "review", "dislike": "dismiss", "hide": "dismiss", "refund": "return",
    "returned": "return",
}  # fmt: skip
# A row with one of these is not trusted to describe its item either; without a shopper or a quantity it still does.
_DISTRUST = ("missing_item", "bad_date", "impossible_date", "bad_currency", "bad_price", "bad_kind")
_TEXTS = ("title", "description", "brand", "promotion", "image", "url", "store")
DESCRIBING = (
    "title",
    "description",
    "path",
    "brand",
    "availability",
    "promotion",
    "attributes",
    "image",
    "url",
    "store",
)


@dataclass(frozen=True)
class Clean:
    """A batch after the rules for single rows.

    Attributes:
        own: item records: `file`, `line`, `item`, the columns of `DESCRIBING`, `price_minor`, `currency`, `listed_at`,
            `as_of`.
        told: what event rows say of items, alike rows counted in `n`: as `own`, without place.
        events: the catalogue's event columns beside `file`, `line`, `order`; `kind` may also be "cancel".
        rejects: every row that was dropped.
    """

    own: pl.DataFrame
    told: pl.DataFrame
    events: pl.DataFrame
    rejects: pl.DataFrame


def clean_rows(batch: Batch, now: datetime, forms: tuple[str, ...] = ()) -> Clean:
    """Apply the rules for single rows.

    Args:
        batch: raw rows.
        now: nothing happens more than a day after it (zones differ).
        forms: the feed's own `strptime` forms.
    """
    events, event_rejects = _events(batch.events, now, forms)
    items = _items(batch.items, now, forms)
    distrusted = event_rejects.filter(pl.col("reason").is_in(_DISTRUST)).select("file", "line")
    own, item_rejects = _split(items.filter("own"), _item_checks())
    told = items.filter(~pl.col("own") & (pl.col("fault") == "") & pl.col("item").is_not_null())
    told = told.join(distrusted, on=["file", "line"], how="anti", maintain_order="left")
    place = ("file", "line", "item", *DESCRIBING, "price_minor", "currency", "listed_at", "as_of")
    rejects = pl.concat([batch.rejects, item_rejects, event_rejects])
    return Clean(own.select(place), gather(told.select(place[2:]).with_columns(n=pl.lit(1))), events, rejects)


def gather(told: pl.DataFrame) -> pl.DataFrame:
    """Put alike descriptions of an item together: how often (`n`), first and last seen, and the last price."""
    priced = pl.col("price_minor").is_not_null()
    return (
        told.sort("as_of", nulls_last=False, maintain_order=True)
        .group_by("item", *DESCRIBING, maintain_order=True)
        .agg(
            pl.col("n").sum(),
            pl.col("price_minor").filter(priced).last(),
            pl.col("currency").filter(priced).last(),
            pl.col("listed_at").min(),
            pl.col("as_of").filter(priced).last(),
        )
    )


def _item_id() -> pl.Expr:
    platform = pl.coalesce(identifier("platform"), pl.lit("shop")).str.replace_all(":", "-")
    sku = identifier("sku")
    bare = pl.when(sku.str.starts_with(platform + ":")).then(sku.str.slice(platform.str.len_chars() + 1)).otherwise(sku)
    return pl.when(bare != "").then(platform + ":" + bare)


def _text(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().replace("", None)


def _priced(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `price_minor`, `currency` and the first fault of the price."""
    code = frame["currency"].fill_null("").str.strip_chars().str.to_uppercase()
    money = money_column(frame.select(_text("price")).to_series(), code)
    frame = frame.with_columns(money["minor"].alias("price_minor"), money["currency"], money["bad"].alias("bad_price"))
    return frame.with_columns((~pl.col("currency").str.contains(r"^([A-Z]{3})?$")).alias("bad_currency"))


def _times(frame: pl.DataFrame, column: str, forms: tuple[str, ...]) -> pl.Series:
    return moment_column(frame.select(_text(column)).to_series(), forms)


def _possible(column: str, now: datetime) -> pl.Expr:
    return pl.col(column).is_between(pl.lit(EARLIEST), pl.lit(now + timedelta(days=1)))


def _events(raw: pl.DataFrame, now: datetime, forms: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    who = identifier("shopper")
    word = pl.col("kind").str.strip_chars().str.to_lowercase().str.replace_all(r"[\s-]+", "_")
    frame = _priced(raw).with_columns(
        _item_id().alias("item"),
        pl.coalesce(identifier("platform"), pl.lit("shop")).str.replace_all(":", "-").alias("platform"),
        pl.when(~who.str.to_lowercase().is_in(NOBODY)).then(who).alias("shopper_id"),
        word.replace_strict(KINDS, default=None).alias("what"),
        _times(raw, "at", forms).alias("moment"),
        _text("quantity").fill_null("1").cast(pl.Float64, strict=False).alias("units"),
    )
    kept, rejects = _split(frame, _event_checks(now))
    back = (pl.col("what") == "purchase") & (pl.col("units") < 0)
    events = kept.select(
        "file",
        "line",
        pl.col("shopper_id").alias("shopper"),
        "item",
        pl.when(back).then(pl.lit("return")).otherwise("what").alias("kind"),
        pl.col("moment").alias("at"),
        pl.col("price_minor").alias("value_minor"),
        pl.when(pl.col("price_minor").is_not_null()).then("currency").otherwise(pl.lit("")).alias("currency"),
        pl.col("units").abs().alias("quantity"),
        "platform",
        _text("order"),
    )
    return events, rejects


def _event_checks(now: datetime) -> list[tuple[pl.Expr, str, str]]:
    units = pl.col("units")
    good = units.is_finite() & (units != 0) & (units.abs() <= QUANTITY_LIMIT)
    return [
        (pl.col("item").is_null(), "missing_item", "sku"),
        (pl.col("shopper_id").is_null(), "missing_shopper", "shopper"),
        (pl.col("what").is_null(), "bad_kind", "kind"),
        (pl.col("moment").is_null(), "bad_date", "at"),
        (~_possible("moment", now), "impossible_date", "at"),
        (pl.col("bad_currency"), "bad_currency", "currency"),
        (pl.col("bad_price"), "bad_price", "price"),
        (~good.fill_null(value=False), "bad_quantity", "quantity"),
    ]


def _item_checks() -> list[tuple[pl.Expr, str, str]]:
    return [
        (pl.col("item").is_null(), "missing_item", "sku"),
        (pl.col("bad_currency"), "bad_currency", "currency"),
        (pl.col("bad_price"), "bad_price", "price"),
    ]


def _split(frame: pl.DataFrame, checks: list[tuple[pl.Expr, str, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass every check, and rejects that name the first one failed."""
    failed = pl.coalesce(*(pl.when(wrong).then(pl.lit(number)) for number, (wrong, _, _) in enumerate(checks)))
    frame = frame.with_columns(failed.alias("failed"))
    rejects = frame.filter(pl.col("failed").is_not_null()).select(
        "file",
        "line",
        pl.col("failed")
        .replace_strict(dict(enumerate(r for _, r, _ in checks)), return_dtype=pl.String)
        .alias("reason"),
        pl.col("failed")
        .replace_strict(dict(enumerate(f for _, _, f in checks)), return_dtype=pl.String)
        .alias("field"),
        pl.coalesce(
            *(pl.when(pl.col("failed") == number).then(field) for number, (_, _, field) in enumerate(checks))
        ).alias("value"),
    )
    return frame.filter(pl.col("failed").is_null()).drop("failed"), rejects


def _items(raw: pl.DataFrame, now: datetime, forms: tuple[str, ...]) -> pl.DataFrame:
    """Typed items; a price of zero is no price, and a time that can't be is unknown."""
    frame = _priced(raw).with_columns(
        _item_id().alias("item"),
        *(_times(raw, name, forms).alias(name) for name in ("listed_at", "as_of")),
        *(clean_column(raw[name], TITLE_LIMIT if name == "title" else 20_000) for name in _TEXTS),
        clean_paths(raw["path"]),
        clean_attributes(raw["attributes"]),
        pl.col("availability").replace(Availability.UNKNOWN.value, None),
    )
    fault = pl.when(pl.col("bad_price") | pl.col("bad_currency")).then(pl.lit("price")).otherwise(pl.lit(""))
    return frame.with_columns(
        pl.when(pl.col("price_minor") > 0).then("price_minor").alias("price_minor"),
        pl.when(_possible("as_of", now)).then("as_of").alias("as_of"),
        pl.when(pl.col("listed_at") <= pl.lit(now + timedelta(days=366))).then("listed_at").alias("listed_at"),
        fault.alias("fault"),
    )
