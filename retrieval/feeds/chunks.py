"""Rows of a file in bounded memory, every column as text, the place of each row beside it.

Whatever makes a file unreadable ends in a `FeedError` that names the place; whatever makes only a row unreadable comes
back as a row of `Chunk.bad`.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from retrieval.errors import FeedError
from retrieval.feeds.delimited import Rows, split
from retrieval.feeds.files import Source, cut_short, open_bytes
from retrieval.feeds.json_text import parse

ROWS = 100_000
CHARACTERS = 64_000_000


@dataclass(frozen=True)
class Chunk:
    """Some rows: every column as text, `file` and `line` beside them, and the rows that couldn't be read.

    `bad` has the columns `file`, `line`, `value` (the row's beginning).
    """

    frame: pl.DataFrame
    bad: pl.DataFrame


def text_lines(source: Source, fallback: str | None = None) -> Iterator[str]:
    """Lines of text with their ends, decoded as UTF-8.

    Args:
        source: a CSV or JSON lines file.
        fallback: encoding of lines that aren't UTF-8, where the publisher is known to use it.

    Raises:
        FeedError: a line isn't UTF-8 and there is no fallback, or an archive is damaged.
    """
    number = 0
    with open_bytes(source) as handle:
        try:
            for number, raw in enumerate(handle, 1):
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    if fallback is None:
                        raise _not_utf8(source, number, raw, error) from error
                    text = raw.decode(fallback, errors="replace")
                yield text.removeprefix("\ufeff") if number == 1 else text
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise cut_short(source, number + 1) from error


def _not_utf8(source: Source, line: int, raw: bytes, error: UnicodeDecodeError) -> FeedError:
    before = raw[: error.start].decode("utf-8")
    try:
        field = len(split(before, source.delimiter) or [""]) - 1 if source.kind == "csv" else -1
    except csv.Error:
        field = -1
    column = source.header[field] if 0 <= field < len(source.header) else None
    value = repr(raw[max(0, error.start - 12) : error.end + 12])
    return source.error("the text is not UTF-8", "save it as UTF-8 (`iconv -f latin1 -t utf-8`)", line, column, value)


def chunks(source: Source, *, fallback: str | None = None, quoted: bool = True) -> Iterator[Chunk]:
    """Read a file in pieces of at most 100,000 rows.

    Args:
        source: what `sniff` said.
        fallback: see `text_lines`.
        quoted: false where the publisher writes quotation marks as they are (RecBole).
    """
    if source.kind == "parquet":
        yield from _parquet_chunks(source)
    elif source.kind == "jsonl":
        yield from _jsonl_chunks(source)
    else:
        yield from _csv_chunks(source, fallback, quoted)


def _csv_chunks(source: Source, fallback: str | None, quoted: bool) -> Iterator[Chunk]:
    named_twice = {name for name in source.header if source.header.count(name) > 1}
    if named_twice:
        name = sorted(named_twice)[0]
        raise source.error("the header names a column twice", "rename one of them", 1, name, ",".join(source.header))
    width, size = len(source.header), 0
    rows: list[list[str]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    header_seen = False
    for start, row, refused in Rows(source, text_lines(source, fallback), quoted=quoted):
        if not header_seen:
            header_seen = bool(row) and any(row)
        elif refused:
            bad.append((start, f"{refused}: {source.delimiter.join(row)}"))
        elif len(row) == width:
            rows.append(row)
            lines.append(start)
        elif row:
            bad.append((start, f"{len(row)} fields, header has {width}: {source.delimiter.join(row)}"))
        size += sum(map(len, row))
        if len(rows) + len(bad) >= ROWS or size > CHARACTERS:
            yield _csv_chunk(source, rows, lines, bad)
            rows, lines, bad, size = [], [], [], 0
    if rows or bad:
        yield _csv_chunk(source, rows, lines, bad)


def _csv_chunk(source: Source, rows: list[list[str]], lines: list[int], bad: list[tuple[int, str]]) -> Chunk:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(source.header)
    data = {name: pl.Series(name, column, dtype=pl.String) for name, column in zip(source.header, columns, strict=True)}
    return _chunk(source, data, lines, bad)


def _chunk(source: Source, data: dict[str, pl.Series], lines: list[int], bad: list[tuple[int, str]]) -> Chunk:
    name = source.path.name
    frame = pl.DataFrame(data).with_columns(pl.lit(name).alias("file"), pl.Series("line", lines, dtype=pl.Int64))
    refused = pl.DataFrame(
        {"line": [n for n, _ in bad], "value": [text[:200] for _, text in bad]},
        schema={"line": pl.Int64, "value": pl.String},
    ).with_columns(pl.lit(name).alias("file"))
    return Chunk(frame, refused)


def records(source: Source) -> Iterator[tuple[int, dict[str, object] | None, str]]:
    """JSON records as (line, record, text); numbers stay text, exactly as written.

    The record is None where the line is no object, or one that can't be kept; the text then begins with the reason.
    """
    for number, text in enumerate(text_lines(source), 1):
        if not text.strip():
            continue
        record, reason = None, ""
        try:
            record = parse(text)
        except json.JSONDecodeError:
            pass
        except ValueError as error:
            reason = f"{error}: "
        yield number, record if isinstance(record, dict) else None, reason + text


def as_text(value: object) -> str | None:
    """A JSON value as a table would write it: lists and objects stay JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _jsonl_chunks(source: Source) -> Iterator[Chunk]:
    found: list[dict[str, object]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    size = 0
    for number, record, text in records(source):
        if record is None:
            bad.append((number, text.strip()))
        else:
            found.append(record)
            lines.append(number)
        size += len(text)
        if len(found) + len(bad) >= ROWS or size > CHARACTERS:
            yield _jsonl_chunk(source, found, lines, bad)
            found, lines, bad, size = [], [], [], 0
    if found or bad:
        yield _jsonl_chunk(source, found, lines, bad)


def _jsonl_chunk(source: Source, found: list[dict[str, object]], lines: list[int], bad: list[tuple[int, str]]) -> Chunk:
    names = dict.fromkeys([*source.header, *(key for record in found for key in record)])
    data = {name: pl.Series(name, [as_text(r.get(name)) for r in found], dtype=pl.String) for name in names}
    return _chunk(source, data, lines, bad)


def _parquet_chunks(source: Source) -> Iterator[Chunk]:
    scan = pl.scan_parquet(source.path)
    start = 0
    try:
        for frame in scan.collect_batches(chunk_size=ROWS, maintain_order=True):
            lines = list(range(start + 1, start + frame.height + 1))
            yield _chunk(source, {c.name: _text_column(c) for c in frame.iter_columns()}, lines, [])
            start += frame.height
    except (pl.exceptions.PolarsError, OSError) as error:
        cause = f"the Parquet file can't be read on ({str(error).splitlines()[0]})"
        raise source.error(cause, "fetch or copy the file again", start + 1) from error


def _text_column(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype == pl.Float32:
        return column.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else column
        return column.dt.to_string("iso:strict")
    if dtype.is_nested():
        return pl.Series(column.name, [as_text(v) for v in column.to_list()], dtype=pl.String)
    if dtype == pl.Binary:
        return pl.Series(
            column.name, [None if v is None else v.decode("utf-8", "replace") for v in column], dtype=pl.String
        )
    return column.cast(pl.String)
