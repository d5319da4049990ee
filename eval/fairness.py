"""How differently groups of shoppers are served: the gap between the best and the worst served group.

The largest of several means lies above the smallest even where all groups are served alike, the more so the smaller
the groups are. So each gap comes with the one that shuffled memberships give on average: what exceeds it is of note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.results import SMALL

RESAMPLES, SHUFFLES = 1000, 500


@dataclass(frozen=True)
class Gap:
    """The best and the worst served group of one attribute, by one system and metric.

    Attributes:
        best, worst: values of the attribute.
        gap: difference of their means.
        low, high: its 95% bootstrap interval, these two groups given.
        chance: mean gap between the best and the worst group when memberships are shuffled.
        p: share of shuffles with a gap as large.
        groups: how many groups were compared, those of fewer than 30 queries left out.
    """

    best: str
    worst: str
    gap: float
    low: float
    high: float
    chance: float
    p: float
    groups: int

    def to_json(self) -> dict[str, object]:
        """As it stands in `results.json`."""
        numbers = {name: round(getattr(self, name), 8) for name in ("low", "high", "chance", "p")}
        return {
            "best": self.best,
            "worst": self.worst,
            "value": round(self.gap, 8),
            **numbers,
            "groups": self.groups,
        }

    def __str__(self) -> str:
        return (
            f"best {self.best}, worst {self.worst}, gap {self.gap:.4f} ({self.low:.4f} to {self.high:.4f}), "
            f"{self.chance:.4f} by chance, p {self.p:.3f}"
        )


def gap(values: NDArray[np.float64], group: Sequence[str], seed: int = 0) -> Gap | None:
    """The gap between the groups' means.

    Args:
        values: (q,) a metric by query; NaN is left out.
        group: (q,) each query's group, "" where it isn't known.
        seed: of bootstrap and shuffles.

    Returns:
        None where fewer than two groups have 30 queries or more.
    """
    names, codes = np.unique(np.array(group, dtype=np.str_), return_inverse=True)
    sizes = np.bincount(codes[~np.isnan(values)], minlength=len(names))
    sizes[names == ""] = 0
    kept = np.flatnonzero(sizes >= SMALL)
    if len(kept) < 2:
        return None
    inside = np.isin(codes, kept) & ~np.isnan(values)
    values, codes = values[inside], np.searchsorted(kept, codes[inside])
    means = _means(values, codes)
    best, worst = int(means.argmax()), int(means.argmin())
    rng = np.random.default_rng(seed)
    drawn = _drawn(values[codes == best], rng) - _drawn(values[codes == worst], rng)
    shuffled = np.array([np.ptp(_means(values, rng.permutation(codes))) for _ in range(SHUFFLES)])
    found = float(means[best] - means[worst])
    low, high = np.quantile(drawn, [0.025, 0.975])
    p = (1 + float((shuffled >= found - 1e-12).sum())) / (1 + SHUFFLES)
    best_name, worst_name = str(names[kept[best]]), str(names[kept[worst]])
    return Gap(best_name, worst_name, found, float(low), float(high), float(shuffled.mean()), p, len(kept))


def gaps(
    values: Mapping[str, NDArray[np.float64]], attributes: Mapping[str, Sequence[str]], seed: int = 0
) -> dict[str, dict[str, Gap]]:
    """Attribute -> system -> gap.

    Args:
        values: system -> (q,) one metric.
        attributes: name -> (q,) each query's value, "" where it isn't known.
        seed: of bootstrap and shuffles.
    """
    found: dict[str, dict[str, Gap]] = {}
    for name, group in attributes.items():
        made = {system: gap(column, group, seed) for system, column in values.items()}
        there = {system: one for system, one in made.items() if one is not None}
        if there:
            found[name] = there
    return found


def _means(values: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.bincount(codes, values) / np.bincount(codes)
    return sums


def _drawn(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(resamples,) means of values drawn with replacement."""
    return np.array([values[rng.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)])
