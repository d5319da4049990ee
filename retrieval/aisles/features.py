"""What the ranking of aisles looks at, by category, for many shoppers at once or for one.

Scores of signals are standardised within a shopper over the aisles that are new to them, so that they mean the same for
everybody; an owned aisle's habits are told apart by how often, when last, and whether it is due.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from retrieval.aisles.signals import Signals
from retrieval.aisles.walks import Matrix, Walks
from retrieval.ranker.model import Features

RATES = {"rate_month": 45.0, "rate_season": 120.0, "rate_year": 365.0, "rate_years": 1000.0}  # half-lives in days
STEPS = {"rate_some": 50.0, "rate_many": 150.0}  # half-lives in events
SCORED = ("ease", "near", "lift", "follow", "factors", "words", "habit", "tastes")
OWN = (
    "times",
    *RATES,
    *STEPS,
    "place",
    "share",
    "visits",
    "days_since",
    "gap",
    "due",
    "trend",
    "item_pace",
    "item_again",
)
KIND = ("popular", "lately", "season", "again", "usual_gap", "price")
MANY_DAYS = 1 << 20
LEAST_GAP, ITEM_HALF_LIFE = 3.0, 365.0  # days
WHO = ("events", "aisles", "breadth", "active", "pace", "newness")
NAMES: tuple[str, ...] = (*SCORED, *OWN, *KIND, *WHO)


def features(
    signals: Signals, walks: Walks, prices: NDArray[np.float64], wanted: Collection[str] | None = None
) -> dict[str, Matrix]:
    """(q, C) by feature.

    Args:
        signals: learnt from events before every shopper's now.
        walks: the shoppers' events.
        prices: (C + 1,) the log of each category's usual price, NaN unknown.
        wanted: names that are needed; without any habit among them, which take half of the time, these are left out.
    """
    new = walks.table() == 0
    scores = signals.scores(walks, wanted)
    found: dict[str, Matrix] = {name: standard(score, new) for name, score in scores.items()}
    found |= _kinds(signals, walks, prices)
    if wanted is not None and not {*OWN, *WHO} & set(wanted):
        return found
    found |= _own(signals, walks)
    who = _who(walks)
    return found | {name: np.broadcast_to(values[:, None], new.shape) for name, values in who.items()}


def stack(
    found: dict[str, Matrix], cells: tuple[NDArray[np.int64], NDArray[np.int64]], names: tuple[str, ...]
) -> Features:
    """(m, f) float32 the named features of some (shopper, category) cells."""
    return np.stack([found[name][cells].astype(np.float32) for name in names], axis=1)


def standard(scores: Matrix, among: NDArray[np.bool_]) -> Matrix:
    """Scores less their mean, over their deviation, both taken in each row over `among`."""
    count = np.maximum(among.sum(axis=1, keepdims=True), 1)
    mean = np.where(among, scores, 0.0).sum(axis=1, keepdims=True) / count
    spread = np.sqrt((np.where(among, scores - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    found: Matrix = np.where(spread > 1e-12, (scores - mean) / np.maximum(spread, 1e-12), 0.0)
    return found


def _own(signals: Signals, walks: Walks) -> dict[str, Matrix]:
    """How the shopper walked each aisle so far; what only an aisle walked before can have is NaN elsewhere."""
    times = walks.table()
    own = times > 0
    found: dict[str, Matrix] = {name: np.sqrt(walks.table(walks.faded(days))) for name, days in RATES.items()}
    found |= {name: np.sqrt(walks.table(0.5 ** (walks.since() / steps))) for name, steps in STEPS.items()}
    place = np.argsort(np.argsort(-found["rate_year"], axis=1, kind="stable"), axis=1, kind="stable")
    day = np.unique((walks.shopper * walks.aisles + walks.aisle) * MANY_DAYS + walks.days.astype(np.int64)) // MANY_DAYS
    visits = np.bincount(day, minlength=times.size).reshape(times.shape).astype(np.float64)
    since = 1.0 / np.maximum(walks.largest(1.0 / (1.0 + walks.age)).toarray(), 1e-12) - 1.0
    span = walks.largest(walks.age + 1e-6).toarray() - since
    gap, several = signals.arrays["gap"] + np.zeros_like(span), visits > 1
    # The shopper's own usual gap and the category's, in logs, count alike.
    gap[several] = (gap[several] + np.log(np.maximum(span[several] / (visits[several] - 1), 1.0))) / 2
    habits = {
        "place": place.astype(np.float64),
        "days_since": np.log1p(since),
        "gap": gap,
        "due": np.log1p(since) - gap,
        "trend": found["rate_season"] / np.maximum(found["rate_years"], 1e-9),
    }
    found |= {name: np.where(own, values, np.nan) for name, values in habits.items()}
    found |= _items(walks)
    share = times / np.maximum(times.sum(axis=1, keepdims=True), 1e-9)
    return found | {"times": np.log1p(times), "share": share, "visits": np.log1p(visits)}


def _items(walks: Walks) -> dict[str, Matrix]:
    """What the very goods that were taken again say of their aisle: how soon they are due, and how often it was."""
    size = walks.shoppers * walks.aisles
    width = int(walks.rows.max(initial=0)) + 1
    _, start, good = np.unique(walks.shopper * width + walks.rows, return_index=True, return_inverse=True)
    first, last = np.full(len(start), np.inf), np.full(len(start), -np.inf)
    np.minimum.at(first, good, walks.days)
    np.maximum.at(last, good, walks.days)
    day = np.unique(good.astype(np.int64) * MANY_DAYS + walks.days.astype(np.int64)) // MANY_DAYS
    again = np.bincount(day, minlength=len(start)) - 1
    since = np.maximum(walks.now[walks.shopper[start]] - last, 0.0)
    gap = np.maximum((last - first) / np.maximum(again, 1), LEAST_GAP)
    pace = np.where(
        again > 0, 0.5 ** np.maximum(since / gap - 1.0, 0.0) * 30.0 / gap, 0.0
    )  # a month; overdue ones fade
    cell = (walks.shopper * walks.aisles + walks.aisle)[start]
    sums = {"item_pace": pace, "item_again": again * 0.5 ** (since / ITEM_HALF_LIFE)}
    shape = (walks.shoppers, walks.aisles)
    return {name: np.log1p(np.bincount(cell, values, minlength=size)).reshape(shape) for name, values in sums.items()}


def _kinds(signals: Signals, walks: Walks, prices: NDArray[np.float64]) -> dict[str, Matrix]:
    """What each category is like, and whether its prices are the shopper's."""
    shape = (walks.shoppers, walks.aisles)
    lately, season = signals.lately(walks.now)
    known = np.isfinite(prices[walks.aisle])
    count = np.bincount(walks.shopper[known], minlength=walks.shoppers)
    spent = np.bincount(walks.shopper[known], prices[walks.aisle][known], minlength=walks.shoppers)
    level = np.where(count > 0, spent / np.maximum(count, 1), np.nan)
    arrays = signals.arrays
    return {
        "popular": np.broadcast_to(np.log1p(np.asarray(arrays["owners"])), shape),
        "lately": lately,
        "season": season,
        "again": np.broadcast_to(np.asarray(arrays["again"]), shape),
        "usual_gap": np.broadcast_to(np.asarray(arrays["gap"]), shape),
        "price": prices[None, : walks.aisles] - level[:, None],
    }


def _who(walks: Walks) -> dict[str, NDArray[np.float64]]:
    """(q,) what kind of shopper this is."""
    table = walks.table()
    events, aisles = table.sum(axis=1), (table > 0).sum(axis=1)
    share = table / np.maximum(events, 1.0)[:, None]
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
    cell = walks.shopper * walks.aisles + walks.aisle
    _, first = np.unique(cell, return_index=True)  # events are by time, so the first of a cell opened the aisle
    fresh = np.zeros(len(walks))
    fresh[first] = 1.0
    recent = walks.faded(180.0)
    pace = np.bincount(walks.shopper, recent, minlength=walks.shoppers)
    new = np.bincount(walks.shopper, recent * fresh, minlength=walks.shoppers)
    span = np.zeros(walks.shoppers)
    np.maximum.at(span, walks.shopper, walks.age)
    return {
        "events": np.log1p(events),
        "aisles": np.log1p(aisles.astype(float)),
        "breadth": entropy,
        "active": np.log1p(span),
        "pace": np.log1p(pace),
        "newness": new / np.maximum(pace, 1e-9),
    }
