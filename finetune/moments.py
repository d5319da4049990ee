"""Moments to learn from: what a shopper had done by then, and what they took afterwards. Time never runs backwards.

Everything that is learnt happened before everything that is validated on, and that before everything tested on:
two dates part the shop's whole past, the same for every shopper.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from finetune.example import SPLITS, Split
from retrieval.catalogue import Rows
from retrieval.history import History
from retrieval.shop import Shop

WINDOW = np.timedelta64(60, "D")  # after a moment, in which what is taken counts
SHARES = (0.7, 0.85)  # of all events that lie before the first and the second date
LEAST = 5  # events before a moment
Forgotten = Mapping[str, Collection[str]]
NOTHING: Forgotten = MappingProxyType({})
PER_SHOPPER = 4  # moments of one shopper in one split, at most, where no more are asked for


@dataclass(frozen=True)
class Moment:
    """A shopper between two events.

    Attributes:
        shopper: never written into an example.
        history: everything liked up to the moment; `history.now` is the moment.
        taken: rows liked in the window after it, first to last.
    """

    shopper: str
    split: Split
    history: History
    taken: Rows


def borders(shop: Shop) -> tuple[np.datetime64, np.datetime64]:
    """The two dates between the splits, from the shop's events."""
    at = np.sort(shop.events["at"].dt.replace_time_zone(None).to_numpy())
    first, second = (at[min(int(share * len(at)), len(at) - 1)].astype("datetime64[D]") for share in SHARES)
    return first.astype("datetime64[us]"), second.astype("datetime64[us]")


def moments(
    shop: Shop, shoppers: Collection[str], seed: int = 0, *, hidden: Forgotten = NOTHING, most: int = PER_SHOPPER
) -> Iterator[Moment]:
    """Moments of these shoppers in all splits; windows that reach over a border are left out.

    Args:
        shop: whose events.
        shoppers: who may be learnt from.
        seed: of which moments are taken where a shopper has many.
        hidden: by shopper, the events that they forgot (see `Shop.events_of`): they are in no moment.
        most: of one shopper in one split.
    """
    if len(shop.events) == 0:
        return
    first, second = borders(shop)
    never = np.datetime64("2262-01-01", "us")
    spans = {"train": (np.datetime64("1970-01-01", "us"), first), "valid": (first, second), "test": (second, never)}
    for shopper in sorted(shoppers):
        rng = random.Random(f"{shopper} {seed}")  # noqa: S311 (no secret)
        whole = shop.history(shopper, hidden=hidden.get(shopper, ())).liked()
        days = whole.at.astype("datetime64[D]").astype("datetime64[us]")
        for split in SPLITS:
            start, end = spans[split]
            cuts = [
                day
                for day in np.unique(days)[1:]
                if start <= day and day + WINDOW <= end and int((whole.at < day).sum()) >= LEAST
            ]
            for cut in sorted(rng.sample(cuts, min(most, len(cuts)))):
                before, after = whole.at < cut, (whole.at >= cut) & (whole.at < cut + WINDOW)
                known = whole.select(before)
                taken = whole.rows[after]
                if len(taken):
                    yield Moment(shopper, split, History(known.rows, known.kinds, known.at, cut), taken)
