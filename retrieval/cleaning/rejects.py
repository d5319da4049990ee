"""Dropped rows: each is written down once, with its place, its reason and the value that was wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

REASONS: dict[str, str] = {
    "malformed_row": "the row can't be read: wrong number of fields, or no JSON object",
    "not_a_product": "a charge, a coupon, postage or another entry that is no good",
    "missing_item": "no item id",
    "missing_shopper": "no shopper id, or one that stands for nobody (guest, null)",
    "bad_kind": "a kind of event that is not known",
    "bad_date": "no time, or one that can't be read",
    "impossible_date": "a time before 1995 or in the future",
    "bad_currency": "a currency that is no ISO 4217 code",
    "bad_price": "a price that is negative, absurdly high or no number",
    "bad_quantity": "a quantity that is zero, absurdly high or no number",
    "duplicate": "the same row once more",
    "superseded": "an item record with a newer one of the same item",
    "cancellation": "a cancellation; the purchase that it cancels is dropped or made smaller",
    "cancelled": "a purchase that was cancelled whole",
    "returned": "a purchase that was returned whole; the return itself stays",
    "robot": "a shopper that acts like a program",
    "no_title": "an item without a title in a feed where others have one",
}
_VALUE_LIMIT = 200
_LINE_ENDS = "[\u0085\u2028\u2029]"  # JSON leaves these as they are, and some readers end a line there


class RejectWriter:
    """Writes rejects as JSON lines and counts them by reason.

    Args:
        path: where to write; an existing file is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str | int | None] | None = None
        self._file = path.open("wb")

    def add(self, rejects: pl.DataFrame) -> None:
        """Write rows with the columns file, line, reason, field, value, in their order."""
        if not rejects.height:
            return
        if self.first is None:
            self.first = rejects.row(0, named=True)
        for reason, count in rejects["reason"].value_counts().iter_rows():
            if reason not in REASONS:
                raise KeyError(f"{reason!r} is no known reason")
            self.counts[reason] += count
        value = pl.col("value").fill_null("").str.slice(0, _VALUE_LIMIT).str.replace_all(_LINE_ENDS, " ")
        rejects.select("file", "line", "reason", "field", value).write_ndjson(self._file)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
