"""From falls to figures: mean falls for each kind of deletion, and ratios with intervals over shoppers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.evidence.deletion import Fall
from eval.statistics import RESAMPLES

ARMS: dict[str, str] = {
    "named": "all events that the ledger names",
    "named, one": "each of them alone",
    "random": "as many other events, any",
    "random, one": "one other event, any",
    "matched": "as many other events, from aisles about as large and as recent",
    "lying": "as many events as a lying ledger names, any",
    "lying, random": "as many events that the lying ledger doesn't name, any",
}
RATIOS = (("named", "random"), ("named", "matched"), ("named, one", "random, one"), ("lying", "lying, random"))
MEASURES: dict[str, str] = {
    "places": "places that the aisle loses among all new aisles, a rise counted as 0",
    "score": "score that the aisle loses, a rise counted as 0",
    "list": "places that the item loses on the list, a rise counted as 0 and k + 1 being gone",
    "shift": "places that the aisle loses, a rise counted as a loss below 0",
    "fell": "share of deletions after which the aisle's score is lower",
}
RATED = ("places", "score", "list")

Values = Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """What deletions did to one line of the ledger: arm -> measure -> mean over its deletions."""

    arms: Mapping[str, Values]

    def to_json(self) -> dict[str, dict[str, float]]:
        """Rounded, for the ledger's file."""
        return {arm: {name: round(value, 6) for name, value in told.items()} for arm, told in self.arms.items()}


def told(falls: Sequence[Fall]) -> dict[str, float]:
    """The means over several deletions of one kind."""
    return {
        "places": float(np.mean([max(fall.places, 0.0) for fall in falls])),
        "score": float(np.mean([max(fall.score, 0.0) for fall in falls])),
        "shift": float(np.mean([fall.places for fall in falls])),
        "fell": float(np.mean([fall.fell for fall in falls])),
    }


def summarise(findings: Sequence[Sequence[Finding]], seed: int) -> dict[str, Any]:
    """Mean falls and ratios with 95% bootstrap intervals over shoppers.

    Args:
        findings: for each shopper, one or more lines.
        seed: of the resamples, which are the same for all figures.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(findings), size=(RESAMPLES, len(findings)))
    means = {
        (arm, measure): np.array([_mean(several, arm, measure) for several in findings])
        for arm in ARMS
        for measure in MEASURES
    }
    falls = {arm: {measure: _interval(means[arm, measure], drawn) for measure in MEASURES} for arm in ARMS}
    ratios = {
        f"{top} / {bottom}": {measure: _ratio(means[top, measure], means[bottom, measure], drawn) for measure in RATED}
        for top, bottom in RATIOS
    }
    return {
        "falls": {arm: {name: one for name, one in row.items() if one} for arm, row in falls.items()},
        "ratios": {pair: {name: one for name, one in row.items() if one} for pair, row in ratios.items()},
        "arms": ARMS,
        "measures": MEASURES,
    }


def _mean(several: Sequence[Finding], arm: str, measure: str) -> float:
    """A shopper's mean over the lines on which it was measured; NaN where on none."""
    found = [line.arms[arm][measure] for line in several if measure in line.arms.get(arm, {})]
    return float(np.mean(found)) if found else float("nan")


def _interval(values: NDArray[np.float64], drawn: NDArray[np.int64]) -> dict[str, float] | None:
    if np.isnan(values).all():
        return None
    return _ends(float(np.nanmean(values)), _sums(values, drawn) / _counts(values, drawn))


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], drawn: NDArray[np.int64]) -> dict[str, float] | None:
    """Mean fall over mean fall, of shoppers with both; None where the lower one is 0, so that there is no ratio."""
    both = ~(np.isnan(top) | np.isnan(bottom))
    top, bottom = np.where(both, top, np.nan), np.where(both, bottom, np.nan)
    if not both.any() or np.nansum(bottom) <= 0:
        return None
    above, below = _sums(top, drawn), _sums(bottom, drawn)
    return _ends(float(np.nansum(top) / np.nansum(bottom)), above[below > 0] / below[below > 0])


def _sums(values: NDArray[np.float64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.nan_to_num(values)[drawn].sum(axis=1)
    return sums


def _counts(values: NDArray[np.float64], drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.maximum((~np.isnan(values))[drawn].sum(axis=1), 1)
    return counts


def _ends(value: float, resampled: NDArray[np.float64]) -> dict[str, float]:
    low, high = np.percentile(resampled, (2.5, 97.5))
    return {"value": round(value, 6), "low": round(float(low), 6), "high": round(float(high), 6)}
