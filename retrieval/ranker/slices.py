"""One slice of time earlier: what a ranker learns from, cut out of the events that may be learnt from.

Each shopper's last share of rows is what was taken next, everything before is what was known. The cut falls between
two days, so that half a basket never tells the other half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from pydantic import Field

from retrieval.catalogue import Catalogue, Rows
from retrieval.channels.log import TAKEN
from retrieval.history import LIKED, History
from retrieval.schema import Frozen


class SliceConfig(Frozen):
    """How the slice is cut.

    Attributes:
        share: of each shopper's rows that are taken as what came next; at least one row.
        least: rows that a shopper needs to be learnt from.
        last: take the last event alone, whatever else happened on its day.
    """

    share: float = Field(default=0.2, gt=0, lt=1)
    least: int = Field(default=8, ge=2)
    last: bool = False


@dataclass(frozen=True)
class Slice:
    """Events parted: `before` of everybody, `window` of those who can be learnt from; in `EVENT_SCHEMA`."""

    before: pl.DataFrame
    window: pl.DataFrame

    def cases(self, catalogue: Catalogue) -> Iterator[tuple[History, Rows]]:
        """For each shopper with a window: the history before it, and the rows (t,) taken in it, ascending."""
        histories = self.before.join(self.window, on="shopper", how="semi", maintain_order="left")
        before = {key[0]: part for key, part in histories.group_by("shopper", maintain_order=True)}
        for (shopper,), part in self.window.group_by("shopper", maintain_order=True):
            rows = catalogue.rows(part["item"].to_list())
            targets = np.unique(rows[rows >= 0]).astype(np.int32)
            if shopper in before and len(targets):
                history = History.of(before[shopper], catalogue)
                if len(history):
                    yield history, targets


def cut(events: pl.DataFrame, config: SliceConfig | None = None) -> Slice:
    """Part events (in `EVENT_SCHEMA`); shoppers with too few rows stay whole in `before`."""
    config = config or SliceConfig()
    events = events.sort("shopper", "at", maintain_order=True)
    strong = [kind.value for kind in TAKEN]
    kinds = strong if events["kind"].is_in(strong).any() else [kind.value for kind in LIKED]
    taken = pl.col("kind").is_in(kinds)
    marked = events.with_columns(
        day=pl.col("at") if config.last else pl.col("at").dt.truncate("1d"), line=pl.int_range(pl.len()).over("shopper")
    )
    own = marked.filter(taken).with_columns(place=pl.int_range(pl.len()).over("shopper"), size=pl.len().over("shopper"))
    first = pl.col("size") - 1 if config.last else (pl.col("size") * (1 - config.share) + 1e-9).floor()
    cuts = (
        own.filter((pl.col("size") >= config.least) & (pl.col("place") >= first))
        .group_by("shopper", maintain_order=True)
        .agg(pl.col("day").first().alias("cut"), pl.col("line").first().alias("from"))
    )
    joined = marked.join(cuts, on="shopper", how="left", maintain_order="left")
    late = pl.col("line") >= pl.col("from") if config.last else pl.col("day") >= pl.col("cut")
    late = late.fill_null(value=False)
    extra = ["day", "line", "cut", "from"]
    return Slice(joined.filter(~late).drop(extra), joined.filter(late & taken).drop(extra))
