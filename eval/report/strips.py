"""Strips: how all systems do in each part of the cases; ours with its interval, the others as dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.dots import Row, whisker
from eval.report.reading import Score
from eval.report.svg import LABELS, MARGIN, ROW, WIDTH, Scale, Svg, axis


@dataclass(frozen=True)
class Strip:
    """One part of the cases: its name with how many they are, and system -> score."""

    label: str
    scores: Mapping[str, Score]


def strips(title: str, rows: Sequence[Strip], ours: str) -> Svg:
    """Draw a line for each part, from top to bottom in the order given."""
    described = "; ".join(
        f"{row.label}: " + ", ".join(f"{system} {score}" for system, score in row.scores.items()) for row in rows
    )
    bottom = MARGIN + ROW * len(rows)
    svg = Svg(title, described, bottom + 22)
    ends = [value for row in rows for score in row.scores.values() for value in _ends(score)]
    scale = Scale.of(ends, LABELS + 6, WIDTH - MARGIN)
    axis(svg, scale, MARGIN - 6, bottom)
    for place, row in enumerate(rows):
        y = MARGIN + ROW * (place + 0.5)
        svg.text(LABELS - 4, y + 4, row.label, "label end", LABELS)
        for system, score in row.scores.items():
            if system != ours:
                svg.dot(scale.at(score.value), y, "dot other faint", f"{row.label}, {system}: {score}", radius=3.5)
        if ours in row.scores:
            whisker(svg, scale, Row(f"{row.label}, {ours}", row.scores[ours], "ours"), y)
    return svg


def _ends(score: Score) -> tuple[float, float, float]:
    return score.low, score.value, score.high
