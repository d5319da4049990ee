"""Rows of delimited text, where a stray quotation mark can't make other rows vanish.

A quotation may run over several lines, so one that is never closed takes up every row after it. The reader therefore
keeps the lines of the row it is in: whatever goes wrong in one line costs that row alone, lines that were taken up by
a quotation which ends wrongly are refused one by one, and a quotation without an end stops the feed where it opened.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from retrieval.feeds.files import Source

LONGEST = 1 << 24
"""Characters of the longest value, bytes of the longest first line: what lies beyond is a mistake, not a text."""

Row = tuple[int, list[str], str]
"""Line where the row begins, its values, and why it can't be used ("" if it can: the values are then whole)."""


def split(line: str, delimiter: str) -> list[str]:
    """The values of a line that stands alone; an open quotation ends with it. Raises `csv.Error`."""
    return next(csv.reader([line], delimiter=delimiter), [])


def allow_long_values() -> None:
    """Lift the `csv` module's limit of 131,072 characters a value, which real descriptions pass; it never shrinks."""
    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))


class Rows:
    """Iterates over the rows of a file's lines; blank lines come as empty rows.

    Raises `FeedError` where a quotation that takes up several lines has no end.
    """

    def __init__(self, source: Source, lines: Iterable[str], *, quoted: bool) -> None:
        self._source, self._lines = source, lines
        self._quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        self._held: list[str] = []  # the lines of the row that is being read
        self._ended = False

    def __iter__(self) -> Iterator[Row]:
        """Yield rows and refused lines in the file's order."""
        allow_long_values()
        delimiter = self._source.delimiter
        reader = csv.reader(self._held_lines(), delimiter=delimiter, quoting=self._quoting, strict=True)
        start = 1
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield from self._broken(start, error)
            else:
                if row is None:
                    return
                yield start, row, ""
            start += len(self._held)
            self._held.clear()

    def _held_lines(self) -> Iterator[str]:
        for text in self._lines:
            self._held.append(text)
            yield text
        self._ended = True

    def _broken(self, start: int, error: csv.Error) -> Iterator[Row]:
        """What is left of a row that isn't written by the rules."""
        held, too_long = self._held, str(error).startswith("field larger")
        if len(held) == 1:
            yield self._alone(start, too_long)
            return
        line = start + self._opening(held if self._ended else held[:-1])
        if self._ended or too_long:
            cause = "never closed" if self._ended else f"not closed within {LONGEST:,} characters"
            raise self._source.error(
                f"the quotation mark that opens here is {cause}, so the lines after it are no rows",
                "close the quotation mark, or double the ones inside a value; fetch the file again if it was cut short",
                line,
                value=held[line - start].strip(),
            ) from error
        for number, text in enumerate(held, start):
            yield number, [text[:200]], f"the quotation that opens on line {line} ends wrongly ({error})"

    def _alone(self, start: int, too_long: bool) -> Row:
        """A row of one line: sloppy quotation marks within values are read as they are."""
        text = self._held[0].removesuffix("\n") + "\n"
        if too_long:
            return start, [text[:200]], f"a value is longer than {LONGEST:,} characters"
        reader = csv.reader([text], delimiter=self._source.delimiter, quoting=self._quoting)
        try:
            row = next(reader)
        except csv.Error as error:
            return start, [text[:200]], str(error).split(" - ")[0]
        # Only a line's end that stands inside a quotation becomes part of a value.
        return start, row, "the quotation mark is not closed" if row[-1].endswith("\n") else ""

    def _opening(self, lines: list[str]) -> int:
        """Which of the lines (0-based) opens the quotation that is open at their end."""
        last = next(csv.reader(lines, delimiter=self._source.delimiter))[-1]
        return len(lines) - last.count("\n") - (0 if lines[-1].endswith("\n") else 1)
