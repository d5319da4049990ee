"""How sure a quantile over turns is, when whole sessions are drawn: percentile bootstrap, paired between two cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.statistics import PAIRED_RESAMPLES, RESAMPLES, Interval, Paired

Sessions = Sequence[NDArray[np.float64]]


def quantile(sessions: Sessions, q: float, seed: int = 0, n: int = RESAMPLES) -> Interval:
    """The q-quantile of all values, with its 95% interval over draws of sessions.

    Args:
        sessions: the values of each session; at least one value in all.
        q: 0 to 1.
        seed: of the draws; the same seed draws the same sessions for every cell.
        n: draws.
    """
    value = float(np.quantile(np.concatenate(list(sessions)), q))
    low, high = np.percentile(_drawn(sessions, q, seed, n), (2.5, 97.5))
    return Interval(value, min(float(low), value), max(float(high), value), len(sessions))


def quantile_difference(a: Sessions, b: Sessions, q: float, seed: int = 0, n: int = PAIRED_RESAMPLES) -> Paired:
    """The difference of two cells' q-quantiles over the same draws of the same sessions, as `statistics.paired`."""
    value = float(np.quantile(np.concatenate(list(a)), q) - np.quantile(np.concatenate(list(b)), q))
    apart = _drawn(a, q, seed, n) - _drawn(b, q, seed, n)
    low, high = np.percentile(apart, (2.5, 97.5))
    beyond = min(int((apart <= 0).sum()), int((apart >= 0).sum()))
    return Paired(value, float(low), float(high), min(1.0, 2 * (beyond + 1) / (n + 1)), len(a))


def _drawn(sessions: Sessions, q: float, seed: int, n: int) -> NDArray[np.float64]:
    """(n,) quantiles over draws of sessions with replacement."""
    values = np.concatenate(list(sessions))
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    owner = np.repeat(np.arange(len(sessions)), [len(own) for own in sessions])[order]
    rng = np.random.default_rng(seed)
    found = np.empty(n)
    for number in range(n):
        times = np.bincount(rng.integers(0, len(sessions), len(sessions)), minlength=len(sessions))[owner]
        found[number] = _weighted(ranked, times, q)
    return found


def _weighted(ranked: NDArray[np.float64], times: NDArray[np.int64], q: float) -> float:
    """The q-quantile, between neighbours by proportion, of ascending values each repeated so many times."""
    ends = np.cumsum(times)
    total = int(ends[-1])
    if not total:  # only sessions without a turn were drawn
        return float(np.quantile(ranked, q))
    place = q * (total - 1)
    low, high = np.searchsorted(ends, (int(place), min(int(place) + 1, total - 1)), side="right")
    return float(ranked[low] + (place - int(place)) * (ranked[high] - ranked[low]))
