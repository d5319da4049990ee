"""How events are parted in time: what may be learnt from, and the window that is to be foretold.

Two ways: each shopper's own last fifth (`Own`), or one date for everybody (`Dated`). Both cut again inside what they
left, for validation and for learning how to rank, so that nothing ever learns from a window that is scored later.

- Only what shoppers took (see `taken_kinds`) counts for windows and targets. Whatever happened from the cut on, views
  as well, is neither learnt from nor known.
- A cut falls between two days (UTC): most sources give days only, and half a day's basket would tell the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import polars as pl

from eval.protocols.cases import taken_kinds
from retrieval.errors import EvaluationError

LEAST, SHARE, MONTHS = 20, 0.2, 6
OPEN_ECOMMERCE = datetime(2022, 4, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cut:
    """Events parted.

    Attributes:
        before: what may be learnt from, of every shopper; order kept.
        window: what was taken in the windows, by shopper and time.
    """

    before: pl.DataFrame
    window: pl.DataFrame


class Splitter(Protocol):
    """A way to part events."""

    def cut(self, events: pl.DataFrame) -> Cut:
        """Part events, which are by shopper and time."""

    def earlier(self) -> Splitter:
        """How `before` of the cut is to be parted again."""


@dataclass(frozen=True)
class Own:
    """Each shopper's own last share of rows, the cut moved to the beginning of the day it falls into.

    Shoppers with fewer rows than `least` have no window: all of theirs may be learnt from. Where the day holds all of a
    shopper's rows, the cut moves to its end.
    """

    least: int = LEAST
    share: float = SHARE

    def cut(self, events: pl.DataFrame) -> Cut:
        """Part every shopper's events."""
        day = pl.col("at").dt.date()
        taken = events.filter(pl.col("kind").is_in(taken_kinds(events))).with_columns(day.alias("day"))
        size = pl.len().over("shopper")
        place = pl.int_range(pl.len()).over("shopper")
        first = (size * (1 - self.share) + 1e-9).floor()  # 1e-9: 0.8 * 35 is 28, not 27.999...
        days = (
            taken.filter(size >= self.least)
            .with_columns(late=place >= first, opening=pl.col("day").first().over("shopper"))
            .group_by("shopper", maintain_order=True)
            .agg(
                pl.col("day").filter("late").first().alias("at_cut"),
                pl.col("opening").first(),
            )
        )
        moved = pl.when(pl.col("at_cut") > pl.col("opening")).then("at_cut").otherwise(pl.col("at_cut") + timedelta(1))
        cuts = days.select("shopper", moved.alias("cut"))
        marked = events.join(cuts, on="shopper", how="left", maintain_order="left")
        before = marked.filter(pl.col("cut").is_null() | (day < pl.col("cut"))).drop("cut")
        window = taken.join(cuts, on="shopper", how="inner", maintain_order="left").filter(
            pl.col("day") >= pl.col("cut")
        )
        return Cut(before, window.drop("day", "cut"))

    def earlier(self) -> Own:
        """The same once more."""
        return self


@dataclass(frozen=True)
class Dated:
    """One date for everybody; shoppers with `least` rows taken before it have a window from there on.

    Attributes:
        date: beginning of the window.
        months, days: the window's length; one of them is 0.
    """

    date: datetime
    months: int = MONTHS
    days: int = 0
    least: int = LEAST

    @classmethod
    def of(cls, events: pl.DataFrame, form: str, date: datetime | None = None) -> Dated:
        """The usual date and window for some events.

        Args:
            events: all of them.
            form: the source's format; Open e-commerce is parted on 2022-04-01, as published.
            date: another date. Without one, other sources are parted after 80% of their time span. The window is six
                months, or what is left, in whole days.

        Raises:
            EvaluationError: there are no events, or none before or after the date.
        """
        first, last = events["at"].min(), events["at"].max()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            raise EvaluationError("there are no events to part", "give data with events")
        if date is None:
            usual = OPEN_ECOMMERCE if form == "open-ecommerce" else None
            date = usual if usual and first < usual < last else _midnight(first + 0.8 * (last - first))
        if not first < date <= last:
            raise EvaluationError(
                f"{date:%Y-%m-%d} doesn't part the events", f"name a date from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
            )
        if _months_from(date, MONTHS) <= _midnight(last) + timedelta(days=1):
            return cls(date)
        return cls(date, 0, (_midnight(last) + timedelta(days=1) - date).days)

    @property
    def end(self) -> datetime:
        """The end of the window, itself not in it."""
        return _months_from(self.date, self.months) + timedelta(days=self.days)

    def cut(self, events: pl.DataFrame) -> Cut:
        """Part events at the date; those after the window are left out."""
        before = events.filter(pl.col("at") < self.date)
        taken = pl.col("kind").is_in(taken_kinds(events))
        sizes = before.filter(taken).group_by("shopper").len().filter(pl.col("len") >= self.least)
        window = events.filter(taken & (pl.col("at") >= self.date) & (pl.col("at") < self.end))
        return Cut(before, window.join(sizes, on="shopper", how="semi", maintain_order="left"))

    def earlier(self) -> Dated:
        """The window of the same length that ends where this one begins."""
        date = _months_from(self.date, -self.months) - timedelta(days=self.days)
        return Dated(date, self.months, self.days, self.least)


def splitter(events: pl.DataFrame, time: str, form: str, clock: str, date: datetime | None = None) -> Splitter:
    """The way to part that is called "shopper" or "global". Raises `EvaluationError` where it can't be had."""
    if time == "shopper":
        return Own()
    if time != "global":
        raise EvaluationError(f"there is no way to part time called {time!r}", "choose shopper or global")
    if clock == "order":
        raise EvaluationError("the source tells the order of events but no dates", "use --time shopper")
    return Dated.of(events, form, date)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _months_from(date: datetime, months: int) -> datetime:
    count = date.year * 12 + date.month - 1 + months
    day = date.day
    while True:  # the 31st of a month that has fewer days is its last one
        try:
            return date.replace(year=count // 12, month=count % 12 + 1, day=day)
        except ValueError:
            day -= 1
