"""The one shape that all readers share: batches of raw items and events, with the place where each row stood.

A reader renames its publisher's columns to the raw ones below and says what the publisher leaves unsaid (the currency,
the platform, the kind of event). It judges no value: that is `retrieval/clean.py`'s part, once for all formats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import polars as pl

from retrieval.errors import FeedError
from retrieval.feeds.files import Source

_TEXT = pl.String()
ITEM_COLUMNS: dict[str, pl.DataType] = {
    "file": _TEXT,  # name of the file that the row stood in
    "line": pl.Int64(),  # 1-based; in Parquet the row's number
    "own": pl.Boolean(),  # an item record of its own; false: said beside an event on the same line
    "sku": _TEXT,  # the publisher's item id, or `platform:sku`
    "platform": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "path": _TEXT,  # category names from the root down, joined by `values.PATH`
    "brand": _TEXT,
    "price": _TEXT,  # major units, as written
    "currency": _TEXT,  # ISO 4217, "" or null if unknown
    "availability": _TEXT,
    "promotion": _TEXT,
    "attributes": _TEXT,  # a JSON object
    "image": _TEXT,
    "url": _TEXT,
    "store": _TEXT,
    "listed_at": _TEXT,
    "as_of": _TEXT,  # when price and stock were true
}
EVENT_COLUMNS: dict[str, pl.DataType] = {
    "file": _TEXT,
    "line": pl.Int64(),
    "sku": _TEXT,
    "platform": _TEXT,
    "shopper": _TEXT,
    "kind": _TEXT,  # a word of `EventKind`, or "cancel": an earlier purchase never came about
    "at": _TEXT,
    "price": _TEXT,  # of one unit, major units
    "currency": _TEXT,
    "quantity": _TEXT,  # units; null means 1; a negative purchase is a return
    "order": _TEXT,  # order, invoice or basket, where the publisher tells
}
REJECT_COLUMNS: dict[str, pl.DataType] = {
    "file": _TEXT,
    "line": pl.Int64(),
    "reason": _TEXT,
    "field": _TEXT,
    "value": _TEXT,
}


@dataclass(frozen=True)
class Batch:
    """Some rows of a feed, in the source's order.

    Attributes:
        items: columns as in `ITEM_COLUMNS`.
        events: columns as in `EVENT_COLUMNS`.
        rejects: columns as in `REJECT_COLUMNS`: rows that the reader itself can't use.
    """

    items: pl.DataFrame
    events: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def rows(self) -> int:
        """How many source rows the batch holds; an item said beside an event is the event's row."""
        return int(self.items["own"].sum()) + self.events.height + self.rejects.height


class Feed(ABC):
    """Reads one published form of purchase data.

    Attributes:
        name: what `--format` calls it.
        clock: "order" where the publisher gives no times and `at` only keeps the order of events.
        date_forms: `strptime` forms that the publisher uses beside ISO 8601 and epochs.
        brands: False where the publisher has no brand column, so that titles are all there is to go by.
        sources: the files read.
        needs: the columns that tell the format, where they are always spelled the same.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    clock: Literal["time", "order"] = "time"
    date_forms: tuple[str, ...] = ()
    brands: bool = True
    sources: tuple[Source, ...] = ()

    @classmethod
    @abstractmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """The feeds of this format among some files, told by their columns; none is no error."""

    @classmethod
    @abstractmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read these files as this format. Raises `FeedError` naming what they lack."""

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """Yield the rows in the source's order, memory bounded. Raises `FeedError` if a file breaks off."""


def items_frame(frame: pl.DataFrame, *, own: bool, **columns: pl.Expr | str | None) -> pl.DataFrame:
    """Raw items from a frame that holds `file` and `line`: name each column's expression, or a constant."""
    return _shaped(frame, ITEM_COLUMNS, {**columns, "own": pl.lit(own)})


def events_frame(frame: pl.DataFrame, **columns: pl.Expr | str | None) -> pl.DataFrame:
    """Raw events from a frame that holds `file` and `line`: name each column's expression, or a constant."""
    return _shaped(frame, EVENT_COLUMNS, columns)


def rejects_frame(frame: pl.DataFrame, reason: str, field: str, value: pl.Expr | str) -> pl.DataFrame:
    """Rejects from rows that hold `file` and `line`; `value` names or computes the offending value."""
    return _shaped(
        frame,
        REJECT_COLUMNS,
        {"reason": reason, "field": field, "value": pl.col(value) if isinstance(value, str) else value},
    )


def malformed(bad: pl.DataFrame) -> pl.DataFrame:
    """Rejects for the rows of `Chunk.bad`."""
    return rejects_frame(bad, "malformed_row", "", "value")


def empty(columns: dict[str, pl.DataType]) -> pl.DataFrame:
    """A frame of these columns without rows."""
    return pl.DataFrame(schema=columns)


def batch(
    items: pl.DataFrame | None = None, events: pl.DataFrame | None = None, *rejects: pl.DataFrame | None
) -> Batch:
    """A batch of the parts that there are."""
    dropped = [part for part in rejects if part is not None and part.height]
    return Batch(
        empty(ITEM_COLUMNS) if items is None else items,
        empty(EVENT_COLUMNS) if events is None else events,
        pl.concat(dropped) if dropped else empty(REJECT_COLUMNS),
    )


def lacking(source: Source, column: str, form: str, needs: str) -> FeedError:
    """The error for a file without a column that its format needs."""
    return FeedError(
        f"this is no {form} file: the column is missing from its header",
        f"add the column ({needs}), or choose another --format",
        file=str(source.path),
        line=1,
        column=column,
        value=", ".join(source.header),
    )


def _shaped(
    frame: pl.DataFrame, schema: dict[str, pl.DataType], columns: dict[str, pl.Expr | str | None]
) -> pl.DataFrame:
    unknown = columns.keys() - schema.keys()
    if unknown:
        raise KeyError(f"no raw columns: {sorted(unknown)}")
    made = []
    for name, dtype in schema.items():
        value = columns.get(name, pl.col(name) if name in ("file", "line") else None)
        expr = value if isinstance(value, pl.Expr) else pl.lit(value)
        made.append(expr.cast(dtype).alias(name))
    return frame.select(made)
