"""RecBole atomic files: `NAME.inter`, and beside it `NAME.item` where there is one (recbole.io, Zhao et al. 2021).

Tab-separated with typed headers, `name:token`, `name:token_seq`, `name:float`, `name:float_seq`; the sequences are
separated by spaces. Quotation marks are plain characters. `NAME.user` describes people and is left aside.

- `.inter`: a user and an item column; `timestamp`, `rating`, a behaviour column, `price`, `quantity` where there are
  any. Without times, events get times that keep the file's order and mean nothing else.
- An event's kind is the behaviour column's word; else a review where there is a rating; else a view.
- `.item`: title, categories, brand, price and so on by their usual names; other columns become attributes. RecBole
  names no currency, so prices have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame, items_frame, lacking, malformed
from retrieval.feeds.chunks import chunks
from retrieval.feeds.columns import Aliases, attributes_of
from retrieval.feeds.files import Source
from retrieval.feeds.values import PATH, path_of

_TYPED = re.compile(r"(.+):(token|token_seq|float|float_seq)")
_FIRST_DAY = 946_684_800  # 2000-01-01

_INTER = Aliases(
    shopper=("user_id", "user", "uid", "session_id", "visitorid", "customer_id", "reviewer_id", "reviewerid"),
    sku=("item_id", "item", "iid", "product_id", "asin", "movie_id", "business_id", "track_id", "artist_id", "book_id"),
    at=("timestamp", "time", "time_ms", "date", "unixreviewtime"),
    kind=("behavior", "behaviour", "behavior_type", "behaviour_type", "action", "action_type", "event", "event_type"),
    rating=("rating", "stars", "score"),
    price=("price",),
    quantity=("quantity", "num", "count"),
)
_ITEM = Aliases(
    sku=_INTER.names["sku"],
    title=("title", "name", "item_name", "product_name", "movie_title", "book_title", "item_title"),
    description=("description", "desc", "text"),
    path=("categories", "category", "category_path", "genre", "genres", "class", "category_id", "cate_id"),
    brand=("brand", "manufacturer", "artist"),
    price=("price",),
    store=("store", "shop", "seller"),
    image=("image", "image_url", "imurl"),
    url=("url",),
)


class RecBole(Feed):
    """Reads RecBole's atomic files."""

    name = "recbole"

    def __init__(self, inter: Source, item: Source | None) -> None:
        self._inter, self._item = inter, item
        self.sources = (item, inter) if item else (inter,)
        self.clock = "time" if "at" in _INTER.found(_names(inter)) else "order"
        self.brands = item is not None and "brand" in _ITEM.found(_names(item))

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """A feed for each `.inter` file, with the `.item` file of the same name."""
        typed = [s for s in sources if s.kind == "csv" and s.header and all(_TYPED.fullmatch(n) for n in s.header)]
        inters = [s for s in typed if {"shopper", "sku"} <= _INTER.found(_names(s)).keys()]
        rest = {s.stem: s for s in typed if s not in inters and "sku" in _ITEM.found(_names(s))}
        return [cls(source, rest.get(source.stem)) for source in inters]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read the `.inter` file among these, with the `.item` file of the same name."""
        found = cls.find(sources)
        if found:
            return found[0]
        source = next((s for s in sources if ".inter" in s.path.name), sources[0])
        names = _names(source)
        for name in ("shopper", "sku"):
            if name not in _INTER.found(names):
                column = f"{_INTER.names[name][0]}:token"
                raise lacking(source, column, cls.name, "a .inter file has a typed header such as user_id:token")
        plain = next((name for name in source.header if not _TYPED.fullmatch(name)), "")
        raise source.error("the column has no type", "write it as NAME:token or NAME:float", 1, plain, plain)

    def batches(self) -> Iterator[Batch]:
        """Items first, then interactions."""
        platform = re.sub(r"[^a-z0-9.]+", "-", self._inter.stem.casefold()).strip("-") or "shop"
        for chunk in chunks(self._item, quoted=False) if self._item else ():
            yield batch(_items(_untyped(chunk.frame), platform), None, malformed(chunk.bad))
        for chunk in chunks(self._inter, quoted=False):
            yield batch(None, self._events(_untyped(chunk.frame), platform), malformed(chunk.bad))

    def _events(self, frame: pl.DataFrame, platform: str) -> pl.DataFrame:
        found = {name: pl.col(column) for name, column in _INTER.found(frame.columns).items()}
        rated = found.pop("rating", None)
        found.setdefault("kind", pl.lit("view" if rated is None else "review"))
        found.setdefault("at", (pl.lit(_FIRST_DAY) + pl.col("line")).cast(pl.String))
        return events_frame(frame, platform=pl.lit(platform), **found)


def _names(source: Source) -> list[str]:
    return [name.rsplit(":", 1)[0] for name in source.header]


def _untyped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rename({name: name.rsplit(":", 1)[0] for name in frame.columns if _TYPED.fullmatch(name)})


def _items(frame: pl.DataFrame, platform: str) -> pl.DataFrame:
    columns = _ITEM.found(frame.columns)
    found = {name: pl.col(column) for name, column in columns.items()}
    if "path" in found:
        found["path"] = found["path"].map_elements(_path, return_dtype=pl.String)
    rest = attributes_of(frame, set(columns.values()))
    return items_frame(frame, own=True, platform=pl.lit(platform), attributes=rest, **found)


def _path(text: str) -> str:
    """Quoted or comma-separated names are a path from the root down; anything else is one written path."""
    if "'" in text or '"' in text:
        quoted = re.findall(r"'([^']+)'(?=$|[\s,\]])|\"([^\"]+)\"", text)
        if quoted:
            return PATH.join(a or b for a, b in quoted)
    if "," in text:
        return PATH.join(name.strip() for name in text.split(",") if name.strip())
    return path_of(text)
