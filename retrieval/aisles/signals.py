"""What is learnt from all walks together, before anything is ranked: one score table a signal.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", 2019) on which aisles are walked and on how often,
item-kNN and association over categories, truncated SVD (Cremonesi, Koren, Turrin, "Performance of Recommender
Algorithms on Top-N Recommendation Tasks", 2010), which aisle follows which, words, and popularity by month.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh

from retrieval.aisles.walks import Matrix, Walks
from retrieval.aisles.words import Words
from retrieval.channels.storage import Array

RIDGE = 500.0  # of EASE on which aisles are walked; new aisles are foretold from little, so strongly held back
RIDGE_HABIT = 30.0  # of EASE on how often, in faded log counts
HALF_LIFE = 365.0
FACTORS, TASTES = 8, 24  # directions of the SVD of which aisles, and of how often
NEAR_SHRINK = 30.0
LIFT_SHRINK, LIFT_SUPPORT = 5.0, 2  # shoppers as if by chance, and that a pair needs
LIFT_HALF_LIFE = 120.0  # days; where a shopper goes next hangs on where they were lately
FOLLOW_DAYS, FOLLOW_HALF_LIFE = 60.0, 15.0  # an aisle follows another within; what starts a way lies not far back
FOLLOW_SHRINK, FOLLOWERS = 5.0, 40  # walks as if by chance; later walks that one is paired with
MONTH = 365.25 / 12
LATELY = 6  # months
YEAR = 12  # months
AHEAD = 3  # months, the present one included, that a season's share is taken over
SEASON_SHRINK = 60.0  # shoppers as if evenly spread over the year
MIN_GAP, GAP_SHRINK = 3.0, 3.0  # days; walkers as usual
ARRAYS = (
    *("habit", "ease", "near", "lift", "follow", "factors", "tastes"),
    *("owners", "months", "first", "season", "gap", "again"),
)


@dataclass(frozen=True)
class Signals:
    """Everything learnt; `arrays` and those of `words` are what is saved."""

    arrays: dict[str, Array]
    words: Words

    @classmethod
    def fit(cls, walks: Walks, names: csr_array) -> Signals:
        """Learn from walks that all lie before the moment of recommending.

        Args:
            walks: everybody's.
            names: (n, w) the words of each catalogue row.
        """
        gram = _gram(walks.walked())
        owners = np.diag(gram).copy()
        near = gram / np.sqrt(np.outer(owners + NEAR_SHRINK, owners + NEAR_SHRINK))
        np.fill_diagonal(near, 0.0)
        often = walks.sparse().log1p()
        arrays: dict[str, Array] = {
            "ease": _ease(gram, RIDGE),
            "habit": _ease(_gram(walks.sparse(walks.faded(HALF_LIFE)).log1p()), RIDGE_HABIT),
            "near": near.astype(np.float32),
            "lift": _lift(gram, walks.shoppers),
            "follow": _follow(walks),
            "factors": _factors(_gram(walks.profile(HALF_LIFE)), FACTORS),
            "tastes": _factors(_gram(often), TASTES),
            "owners": owners,
        }
        return cls(arrays | _months(walks) | _again(walks, owners), Words.fit(names, walks))

    def scores(self, walks: Walks, wanted: Collection[str] | None = None) -> dict[str, Matrix]:
        """(q, C) by signal; of all, or of those wanted."""
        profile = walks.profile(HALF_LIFE)
        ways: dict[str, Callable[[], Matrix]] = {
            "ease": lambda: _through(profile, self.arrays["ease"]),
            "near": lambda: _through(profile, self.arrays["near"]),
            "lift": lambda: _through(walks.profile(LIFT_HALF_LIFE), self.arrays["lift"]),
            "follow": lambda: _through(walks.profile(FOLLOW_HALF_LIFE), self.arrays["follow"]),
            "habit": lambda: _through(walks.sparse(walks.faded(HALF_LIFE)).log1p(), self.arrays["habit"]),
            "factors": lambda: _projected(profile, self.arrays["factors"]),
            "tastes": lambda: _projected(walks.sparse().log1p(), self.arrays["tastes"]),
            "words": lambda: self.words.scores(walks),
        }
        return {name: way() for name, way in ways.items() if wanted is None or name in wanted}

    @cached_property
    def _cumulated(self) -> Matrix:
        """(p + 1, C) new walkers before each month."""
        months = self.arrays["months"]
        total: Matrix = np.concatenate([np.zeros((1, months.shape[1])), np.cumsum(months, axis=0)])
        return total

    def lately(self, now: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
        """(q, C) log of new walkers in the months before now, and log of what the season lifts a category by."""
        cumulated, first = self._cumulated, float(self.arrays["first"][0])
        at = np.clip(((now - first) // MONTH).astype(np.int64) + 1, 0, len(cumulated) - 1)
        recent = cumulated[at] - cumulated[np.maximum(at - LATELY, 0)]
        return np.log1p(recent), self.arrays["season"][(now // MONTH).astype(np.int64) % YEAR].astype(np.float64)


def _gram(table: csr_array) -> Matrix:
    return np.asarray((table.T @ table).todense(), dtype=np.float64)


def _through(table: csr_array, weights: Array) -> Matrix:
    """(q, k) sparse rows through dense weights."""
    found: Matrix = (table.astype(np.float32) @ weights).astype(np.float64)
    return found


def _projected(table: csr_array, factors: Array) -> Matrix:
    """(q, C) sparse rows onto a few directions (f, C) and back."""
    found: Matrix = _through(table, np.ascontiguousarray(factors.T)) @ factors
    return found


def _ease(gram: Matrix, ridge: float) -> NDArray[np.float32]:
    """(C, C) weights in closed form, zero on the diagonal."""
    size = len(gram)
    if not size:
        return np.empty((0, 0), dtype=np.float32)
    inverse = cho_solve(cho_factor(gram + ridge * np.eye(size), lower=True), np.eye(size))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, dtype=np.float32)


def _lift(gram: Matrix, shoppers: int) -> NDArray[np.float32]:
    """(C, C) how far two aisles are walked together beyond chance, more for those that many walk; none below chance.

    As association rules do it: it hears rare but sure pairs, which a cosine drowns in common ones.
    """
    owners = np.diag(gram)
    chance = np.outer(owners, owners) / max(shoppers, 1)
    lift = np.log((gram + LIFT_SHRINK) / (chance + LIFT_SHRINK)) * np.sqrt(owners)
    lift[(gram < LIFT_SUPPORT) | (lift < 0)] = 0.0
    np.fill_diagonal(lift, 0.0)
    return np.ascontiguousarray(lift, dtype=np.float32)


def _follow(walks: Walks) -> NDArray[np.float32]:
    """(C, C) log of how far more often than by chance the second aisle is walked some days after the first.

    The one signal here that knows a direction: a printer comes before its ink.
    """
    size = walks.aisles
    day = np.floor(walks.days).astype(np.int64)
    first = int(day.min(initial=0))
    many = int(day.max(initial=first)) - first + 1
    visits = np.unique((walks.shopper * many + day - first) * size + walks.aisle)
    when, aisle = np.divmod(visits, max(size, 1))
    shopper, day = np.divmod(when, many)
    count = np.zeros(size * size)
    for step in range(1, min(FOLLOWERS + 1, len(visits))):
        gap = day[step:] - day[:-step]
        good = (shopper[step:] == shopper[:-step]) & (gap > 0) & (gap <= FOLLOW_DAYS)
        count += np.bincount(aisle[:-step][good] * size + aisle[step:][good], minlength=size * size)
    table = count.reshape(size, size)
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(float(table.sum()), 1.0)
    return np.log((table + FOLLOW_SHRINK) / (chance + FOLLOW_SHRINK)).astype(np.float32)


def _factors(gram: Matrix, count: int) -> NDArray[np.float32]:
    """(f, C) the leading right singular vectors of a table, from its Gram matrix; largest entries positive."""
    size = len(gram)
    count = min(count, size - 2)
    if count < 1 or not gram.any():
        return np.empty((0, size), dtype=np.float32)
    _, vectors = eigsh(gram, k=count, v0=np.ones(size), tol=1e-8)
    best = vectors[:, ::-1].T
    sign = np.sign(best[np.arange(len(best)), np.abs(best).argmax(axis=1)])
    return np.ascontiguousarray(best * sign[:, None], dtype=np.float32)


def _months(walks: Walks) -> dict[str, Array]:
    """First walks of shoppers by month (p, C) from day `first` on, and log season (12, C), shrunk."""
    size = walks.aisles
    cell = walks.shopper * size + walks.aisle
    fresh = np.unique(cell, return_index=True)[1]
    first = float(walks.days.min()) if len(walks) else 0.0
    month = ((walks.days - first) // MONTH).astype(np.int64)
    count = int(month.max(initial=-1)) + 1
    months = np.bincount(month[fresh] * size + walks.aisle[fresh], minlength=count * size).reshape(count, size)
    part = (walks.days // MONTH).astype(np.int64)
    voice = np.unique(cell * (int(part.max(initial=0)) + 1) + part, return_index=True)[1]  # once a month each
    of_year = np.bincount((part[voice] % YEAR) * size + walks.aisle[voice], minlength=YEAR * size).reshape(YEAR, size)
    ahead = np.mean([np.roll(of_year, -step, axis=0) for step in range(AHEAD)], axis=0)
    share = ahead.sum(axis=1, keepdims=True) / max(float(ahead.sum()), 1.0)
    share = np.where(share > 0, share, 1.0 / YEAR)
    season = np.log((ahead + SEASON_SHRINK * share) / ((ahead.sum(axis=0) + SEASON_SHRINK) * share))
    return {"months": months.astype(np.float32), "first": np.array([first]), "season": season.astype(np.float32)}


def _again(walks: Walks, owners: NDArray[np.float64]) -> dict[str, Array]:
    """By category: log of the usual gap in days between two walks, and the share of walkers who came again."""
    size = walks.aisles
    order = np.lexsort((walks.days, walks.aisle, walks.shopper))
    cell, days = (walks.shopper * size + walks.aisle)[order], walks.days[order]
    gap = np.diff(days)
    again = (np.diff(cell) == 0) & (gap >= MIN_GAP)
    aisle = walks.aisle[order][1:][again]
    logs = np.log(gap[again])
    usual = float(logs.mean()) if len(logs) else float(np.log(90.0))
    count = np.bincount(aisle, minlength=size)
    mean = (np.bincount(aisle, logs, minlength=size) + GAP_SHRINK * usual) / (count + GAP_SHRINK)
    twice = np.bincount(np.unique(cell[1:][again]) % max(size, 1), minlength=size)
    total = twice.sum() / max(float(owners.sum()), 1.0)
    return {"gap": mean, "again": (twice + GAP_SHRINK * total) / (owners + GAP_SHRINK)}
