"""Reading what others wrote: lines of text, gzipped or not, and columns by any of their usual names.

Every fault is an `EvaluationError` that names file, line, value and remedy. Nothing is guessed from a file's suffix
that its first bytes contradict.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl

from retrieval.errors import EvaluationError

Kind = Literal["parquet", "jsonl", "csv", "text"]

LINE_LIMIT = 1 << 20  # bytes in a line of TREC text; nothing sensible is longer
JSON_LINE_LIMIT = 1 << 26  # bytes in a line of JSON, which may hold a whole ranking
LINES_LIMIT = 20_000_000  # lines that fit in memory (5 GB of it) on an ordinary machine
BYTES_LIMIT = 4 << 30  # of a table, gunzipped

# A row of a run or of judgments, whose query may begin with a brace as well.
_NUMBER = rb"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_TREC = re.compile(rb"\S+[ \t]+\S+[ \t]+\S+[ \t]+%b(?:[ \t]+%b[ \t]+\S+)?[ \t]*\r?$" % (_NUMBER, _NUMBER), re.MULTILINE)

_REMEDY_TEXT = "give TREC columns, JSON lines or Parquet; gzip is fine"


def fault(path: Path, cause: str, remedy: str, *, line: int | None = None, value: object = None) -> EvaluationError:
    """An error that names the place: file, line (1-based; a row in Parquet) and value, cut at 80 characters."""
    place = str(path)
    place += f", line {line}" if line is not None else ""
    if value is not None:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        place += f", value {text if len(text) <= 80 else text[:77] + '...'!r}"
    return EvaluationError(f"{place}: {cause}", remedy)


def kind_of(path: Path) -> Kind:
    """What a file holds, by its first bytes; CSV by its suffix.

    Raises:
        EvaluationError: the file is missing, empty, a folder, unreadable or no text.
    """
    if path.is_dir():
        raise fault(path, "this is a folder", "name the file in it")
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PAR1":
                return "parquet"
        with opened(path) as text:
            head = text.read(4096)
    except FileNotFoundError:
        raise fault(path, "there is no such file", "check the path") from None
    except (OSError, EOFError, zlib.error) as error:
        raise fault(path, f"the file can't be read ({error})", "write it again") from None
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise fault(path, "the file is empty", "write it again; there is nothing to score in it")
    if b"\x00" in head:
        raise fault(path, "the file is binary", _REMEDY_TEXT, value=head[:16].hex(" "))
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if first[:1] == b"{" and not _TREC.match(first):
        return "jsonl"
    if ".tsv" in path.suffixes and not _TREC.match(first):  # TREC's columns may stand in a .tsv as well
        return "csv"
    return "csv" if ".csv" in path.suffixes else "text"


def opened(path: Path) -> io.BufferedIOBase:
    """The file's bytes, gunzipped where its first bytes say so."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")


def lines(path: Path, limit: int = LINE_LIMIT) -> Iterator[tuple[int, bytes]]:
    """Number and content of every line that isn't blank, without its end.

    Raises:
        EvaluationError: binary content, a line or a file that is too long, a damaged gzip.
    """
    number = 0
    try:
        with opened(path) as file:
            while line := file.readline(limit + 1):
                number += 1
                if len(line) > limit or number > LINES_LIMIT:
                    remedy = "keep fewer places of each ranking, one judgment or item a line"
                    raise fault(path, "the line or the file is too long", remedy, line=number, value=line[:40])
                if b"\x00" in line:
                    raise fault(path, "the line is binary", _REMEDY_TEXT, line=number, value=line[:40])
                text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
                if text:
                    yield number, text
    except FileNotFoundError:
        raise fault(path, "there is no such file", "check the path") from None
    except (OSError, EOFError, zlib.error) as error:
        raise fault(path, f"reading broke off ({error})", "write it again", line=number + 1) from None


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and content of every line of JSON.

    Raises:
        EvaluationError: a line is no JSON object.
    """
    for number, line in lines(path, JSON_LINE_LIMIT):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise fault(
                path, f"the line is no JSON ({error})", "write one object a line", line=number, value=line
            ) from None
        if not isinstance(found, dict):
            raise fault(path, "the line is no JSON object", "write one object a line", line=number, value=line)
        yield number, found


def decoded(path: Path, number: int, raw: bytes) -> str:
    """UTF-8 text.

    Raises:
        EvaluationError: the bytes are not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise fault(path, "the bytes are not UTF-8", "save the file as UTF-8", line=number, value=raw) from None


def table(path: Path) -> pl.DataFrame:
    """A whole JSONL, CSV or Parquet file as columns; those of a CSV are all text.

    Raises:
        EvaluationError: the file is missing, empty, malformed or of no such kind.
    """
    kind = kind_of(path)
    try:
        if kind == "parquet":
            _complete(path)
            frame = pl.read_parquet(path)
        elif kind == "jsonl":
            frame = pl.read_ndjson(_whole(path), infer_schema_length=None)
        else:
            separator = "\t" if ".tsv" in path.suffixes else ","
            frame = pl.read_csv(_whole(path), infer_schema=False, separator=separator)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, EOFError, zlib.error) as error:
        if kind == "jsonl":
            for _ in objects(path):  # names the line
                pass
        remedy = "write it as JSONL, CSV or Parquet"
        raise fault(path, f"the file can't be read ({_first_line(error)})", remedy) from None
    if not len(frame):
        raise fault(path, "the file holds no rows", "write it again; there is nothing to score in it")
    return frame


def renamed(path: Path, frame: pl.DataFrame, names: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    """The frame with its columns called as we call them: for each of our names the first alias that it holds."""
    found: dict[str, str] = {}
    for ours, aliases in names.items():
        here = next((alias for alias in (ours, *aliases) if alias in frame.columns), None)
        if here is not None:
            found[here] = ours
    clash = [ours for here, ours in found.items() if here != ours and ours in frame.columns]
    if clash:
        raise fault(path, f"two columns could be {clash[0]!r}", "rename one of them")
    return frame.rename(found)


def _whole(path: Path) -> bytes:
    with opened(path) as file:
        content = file.read(BYTES_LIMIT + 1)
    if len(content) > BYTES_LIMIT:
        raise fault(path, f"the table is larger than {BYTES_LIMIT >> 30} GiB", "write it as Parquet, or cut it down")
    return content


def _complete(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(-4, io.SEEK_END)
        if file.read() != b"PAR1":
            raise fault(path, "the Parquet file can't be read: its end is missing", "write it again")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
