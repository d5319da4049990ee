"""From records and rows that tell of items to one catalogue row an item."""

from __future__ import annotations

import polars as pl

from retrieval.catalogue import SCHEMA
from retrieval.cleaning.brands import derive_brands
from retrieval.cleaning.rows import DESCRIBING, gather
from retrieval.cleaning.spelling import respell
from retrieval.feeds.values import PATH
from retrieval.schema import Availability

_PRICE = ("price_minor", "currency", "as_of")


def latest_records(own: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One record an item: the newest by `as_of`, then by place; what it leaves empty is filled from older ones.

    Args:
        own: item records as `rows.Clean.own`, in the source's order.

    Returns:
        The records by item, and rejects: `duplicate` for repeated records, `superseded` for older ones.
    """
    said = [name for name in own.columns if name not in ("file", "line")]
    own = own.with_columns(pl.struct(said).is_first_distinct().alias("new"))
    repeated = own.filter(~pl.col("new")).with_columns(reason=pl.lit("duplicate"))
    own = own.filter("new").drop("new").sort("as_of", nulls_last=False, maintain_order=True)
    newest = pl.struct("file", "line").is_last_distinct() & pl.col("item").is_last_distinct()
    older = own.filter(~newest).with_columns(reason=pl.lit("superseded"))
    priced = pl.col("price_minor").is_not_null()
    merged = own.group_by("item", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().last() for name in (*DESCRIBING, "listed_at")),
        *(pl.col(name).filter(priced).last() for name in _PRICE),
        pl.col("file").last(),
        pl.col("line").last(),
    )
    rejects = pl.concat([repeated.drop("new"), older]).with_columns(field=pl.lit("sku"), value=pl.col("item"))
    return merged, rejects.select("file", "line", "reason", "field", "value").sort("file", "line")


def most_told(told: pl.DataFrame) -> pl.DataFrame:
    """One row an item of what event rows tell: of each text the most frequent, then longest; of prices the last."""
    told = gather(told)
    result = (
        told.sort("as_of", nulls_last=False, maintain_order=True)
        .group_by("item", maintain_order=True)
        .agg(
            pl.col("listed_at").min(),
            *(pl.col(name).filter(pl.col("price_minor").is_not_null()).last() for name in _PRICE),
        )
    )
    for name in DESCRIBING:
        votes = told.filter(pl.col(name).is_not_null()).group_by("item", name).agg(pl.col("n").sum())
        votes = votes.sort("n", pl.col(name).str.len_chars(), name, descending=[True, True, False])
        chosen = votes.unique("item", keep="first", maintain_order=True).select("item", name)
        result = result.join(chosen, on="item", how="left", maintain_order="left")
    return result


def catalogue(own: pl.DataFrame, told: pl.DataFrame, seen: pl.DataFrame, *, brands: bool) -> pl.DataFrame:
    """Merge everything known of items into catalogue rows, by item id.

    A record's own words come before what events tell. Where nothing in the whole feed has a title, the id is the title;
    otherwise items without one are left out. The first event dates an item that has no listing date.

    Args:
        own: from `latest_records`.
        told: from `most_told`.
        seen: `item` and `first` (UTC, or null where the feed has no times) of every event's item.
        brands: false to read brands off the titles where there are none.

    Returns:
        Columns as in `retrieval.catalogue.SCHEMA`, sorted by item, ids distinct.
    """
    ids = pl.concat([own.select("item"), told.select("item"), seen.select("item")]).unique().sort("item")
    frame = ids.join(own.drop("file", "line"), on="item", how="left", maintain_order="left")
    frame = frame.join(told, on="item", how="left", suffix="_told", maintain_order="left")
    frame = frame.join(seen, on="item", how="left", maintain_order="left")
    priced = pl.col("price_minor").is_not_null()
    frame = frame.with_columns(
        *(pl.coalesce(name, f"{name}_told").alias(name) for name in DESCRIBING),
        *(pl.when(priced).then(name).otherwise(f"{name}_told").alias(name) for name in _PRICE),
        pl.coalesce("listed_at", "listed_at_told", "first").alias("listed_at"),
    )
    if frame["title"].null_count() == frame.height:
        frame = frame.with_columns(title=pl.col("item").str.replace(r"^[^:]*:", ""))
    frame = _spelled(frame.filter(pl.col("title").is_not_null()))
    if not brands:
        frame = frame.with_columns(derive_brands(frame.select("title", "category", "brand")).alias("brand"))
    return _shaped(frame)


def _spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """One spelling for each brand and each name in the category paths; the leaf's is the category."""
    paths = frame.select("item", pl.col("path").str.split(PATH)).explode("path", empty_as_null=True)
    paths = paths.with_columns(respell(paths["path"]))
    lists = paths.group_by("item", maintain_order=True).agg(pl.col("path").drop_nulls().alias("category_path"))
    frame = frame.join(lists, on="item", how="left", maintain_order="left")
    return frame.with_columns(pl.col("category_path").list.last().alias("category"), respell(frame["brand"]))


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    frame = frame.with_columns(
        pl.col("item").str.extract(r"^([^:]*):", 1).alias("platform"),
        pl.col("availability").fill_null(Availability.UNKNOWN.value),
        pl.when(pl.col("price_minor").is_not_null()).then("currency").alias("currency"),
        pl.col("attributes").fill_null("{}"),
        pl.col("category_path").fill_null([]),
    )
    texts = [name for name, dtype in SCHEMA.items() if dtype == pl.String]
    return frame.with_columns(pl.col(texts).fill_null("")).select(pl.col(name).cast(SCHEMA[name]) for name in SCHEMA)
