"""One shopper as the ranker sees them: what they took, how often, which aisles and brands, at which price level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Rows
from retrieval.channels.association import Association
from retrieval.channels.base import Channel, Query
from retrieval.channels.ease import Ease
from retrieval.channels.interests import recent
from retrieval.channels.log import TAKEN, event_weights
from retrieval.history import History
from retrieval.ranker.goods import Goods
from retrieval.schema import Need

SHORT, LONG = 60.0, 365.0  # days after which an event counts half in the two weights on aisles, brands and items
READ, HALF_LIFE = 60, 120.0  # last distinct items that texts are compared with, and days after which one counts half
VOICE = 2000  # how deep a channel's own list is read
KINDS = ("", "_place", "_log")  # of a score over the list's best, its reciprocal rank, and its logarithm
_UNSAID = np.array([0.0, 0.0, np.nan], dtype=np.float32)


@dataclass(frozen=True)
class Voice:
    """What a channel says for a shopper: rows (m,) ascending, and by row the columns of `KINDS` (m, 3)."""

    rows: Rows
    said: NDArray[np.float32]

    def of(self, rows: Rows) -> NDArray[np.float32]:
        """(r, 3) what is said of rows (r,); 0, and NaN for the logarithm, of what the channel doesn't name."""
        said = np.tile(_UNSAID, (len(rows), 1))
        if len(self.rows):
            place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            hit = self.rows[place] == rows
            said[hit] = self.said[place[hit]]
        return said


@dataclass(frozen=True)
class Own:
    """Distinct items taken, by row (u,) ascending: times, days since the last, mean gap (NaN: once), faded counts."""

    rows: Rows
    times: NDArray[np.float64]
    since: NDArray[np.float64]
    gap: NDArray[np.float64]
    short: NDArray[np.float64]
    long: NDArray[np.float64]


class Shopper:
    """Everything about one history that doesn't depend on what is ranked.

    Args:
        history: the shopper's events that may count.
        goods: what is known of items.
        channels: by name; those that speak for items are heard once.
        voices: names of channels that are heard for items.
    """

    def __init__(
        self, history: History, goods: Goods, channels: Mapping[str, Channel], voices: tuple[str, ...]
    ) -> None:
        self.now = float((history.now - np.datetime64(0, "us")) / np.timedelta64(1, "D"))
        taken = history.of_kind(*TAKEN)
        taken = taken if len(taken) else history.liked()
        self.own = _own(taken)
        liked = history.liked()
        self.size, self.distinct = len(taken), len(self.own.rows)
        self.span = float(liked.days_ago()[0]) if len(liked) else 0.0
        category, brand = goods.catalogue.category, goods.catalogue.brand
        short, long = event_weights(liked, SHORT), event_weights(liked, LONG)
        self.aisle_short = _shares(category.codes[liked.rows], short, len(category.names))
        self.aisle_long = _shares(category.codes[liked.rows], long, len(category.names))
        self.aisle_since = _since(category.codes[liked.rows], liked.days_ago(), len(category.names))
        named = brand.codes[liked.rows] != brand.code_of.get("", -1)
        self.brand = _shares(brand.codes[liked.rows][named], long[named], len(brand.names))
        level = goods.level[liked.rows]
        level = level[np.isfinite(level)]
        self.level = float(level.mean()) if len(level) else float("nan")
        self.read, self.weights = recent(history, READ, HALF_LIFE)
        query = Query(Need(), history)
        self.voices = {name: _voice(channels[name], query) for name in voices}
        self.aisles = {name: _aisles(channels.get(name), history) for name in ("association", "ease")}


def _own(taken: History) -> Own:
    ago = taken.days_ago()
    rows, place, times = np.unique(taken.rows, return_inverse=True, return_counts=True)
    first, since = np.zeros(len(rows)), np.full(len(rows), np.inf)
    np.maximum.at(first, place, ago)
    np.minimum.at(since, place, ago)
    days = np.floor(ago)
    visits = np.bincount(np.unique(np.stack([place, days]), axis=1)[0].astype(np.int64), minlength=len(rows))
    gap = np.where(visits > 1, (first - since) / np.maximum(visits - 1, 1), np.nan)
    short = np.bincount(place, 0.5 ** (ago / SHORT), minlength=len(rows)).astype(np.float64)
    long = np.bincount(place, 0.5 ** (ago / LONG), minlength=len(rows)).astype(np.float64)
    return Own(rows.astype(np.int32), times.astype(np.float64), since, gap, short, long)


def _shares(codes: Rows, weights: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """(C,) each code's share of all weight."""
    total = np.bincount(codes, weights, minlength=width)
    shares: NDArray[np.float64] = total / max(float(total.sum()), 1e-12)
    return shares


def _since(codes: Rows, ago: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """(C,) days since each code's last event, NaN without one."""
    since = np.full(width, np.nan)
    np.fmin.at(since, codes, ago)
    return since


def _voice(channel: Channel, query: Query) -> Voice:
    said = channel.candidates(query, VOICE)
    order = np.argsort(said.rows, kind="stable")
    best = max(float(said.scores[0]), 1e-12) if len(said.rows) else 1.0
    places = 1.0 / (1.0 + np.arange(len(said.rows)))
    table = np.stack([said.scores / best, places, np.log(np.maximum(said.scores, 1e-12))], axis=1)
    return Voice(said.rows[order], table[order].astype(np.float32))


def _aisles(channel: Channel | None, history: History) -> NDArray[np.float64] | None:
    """(C,) a channel's scores of categories over the best; None for a shop without it."""
    if not isinstance(channel, (Association, Ease)):
        return None
    weights = channel.profile(history)
    if not weights.any():
        return None
    scores = channel.category_scores(weights)
    best = float(scores.max(initial=0.0))
    return scores / best if best > 0 else None
