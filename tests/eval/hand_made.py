"""Small data made by hand, for protocols and baselines: every expected number can be counted in them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from eval.data import Data
from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.history import EVENT_SCHEMA

START = datetime(2025, 1, 1, tzinfo=UTC)


def goods(categories: dict[str, str]) -> Catalogue:
    """A catalogue of item id -> category, titles from both."""
    rows = [
        {
            "item": item,
            "title": f"{item.partition(':')[2]} {category.lower()}",
            "category": category,
            "category_path": [category] if category else [],
            "attributes": "{}",
            "availability": "unknown",
            "platform": "t",
        }
        for item, category in sorted(categories.items())
    ]
    frame = pl.DataFrame(rows)
    text = [pl.lit("").alias(name) for name, dtype in SCHEMA.items() if dtype == pl.String() and name not in frame]
    frame = frame.with_columns(text)
    rest = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in frame]
    return Catalogue(frame.with_columns(rest).select(pl.col(n).cast(d) for n, d in SCHEMA.items()))


def events(rows: Iterable[tuple[str, str, float] | tuple[str, str, float, str]]) -> pl.DataFrame:
    """Events of (shopper, item, day since 2025-01-01[, kind])."""
    made = [
        {"shopper": s, "item": i, "kind": (*rest, "purchase")[0], "at": START + timedelta(days=d)}
        for s, i, d, *rest in rows
    ]
    frame = pl.DataFrame(made, schema_overrides={"at": EVENT_SCHEMA["at"]})
    blank = {"value_minor": 100, "currency": "EUR", "quantity": 1.0, "platform": "t"}
    frame = frame.with_columns(pl.lit(value).cast(EVENT_SCHEMA[name]).alias(name) for name, value in blank.items())
    return frame.select(pl.col(n).cast(d) for n, d in EVENT_SCHEMA.items()).sort("shopper", "at", maintain_order=True)


def crowd(shoppers: int = 40, rows: int = 40, seed: int = 3) -> Data:
    """Two tastes with shared staples over two years: enough that everything can be fitted, cut and cut again."""
    rng = random.Random(seed)
    categories = {f"t:{aisle}{n:02d}": aisle.upper() for aisle in "abcdefgh" for n in range(6)}
    categories |= {f"t:x{n}": "" for n in range(3)}
    items = sorted(categories)
    told = []
    for number in range(shoppers):
        taste = "abcx" if number % 2 else "defg"
        mine = [item for item in items if item[2] in taste]
        day = rng.random() * 60
        for _ in range(rows + number % 7):
            day += rng.expovariate(1 / 14)
            item = rng.choice(mine) if rng.random() < 0.8 else rng.choice(items)
            told.append((f"s{number:02d}", item, day))
            if rng.random() < 0.2:
                told.append((f"s{number:02d}", rng.choice(items), day + 0.001, "view"))
    groups = {f"s{number:02d}": {"taste": "even" if number % 2 else "odd"} for number in range(shoppers)}
    return Data("crowd", goods(categories), events(told), groups=groups)
