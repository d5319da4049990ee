"""Forest plot: the paired difference of one system against each other one, with 0 drawn through."""

from __future__ import annotations

from collections.abc import Mapping

from eval.report.reading import Difference, p_value
from eval.report.svg import LABELS, MARGIN, ROW, WIDTH, Scale, Svg, axis

VALUES = 142.0


def forest(title: str, differences: Mapping[str, Difference]) -> Svg:
    """Draw differences, the largest on top; above 0 speaks for the system that the title names."""
    rows = sorted(differences.items(), key=lambda pair: -pair[1].value)
    described = "; ".join(f"against {other}: {difference}" for other, difference in rows)
    bottom = MARGIN + ROW * len(rows)
    svg = Svg(title, described, bottom + 22)
    ends = [value for _, one in rows for value in (one.low, one.value, one.high)]
    scale = Scale.of(ends, LABELS + 6, WIDTH - VALUES, zero=True)
    axis(svg, scale, MARGIN - 6, bottom)
    svg.line((scale.at(0.0), MARGIN - 6), (scale.at(0.0), bottom), "zero")
    for place, (other, one) in enumerate(rows):
        y = MARGIN + ROW * (place + 0.5)
        css = "ours" if one.low > 0 else "worse" if one.high < 0 else "other"
        svg.text(LABELS - 4, y + 4, other, "label end", LABELS)
        svg.line((scale.at(one.low), y), (scale.at(one.high), y), f"whisker {css}")
        svg.dot(scale.at(one.value), y, f"dot {css}", f"against {other}: {one}")
        svg.text(WIDTH - VALUES + 8, y + 4, f"{one.value:+.4f}, {p_value(one.p)}", f"value {css}", VALUES)
    return svg
