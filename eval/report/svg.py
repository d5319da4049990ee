"""Drawing by hand: small SVG plots whose colours come from the page's style sheet and follow light and dark."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape

WIDTH = 440.0  # of every plot, in units of which a phone's screen shows about one a pixel
ROW = 24.0  # height of a row of a plot with labels
LABELS = 132.0  # width kept for labels on the left
MARGIN = 14.0
BAR = 12.0  # thickness
CHAR = 6.4  # usual width of a character at the plots' font size


@dataclass
class Svg:
    """A drawing in the making.

    Attributes:
        title: what is shown, read out first.
        described: the numbers in words, for those who can't see the drawing.
        height: in units; the width is `WIDTH`.
    """

    title: str
    described: str
    height: float
    _parts: list[str] = field(default_factory=list)

    def line(self, start: tuple[float, float], end: tuple[float, float], css: str) -> None:
        """A line between two points."""
        place = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
        self._parts.append(f'<line class="{css}" {place}/>')

    def dot(self, x: float, y: float, css: str, told: str = "", radius: float = 4.5) -> None:
        """A dot; `told` is shown where a pointer rests on it."""
        hover = f"<title>{escape(told)}</title>" if told else ""
        self._parts.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{hover}</circle>')

    def bar(self, start: float, end: float, y: float, css: str, told: str = "") -> None:
        """A bar between two places, `y` being its middle."""
        hover = f"<title>{escape(told)}</title>" if told else ""
        place = f'x="{min(start, end):.1f}" y="{y - BAR / 2:.1f}" width="{abs(end - start):.1f}" height="{BAR:.1f}"'
        self._parts.append(f'<rect class="{css}" {place}>{hover}</rect>')

    def text(self, x: float, y: float, told: str, css: str = "label", room: float | None = None) -> None:
        """Text on a baseline; what doesn't fit into `room` is cut and shown whole where a pointer rests on it."""
        shown = shorten(told, room)
        hover = f"<title>{escape(told)}</title>" if shown != told else ""
        self._parts.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape(shown)}{hover}</text>')

    def render(self, key: str) -> str:
        """The drawing as markup; `key` makes its ids unique on the page."""
        title, desc = f"{key}-title", f"{key}-desc"
        return (
            f'<svg class="plot" role="img" viewBox="0 0 {WIDTH:.0f} {self.height:.0f}" '
            f'aria-labelledby="{title} {desc}">'
            f'<title id="{title}">{escape(self.title)}</title>'
            f'<desc id="{desc}">{escape(self.described)}</desc>{"".join(self._parts)}</svg>'
        )


def shorten(told: str, room: float | None) -> str:
    """Text that fits into `room` units, its beginning and end kept."""
    if room is None or len(told) * CHAR <= room:
        return told
    kept = max(int(room / CHAR) - 1, 2)
    return f"{told[: kept - kept // 3]}…{told[len(told) - kept // 3 :]}"


@dataclass(frozen=True)
class Scale:
    """From values to places between `left` and `right`."""

    low: float
    high: float
    left: float
    right: float
    log: bool = False

    @classmethod
    def of(cls, values: list[float], left: float, right: float, *, zero: bool = False) -> Scale:
        """A scale over all values with a little air; with `zero`, 0 is on it."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        air = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
        return cls(low if zero and low == 0.0 else low - air, high + air, left, right)

    @classmethod
    def logarithmic(cls, values: list[float], left: float, right: float) -> Scale:
        """A scale of powers; values must be above 0."""
        return cls(min(values) / 1.4, max(values) * 1.4, left, right, log=True)

    def at(self, value: float) -> float:
        """The place of a value."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def ticks(self, count: int = 4) -> list[float]:
        """Round values on the scale."""
        if self.log:
            return self._powers()
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / count))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= count)
        first = math.ceil(self.low / step - 1e-9)
        return [round(number * step, 12) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _powers(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1,) if last - first > 3 else (1, 3)
        all_of_them = (factor * 10.0**power for power in range(first, last + 1) for factor in steps)
        return [value for value in all_of_them if self.low <= value <= self.high]


def axis(svg: Svg, scale: Scale, top: float, bottom: float) -> None:
    """Draw the grid of a scale that runs from left to right, with its numbers below."""
    for tick in scale.ticks():
        x = scale.at(tick)
        svg.line((x, top), (x, bottom), "grid")
        svg.text(x, bottom + 14, f"{tick:g}", "tick middle")
