"""The shoppers of the sample market: who they are, how they live, what they like and when they shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from retrieval.market.goods import slug
from retrieval.market.tables import Lifestyle, Tables

WEIGHTS = {1: (1.0,), 2: (1.0, 0.7), 3: (1.0, 0.75, 0.5)}
LATER = 0.5
"""Share of lifestyles that a shopper takes up some time after joining."""


@dataclass(frozen=True)
class Shopper:
    """One shopper.

    Attributes:
        lifestyles: one to three, with how much each matters (1 is all the way) and when it begins.
        means: what they spend within a category, from -1 (plain) to 1 (fine).
        platforms: how much they like each platform.
        pace: how often they shop, 1 is usual.
        hour: the hour of the day at which they mostly shop.
        loyal: probability of buying the same item again when it runs out.
    """

    name: str
    lifestyles: tuple[tuple[Lifestyle, float, datetime], ...]
    joined: datetime
    means: float
    platforms: dict[str, float]
    pace: float
    hour: float
    loyal: float


def invite(tables: Tables, seed: int, count: int, start: datetime, end: datetime) -> list[Shopper]:
    """Make `count` shoppers who join between `start` and `end`, most of them early; sorted by name."""
    rng = Random(f"{seed}/people")  # noqa: S311 - a market, not a secret
    names: dict[str, int] = {}
    while len(names) < count:
        name = slug(f"{rng.choice(tables.first)} {rng.choice(tables.last)}")
        if name in names:  # namesakes are told apart by a number, as elsewhere
            names[name] += 1
            name = f"{name}-{names[name]}"
        names.setdefault(name, 1)
    return [_shopper(name, tables, seed, start, end) for name in sorted(names)]


def _shopper(name: str, tables: Tables, seed: int, start: datetime, end: datetime) -> Shopper:
    rng = Random(f"{seed}/shopper/{name}")  # noqa: S311
    span = end - start
    joined = start + (timedelta(days=45 * rng.random()) if rng.random() < 0.7 else span * 0.75 * rng.random())
    pool = list(tables.lifestyles.values())
    chosen: list[Lifestyle] = []
    for _ in range(rng.choices((1, 2, 3), weights=(0.25, 0.45, 0.3))[0]):
        left = [way for way in pool if way not in chosen]
        chosen.append(rng.choices(left, weights=[way.share for way in left])[0])
    begins = [joined + timedelta(days=20 * rng.random()) for _ in chosen]
    begins = [at + (end - at) * rng.random() if rng.random() < LATER else at for at in begins]
    favourite = rng.choice(tables.platforms).name
    return Shopper(
        name=name,
        lifestyles=tuple(zip(chosen, WEIGHTS[len(chosen)], begins, strict=True)),
        joined=joined,
        means=max(-1.2, min(1.2, rng.gauss(0, 0.6))),
        platforms={
            p.name: rng.uniform(1.8, 4.0) if p.name == favourite else rng.uniform(0.4, 1.2) for p in tables.platforms
        },
        pace=rng.lognormvariate(0, 0.35),
        hour=rng.choice((8.0, 12.5, 18.5, 20.5, 21.0)),
        loyal=rng.betavariate(4, 2),
    )
