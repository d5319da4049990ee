"""Data to evaluate on: any shop folder, or any file or folder that the readers know.

Files go through the same readers and the same cleaning as `crossaisle ingest`, so that what is counted here is what a
shop built from them would hold; nothing is left on disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from eval.groups import beside, read_groups
from retrieval.build import serving
from retrieval.catalogue import Catalogue
from retrieval.clean import clean_feed
from retrieval.errors import EvaluationError
from retrieval.feeds import open_feed
from retrieval.progress import Progress
from retrieval.shop import Shop

Clock = Literal["time", "order"]


@dataclass(frozen=True)
class Data:
    """A catalogue and everything that shoppers did.

    Attributes:
        name: of the file or folder.
        catalogue: the goods.
        events: in `EVENT_SCHEMA`, by shopper, then time; ties keep the source's order.
        format: the readers' format that the source was in.
        clock: "order" where the source tells no times, so that `at` keeps nothing but the order of a shopper's events.
        shop: the opened shop, where the data came from one.
        groups: shopper -> attribute -> value, e.g. {"12": {"age": "65+"}}; empty where nothing is known of people.
        counts: rows read, kept and dropped by reason, as in a shop's manifest.
    """

    name: str
    catalogue: Catalogue
    events: pl.DataFrame
    format: str = ""
    clock: Clock = "time"
    shop: Shop | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    counts: Mapping[str, object] = field(default_factory=dict)


def load(
    path: Path,
    format: str | None = None,  # noqa: A002 (the command line's word)
    groups: Path | None = None,
    progress: Progress | None = None,
    *,
    chroma_url: str | None = None,
) -> Data:
    """Load a shop folder, or read and clean a file or folder of purchase data.

    Args:
        path: a folder made by `crossaisle ingest`, or anything that `crossaisle ingest` reads.
        format: the readers' format, None to detect it; a shop folder knows its own.
        groups: a table of shoppers' attributes (see `eval.groups.read_groups`); without it, demographics that lie
            beside the transactions of The Complete Journey are used.
        progress: told what is being done.
        chroma_url: the server that holds the vectors of a shop built with one.

    Raises:
        FeedError: it can't be read.
        ShopError: it is a damaged shop.
        EvaluationError: the groups can't be read, or a shop is given with another format than its own.
    """
    people = read_groups(groups) if groups else beside(path)
    if path.is_dir() and (serving(path) is not None or (path / "building").is_dir()):
        shop = Shop.open(path, chroma_url)
        clock: Clock = "order" if shop.manifest.get("clock") == "order" else "time"
        form, counts = str(shop.manifest.get("format", "")), shop.manifest["counts"]
        if format not in (None, form):
            raise EvaluationError(
                f"{path} is a shop built from the format {form!r}, not {format!r}",
                "leave --format out for a shop",
            )
        return Data(shop.name, shop.catalogue, shop.events, form, clock, shop, people, counts)
    feed = open_feed(path, format)
    with tempfile.TemporaryDirectory(prefix="crossaisle-eval-") as folder:
        cleaned = clean_feed(feed, Path(folder), datetime.now(UTC), progress)
        catalogue = Catalogue(pl.read_parquet(cleaned.catalogue, memory_map=False))
        events = pl.read_parquet(cleaned.events, memory_map=False)
    return Data(path.name, catalogue, events, feed.name, feed.clock, None, people, cleaned.counts)
