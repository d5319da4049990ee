"""Files as they come: CSV, TSV, JSON lines or Parquet, plain or gzipped, told by content and read in bounded memory.

Whatever makes a file unreadable ends in a `FeedError` that names the place; whatever makes only a row unreadable comes
back as a row of `Chunk.bad`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl

from retrieval.errors import FeedError

ROWS = 100_000
CHARACTERS = 64_000_000
_HEAD = 1 << 18
_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"ARROW1", "an Arrow file"),
)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
REMEDY = "give a CSV, TSV, JSON lines or Parquet file (plain or .gz), or a folder of them"


@dataclass(frozen=True)
class Source:
    """A readable file.

    Attributes:
        kind: how it is written; "csv" covers every delimiter.
        header: column names, trimmed; of JSON lines, the keys of the first records.
        gz: whether it is gzipped.
        first: the first lines, without the header's, for telling formats apart.
    """

    path: Path
    kind: Literal["csv", "jsonl", "parquet"]
    header: tuple[str, ...]
    delimiter: str = ","
    gz: bool = False
    first: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without folders and endings: "a/meta_Beauty.jsonl.gz" -> "meta_Beauty"."""
        return self.path.name.split(".", 1)[0] or self.path.name

    def error(
        self, cause: str, remedy: str, line: int | None = None, column: str | None = None, value: str = ""
    ) -> FeedError:
        """A `FeedError` in this file."""
        return FeedError(cause, remedy, file=str(self.path), line=line, column=column, value=value or None)


@dataclass(frozen=True)
class Chunk:
    """Some rows: every column as text, `file` and `line` beside them, and the rows that couldn't be read.

    `bad` has the columns `file`, `line`, `value` (the row's beginning).
    """

    frame: pl.DataFrame
    bad: pl.DataFrame


def sniff(path: Path) -> Source:
    """Look at a file's beginning and say how it is written.

    Raises:
        FeedError: it is missing, empty, damaged, not UTF-8, or nothing that could hold rows.
    """
    source = Source(path, "csv", ())
    try:
        with path.open("rb") as raw:
            magic = raw.read(16)
    except OSError as error:
        raise source.error(f"it can't be opened ({error.strerror})", "check the path and its permissions") from error
    if not magic:
        raise source.error("the file is empty", REMEDY, line=1)
    if magic.startswith(b"PAR1"):
        return _sniff_parquet(path)
    gz = magic.startswith(b"\x1f\x8b")
    source = Source(path, "csv", (), gz=gz)
    head = _head(source)
    _refuse(source, head)
    text = _decode_head(source, head)
    whole = len(head) < _HEAD
    lines = text.split("\n") if whole else text.split("\n")[:-1] or [text]
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise source.error("the file holds nothing but blank lines", REMEDY, line=1)
    return _sniff_lines(source, lines[first:], first + 1)


def _head(source: Source) -> bytes:
    with _open(source) as handle:
        try:
            return handle.read(_HEAD)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _cut_short(source, 1) from error


def _open(source: Source) -> BinaryIO:
    return cast(BinaryIO, gzip.open(source.path, "rb") if source.gz else source.path.open("rb"))


def _cut_short(source: Source, line: int) -> FeedError:
    return source.error(
        "the gzip archive is damaged or cut short here", "fetch or copy the file again (`gzip -t` tests it)", line=line
    )


def _refuse(source: Source, head: bytes) -> None:
    if not head:
        raise source.error("the archive holds an empty file", REMEDY, line=1)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            raise source.error(f"this is {name}, not a table of rows", REMEDY, line=1, value=repr(head[:12]))
    if head.startswith(b"PK\x03\x04"):
        xlsx = b"xl/" in head or b"[Content_Types]" in head
        name, how = ("an Excel workbook", "export the sheet") if xlsx else ("a zip archive", "unpack it")
        raise source.error(f"this is {name}", f"{how} and give the CSV file", line=1, value=repr(head[:4]))
    if head.startswith(_UTF16):
        raise source.error(
            "the text is UTF-16", "save it as UTF-8 (`iconv -f utf-16 -t utf-8`)", 1, value=repr(head[:2])
        )
    if b"\x00" in head:
        at = head.index(b"\x00")
        line = head[:at].count(b"\n") + 1
        raise source.error(
            "this is a binary file, not text", REMEDY, line=line, value=repr(head[max(0, at - 8) : at + 8])
        )


def _decode_head(source: Source, head: bytes) -> str:
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end >= len(head) - 3 and len(head) == _HEAD:
            return head[: error.start].decode("utf-8-sig")
        return head.decode("cp1252", errors="replace")  # columns can still be told; the reader names the place


def _sniff_lines(source: Source, lines: list[str], line: int) -> Source:
    opening = lines[0].lstrip()
    if opening.startswith("<"):
        raise source.error("this is HTML or XML, not a table of rows", REMEDY, line, value=opening)
    if opening.startswith("["):
        raise source.error("this is a JSON array", "write one JSON object a line (`jq -c '.[]'`)", line, value=opening)
    if opening.startswith("{"):
        return _sniff_jsonl(source, lines, line)
    delimiter = max(",\t;|", key=lambda d: len(next(csv.reader([lines[0]], delimiter=d))))
    header = tuple(name.strip() for name in next(csv.reader([lines[0]], delimiter=delimiter)))
    return Source(source.path, "csv", header, delimiter, source.gz, tuple(lines[:20]))


def _sniff_jsonl(source: Source, lines: list[str], line: int) -> Source:
    keys: dict[str, None] = {}
    for offset, text in enumerate(lines[:50]):
        try:
            record = json.loads(text) if text.strip() else {}
        except json.JSONDecodeError as error:
            if offset == 0:
                cause = f"the line is no whole JSON object ({error.msg})"
                raise source.error(cause, "write one JSON object a line (`jq -c .`)", line, value=text) from error
            continue
        if isinstance(record, dict):
            keys.update(dict.fromkeys(record))
    return Source(source.path, "jsonl", tuple(keys), gz=source.gz, first=tuple(lines[:20]))


def _sniff_parquet(path: Path) -> Source:
    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FeedError(
            f"the Parquet file is damaged or cut short ({str(error).splitlines()[0]})",
            "fetch or copy the file again",
            file=str(path),
        ) from error
    return Source(path, "parquet", tuple(schema))


def text_lines(source: Source, fallback: str | None = None) -> Iterator[str]:
    """Lines of text with their ends, decoded as UTF-8.

    Args:
        source: a CSV or JSON lines file.
        fallback: encoding of lines that aren't UTF-8, where the publisher is known to use it.

    Raises:
        FeedError: a line isn't UTF-8 and there is no fallback, or an archive is damaged.
    """
    number = 0
    with _open(source) as handle:
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
            raise _cut_short(source, number + 1) from error


def _not_utf8(source: Source, line: int, raw: bytes, error: UnicodeDecodeError) -> FeedError:
    before = raw[: error.start].decode("utf-8")
    field = len(next(csv.reader([before], delimiter=source.delimiter), [""])) - 1 if source.kind == "csv" else -1
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
    reader = csv.reader(
        text_lines(source, fallback),
        delimiter=source.delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    width, start, size = len(source.header), 1, 0
    rows: list[list[str]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    header_seen = False
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            remedy = "close the quotation mark, or double the ones inside a value"
            raise source.error(f"the row can't be read ({error})", remedy, start) from error
        if row is None:
            break
        if not header_seen:
            header_seen = bool(row) and any(row)
        elif len(row) == width:
            rows.append(row)
            lines.append(start)
        elif row:
            bad.append((start, f"{len(row)} fields, header has {width}: {source.delimiter.join(row)}"))
        start = reader.line_num + 1
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
    """JSON records as (line, record, text); numbers stay text, exactly as written; None where it is no object."""
    for number, text in enumerate(text_lines(source), 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        except (json.JSONDecodeError, RecursionError):
            record = None
        yield number, record if isinstance(record, dict) else None, text


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
