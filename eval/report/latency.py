"""Quality against latency: a dot for each system, milliseconds a case on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report.reading import Score
from eval.report.svg import CHAR, MARGIN, WIDTH, Scale, Svg, axis, shorten

HEIGHT, LEFT = 250.0, 48.0
LINE = 13.0  # height of a label
LABEL_ROOM = 150.0


@dataclass(frozen=True)
class Point:
    """One system: its score and its median milliseconds a case, above 0."""

    label: str
    score: Score
    milliseconds: float
    css: str = "other"


def latency(title: str, points: Sequence[Point]) -> Svg:
    """Draw points with names beside them; names that would lie on one another are moved down."""
    described = "; ".join(f"{point.label}: {point.score} at {point.milliseconds:.3g} ms" for point in points)
    svg = Svg(title, described, HEIGHT + 40)
    across = Scale.logarithmic([point.milliseconds for point in points], LEFT, WIDTH - MARGIN)
    ends = [value for point in points for value in (point.score.low, point.score.high)]
    up = Scale.of(ends, HEIGHT, MARGIN)
    axis(svg, across, MARGIN, HEIGHT)
    for tick in up.ticks():
        svg.line((LEFT, up.at(tick)), (WIDTH - MARGIN, up.at(tick)), "grid")
        svg.text(LEFT - 5, up.at(tick) + 4, f"{tick:g}", "tick end")
    svg.text((LEFT + WIDTH) / 2, HEIGHT + 32, "median milliseconds a case", "tick middle")
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda point: -point.score.value):
        x, y = across.at(point.milliseconds), up.at(point.score.value)
        svg.line((x, up.at(point.score.low)), (x, up.at(point.score.high)), f"whisker {point.css}")
        svg.dot(x, y, f"dot {point.css}", f"{point.label}: {point.score} at {point.milliseconds:.3g} ms")
        _name(svg, point, (x, y), taken)
    return svg


def _name(svg: Svg, point: Point, at: tuple[float, float], taken: list[tuple[float, float, float]]) -> None:
    """Write a point's name on the side where there is room, below names that are there already."""
    x, y = at
    width = len(shorten(point.label, LABEL_ROOM)) * CHAR
    right = x + 8 + width <= WIDTH
    start = x + 8 if right else x - 8 - width
    while any(start < end and other < start + width and abs(y - line) < LINE for other, end, line in taken):
        y += LINE / 2
    taken.append((start, start + width, y))
    svg.text(
        x + 8 if right else x - 8, y + 4, point.label, f"label {point.css}" + ("" if right else " end"), LABEL_ROOM
    )
