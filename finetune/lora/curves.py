"""Learning curves as an SVG picture, drawn without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT, LEFT, TOP, BETWEEN = 760, 240, 60, 30, 60
_COLOURS = ("#4269d0", "#d1495b", "#3ca951", "#97530f")


def points(history: Sequence[Mapping[str, float]], name: str) -> list[tuple[float, float]]:
    """(step, value) of every entry of a trainer's log that holds a value."""
    return [(float(entry["step"]), float(entry[name])) for entry in history if name in entry]


def draw(panels: Mapping[str, Mapping[str, Points]]) -> str:
    """Panels one below the other.

    Args:
        panels: title -> name of a line -> its points by step; empty lines are left out.

    Returns:
        A whole SVG document; every line has a legend and every axis its ends.
    """
    shown = {title: {name: line for name, line in lines.items() if line} for title, lines in panels.items()}
    shown = {title: lines for title, lines in shown.items() if lines}
    height = len(shown) * (HEIGHT + BETWEEN) + TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(shown.items()):
        parts += _panel(title, lines, TOP + number * (HEIGHT + BETWEEN))
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, lines: Mapping[str, Points], top: float) -> list[str]:
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    (left, right), (low, high) = _ends(xs), _ends(ys)
    wide = WIDTH - LEFT - 20
    parts = [
        f'<text x="{LEFT}" y="{top - 10}" font-weight="bold">{escape(title)}</text>',
        f'<path d="M{LEFT} {top}V{top + HEIGHT}H{LEFT + wide}" fill="none" stroke="#555"/>',
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{high:.3g}</text>',
        f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">{low:.3g}</text>',
        f'<text x="{LEFT}" y="{top + HEIGHT + 16}">{left:g}</text>',
        f'<text x="{LEFT + wide}" y="{top + HEIGHT + 16}" text-anchor="end">step {right:g}</text>',
    ]
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [
            (LEFT + wide * (x - left) / (right - left), top + HEIGHT * (high - y) / (high - low)) for x, y in line
        ]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places if len(line) < 30]
        parts.append(
            f'<text x="{LEFT + wide}" y="{top - 10 + 14 * number}" text-anchor="end" fill="{colour}">'
            f"{escape(name)} {line[-1][1]:.3f}</text>"
        )
    return parts


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis, never empty."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
