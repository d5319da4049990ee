"""Which reader for which files: named by the caller, or told by what the files hold."""

from __future__ import annotations

import re
from pathlib import Path

from retrieval.errors import FeedError
from retrieval.feeds.amazon_reviews import AmazonReviews
from retrieval.feeds.base import Feed
from retrieval.feeds.complete_journey import CompleteJourney
from retrieval.feeds.files import REMEDY, Source, sniff
from retrieval.feeds.generic import Generic, nearness
from retrieval.feeds.online_retail import OnlineRetail
from retrieval.feeds.open_ecommerce import OpenEcommerce
from retrieval.feeds.recbole import RecBole
from retrieval.feeds.sequences import Sequences

FORMATS: dict[str, type[Feed]] = {
    feed.name: feed
    for feed in (OpenEcommerce, OnlineRetail, CompleteJourney, RecBole, AmazonReviews, Sequences, Generic)
}
_DATA = re.compile(r".+\.(csv|tsv|txt|jsonl|ndjson|json|parquet|inter|item|user)(\.gz)?", re.IGNORECASE)


def open_feed(path: Path, format: str | None = None) -> Feed:  # noqa: A002 (the command line's word)
    """Open a file or folder of purchase data.

    Args:
        path: a file, or a folder whose data files are looked at (not its sub-folders).
        format: a name in `FORMATS`, or None to tell it by the files' columns. The publishers' formats are tried before
            the generic one, which accepts many spellings.

    Returns:
        A feed whose rows have not been read yet.

    Raises:
        FeedError: there is nothing to read, the format is unknown, nothing fits, or more than one thing does.
    """
    if format is not None and format not in FORMATS:
        names = ", ".join(FORMATS)
        raise FeedError(
            "there is no such format", f"use one of: {names}", file=str(path), column="--format", value=format
        )
    sources = _sources(path)
    if format is not None:
        feeds = FORMATS[format].find(sources) or [FORMATS[format].open(sources)]
        return _only(feeds, path)
    feeds = [feed for name, reader in FORMATS.items() if name != Generic.name for feed in reader.find(sources)]
    feeds = feeds or [feed for feed in Generic.find(sources)]
    if feeds:
        return _only(feeds, path)
    raise _unknown(sources)


def _sources(path: Path) -> list[Source]:
    if not path.exists():
        raise FeedError("there is no such file or folder", "check the path", file=str(path))
    if not path.is_dir():
        source = sniff(path)
        return [source, *_siblings(path)]
    files = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    data = [entry for entry in files if _DATA.fullmatch(entry.name)]
    if not data:
        cause = "the folder holds no data files" if files else "the folder holds no files"
        raise FeedError(cause, REMEDY, file=str(path))
    beside = [entry for entry in data if re.search(r"\.(json|txt)(\.gz)?$", entry.name, re.IGNORECASE)]
    read = [sniff(entry) for entry in data if entry not in beside]
    for entry in beside:  # notes and settings often have these endings: what can't be read among them is no data
        try:
            read.append(sniff(entry))
        except FeedError:
            if len(data) == 1:
                raise
    return read or [sniff(data[0])]


def _siblings(path: Path) -> list[Source]:
    """Files that belong to a RecBole `.inter` file, or the other half of one of its pairs."""
    match = re.fullmatch(r"(.+)\.(inter|item)(\.gz)?", path.name)
    if not match:
        return []
    other = "item" if match[2] == "inter" else "inter"
    found = (path.with_name(f"{match[1]}.{other}{gz}") for gz in ("", ".gz"))
    return [sniff(entry) for entry in found if entry.is_file()]


def _only(feeds: list[Feed], path: Path) -> Feed:
    if len(feeds) == 1:
        return feeds[0]
    said = "; ".join(f"{feed.name}: {', '.join(s.path.name for s in feed.sources)}" for feed in feeds)
    names = sorted({feed.name for feed in feeds})
    remedy = f"choose one with --format ({' or '.join(names)})" if len(names) > 1 else "give one of the files"
    raise FeedError("more than one feed can be read here", remedy, file=str(path), value=said)


def _unknown(sources: list[Source]) -> FeedError:
    """Name the column that the nearest format misses; where none is near, the columns that there are."""
    source = sources[0]
    names = f"the formats are: {', '.join(FORMATS)}"
    share = {name: max(_share(reader, each) for each in sources) for name, reader in FORMATS.items() if reader.needs}
    near = max(share, key=lambda name: share[name])
    if share[near] < 0.5:
        near = Generic.name if any(nearness(each) >= 2 for each in sources) else ""
    try:
        if near:
            FORMATS[near].open(sources)
    except FeedError as error:
        return FeedError(
            f"no format fits; {near} comes nearest, but {error.cause.rsplit(': ', 1)[-1]}",
            f"{error.remedy}; {names}",
            file=error.file,
            line=error.line,
            column=error.column,
            value=error.value,
        )
    return FeedError(
        "the columns are those of no known format",
        f"name the format with --format ({names}), or name the columns as the generic format does "
        "(events: shopper, item, at; items: item, title)",
        file=str(source.path),
        line=1,
        column=source.header[0] if source.header else "",
        value=", ".join(source.header),
    )


def _share(reader: type[Feed], source: Source) -> float:
    return len(set(reader.needs) & set(source.header)) / len(reader.needs)
