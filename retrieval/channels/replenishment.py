"""What runs out: items taken again and again, proposed when their usual gap is over.

The usual gap between two purchases of an item is the median over all shoppers, shrunk towards its category's; the
shopper's own gaps count beside it as soon as they have bought the item twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log
from retrieval.history import History
from retrieval.schema import EventKind, Evidence, Frozen


class ReplenishmentConfig(Frozen):
    """When something is thought to run out.

    Attributes:
        min_gap: days below which two purchases count as one.
        early: share of the usual gap after which an item is proposed.
        late: multiple of the usual gap after which the shopper is thought to have moved on.
        min_rate: share of an item's buyers who bought it again, shrunk, that makes it one that runs out.
        shrink: gaps of the wider level that count beside the narrower one's own.
    """

    min_gap: float = Field(default=3.0, gt=0)
    early: float = Field(default=0.8, gt=0)
    late: float = Field(default=3.0, gt=1)
    min_rate: float = Field(default=0.15, ge=0, le=1)
    shrink: float = Field(default=3.0, ge=0)


class Replenishment(LearntChannel):
    """Usual gap in days (n,) and share of buyers who buy again (n,), by row; NaN and 0 where nothing is known."""

    name: ClassVar[str] = "replenishment"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("gap", "rate")

    def __init__(self, catalogue: Catalogue, config: ReplenishmentConfig, arrays: dict[str, storage.Array]) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._gap, self._rate = arrays["gap"], arrays["rate"]

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: ReplenishmentConfig | None = None) -> Self:
        """Learn gaps and repeat rates of items and categories from purchases."""
        config = config or ReplenishmentConfig()
        log = Log.liked(events.filter(pl.col("kind") == EventKind.PURCHASE.value), catalogue)
        gaps, buyers = _gaps(log, catalogue, config.min_gap)
        size, width = len(catalogue), len(catalogue.category.names)
        codes = catalogue.category.codes
        category_gap = _medians(gaps["c"], gaps["gap"], width)
        item_gap = _medians(gaps["r"], gaps["gap"], size)
        count = np.bincount(gaps["r"], minlength=size).astype(np.float64)
        wide = category_gap[codes]
        own = np.where(np.isfinite(item_gap), item_gap, 0.0)
        gap = (count * own + config.shrink * wide) / (count + config.shrink)
        bought = np.bincount(buyers["r"], minlength=size)
        again = np.bincount(buyers["r"], buyers["again"], minlength=size)
        category_rate = np.bincount(codes, again, minlength=width) / np.maximum(
            np.bincount(codes, bought, minlength=width), 1
        )
        rate = (again + config.shrink * category_rate[codes]) / (bought + config.shrink)
        arrays = {"gap": gap.astype(np.float32), "rate": rate.astype(np.float32)}
        return cls(catalogue, config, arrays)

    def save(self, folder: Path) -> None:
        """Write config, gaps and rates."""
        storage.save(folder, self.config, self._catalogue, self._arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, ReplenishmentConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays)

    def candidates(self, query: Query, k: int) -> Scored:
        """What the shopper has bought and is due, the surest first."""
        rows, scores, _ = self.due(query.history)
        return Scored.top(scores.astype(np.float32), k, query.allowed, rows)

    def due(self, history: History) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Rows (m,) ascending that the shopper bought, how due each is (0: not), and the gap in days it goes by.

        How due: the rate at which the item is bought again, times how near now is to the end of its gap.
        """
        bought = history.of_kind(EventKind.PURCHASE)
        age = bought.days_ago()
        order = np.lexsort((age, bought.rows))
        sorted_rows, sorted_age = bought.rows[order], age[order]
        rows, start = np.unique(sorted_rows, return_index=True)
        if len(rows) == 0:
            return rows.astype(np.int32), np.empty(0), np.empty(0)
        between = np.diff(sorted_age)
        own = (np.diff(sorted_rows) == 0) & (between >= self.config.min_gap)
        place = np.searchsorted(rows, sorted_rows[1:][own])
        repeats = np.bincount(place, minlength=len(rows))
        own_gap = np.bincount(place, between[own], minlength=len(rows)) / np.maximum(repeats, 1)
        usual = self._gap[rows].astype(np.float64)
        known = np.isfinite(usual)
        gaps = np.where(known, (repeats * own_gap + np.where(known, usual, 0.0)) / (repeats + 1.0), own_gap)
        gaps = np.where((repeats > 0) | known, np.maximum(gaps, self.config.min_gap), np.nan)
        shrink = self.config.shrink
        rate = (repeats + shrink * self._rate[rows]) / (repeats + shrink)
        passed = sorted_age[start] / np.maximum(gaps, 1e-9)
        due = (rate >= self.config.min_rate) & (passed >= self.config.early) & (passed <= self.config.late)
        scores = np.where(due, rate / (1.0 + np.abs(np.log(np.where(due, passed, 1.0)))), 0.0)
        return rows.astype(np.int32), scores, gaps

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The shopper's purchases of the item, days since the last, the usual gap and how often it is bought again."""
        rows, scores, gaps = self.due(query.history)
        place = int(np.searchsorted(rows, row))
        if place == len(rows) or rows[place] != row or scores[place] <= 0:
            return ()
        bought = query.history.of_kind(EventKind.PURCHASE)
        index = np.flatnonzero(bought.rows == row)
        facts = {
            "days_since": round(float(bought.days_ago()[index[-1]]), 1),
            "usual_gap": round(float(gaps[place]), 1),
            "times_bought": float(len(index)),
            "repeat_rate": round(float(self._rate[row]), 4),
        }
        events = tuple(bought.ref(int(i), self._catalogue) for i in index[::-1][:3])
        return (Evidence(channel=self.name, events=events, facts=facts),)


def _gaps(
    log: Log, catalogue: Catalogue, min_gap: float
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Every gap of at least `min_gap` days (row r, category c, gap), and every buyer (row r, again 0 or 1)."""
    frame = pl.DataFrame({"s": log.shopper, "r": log.rows, "d": log.days}).sort("s", "r", "d")
    frame = frame.with_columns(gap=pl.col("d").diff().over("s", "r"))
    again = frame.filter(pl.col("gap") >= min_gap)
    rows = again["r"].to_numpy()
    buyers = frame.group_by("s", "r").agg(again=(pl.col("gap") >= min_gap).any().cast(pl.Float64))
    gaps = {"r": rows, "c": catalogue.category.codes[rows], "gap": again["gap"].to_numpy()}
    return gaps, {"r": buyers["r"].to_numpy(), "again": buyers["again"].to_numpy()}


def _medians(codes: NDArray[np.float64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(size,) the median of `values` by code, NaN where there is none."""
    medians = np.full(size, np.nan)
    found = pl.DataFrame({"k": codes, "v": values}).group_by("k").agg(pl.col("v").median())
    medians[found["k"].to_numpy()] = found["v"].to_numpy()
    return medians
