"""What simulated shoppers are after: real purchases of a shop's shoppers, made after everything that may be known.

Time is cut where the last `held_back` share of purchases begins. A shopper's goal is the first thing that they bought
after the cut and never before; their history ends with the day before that purchase, so that looking at the thing or
putting it into the cart on the day gives nothing away.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from pydantic import Field

from retrieval.errors import EvaluationError
from retrieval.schema import EventKind, Frozen
from retrieval.shop import Shop

LEAST = 3
"""Events that a shopper needs before the cut."""


class Goal(Frozen):
    """What one simulated shopper wants, and all that they know of it.

    Attributes:
        item: the thing's id; never said.
        title, category, brand, attributes: as the shop calls them.
        path: the categories above its own, from the root down.
        price_minor: in minor units of `currency`, None where the shop tells no price.
    """

    item: str
    title: str
    category: str
    path: tuple[str, ...] = ()
    brand: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    price_minor: int | None = None
    currency: str = ""


class Wish(Frozen):
    """A shopper with a goal; nothing from `at` on is known."""

    shopper: str
    at: datetime
    goal: Goal
    before: tuple[str, ...] = ()


def cut_of(shop: Shop, held_back: float) -> datetime:
    """Where the last `held_back` share of the shop's purchases begins. Raises `EvaluationError` without purchases."""
    bought = _bought(shop)
    if not len(bought):
        raise EvaluationError(f"nobody has bought anything in {shop.name}", "simulate shoppers of another shop")
    times = bought["at"].sort()
    cut = times[min(int(len(times) * (1.0 - held_back)), len(times) - 1)]
    assert isinstance(cut, datetime)  # noqa: S101 - the column's type says so
    return cut


def wishes(shop: Shop, cut: datetime, count: int, seed: int) -> list[Wish]:
    """Draw shoppers and their goals.

    Args:
        shop: whose shoppers they are.
        cut: see `cut_of`.
        count: how many at most.
        seed: of the draw.

    Raises:
        EvaluationError: no shopper bought something new after the cut.
    """
    bought = _bought(shop).sort("shopper", "at", maintain_order=True)
    known = bought.filter(pl.col("at") < cut).select("shopper", "item").unique().with_columns(known=pl.lit(value=True))
    later = bought.filter(pl.col("at") >= cut).join(known, on=["shopper", "item"], how="left", maintain_order="left")
    first = later.filter(pl.col("known").is_null()).group_by("shopper", maintain_order=True).first()
    active = shop.events.filter(pl.col("at") < cut).group_by("shopper").len().filter(pl.col("len") >= LEAST)["shopper"]
    rows = first.filter(pl.col("shopper").is_in(active.implode())).sort("shopper")
    if not len(rows):
        raise EvaluationError(
            f"no shopper of {shop.name} bought something new in the time held back", "hold back more, or use more data"
        )
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:count]).tolist()
    return [_wish(shop, row["shopper"], row["item"], row["at"]) for row in rows[chosen].iter_rows(named=True)]


def _wish(shop: Shop, shopper: str, item: str, at: datetime) -> Wish:
    goods = shop.catalogue.item(shop.catalogue.row(item))
    goal = Goal(
        item=item,
        title=goods.title,
        category=goods.category,
        path=goods.category_path[:-1],
        brand=goods.brand,
        attributes=goods.attributes,
        price_minor=goods.price_minor,
        currency=goods.currency,
    )
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    past = shop.events_of(shopper).filter(pl.col("at") < day)
    rows = [row for row in shop.catalogue.rows(past["item"].to_list()).tolist() if row >= 0]
    column = shop.catalogue.category
    walked = [column.names[column.codes[row]] for row in rows if not shop.sensitive.mask[row]]
    others = dict.fromkeys(name for name in reversed(walked) if name and name != goods.category)
    return Wish(shopper=shopper, at=day, goal=goal, before=tuple(others)[:20])


def _bought(shop: Shop) -> pl.DataFrame:
    """Purchases of goods that the catalogue has and that may be spoken of."""
    catalogue = shop.catalogue
    open_ = [item for item, hidden in zip(catalogue.ids, shop.sensitive.mask.tolist(), strict=True) if not hidden]
    events = shop.events
    return events.filter((pl.col("kind") == EventKind.PURCHASE.value) & pl.col("item").is_in(open_))
