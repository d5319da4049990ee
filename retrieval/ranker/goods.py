"""What the events say of each item, whoever asks: how much it sells, since when, how often again, in which season."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels import storage
from retrieval.channels.log import Log
from retrieval.channels.shelves import Shelves
from retrieval.schema import Frozen

YEAR, MONTHS = 365.25, 12
MIN_GAP = 0.5  # days below which two events of a shopper with an item count as one
SHRINK = 3.0  # items' own gaps and rates are shrunk towards their category's by this many


class GoodsConfig(Frozen):
    """Days after which an event counts half in the recent and in the long popularity."""

    recent: float = 30.0
    long: float = 180.0


class Goods:
    """Arrays by row (n,) or by category code (C,).

    Attributes:
        recent, long: (n,) shoppers, fading with the age of their last event.
        takers: (n,) shoppers.
        first, last: (n,) days since 1970-01-01 of the first and last event, NaN without one.
        rate: (n,) share of takers who take it again, shrunk towards the category's.
        gap: (n,) usual days between, shrunk likewise, NaN where nothing is known.
        category_takers: (C,) shoppers of each category; `category_rate` (C,) how many come back to it.
        season: (12, C) share of a category's events in each twelfth of the year, over what is usual for all goods.
        level: (n,) price from the cheapest 0 to the dearest 1 of its category, NaN unknown.
        sizes: (C,) items of each category.
    """

    _ARRAYS: ClassVar[tuple[str, ...]] = (
        "recent",
        "long",
        "takers",
        "first",
        "last",
        "rate",
        "gap",
        "category_takers",
        "category_rate",
        "season",
    )

    def __init__(self, catalogue: Catalogue, config: GoodsConfig, arrays: dict[str, storage.Array]) -> None:
        self.catalogue, self.config, self._arrays = catalogue, config, arrays
        self.recent, self.long, self.takers = arrays["recent"], arrays["long"], arrays["takers"]
        self.first, self.last = arrays["first"], arrays["last"]
        self.rate, self.gap = arrays["rate"], arrays["gap"]
        self.category_takers, self.category_rate = arrays["category_takers"], arrays["category_rate"]
        self.season = arrays["season"]
        shelves = Shelves(catalogue, self.long)
        self.level = shelves.level
        self.sizes = np.diff(shelves.starts)
        self.known = self.takers > 0

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: GoodsConfig | None = None) -> Self:
        """Count."""
        config = config or GoodsConfig()
        log = Log.taken(events, catalogue)
        codes = catalogue.category.codes
        frame = pl.DataFrame({"s": log.shopper, "r": log.rows, "c": codes[log.rows], "d": log.days})
        size, width = len(catalogue), len(catalogue.category.names)
        pairs = frame.group_by("s", "r").agg(pl.col("d").min().alias("first"), pl.col("d").max().alias("last"))
        pairs = pairs.sort("r", "s")
        rows, age = pairs["r"].to_numpy(), log.end - pairs["last"].to_numpy()
        rate, gap = _again(frame, pairs, codes, width)
        aisles = frame.group_by("s", "c").agg(again=pl.col("d").n_unique() > 1).sort("c", "s")
        walked = np.bincount(aisles["c"].to_numpy(), minlength=width)
        back = np.bincount(aisles["c"].to_numpy(), aisles["again"].to_numpy(), minlength=width)
        arrays: dict[str, storage.Array] = {
            "recent": np.bincount(rows, 0.5 ** (age / config.recent), minlength=size).astype(np.float32),
            "long": np.bincount(rows, 0.5 ** (age / config.long), minlength=size).astype(np.float32),
            "takers": np.bincount(rows, minlength=size).astype(np.int32),
            "first": _extreme(rows, pairs["first"].to_numpy(), size, np.fmin),
            "last": _extreme(rows, pairs["last"].to_numpy(), size, np.fmax),
            "rate": rate.astype(np.float32),
            "gap": gap.astype(np.float32),
            "category_takers": walked.astype(np.int32),
            "category_rate": ((back + 0.3 * SHRINK) / (walked + SHRINK)).astype(np.float32),
            "season": _season(log, codes, width),
        }
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write the arrays into an existing folder."""
        storage.save(folder, self.config, self.catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote. Raises `ShopError` where it doesn't fit."""
        config, arrays = storage.load(folder, GoodsConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)


def month(day: float) -> int:
    """Which twelfth of the year a day since 1970-01-01 falls in."""
    return int((day % YEAR) / YEAR * MONTHS)


def _again(
    frame: pl.DataFrame, pairs: pl.DataFrame, codes: Rows, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) how many take an item again, and the usual gap in days."""
    size = len(codes)
    gaps = frame.sort("s", "r", "d").with_columns(gap=pl.col("d").diff().over("s", "r"))
    gaps = gaps.filter(pl.col("gap") >= MIN_GAP).sort("r", "s", "d")
    taken, again = np.bincount(pairs["r"].to_numpy(), minlength=size), np.zeros(size)
    buyers = gaps.select("s", "r").unique().get_column("r").to_numpy()
    again = np.bincount(buyers, minlength=size).astype(np.float64)
    wide_taken, wide_again = np.bincount(codes, taken, minlength=width), np.bincount(codes, again, minlength=width)
    overall = wide_again.sum() / max(wide_taken.sum(), 1.0)
    wide = (wide_again + SHRINK * overall) / (wide_taken + SHRINK)
    rate = (again + SHRINK * wide[codes]) / (taken + SHRINK)
    logs = np.log(np.maximum(gaps["gap"].to_numpy(), MIN_GAP))
    rows = gaps["r"].to_numpy()
    count, total = np.bincount(rows, minlength=size), np.bincount(rows, logs, minlength=size)
    wide_count, wide_total = np.bincount(codes, count, minlength=width), np.bincount(codes, total, minlength=width)
    mean = logs.mean() if len(logs) else np.nan
    usual = (wide_total + SHRINK * mean) / (wide_count + SHRINK)
    return rate, np.exp((total + SHRINK * usual[codes]) / (count + SHRINK))


def _extreme(rows: Rows, days: NDArray[np.float64], size: int, pick: np.ufunc) -> NDArray[np.float64]:
    found = np.full(size, np.nan)
    pick.at(found, rows, days)
    return found


def _season(log: Log, codes: Rows, width: int) -> NDArray[np.float32]:
    """(12, C) how much more of a category goes in each part of the year than of all goods, shrunk towards 1."""
    part = ((log.days % YEAR) / YEAR * MONTHS).astype(np.int64)
    counts = np.bincount(part * width + codes[log.rows], minlength=MONTHS * width).reshape(MONTHS, width)
    usual = (counts.sum(axis=1) + 1.0) / (counts.sum() + MONTHS)
    expected = usual[:, None] * counts.sum(axis=0)
    season: NDArray[np.float32] = ((counts + 10.0) / (expected + 10.0)).astype(np.float32)
    return season
