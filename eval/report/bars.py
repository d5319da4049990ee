"""Bars: one number for each system, where no interval goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from eval.report.reading import number
from eval.report.svg import LABELS, MARGIN, ROW, WIDTH, Scale, Svg, axis

VALUES = 62.0


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> Svg:
    """Draw (label, value, css) from top to bottom in the order given, from 0 on."""
    described = "; ".join(f"{label}: {number(value)}" for label, value, _ in rows)
    bottom = MARGIN + ROW * len(rows)
    svg = Svg(title, described, bottom + 22)
    scale = Scale.of([value for _, value, _ in rows], LABELS + 6, WIDTH - VALUES, zero=True)
    axis(svg, scale, MARGIN - 6, bottom)
    for place, (label, value, css) in enumerate(rows):
        y = MARGIN + ROW * (place + 0.5)
        svg.text(LABELS - 4, y + 4, label, f"label end {css}", LABELS)
        svg.bar(scale.at(0.0), scale.at(value), y, f"bar {css}", f"{label}: {number(value)}")
        svg.text(WIDTH - VALUES + 8, y + 4, number(value, 3), f"value {css}", VALUES)
    return svg
