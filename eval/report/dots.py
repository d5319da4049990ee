"""Dot and whisker: a row for each system, its value as a dot, its interval as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report.reading import Score, number
from eval.report.svg import LABELS, MARGIN, ROW, WIDTH, Scale, Svg, axis

VALUES = 62.0  # width kept for numbers on the right


@dataclass(frozen=True)
class Row:
    """One line of the plot; `css` says how it is drawn: ours, trivial or other."""

    label: str
    score: Score
    css: str = "other"


def dots(title: str, rows: Sequence[Row]) -> Svg:
    """Draw rows from top to bottom in the order given."""
    described = "; ".join(f"{row.label}: {row.score}" for row in rows)
    bottom = MARGIN + ROW * len(rows)
    svg = Svg(title, described, bottom + 22)
    ends = [value for row in rows for value in (row.score.low, row.score.value, row.score.high)]
    scale = Scale.of(ends, LABELS + 6, WIDTH - VALUES)
    axis(svg, scale, MARGIN - 6, bottom)
    for place, row in enumerate(rows):
        y = MARGIN + ROW * (place + 0.5)
        svg.text(LABELS - 4, y + 4, row.label, f"label end {row.css}", LABELS)
        whisker(svg, scale, row, y)
        svg.text(WIDTH - VALUES + 8, y + 4, number(row.score.value), f"value {row.css}", VALUES)
    return svg


def whisker(svg: Svg, scale: Scale, row: Row, y: float) -> None:
    """A dot with its interval."""
    if row.score.low < row.score.high:
        svg.line((scale.at(row.score.low), y), (scale.at(row.score.high), y), f"whisker {row.css}")
    svg.dot(scale.at(row.score.value), y, f"dot {row.css}", f"{row.label}: {row.score}")
