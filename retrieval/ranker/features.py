"""What the ranker knows of a candidate for a shopper: one row of numbers each, the same in training and in serving.

Nothing here depends on which other candidates stand on the list, so that an item has the same features wherever it is
proposed. Nothing looks at anything after the history's last moment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Rows
from retrieval.ranker.goods import Goods, month
from retrieval.ranker.likeness import NAMES as TEXT
from retrieval.ranker.likeness import Likeness
from retrieval.ranker.shopper import KINDS, Shopper

ITEM = ("recent", "long", "takers", "age", "last_sold", "item_rate", "price_level", "aisle_size", "aisle_takers")
TASTE = (
    "aisle_short",
    "aisle_long",
    "aisle_since",
    "aisle_density",
    "aisle_rate",
    "season",
    "brand",
    "price_distance",
    "association",
    "ease",
)
HABIT = ("times", "since", "own_gap", "usual_gap", "due", "faded_short", "faded_long")
PERSON = ("history_size", "repeat_share", "span")

# More of these never speaks against an item, all else equal.
_RISING = (
    *("recent", "long", "takers", "item_rate", "aisle_short", "aisle_long", "aisle_density", "aisle_rate", "season"),
    *("brand", "association", "ease", "times", "faded_short", "faded_long"),
    *("meaning_all", "meaning_nearest", "words_all", "words_nearest"),
)


def rising(voices: tuple[str, ...]) -> frozenset[str]:
    """Features of which more is never worse."""
    return frozenset((*_RISING, *(f"{voice}{kind}" for voice in voices for kind in KINDS)))


def names(voices: tuple[str, ...]) -> tuple[str, ...]:
    """What the columns of `matrix` are called, for channels heard for items."""
    heard = tuple(f"{voice}{kind}" for voice in voices for kind in KINDS)
    return (*ITEM, *TASTE, *HABIT, *PERSON, *TEXT, *heard)


def matrix(shopper: Shopper, goods: Goods, likeness: Likeness, rows: Rows) -> NDArray[np.float32]:
    """(m, f) features of rows (m,); NaN where unknown."""
    category = goods.catalogue.category.codes[rows]
    columns = [*_item(shopper, goods, rows, category), *_taste(shopper, goods, rows, category)]
    columns += _habit(shopper, goods, rows)
    columns += [
        np.full(len(rows), value)
        for value in (np.log1p(shopper.size), 1.0 - shopper.distinct / max(shopper.size, 1), shopper.span)
    ]
    parts = [np.stack(columns, axis=1).astype(np.float32), likeness.of(shopper.read, shopper.weights, rows)]
    parts += [voice.of(rows) for voice in shopper.voices.values()]
    return np.concatenate(parts, axis=1)


def _item(shopper: Shopper, goods: Goods, rows: Rows, category: Rows) -> list[NDArray[np.floating]]:
    return [
        np.log1p(goods.recent[rows]),
        np.log1p(goods.long[rows]),
        np.log1p(goods.takers[rows]),
        np.maximum(shopper.now - goods.first[rows], 0.0),
        np.maximum(shopper.now - goods.last[rows], 0.0),
        goods.rate[rows],
        goods.level[rows],
        np.log1p(goods.sizes[category]),
        np.log1p(goods.category_takers[category]),
    ]


def _taste(shopper: Shopper, goods: Goods, rows: Rows, category: Rows) -> list[NDArray[np.floating]]:
    unknown = np.full(len(rows), np.nan)
    led = [unknown if scores is None else scores[category] for scores in shopper.aisles.values()]
    return [
        shopper.aisle_short[category],
        shopper.aisle_long[category],
        shopper.aisle_since[category],
        shopper.aisle_long[category] / np.maximum(goods.sizes[category], 1),
        goods.category_rate[category],
        goods.season[month(shopper.now)][category],
        shopper.brand[goods.catalogue.brand.codes[rows]],
        np.abs(goods.level[rows] - shopper.level),
        *led,
    ]


def _habit(shopper: Shopper, goods: Goods, rows: Rows) -> list[NDArray[np.floating]]:
    """How the shopper takes this very item; NaN and 0 for what they never took."""
    own, size = shopper.own, len(rows)
    times, short, long = np.zeros(size), np.zeros(size), np.zeros(size)
    since, gap = np.full(size, np.nan), np.full(size, np.nan)
    if len(own.rows):
        place = np.minimum(np.searchsorted(own.rows, rows), len(own.rows) - 1)
        hit = own.rows[place] == rows
        at = place[hit]
        times[hit], since[hit], gap[hit] = own.times[at], own.since[at], own.gap[at]
        short[hit], long[hit] = own.short[at], own.long[at]
    usual = goods.gap[rows].astype(np.float64)
    expected = np.where(np.isfinite(gap), (gap * np.maximum(times - 1, 0) + usual) / np.maximum(times, 1), usual)
    due = since / np.maximum(expected, 1.0)
    return [times, since, gap, usual, due, short, long]
