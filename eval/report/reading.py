"""What the page needs from `results.json`, read tolerantly: what a run didn't write is left out of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
MAIN = ""  # the main view's name here; its metrics carry no suffix
TRIVIAL = frozenset({"popular", "repeat", "repeat_decayed", "echo"})


@dataclass(frozen=True)
class Score:
    """A mean and its interval; the interval is the mean itself where none was computed."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"


@dataclass(frozen=True)
class Difference:
    """A paired difference, its interval and how likely one as large is by chance (two-sided)."""

    value: float
    low: float
    high: float
    p: float | None

    def __str__(self) -> str:
        return f"{self.value:+.4f} ({self.low:+.4f} to {self.high:+.4f}), {p_value(self.p)}"


Scores = dict[str, dict[str, Score]]  # system -> metric -> score


@dataclass(frozen=True)
class Reading:
    """A run, as the page tells it.

    Attributes:
        raw: the whole of `results.json`.
        reference: the system that the others are compared with.
        views: view name ("" is the main one) -> system -> metric without suffix -> score.
        paired: view name -> metric -> other system -> difference of the reference against it.
    """

    raw: Json
    reference: str
    views: dict[str, Scores]
    paired: dict[str, dict[str, dict[str, Difference]]]

    @classmethod
    def of(cls, raw: Json) -> Reading:
        """Read the object that `Results.to_json` gives."""
        systems = raw.get("systems", {})
        reference = "crossaisle" if "crossaisle" in systems else next(iter(systems), "")
        views: dict[str, Scores] = {}
        for system, metrics in systems.items():
            for name, told in metrics.items():
                score, (metric, view) = score_of(told), split(name)
                if score is not None:
                    views.setdefault(view, {}).setdefault(system, {})[metric] = score
        return cls(raw, reference, views, _paired(raw.get("paired", {}), reference))

    @property
    def deciding(self) -> str:
        """The first metric, which decides."""
        return next(iter(self.metrics(next(iter(self.views), MAIN))), "")

    def metrics(self, view: str = MAIN) -> list[str]:
        """A view's metrics in the order of the run."""
        names = (metric for scores in self.views.get(view, {}).values() for metric in scores)
        return list(dict.fromkeys(names))

    def ordered(self, view: str = MAIN, metric: str = "") -> list[str]:
        """A view's systems, the best first."""
        scores, metric = self.views.get(view, {}), metric or self.deciding
        return sorted(scores, key=lambda name: -scores[name][metric].value if metric in scores[name] else math.inf)

    def css(self, system: str) -> str:
        """The class that a system is drawn in."""
        return "ours" if system == self.reference else "trivial" if system in TRIVIAL else "other"


def split(name: str) -> tuple[str, str]:
    """A metric's name into metric and view: "NDCG@10/novel" is NDCG@10 of the view `novel`."""
    metric, _, view = name.partition("/")
    return metric, view


def number(value: float | None, digits: int = 4) -> str:
    """A number for people; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value and abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if abs(value) < 1 else f"{value:.{max(digits - 2, 1)}f}"


def p_value(p: float | None) -> str:
    """A probability for people."""
    if p is None:
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def finite(told: object) -> float | None:
    """A finite number, or None."""
    good = isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told)
    return float(told) if good else None  # type: ignore[arg-type]  # it is a number


def score_of(told: object) -> Score | None:
    """A score from its JSON, with or without an interval; None where there is no number."""
    if not isinstance(told, Mapping):
        value = finite(told)
        return None if value is None else Score(value, value, value)
    value = finite(told.get("value"))
    if value is None:
        return None
    low, high = finite(told.get("low")), finite(told.get("high"))
    return Score(value, value if low is None else low, value if high is None else high)


def scores(told: Json) -> Scores:
    """System -> metric -> score, of any part of the results that is built like `systems`."""
    read = {system: {name: score_of(one) for name, one in metrics.items()} for system, metrics in told.items()}
    return {system: {name: one for name, one in all_.items() if one is not None} for system, all_ in read.items()}


def _paired(told: Json, reference: str) -> dict[str, dict[str, dict[str, Difference]]]:
    """Every pair with the reference in it, turned so that the reference comes first."""
    found: dict[str, dict[str, dict[str, Difference]]] = {}
    for pair, metrics in told.items():
        first, last = f"{reference} vs ", f" vs {reference}"
        if pair.startswith(first):
            other, sign = pair.removeprefix(first), 1
        elif pair.endswith(last):
            other, sign = pair.removesuffix(last), -1
        else:
            continue
        for name, one in metrics.items():
            difference, (metric, view) = _difference(one, sign), split(name)
            if difference is not None:
                found.setdefault(view, {}).setdefault(metric, {})[other] = difference
    return found


def _difference(told: Json, sign: int) -> Difference | None:
    value, low, high = (finite(told.get(key)) for key in ("difference", "low", "high"))
    if value is None or low is None or high is None:
        return None
    low, high = sorted((sign * low, sign * high))
    return Difference(sign * value, low, high, finite(told.get("p")))
