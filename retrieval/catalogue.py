"""The catalogue in memory: columns for filters, `Item` objects for the few that are shown.

Rows are the catalogue's own numbering, 0 to n-1 in the order of `catalogue.parquet`, which is sorted by item id.
Hard constraints are answered here, exactly, as a mask over rows: Chroma's own metadata filter scans its database on
every query and is slower by an order of magnitude on large shops.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.errors import ShopError, UnknownItemError
from retrieval.schema import Availability, Constraints, Item
from retrieval.terms import TermIndex
from retrieval.text import running, terms

Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]
_FEW = 6

SCHEMA: dict[str, pl.DataType] = {
    "item": pl.String(),
    "title": pl.String(),
    "description": pl.String(),
    "category": pl.String(),
    "category_path": pl.List(pl.String()),
    "brand": pl.String(),
    "price_minor": pl.Int64(),
    "currency": pl.String(),
    "availability": pl.String(),
    "platform": pl.String(),
    "promotion": pl.String(),
    "attributes": pl.String(),  # a JSON object of strings
    "image": pl.String(),
    "url": pl.String(),
    "store": pl.String(),
    "listed_at": pl.Datetime("us", "UTC"),
    "as_of": pl.Datetime("us", "UTC"),
}


class Codes:
    """A string column as integer codes: `names[codes[row]]` is the row's value."""

    def __init__(self, column: pl.Series) -> None:
        names = column.unique().sort()
        self.names: list[str] = names.to_list()
        self.code_of: dict[str, int] = {name: code for code, name in enumerate(self.names)}
        joined = pl.DataFrame({"v": column}).join(
            pl.DataFrame({"v": names, "c": np.arange(len(names), dtype=np.int32)}),
            on="v",
            how="left",
            maintain_order="left",
        )
        self.codes: Rows = joined["c"].to_numpy().astype(np.int32)

    def member(self, wanted: Iterable[str]) -> Mask:
        """Rows whose value is one of `wanted`; a name that the column doesn't hold matches nothing."""
        known = sorted({self.code_of[name] for name in wanted if name in self.code_of})
        if len(known) > _FEW:
            table = np.zeros(len(self.names), dtype=np.bool_)
            table[known] = True
            return table[self.codes]
        mask = np.zeros(len(self.codes), dtype=np.bool_)
        for code in known:  # comparing is ten times as fast as looking up
            mask |= self.codes == code
        return mask


class Catalogue:
    """All items of one shop generation.

    Args:
        frame: columns as in `SCHEMA`, one row an item, ids distinct.
        term_index: which rows hold which words, for `Constraints.unwanted`; built from the frame if not given.
    """

    def __init__(self, frame: pl.DataFrame, term_index: TermIndex | None = None) -> None:
        missing = [name for name in SCHEMA if name not in frame.columns]
        if missing:
            raise ShopError(f"the catalogue lacks the columns {missing}", "build the shop again with crossaisle ingest")
        self.frame = frame
        self.ids: list[str] = frame["item"].to_list()
        self.row_of: dict[str, int] = {item: row for row, item in enumerate(self.ids)}
        self._terms = term_index

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """Read `catalogue.parquet` and `signals/terms.npz` of a built shop folder."""
        index = folder / "signals" / "terms.npz"
        frame = pl.read_parquet(folder / "catalogue.parquet")
        return cls(frame, TermIndex.load(index) if index.exists() else None)

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, item: str) -> int:
        """The row of an item id. Raises `UnknownItemError`."""
        try:
            return self.row_of[item]
        except KeyError:
            raise UnknownItemError(
                f"item {item!r} is not in the catalogue", "use an id that the shop has shown"
            ) from None

    def rows(self, items: Sequence[str]) -> Rows:
        """Rows of item ids; -1 where the catalogue doesn't hold one."""
        return np.fromiter((self.row_of.get(item, -1) for item in items), dtype=np.int32, count=len(items))

    def item(self, row: int) -> Item:
        """The item in a row, as a value."""
        record = self.frame.row(row, named=True)
        record["id"] = record.pop("item")
        record["attributes"] = json.loads(record["attributes"]) if record["attributes"] else {}
        record["category_path"] = tuple(record["category_path"] or ())
        return Item(**{name: record[name] for name in Item.model_fields})

    @cached_property
    def titles(self) -> list[str]:
        """Titles by row."""
        return self.frame["title"].to_list()

    @cached_property
    def category(self) -> Codes:
        """Leaf categories."""
        return Codes(self.frame["category"])

    @cached_property
    def brand(self) -> Codes:
        """Brands; "" where unknown."""
        return Codes(self.frame["brand"])

    @cached_property
    def platform(self) -> Codes:
        """Platforms."""
        return Codes(self.frame["platform"])

    @cached_property
    def availability(self) -> Codes:
        """Stock states."""
        return Codes(self.frame["availability"])

    @cached_property
    def currency(self) -> Codes:
        """Currencies; "" where unknown."""
        return Codes(self.frame["currency"])

    @cached_property
    def price(self) -> NDArray[np.float64]:
        """Prices in minor units, NaN where unknown."""
        return self.frame["price_minor"].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    @cached_property
    def default_currency(self) -> str:
        """The currency of most items, "" if no item has one."""
        counts = np.bincount(self.currency.codes, minlength=len(self.currency.names)).astype(np.int64)
        if "" in self.currency.code_of:
            counts[self.currency.code_of[""]] = 0
        return self.currency.names[int(counts.argmax())] if counts.sum() else ""

    @property
    def knows_stock(self) -> bool:
        """Whether it is told of any item if it is in stock."""
        return any(name != Availability.UNKNOWN.value for name in self.availability.names)

    @cached_property
    def on_offer(self) -> Mask:
        """(n,) whether a promotion was running for an item when the data about it was taken."""
        pairs = zip(self.frame["promotion"].to_list(), self.frame["as_of"].to_list(), strict=True)
        return np.array([running(promotion or "", at) for promotion, at in pairs], dtype=np.bool_)

    @cached_property
    def term_index(self) -> TermIndex:
        """Which rows hold which words."""
        return self._terms if self._terms is not None else TermIndex.build(self.frame)

    def allowed(self, limits: Constraints) -> Mask | None:
        """Rows that satisfy every constraint; None means all rows (nothing to check)."""
        parts = [*self._price_masks(limits), *self._name_masks(limits), *self._exclusions(limits)]
        if not parts:
            return None
        mask = parts[0].copy()
        for part in parts[1:]:
            mask &= part
        return mask

    def _price_masks(self, limits: Constraints) -> list[Mask]:
        parts: list[Mask] = []
        if limits.price_min is not None:
            parts.append(self.price >= limits.price_min)  # NaN compares false: unknown prices drop out
        if limits.price_max is not None:
            parts.append(self.price <= limits.price_max)
        if parts and limits.currency:
            parts.append(self.currency.member((limits.currency,)))
        return parts

    def _name_masks(self, limits: Constraints) -> list[Mask]:
        wanted = (
            (self.brand, limits.brands),
            (self.category, limits.categories),
            (self.platform, limits.platforms),
            (self.availability, tuple(Availability(a).value for a in limits.availability)),
        )
        return [column.member(names) for column, names in wanted if names] + [self.on_offer] * limits.on_offer

    def _exclusions(self, limits: Constraints) -> list[Mask]:
        unwanted = (
            (self.brand, limits.not_brands),
            (self.category, limits.not_categories),
            (self.platform, limits.not_platforms),
        )
        parts = [~column.member(names) for column, names in unwanted if names]
        rows = [self.term_index.rows_with(phrase) for phrase in limits.unwanted if terms(phrase)]
        known = self.rows(limits.not_items)
        if limits.not_items:
            rows.append(known[known >= 0])
        if rows:
            mask = np.ones(len(self), dtype=np.bool_)
            mask[np.concatenate(rows)] = False
            parts.append(mask)
        return parts
