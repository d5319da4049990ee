"""The goods that rankings are made of, and what shoppers had before, as far as scoring needs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.files import fault, renamed, table
from eval.runs import NAMES

Histories = Mapping[str, Sequence[str]]

_CATALOGUE = {"item": NAMES["item"], "category": ("leaf", "category_name", "aisle"), "vector": ("embedding",)}


@dataclass(frozen=True)
class Goods:
    """What there is to show.

    Attributes:
        row_of: item -> row.
        categories: (n,) codes, -1 where unknown.
        names: code -> category.
        counts: (n,) events of each item; None where no history is known.
        vectors: (n, d) float32, unit norm or zero; None where there are none.
    """

    row_of: Mapping[str, int]
    categories: NDArray[np.int64]
    names: Sequence[str]
    counts: NDArray[np.float64] | None = None
    vectors: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        items: Sequence[str],
        categories: Sequence[str | None] = (),
        events: Iterable[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> Goods:
        """From (n,) item ids, their categories ("" or None where unknown), all items of all events, and vectors."""
        row_of = {item: row for row, item in enumerate(items)}
        names = sorted({name for name in categories if name})
        code_of = {name: code for code, name in enumerate(names)}
        codes = np.array([code_of.get(name or "", -1) for name in categories] or [-1] * len(items), dtype=np.int64)
        counts = None
        if events is not None:
            counts = np.zeros(len(items))
            for item, count in Counter(events).items():
                if item in row_of:
                    counts[row_of[item]] = count
        return cls(row_of, codes, names, counts, vectors)

    @classmethod
    def read(cls, path: Path, histories: Histories | None = None) -> Goods:
        """From a shop folder, or a JSONL, CSV or Parquet file of items with `item`, `category` and perhaps `vector`.

        Raises:
            EvaluationError: it can't be read, has no items, or names one twice.
        """
        path = Path(path)
        file = path / "catalogue.parquet" if path.is_dir() else path
        frame = renamed(file, table(file), _CATALOGUE)
        if "item" not in frame.columns:
            raise fault(file, f"the columns are {', '.join(frame.columns)}", 'give a column "item"')
        items = frame["item"].cast(pl.String)
        if items.null_count() or items.n_unique() < len(items):
            raise fault(file, "an item has no id or stands twice", "give every item once")
        categories = frame["category"].cast(pl.String).to_list() if "category" in frame.columns else ()
        events = None if histories is None else (item for seen in histories.values() for item in seen)
        return cls.of(items.to_list(), categories, events, _vectors(path, frame))


def read_history(path: Path) -> dict[str, list[str]]:
    """What every shopper had before: query -> items, from a shop folder's events or a file.

    A file is JSONL, CSV or Parquet with `query` (or `shopper`) and `item`, or one row a shopper with a list `items`.

    Raises:
        EvaluationError: it can't be read, or lacks these columns.
    """
    path = Path(path)
    file = path / "events.parquet" if path.is_dir() else path
    frame = renamed(file, table(file), NAMES)
    if "items" in frame.columns and frame.schema["items"] == pl.List:
        frame = (
            frame.select("query", pl.col("items").alias("item")).explode("item") if "query" in frame.columns else frame
        )
    if not {"query", "item"} <= set(frame.columns):
        raise fault(file, f"the columns are {', '.join(frame.columns)}", 'give columns "query" and "item"')
    pairs = frame.select(pl.col("query", "item").cast(pl.String)).drop_nulls()
    found: dict[str, list[str]] = {}
    for query, item in pairs.iter_rows():
        found.setdefault(query, []).append(item)
    return found


def _vectors(path: Path, frame: pl.DataFrame) -> NDArray[np.float32] | None:
    beside = path / "signals" / "vectors.npy"
    if path.is_dir() and beside.is_file():
        stored: NDArray[np.float32] = np.load(beside, mmap_mode="r")
        return stored
    if "vector" not in frame.columns or not isinstance(frame.schema["vector"], pl.List | pl.Array):
        return None
    lists = frame["vector"].to_list()
    widths = {len(one) for one in lists if one}
    if len(widths) != 1:
        raise fault(path, "the vectors differ in length", "give vectors of one length")
    width = widths.pop()
    return np.array([one or [0.0] * width for one in lists], dtype=np.float32)
