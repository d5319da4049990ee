"""Files as they come: CSV, TSV, JSON lines or Parquet, plain or gzipped, told by their content."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl

from retrieval.errors import FeedError
from retrieval.feeds.delimited import LONGEST, allow_long_values, split
from retrieval.feeds.json_text import parse

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
    head, whole = _head(source)
    _refuse(source, head)
    text = _decode_head(source, head, whole)
    lines = text.split("\n") if whole else text.split("\n")[:-1]
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None and text.strip():
        cause = f"the first line is longer than {LONGEST:,} bytes"
        raise source.error(cause, "write one row a line", len(lines) + 1, value=text.strip()[:80])
    if first is None:
        raise source.error("the file holds nothing but blank lines", REMEDY, line=1)
    return _sniff_lines(source, lines[first:], first + 1)


def _head(source: Source) -> tuple[bytes, bool]:
    """The file's beginning, with its first line and some more however long that is, and whether this is all of it."""
    with open_bytes(source) as handle:
        try:
            head = handle.read(_HEAD)
            if len(head) == _HEAD and b"\n" not in head.removeprefix(b"\xef\xbb\xbf").lstrip():
                head += handle.readline(LONGEST - _HEAD)
                head += handle.read(_HEAD) if head.endswith(b"\n") else b""
            return head, not handle.read(1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise cut_short(source, 1) from error


def open_bytes(source: Source) -> BinaryIO:
    """Open a source for reading its bytes, unpacked."""
    return cast(BinaryIO, gzip.open(source.path, "rb") if source.gz else source.path.open("rb"))


def cut_short(source: Source, line: int) -> FeedError:
    """The error for an archive that ends or breaks at a line."""
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
    zeros = head.count(0)
    if zeros and (b"\x00" in head.split(b"\n", 1)[0] or zeros > len(head) // 100 + 10):
        at = head.index(0)
        line = head[:at].count(b"\n") + 1
        value = repr(head[max(0, at - 8) : at + 8])
        raise source.error("this is a binary file, not text", REMEDY, line=line, value=value)


def _decode_head(source: Source, head: bytes, whole: bool) -> str:
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end >= len(head) - 3 and not whole:
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
    delimiter = max(",\t;|", key=lambda d: _width(lines[0], d))
    if not _width(lines[0], delimiter):
        remedy = "end each line with a line feed (`tr '\\r' '\\n'`)"
        raise source.error("the header holds carriage returns without line feeds", remedy, line, value=opening)
    header = tuple(name.strip() for name in split(lines[0], delimiter))
    return Source(source.path, "csv", header, delimiter, source.gz, tuple(lines[:20]))


def _width(line: str, delimiter: str) -> int:
    """How many columns a header has; 0 if it can't be read so."""
    allow_long_values()
    try:
        return len(split(line, delimiter))
    except csv.Error:
        return 0


def _sniff_jsonl(source: Source, lines: list[str], line: int) -> Source:
    keys: dict[str, None] = {}
    refused: FeedError | None = None
    for offset, text in enumerate(lines[:50]):
        try:
            record = parse(text) if text.strip() else {}
        except json.JSONDecodeError as error:
            if offset == 0:
                cause = f"the line is no whole JSON object ({error.msg})"
                raise source.error(cause, "write one JSON object a line (`jq -c .`)", line, value=text) from error
            continue
        except ValueError as error:  # this row alone: the reader counts it
            remedy = "write flat JSON objects of whole UTF-8 characters, one a line"
            refused = refused or source.error(f"the line can't be read: {error}", remedy, line + offset, value=text)
            continue
        if isinstance(record, dict):
            keys.update(dict.fromkeys(record))
    if refused and not keys:
        raise refused
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
