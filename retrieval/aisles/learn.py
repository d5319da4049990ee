"""Learning to rank aisles from time slices of the shop's own events.

Slice after slice, every shopper's last fifth is cut off: signals are learnt from what is left of everybody, and what
was cut off says which aisles were walked next. A slice never sees what was cut off in it or before it, and its signals
know as much of a shopper as signals know at serving.

All aisles are ranked by trees that foretell each one's chance. New aisles, of which there is little to learn, are
ranked by a conditional logit over signals (McFadden, "Conditional Logit Analysis of Qualitative Choice Behavior",
1974).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from retrieval.aisles.features import NAMES, features, stack
from retrieval.aisles.signals import Signals
from retrieval.aisles.walks import Matrix, Walks
from retrieval.ranker.model import Features, Ranker, RankerConfig

SLICES, SHARE = 4, 0.2
LEAST = (20, 10, 6)  # events that a shopper needs to be learnt from: the first that leaves enough of them
ENOUGH, MOST_LISTS = 200, 1500  # shoppers of a slice
FEWEST = 60  # shoppers of all slices below which nothing is learnt and the plain sums are used
DEPTH_ALL, DEPTH_NEW = 60, 100  # aisles of a list that are learnt from, those best by plain sums
BATCH = 100  # shoppers whose features are held at once
NEW = ("words", "factors", "tastes", "ease", "near", "lift", "follow", "popular", "lately", "season")
RIDGE = 3.0
TREES = RankerConfig(
    objective="binary", trees=400, leaves=24, learning_rate=0.025, least=150, feature_share=0.4, ridge=30.0
)
PLAIN_NEW = {"ease": 1.0, "words": 1.0, "popular": 0.3}
PLAIN_ALL = PLAIN_NEW | {"rate_year": 4.0, "rate_years": 2.0, "rate_season": 2.0}


@dataclass(frozen=True)
class Learnt:
    """Weights of `NEW` (len(NEW),) for new aisles, and trees for all of them; None where plain sums do."""

    new: NDArray[np.float64] | None
    all: Ranker | None


@dataclass(frozen=True)
class _Lists:
    """Candidates of many shoppers: features (m, f), taken (m,) 0 or 1, sizes (q,)."""

    features: Features
    taken: NDArray[np.int32]
    sizes: NDArray[np.int32]

    @classmethod
    def joined(cls, parts: list[_Lists]) -> _Lists:
        """All parts as one."""
        return cls(
            np.concatenate([np.empty((0, len(NAMES)), np.float32), *(part.features for part in parts)]),
            np.concatenate([np.empty(0, np.int32), *(part.taken for part in parts)]),
            np.concatenate([np.empty(0, np.int32), *(part.sizes for part in parts)]),
        )


def plain(found: dict[str, Matrix], weights: dict[str, float]) -> Matrix:
    """(q, C) a weighted sum of features, unknown ones being 0."""
    return sum((np.nan_to_num(found[name]) * weight for name, weight in weights.items()), start=np.zeros(1))


def learn(walks: Walks, names: csr_array, prices: NDArray[np.float64]) -> Learnt:
    """Learn from slices of walks; see `Signals.fit` and `features` for the rest."""
    parts = list(_slices(walks, names, prices))
    every, new = (_Lists.joined([part[kind] for part in parts]) for kind in (0, 1))
    return Learnt(
        _logit(new) if len(new.sizes) >= FEWEST else None,
        Ranker.fit(every.features, every.taken, every.sizes, NAMES, TREES) if len(every.sizes) >= FEWEST else None,
    )


def cut(walks: Walks, least: int, share: float = SHARE) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Part walks between two days: (m,) what is before each shopper's window, (m,) what is in one.

    Shoppers with fewer events than `least`, or with all of them in the window, have none.
    """
    starts = np.searchsorted(walks.shopper, np.arange(walks.shoppers + 1))
    size = np.diff(starts)
    first = np.minimum(starts[:-1] + (size * (1 - share) + 1e-9).astype(np.int64), max(len(walks) - 1, 0))
    day = np.floor(walks.days[first]) if len(walks) else np.zeros(walks.shoppers)
    late = walks.days >= day[walks.shopper]
    early = np.bincount(walks.shopper[~late], minlength=walks.shoppers)
    window = late & ((size >= least) & (early > 0))[walks.shopper]
    return ~window, window


def _slices(walks: Walks, names: csr_array, prices: NDArray[np.float64]) -> Iterator[tuple[_Lists, _Lists]]:
    """Lists over all aisles and over new ones, batch by batch, of each slice."""
    least = LEAST[-1]
    for bound in LEAST:
        if len(np.unique(walks.shopper[cut(walks, bound)[1]])) >= ENOUGH:
            least = bound
            break
    for _ in range(SLICES):
        before, window = cut(walks, least)
        judged = np.unique(walks.shopper[window])
        if len(judged) < FEWEST // SLICES:
            return
        taken = walks.only(window)
        walks = walks.where(before)
        signals = Signals.fit(walks, names)
        judged = judged[:: -(-len(judged) // MOST_LISTS)]
        for start in range(0, len(judged), BATCH):
            some = judged[start : start + BATCH]
            yield _lists(signals, walks.of(some), taken.of(some).table() > 0, prices)


def _lists(
    signals: Signals, walks: Walks, taken: NDArray[np.bool_], prices: NDArray[np.float64]
) -> tuple[_Lists, _Lists]:
    """Some shoppers' lists over all aisles and over new ones."""
    found = features(signals, walks, prices)
    own = walks.table() > 0
    near = _best(plain(found, PLAIN_ALL), DEPTH_ALL) | own
    new = _best(np.where(own, -np.inf, plain(found, PLAIN_NEW)), DEPTH_NEW) & ~own
    return _list(found, near, taken), _list(found, new, taken)


def _best(scores: Matrix, count: int) -> NDArray[np.bool_]:
    """(q, C) true for each row's `count` best."""
    mask = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(mask, np.argsort(-scores, axis=1, kind="stable")[:, :count], True, axis=1)
    return mask


def _list(found: dict[str, Matrix], mask: NDArray[np.bool_], taken: NDArray[np.bool_]) -> _Lists:
    """The lists in which something was taken. What was taken but isn't in the mask isn't learnt from."""
    mask = mask & (mask & taken).any(axis=1, keepdims=True)
    shopper, aisle = np.nonzero(mask)
    cells = shopper.astype(np.int64), aisle.astype(np.int64)
    sizes = mask.sum(axis=1)
    return _Lists(stack(found, cells, NAMES), taken[cells].astype(np.int32), sizes[sizes > 0].astype(np.int32))


def _logit(lists: _Lists) -> NDArray[np.float64]:
    """(len(NEW),) weights that make what was taken likely among each list, lists counting by the root of how much."""
    columns = [NAMES.index(name) for name in NEW]
    table = np.nan_to_num(lists.features[:, columns].astype(np.float64))
    spread = np.maximum(table.std(axis=0), 1e-9)
    table = (table - table.mean(axis=0)) / spread
    starts = np.concatenate([[0], np.cumsum(lists.sizes)[:-1]])
    owner = np.repeat(np.arange(len(starts)), lists.sizes)
    count = np.add.reduceat(lists.taken, starts).astype(np.float64)
    wanted, total = lists.taken / np.sqrt(count)[owner], np.sqrt(count)[owner]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = table @ weights
        scores -= np.maximum.reduceat(scores, starts)[owner]
        odds = np.exp(scores)
        norm = np.add.reduceat(odds, starts)[owner]
        surprise = -(wanted * (scores - np.log(norm))).sum() + RIDGE * weights @ weights
        return float(surprise), -(table.T @ (wanted - total * odds / norm)) + 2 * RIDGE * weights

    best = minimize(loss, np.zeros(len(NEW)), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    weights: NDArray[np.float64] = best.x / spread
    return weights
