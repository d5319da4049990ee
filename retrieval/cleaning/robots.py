"""Shoppers that act like programs: far more, far more steadily, or far longer hours than people do.

Acts are counted by shopper and day: the lines of one order are one act, since a wholesaler's invoice of 500 lines is
one visit; any other event is an act of its own. A shopper is robot-like if

- on one day, at least 1,000 acts, and 50 times what is usual on a shopper's busiest day in this feed; or
- on five days or more, at least 200 acts each, and 20 times what is usual on a shopper's day; or
- on three days or more, at least 100 acts spread over 20 hours of the day, and 10 times what is usual: people sleep; or
- on one day, at least 20,000 acts, one every four seconds round the clock.

"Usual" is the (lower) median over shoppers, so that a feed in which everybody rates a hundred films in a sitting is
judged by its own measure. The floors spare heavy real shoppers: the heaviest of Open e-commerce buys 65 lines on its
busiest day, those of Online Retail place under ten orders a day.
"""

from __future__ import annotations

import polars as pl

BURST, BURST_TIMES = 1_000, 50
STEADY, STEADY_TIMES, STEADY_DAYS = 200, 20, 5
AWAKE, AWAKE_TIMES, AWAKE_DAYS, AWAKE_HOURS = 100, 10, 3, 20
ALWAYS = 20_000


def robots(events: pl.LazyFrame) -> pl.DataFrame:
    """Find robot-like shoppers.

    Args:
        events: needs `shopper`, `at` (UTC), `order` (null where unknown).

    Returns:
        A frame of `shopper` and `acts`, the acts on its busiest day, by shopper.
    """
    days = (
        events.with_columns(pl.col("at").dt.date().alias("day"))
        .group_by("shopper", "day")
        .agg(
            (pl.col("order").drop_nulls().n_unique() + pl.col("order").null_count()).alias("acts"),
            pl.col("at").dt.hour().n_unique().alias("hours"),
        )
        .collect()
    )
    if not days.height:
        return pl.DataFrame(schema={"shopper": pl.String, "acts": pl.Int64})
    each = days.group_by("shopper").agg(pl.col("acts").max().alias("most"), _lower_median("acts").alias("usual"))
    busiest, usual = each.select(_lower_median("most"), _lower_median("usual")).row(0)
    acts, hours = pl.col("acts"), pl.col("hours")
    burst = acts >= max(BURST, BURST_TIMES * busiest)
    steady = (acts >= max(STEADY, STEADY_TIMES * usual)).sum() >= STEADY_DAYS
    awake = ((acts >= max(AWAKE, AWAKE_TIMES * usual)) & (hours >= AWAKE_HOURS)).sum() >= AWAKE_DAYS
    found = days.group_by("shopper").agg(
        (burst.any() | steady | awake | (acts >= ALWAYS).any()).alias("robot"), acts.max().cast(pl.Int64)
    )
    return found.filter("robot").select("shopper", "acts").sort("shopper")


def _lower_median(column: str) -> pl.Expr:
    return pl.col(column).quantile(0.5, interpolation="lower")
