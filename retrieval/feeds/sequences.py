"""One shopper a line, as sequence recommenders publish it: `shopper item item item ...`, oldest first, ids only.

The publishers give no times, so events get times that keep their order and mean nothing else: a shopper's k-th item
stands on the k-th day from 2000-01-01. Each item of a line counts as a row. What
shoppers did with the items isn't told either: the events are views, the least that can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl

from retrieval.feeds.base import Batch, Feed, batch, events_frame
from retrieval.feeds.chunks import ROWS, text_lines
from retrieval.feeds.files import Source

_FIRST_DAY = 946_684_800  # 2000-01-01
_LINE = re.compile(r"\d+( \d+)+\s*")


class Sequences(Feed):
    """Reads whitespace-separated id sequences."""

    name = "sequences"
    clock = "order"

    def __init__(self, source: Source) -> None:
        self.sources = (source,)

    @classmethod
    def find(cls, sources: Sequence[Source]) -> list[Self]:
        """Files whose first lines are all numbers set apart by single spaces."""
        return [
            cls(s) for s in sources if s.kind == "csv" and s.first and all(_LINE.fullmatch(t) for t in s.first if t)
        ]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Self:
        """Read one file of sequences, of whatever ids."""
        source = sources[0]
        if source.kind != "csv" or len(source.first[0].split()) < 2:
            text = source.first[0] if source.first else source.kind
            raise source.error("the line is no `shopper item item ...`", "choose another --format", 1, "shopper", text)
        return cls(source)

    def batches(self) -> Iterator[Batch]:
        """One event an item."""
        rows: list[tuple[int, str, str, str]] = []
        for number, text in enumerate(text_lines(self.sources[0]), 1):
            shopper, *items = text.split() or [""]
            rows.extend((number, shopper, item, str(_FIRST_DAY + 86_400 * day)) for day, item in enumerate(items))
            if len(rows) >= ROWS:
                yield self._batch(rows)
                rows = []
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[int, str, str, str]]) -> Batch:
        source = self.sources[0]
        schema = {"line": pl.Int64, "shopper": pl.String, "sku": pl.String, "at": pl.String}
        frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(file=pl.lit(source.path.name))
        named = {name: pl.col(name) for name in ("shopper", "sku", "at")}
        return batch(None, events_frame(frame, platform=source.stem.casefold(), kind="view", **named))
