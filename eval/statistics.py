"""How sure a mean over queries is: bootstrap intervals, and paired differences between two systems.

Percentile bootstrap over queries (Efron and Tibshirani, 1993). The same seed draws the same queries for every system
and metric, so that the intervals of a table belong together. NaN means "not scorable" and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import EvaluationError

Values = NDArray[np.floating[Any]]

RESAMPLES = 1000
PAIRED_RESAMPLES = 2000
_CHUNK = 2_000_000  # draws at once: keeps a table of 22,000 queries below 50 MB


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval; `n` is the number of queries behind it."""

    value: float
    low: float
    high: float
    n: int = 0


@dataclass(frozen=True)
class Paired:
    """A mean difference a - b over the same queries, its 95% interval and a two-sided bootstrap p-value."""

    difference: float
    low: float
    high: float
    p: float
    n: int = 0


def interval(values: Values, seed: int = 0, n: int = RESAMPLES) -> Interval:
    """The mean of `values` (q,) with its 95% interval from `n` resamples; NaN left out.

    Raises:
        EvaluationError: no value can be scored.
    """
    return intervals([values], seed, n)[0]


def intervals(columns: Sequence[Values], seed: int = 0, n: int = RESAMPLES) -> list[Interval]:
    """The same for many columns at once; columns with the same scorable queries share their resamples."""
    found: dict[int, Interval] = {}
    for places, block in _blocks(columns):
        means = resampled(block, seed, n)
        low, high = np.percentile(means, (2.5, 97.5), axis=0)
        for column, place in enumerate(places):
            value = float(block[:, column].mean())
            found[place] = Interval(value, min(float(low[column]), value), max(float(high[column]), value), len(block))
    return [found[place] for place in range(len(columns))]


def paired(a: Values, b: Values, seed: int = 0, n: int = PAIRED_RESAMPLES) -> Paired:
    """The mean of a - b (both (q,), the same queries) with its 95% interval and p-value.

    p is twice the smaller share of resamples on one side of 0, itself counted in (Davison and Hinkley, 1997): never 0,
    and 1 where both systems are equal.

    Raises:
        EvaluationError: the two differ in length, or no query can be scored in both.
    """
    return paired_many([(a, b)], seed, n)[0]


def paired_many(pairs: Sequence[tuple[Values, Values]], seed: int = 0, n: int = PAIRED_RESAMPLES) -> list[Paired]:
    """The same for many pairs at once."""
    for a, b in pairs:
        if len(a) != len(b):
            raise EvaluationError(f"{len(a)} values can't be paired with {len(b)}", "score both on the same queries")
    found: dict[int, Paired] = {}
    for places, block in _blocks([np.asarray(a) - np.asarray(b) for a, b in pairs]):
        means = resampled(block, seed, n)
        low, high = np.percentile(means, (2.5, 97.5), axis=0)
        beyond = np.minimum((means <= 0).sum(axis=0), (means >= 0).sum(axis=0))
        p = np.minimum(1.0, 2 * (beyond + 1) / (n + 1))
        for column, place in enumerate(places):
            ends = float(low[column]), float(high[column])
            found[place] = Paired(float(block[:, column].mean()), *ends, float(p[column]), len(block))
    return [found[place] for place in range(len(pairs))]


def _blocks(columns: Sequence[Values]) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """Columns that can be scored on the same queries, stacked (q, m), with their places."""
    alike: dict[bytes, list[int]] = {}
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    for place, array in enumerate(arrays):
        scorable = ~np.isnan(array)
        if not scorable.any():
            raise EvaluationError("no query can be scored", "give judgments with at least one relevant item")
        alike.setdefault(scorable.tobytes() + bytes(str(len(array)), "ascii"), []).append(place)
    for places in alike.values():
        scorable = ~np.isnan(arrays[places[0]])
        yield places, np.stack([arrays[place][scorable] for place in places], axis=1)


def resampled(block: NDArray[np.float64], seed: int, n: int) -> NDArray[np.float64]:
    """(n, m) means of the block's columns over `n` draws of q queries with replacement."""
    q = len(block)
    rng = np.random.default_rng(seed)
    means = np.empty((n, block.shape[1]))
    step = max(1, _CHUNK // q)
    for start in range(0, n, step):
        rows = min(step, n - start)
        drawn = rng.integers(0, q, size=(rows, q)) + (np.arange(rows) * q)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * q).reshape(rows, q)
        means[start : start + rows] = counts.astype(np.float64) @ block / q
    return means
