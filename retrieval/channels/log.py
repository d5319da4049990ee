"""The shop's events as arrays that channels learn from, and how much a shopper's own events weigh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Rows
from retrieval.history import KINDS, LIKED, History
from retrieval.schema import EventKind

DAY = np.timedelta64(1, "D")
TAKEN = (EventKind.PURCHASE, EventKind.REVIEW)
_WEIGHT = {
    EventKind.PURCHASE: 1.0,
    EventKind.REVIEW: 1.0,
    EventKind.CART: 0.8,
    EventKind.FAVOURITE: 0.8,
    EventKind.VIEW: 0.4,
}
KIND_WEIGHTS = np.array([_WEIGHT.get(EventKind(kind), 0.0) for kind in KINDS])


@dataclass(frozen=True)
class Log:
    """Events of all shoppers, ordered by shopper, then by time (ties keep the file's order).

    Attributes:
        shopper: (m,) int32 codes 0 to `shoppers` - 1.
        rows: (m,) int32 catalogue rows.
        kinds: (m,) int8 index into `KINDS`.
        days: (m,) float64 days since 1970-01-01 UTC.
        shoppers: how many distinct shoppers.
    """

    shopper: NDArray[np.int32]
    rows: Rows
    kinds: NDArray[np.int8]
    days: NDArray[np.float64]
    shoppers: int

    @classmethod
    def taken(cls, events: pl.DataFrame, catalogue: Catalogue) -> Log:
        """What shoppers took home: purchases and reviews; every liking event in a shop that has neither."""
        strong = events.filter(pl.col("kind").is_in([kind.value for kind in TAKEN]))
        return cls.liked(strong if len(strong) else events, catalogue)

    @classmethod
    def liked(cls, events: pl.DataFrame, catalogue: Catalogue) -> Log:
        """Every event that speaks for an item the catalogue holds."""
        events = events.filter(pl.col("kind").is_in([kind.value for kind in LIKED]))
        items = pl.DataFrame({"item": catalogue.frame["item"], "row": np.arange(len(catalogue), dtype=np.int32)})
        kinds = pl.DataFrame({"kind": KINDS, "code": np.arange(len(KINDS), dtype=np.int8)})
        frame = (
            events.select("shopper", "item", "kind", "at")
            .join(items, on="item", how="inner", maintain_order="left")
            .join(kinds, on="kind", how="inner", maintain_order="left")
            .with_columns(code_of=pl.col("shopper").rank("dense").cast(pl.Int32) - 1)
            .sort("code_of", "at", maintain_order=True)
        )
        shopper = frame["code_of"].to_numpy().astype(np.int32)
        return cls(
            shopper=shopper,
            rows=frame["row"].to_numpy().astype(np.int32),
            kinds=frame["code"].to_numpy().astype(np.int8),
            days=frame["at"].dt.epoch("us").to_numpy().astype(np.float64) / 86_400e6,
            shoppers=int(shopper.max()) + 1 if len(shopper) else 0,
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def end(self) -> float:
        """The last event's day, 0 without events."""
        return float(self.days.max()) if len(self) else 0.0


def event_weights(history: History, half_life: float) -> NDArray[np.float64]:
    """(m,) how much each event counts: its kind's weight, halved every `half_life` days; dismissals weigh 0."""
    weights: NDArray[np.float64] = KIND_WEIGHTS[history.kinds] * 0.5 ** (history.days_ago() / half_life)
    return weights
