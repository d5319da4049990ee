"""What sells now, and what sold at this time of the year before."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import KIND_WEIGHTS, Log
from retrieval.schema import Evidence, Frozen

YEAR = 365.25
MONTHS = 12
FEW_SHARE = 20  # where fewer than one in this many items is allowed, those are sorted instead of walking the order


class PopularityConfig(Frozen):
    """Days after which an event counts half; how much last years' sales of the season count against recent ones."""

    half_life: float = Field(default=90.0, gt=0)
    season: float = Field(default=0.5, ge=0)


class Popularity(LearntChannel):
    """Recency-decayed counts plus counts of the same time of year, the same for every shopper.

    The order of all items is computed once for each of twelve parts of the year, so that a query only walks it.
    """

    name: ClassVar[str] = "popularity"
    _ARRAYS: ClassVar[tuple[str, ...]] = ("order", "by_row", "recent")

    def __init__(
        self,
        catalogue: Catalogue,
        config: PopularityConfig,
        order: NDArray[np.int32],
        scores: NDArray[np.float32],
        recent: NDArray[np.float32],
    ) -> None:
        self._catalogue, self.config = catalogue, config
        self._order, self._scores, self._recent = order, scores, recent
        self._sold: list[int] = (scores > 0).sum(axis=1).tolist()

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: PopularityConfig | None = None) -> Self:
        """Count liking events; each shopper counts once for an item, and once for it in a part of the year."""
        config = config or PopularityConfig()
        log = Log.liked(events, catalogue)
        size = len(catalogue)
        last = _last_of_each(log, log.rows)
        age = log.end - log.days
        weight = KIND_WEIGHTS[log.kinds]
        faded = weight[last] * 0.5 ** (age[last] / config.half_life)
        recent = np.bincount(log.rows[last], faded, minlength=size).astype(np.float32)
        part = _part(log.days)
        season_of = _last_of_each(log, log.rows.astype(np.int64) * MONTHS + part)
        years = max(float(age.max()) / YEAR, 1.0) if len(age) else 1.0
        order = np.empty((MONTHS, size), dtype=np.int32)
        scores = np.empty((MONTHS, size), dtype=np.float32)
        for month in range(MONTHS):
            here = season_of[part[season_of] == month]
            season = np.bincount(log.rows[here], weight[here], minlength=size) / years
            total = (recent + config.season * season).astype(np.float32)
            order[month] = np.argsort(-total, kind="stable")
            scores[month] = total
        return cls(catalogue, config, order, scores, recent)

    def save(self, folder: Path) -> None:
        """Write config, orders and scores."""
        arrays = {"order": self._order, "by_row": self._scores, "recent": self._recent}
        storage.save(folder, self.config, self._catalogue, arrays)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, PopularityConfig, catalogue, cls._ARRAYS)
        return cls(catalogue, config, arrays["order"], arrays["by_row"], arrays["recent"])

    def candidates(self, query: Query, k: int) -> Scored:
        """Walk the season's order until `k` allowed items are found; items never sold are not proposed."""
        month = _month(query.history.now)
        order, scores = self._order[month], self._scores[month]
        if query.allowed is not None:
            few = np.flatnonzero(query.allowed)
            if len(few) * FEW_SHARE < len(order):
                return Scored.top(scores[few], k, rows=few.astype(np.int32))
        sold = self._sold[month]
        start, step, found = 0, 4 * k, np.empty(0, dtype=np.int64)
        while start < sold and len(found) < k:
            stop = min(start + step, sold)
            part = np.arange(start, stop)
            if query.allowed is not None:
                part = part[query.allowed[order[start:stop]]]
            found = np.concatenate([found, part])
            start, step = stop, step * 4
        found = found[:k]
        return Scored(order[found], scores[order[found]])

    def category_scores(self) -> NDArray[np.float64]:
        """(C,) recency-weighted sales of each category."""
        codes = self._catalogue.category.codes
        return np.bincount(codes, self._recent, minlength=len(self._catalogue.category.names)).astype(np.float64)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The item's score and its place in the shop's order for the season."""
        scores = self._scores[_month(query.history.now)]
        score = float(scores[row])
        if score <= 0:
            return ()
        place = float((scores > scores[row]).sum() + 1)
        facts = {"score": round(score, 4), "place": place, "recent": round(float(self._recent[row]), 4)}
        return (Evidence(channel=self.name, facts=facts),)


def _last_of_each(log: Log, what: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Indices of each shopper's last event for each value of `what` (m,): one shopper, one voice."""
    pair = what.astype(np.int64) * max(log.shoppers, 1) + log.shopper
    order = np.lexsort((log.days, pair))
    last: NDArray[np.int64] = order[np.append(pair[order][1:] != pair[order][:-1], True)] if len(order) else order
    return last


def _part(days: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which twelfth of the year a day (since 1970-01-01) falls in."""
    return ((days % YEAR) / YEAR * MONTHS).astype(np.int64)


def _month(moment: np.datetime64) -> int:
    days = float((moment - np.datetime64(0, "us")) / np.timedelta64(1, "D"))
    return int(_part(np.array([days]))[0])
