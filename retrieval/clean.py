"""From a feed to a clean catalogue and clean events: every dropped row is counted by reason and written down.

Rules for single rows run while the feed streams; what they leave is kept in parts on disk. The rules that need to see
more (item versions, spelling, robots, duplicates, cancellations) then work on the items as a whole, and on the events
of a range of shoppers at a time, so that memory is bounded by the catalogue and by one range.

Decisions that are not obvious:

- A row without a shopper is dropped as an event; what it says of its item still counts.
- Rows alike in shopper, item, kind, time, price, quantity and order are duplicates, also where a feed has days only.
- A price of zero stays with its event (something came for free) but is nobody's price for the item.
- See `retrieval/cleaning/orders.py` for cancellations and returns, `robots.py` for robot-like shoppers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from retrieval.cleaning.items import catalogue, latest_records, most_told
from retrieval.cleaning.orders import settle
from retrieval.cleaning.rejects import RejectWriter
from retrieval.cleaning.robots import robots
from retrieval.cleaning.rows import Clean, clean_rows, gather
from retrieval.errors import FeedError
from retrieval.feeds.base import Batch, Feed
from retrieval.history import EVENT_SCHEMA

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and how much there is (None while unknown)."""

RANGE = 1_500_000
_FOLD = 1_000_000
_SAME = ("shopper", "item", "kind", "at", "value_minor", "currency", "quantity", "platform", "order")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cleaned:
    """What cleaning leaves.

    Attributes:
        catalogue: Parquet, columns as in `retrieval.catalogue.SCHEMA`, sorted by item.
        events: Parquet, columns as in `retrieval.history.EVENT_SCHEMA`, by shopper, time and the source's order.
        rejects: JSON lines of file, line, reason, field, value.
        counts: `rows` read; `kept`: rows that stay as `events`, and as `items` (item records); `dropped`: rows by
            reason; `result`: `items`, `events` and `shoppers` that came out. Rows kept and dropped make the rows read.
    """

    catalogue: Path
    events: Path
    rejects: Path
    counts: dict[str, Any]


class Cleaner:
    """Applies the rules for single rows to batches as they come.

    Args:
        rejects: where dropped rows go.
        now: the moment after which nothing can have happened.
        forms: the feed's own `strptime` forms.
    """

    def __init__(self, rejects: RejectWriter, now: datetime, forms: tuple[str, ...] = ()) -> None:
        self.rows = 0
        self.events = 0
        self._rejects, self._now, self._forms = rejects, now, forms

    def batch(self, batch: Batch) -> Clean:
        """Clean one batch; its events get a running number, `seq`, that keeps the source's order."""
        clean = clean_rows(batch, self._now, self._forms)
        self.rows += batch.rows
        self._rejects.add(clean.rejects)
        events = clean.events.with_row_index("seq", offset=self.events).with_columns(pl.col("seq").cast(pl.Int64))
        self.events += events.height
        return Clean(clean.own, clean.told, events, clean.rejects)


def clean_feed(feed: Feed, work: Path, now: datetime, progress: Progress | None = None) -> Cleaned:
    """Clean a whole feed.

    Args:
        feed: what `open_feed` gave.
        work: an existing folder for the results; they appear under their names only when they are whole, so that a
            killed run is simply run again.
        now: with zone; nothing can have happened after it.
        progress: told what is being done.

    Returns:
        Paths of the results, and counts.

    Raises:
        FeedError: a file breaks off or can't be read on, or no item is left.
    """
    tell = progress or (lambda stage, done, total: None)
    parts = work / "cleaning"
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    with RejectWriter(parts / "rejects.jsonl") as rejects:
        cleaner = Cleaner(rejects, now, feed.date_forms)
        _stream(feed, cleaner, parts, tell)
        tell("merging items", 0, None)
        items, kept_items = _items(feed, parts, rejects)
        if not items.height:
            raise _nothing_left(feed, rejects, cleaner.rows)
        items.write_parquet(parts / "catalogue.parquet")
        ids = items.select("item")
        del items
        result = _events(feed, parts, ids, rejects, tell)
    dropped = dict(sorted(rejects.counts.items()))
    counts = {
        "rows": cleaner.rows,
        "kept": {"events": result["events"], "items": kept_items},
        "dropped": dropped,
        "result": {"items": ids.height, **result},
    }
    for name in ("catalogue.parquet", "events.parquet", "rejects.jsonl"):
        (parts / name).replace(work / name)
    shutil.rmtree(parts)
    _log.info("cleaned %d rows: %s", cleaner.rows, counts)
    return Cleaned(work / "catalogue.parquet", work / "events.parquet", work / "rejects.jsonl", counts)


def _stream(feed: Feed, cleaner: Cleaner, parts: Path, tell: Progress) -> None:
    for number, batch in enumerate(feed.batches()):
        clean = cleaner.batch(batch)
        for name, frame in (("own", clean.own), ("told", clean.told), ("events", clean.events)):
            if frame.height or number == 0:  # the first part shows the columns
                frame.write_parquet(parts / f"{name}-{number:06d}.parquet", compression="lz4")
        tell("reading rows", cleaner.rows, None)
    if not cleaner.rows:
        source = feed.sources[0]
        raise source.error(
            "the file has a header but no rows", "give a file with rows", 1, value=",".join(source.header)
        )


def _parts(parts: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(sorted(parts.glob(f"{name}-*.parquet")))


def _folded(parts: Path) -> pl.DataFrame:
    """Everything told of items; alike descriptions are put together on the way, so that memory follows the items."""
    files = sorted(parts.glob("told-*.parquet"))
    told, bound = pl.read_parquet(files[0]), _FOLD
    for file in files[1:]:
        told = pl.concat([told, pl.read_parquet(file)])
        if told.height > bound:
            told = gather(told)
            bound = 2 * told.height + _FOLD
    return told


def _items(feed: Feed, parts: Path, rejects: RejectWriter) -> tuple[pl.DataFrame, int]:
    """The catalogue, and how many item records are in it."""
    own, dropped = latest_records(_parts(parts, "own").collect())
    told = most_told(_folded(parts))
    bought = _parts(parts, "events").filter(pl.col("kind") != "cancel")
    first = pl.col("at").min() if feed.clock == "time" else pl.lit(None, EVENT_SCHEMA["at"])
    seen = bought.group_by("item").agg(first.alias("first")).sort("item").collect()
    frame = catalogue(own, told, seen, brands=feed.brands)
    untitled = own.join(frame.select("item"), on="item", how="anti").sort("file", "line")
    rejects.add(dropped)
    rejects.add(
        untitled.select(
            "file", "line", pl.lit("no_title").alias("reason"), pl.lit("title").alias("field"), value="item"
        )
    )
    return frame, own.height - untitled.height


def _events(feed: Feed, parts: Path, ids: pl.DataFrame, rejects: RejectWriter, tell: Progress) -> dict[str, int]:
    """Write `events.parquet`; returns how many events and shoppers it holds."""
    everything = _parts(parts, "events")
    programs = robots(everything) if feed.clock == "time" else robots(everything.head(0))
    ranges = _ranges(everything)
    files: list[Path] = []
    events = shoppers = 0
    for number, (low, high) in enumerate(ranges):
        tell("sorting events", number, len(ranges))
        some = everything.filter(pl.col("shopper").is_between(pl.lit(low), pl.lit(high))).collect()
        kept, dropped = _settled(some, programs, ids)
        rejects.add(dropped)
        events += kept.height
        shoppers += kept["shopper"].n_unique()
        files.append(parts / f"sorted-{number:06d}.parquet")
        kept.write_parquet(files[-1])
    if len(files) == 1:
        files[0].replace(parts / "events.parquet")
    elif files:
        pl.scan_parquet(files).sink_parquet(parts / "events.parquet", maintain_order=True)
    else:
        pl.DataFrame(schema=EVENT_SCHEMA).write_parquet(parts / "events.parquet")
    return {"events": events, "shoppers": shoppers}


def _ranges(events: pl.LazyFrame) -> list[tuple[str, str]]:
    """Ranges of shopper ids, in order, of about `RANGE` events each; a shopper is never split."""
    sizes = events.group_by("shopper").agg(pl.len().alias("n")).sort("shopper").collect()
    if not sizes.height:
        return []
    number = (pl.col("n").cum_sum() - pl.col("n")) // RANGE
    bounds = sizes.group_by(number.alias("range")).agg(
        pl.col("shopper").min().alias("low"), pl.col("shopper").max().alias("high")
    )
    return list(bounds.sort("range").select("low", "high").iter_rows())


def _settled(events: pl.DataFrame, programs: pl.DataFrame, ids: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All rules for the events of some shoppers, in order; what remains in its final form, and the rejects."""
    events = events.sort("shopper", "at", "seq")
    gone = [_rejects(events.join(programs, on="shopper", how="inner"), "robot", "shopper")]
    events = events.join(programs, on="shopper", how="anti", maintain_order="left")
    first = pl.struct(_SAME).is_first_distinct()
    gone.append(_rejects(events.filter(~first), "duplicate", "item"))
    events, undone = settle(events.filter(first))
    gone.append(undone.select("seq", "file", "line", "reason", "field", "value"))
    gone.append(_rejects(events.join(ids, on="item", how="anti"), "no_title", "item"))
    events = events.join(ids, on="item", how="semi", maintain_order="left")
    kept = events.select(pl.col(name).cast(dtype) for name, dtype in EVENT_SCHEMA.items())
    return kept, pl.concat(gone).sort("seq").drop("seq")


def _rejects(events: pl.DataFrame, reason: str, field: str) -> pl.DataFrame:
    said = (pl.lit(reason).alias("reason"), pl.lit(field).alias("field"), pl.col(field).alias("value"))
    return events.select("seq", "file", "line", *said)


def _nothing_left(feed: Feed, rejects: RejectWriter, rows: int) -> FeedError:
    place = rejects.first or {}
    line, reasons = place.get("line"), ", ".join(f"{reason} {count}" for reason, count in rejects.counts.most_common())
    return FeedError(
        f"none of the {rows} rows can be used ({reasons})",
        f"correct the column, or choose another --format than {feed.name}",
        file=str(feed.sources[0].path.with_name(str(place.get("file", feed.sources[0].path.name)))),
        line=line if isinstance(line, int) else None,
        column=str(place.get("field") or "") or None,
        value=str(place.get("value") or ""),
    )
