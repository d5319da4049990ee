"""Amazon Reviews 2023 (Hou et al., "Bridging Language and Items for Retrieval and Recommendation", 2024).

JSON lines: `CATEGORY.jsonl` with the reviews and, beside it, `meta_CATEGORY.jsonl` with the items; plain or gzipped; a
folder of both, or either file (the other is found beside it by its name). Reviews alone are enough.

- Items are told by `parent_asin`, as the metadata are; the colours and sizes of one item are one item.
- An event is a review, whatever its stars; `timestamp` is in milliseconds.
- Prices are US dollars; "from 12.99" is taken at its lowest price, and a dash is no price.
- The brand is the details' "Brand", else the store. The category is the last of `categories`, else `main_category`.
- Descriptions are the `description` and `features` lines, with markup taken out.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import ITEM_COLUMNS, Batch, Feed, batch, events_frame, items_frame, lacking, malformed
from retrieval.feeds.chunks import CHARACTERS, chunks, records
from retrieval.feeds.columns import flat
from retrieval.feeds.files import Source, sniff
from retrieval.feeds.json_text import parse
from retrieval.feeds.values import PATH

_REVIEW = ("user_id", "parent_asin", "asin", "timestamp", "rating")
_META = ("parent_asin", "main_category", "average_rating", "features", "categories", "details")
_MARKUP = re.compile(r"<[^<>]{1,200}>")
_DETAIL_LIMIT = 20


class AmazonReviews(Feed):
    """Reads reviews and metadata of Amazon Reviews 2023."""

    name = "amazon-reviews"
    needs = _REVIEW

    def __init__(self, reviews: Source | None, meta: Source | None) -> None:
        self._reviews, self._meta = reviews, meta
        self.sources = tuple(source for source in (meta, reviews) if source)

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """A feed for each file of reviews with its metadata, and for metadata that stand alone."""
        lines = [source for source in sources if source.kind == "jsonl"]
        reviews = [source for source in lines if set(_REVIEW) <= set(source.header)]
        metas = [source for source in lines if set(_META) <= set(source.header)]
        if len(reviews) == len(metas) == 1:
            return [cls(reviews[0], metas[0])]
        by_name = {source.stem.removeprefix("meta_"): source for source in metas}
        feeds = [cls(source, by_name.pop(source.stem, None) or _beside(source, "meta_")) for source in reviews]
        return feeds + [cls(_beside(meta, ""), meta) for meta in by_name.values()]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the reviews and metadata among these."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = sources[0]
        wanted = max((_REVIEW, _META), key=lambda names: len(set(names) & set(source.header)))
        column = next(name for name in wanted if name not in source.header)
        raise lacking(source, column, cls.name, "give CATEGORY.jsonl with meta_CATEGORY.jsonl beside it")

    def batches(self) -> Iterator[Batch]:
        """Items first, then reviews."""
        if self._meta:
            yield from _items(self._meta)
        for chunk in chunks(self._reviews) if self._reviews else ():
            events = events_frame(
                chunk.frame,
                sku=pl.coalesce("parent_asin", "asin"),
                platform="amazon",
                shopper=pl.col("user_id"),
                kind="review",
                at=pl.col("timestamp"),
                currency="USD",
            )
            yield batch(None, events, malformed(chunk.bad))


def _beside(source: Source, prefix: str) -> Source | None:
    """The other file of the pair, by its name, in the same folder."""
    name = source.path.name.removeprefix("meta_")
    stems = {name, name.removesuffix(".gz"), f"{name.removesuffix('.gz')}.gz"}
    others = (source.path.with_name(prefix + stem) for stem in sorted(stems))
    return next((sniff(path) for path in others if path != source.path and path.is_file()), None)


def _items(source: Source) -> Iterator[Batch]:
    rows: list[dict[str, object]] = []
    bad: list[tuple[int, str]] = []
    size = 0
    for line, record, text in records(source):
        if record is None:
            bad.append((line, text.strip()[:200]))
        else:
            rows.append({"line": line, **_item(record)})
        size += len(text)
        if size > CHARACTERS:
            yield _item_batch(source, rows, bad)
            rows, bad, size = [], [], 0
    if rows or bad:
        yield _item_batch(source, rows, bad)


def _item_batch(source: Source, rows: list[dict[str, object]], bad: list[tuple[int, str]]) -> Batch:
    schema = {
        name: dtype for name, dtype in ITEM_COLUMNS.items() if name not in ("file", "own", "platform", "currency")
    }
    file = pl.lit(source.path.name).alias("file")
    frame = pl.DataFrame(rows, schema=schema).with_columns(file)
    refused = pl.DataFrame(bad, schema={"line": pl.Int64, "value": pl.String}, orient="row").with_columns(file)
    named = {name: pl.col(name) for name in schema if name != "line"}
    items = items_frame(frame, own=True, platform=pl.lit("amazon"), currency=pl.lit("USD"), **named)
    return batch(items, None, malformed(refused))


def _item(record: dict[str, object]) -> dict[str, object]:
    details = record.get("details")
    if isinstance(details, str):
        try:
            details = parse(details)
        except ValueError:
            details = {}
    pairs = {str(k): flat(v) for k, v in details.items()} if isinstance(details, dict) else {}
    brand = pairs.pop("Brand", "") or flat(record.get("store"))
    names = record.get("categories")
    path = [flat(name) for name in names] if isinstance(names, list) else []
    path = [html.unescape(name) for name in path if name] or [flat(record.get("main_category"))]
    kept = {k: v for k, v in list(pairs.items())[:_DETAIL_LIMIT] if v and len(v) <= 200}
    return {
        "sku": flat(record.get("parent_asin") or record.get("asin")) or None,
        "title": _plain(record.get("title")),
        "description": _plain([record.get("description"), record.get("features")]),
        "path": PATH.join(path),
        "brand": html.unescape(brand),
        "price": _price(flat(record.get("price"))),
        "attributes": json.dumps(kept, ensure_ascii=False) if kept else None,
        "image": _image(record.get("images")),
        "store": html.unescape(flat(record.get("store"))),
    }


def _plain(value: object) -> str:
    """Text without markup; the parts of a list follow each other."""
    if isinstance(value, list):
        return " ".join(filter(None, map(_plain, value)))
    return html.unescape(_MARKUP.sub(" ", flat(value)))


def _price(text: str) -> str | None:
    text = text.strip().removeprefix("from ").strip()
    return text if re.search(r"\d", text) or re.search("nan|inf", text, re.I) else None


def _image(images: object) -> str | None:
    """The main picture's address: a list of objects, or an object of lists, by size."""
    if isinstance(images, dict):
        keys = [k for k in ("large", "hi_res", "thumb") if isinstance(images.get(k), list) and any(images[k])]
        return next((flat(url) for url in images[keys[0]] if url), None) if keys else None
    if not isinstance(images, list):
        return None
    shots = [shot for shot in images if isinstance(shot, dict)]
    main = next((shot for shot in shots if shot.get("variant") == "MAIN"), shots[0] if shots else {})
    return next((flat(main[k]) for k in ("large", "hi_res", "thumb") if main.get(k)), None)
