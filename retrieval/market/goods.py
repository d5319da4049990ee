"""Puts goods on the shelves: products made from the tables, listed on one, two or three platforms."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, product
from random import Random

from retrieval.market.tables import Category, Kind, Platform, Tables
from retrieval.schema import Availability

FRESH = timedelta(days=21)
"""Items listed within this time before the end are new: nobody has seen them yet."""
NEW_SHARE = 0.05
YEARS_LISTED = 5


@dataclass(frozen=True)
class Product:
    """One product, wherever it is sold.

    `traits` are its attributes, `specs` the ways to tell it apart in a title, `price` its usual one in major units.
    """

    number: int
    category: Category
    brand: str
    model: str
    kind: Kind
    traits: dict[str, str]
    specs: tuple[str, ...]
    price: float


@dataclass(frozen=True)
class Listing:
    """A product as one platform offers it; `fine` is how dear it is within its category (0 is usual, 1 is fine)."""

    item: str
    product: Product
    platform: str
    title: str
    description: str
    price_minor: int
    availability: Availability
    promotion: str
    store: str
    listed_at: datetime
    appeal: float
    fine: float

    @property
    def category(self) -> str:
        """The leaf category's name."""
        return self.product.category.name


def stock(tables: Tables, seed: int, end: datetime) -> list[Listing]:
    """Make all listings, in the order of categories.

    Args:
        tables: what the market is made from.
        seed: each category draws from its own stream of it, so that changing one leaves the others as they are.
        end: the moment for which prices and stock are true.
    """
    listings: list[Listing] = []
    for category in tables.goods.values():
        rng = Random(f"{seed}/goods/{category.name}")  # noqa: S311 - a market, not a secret
        for made in _products(category, tables.brands, rng):
            listings += _listings(made, tables, rng, end)
    return listings


def slug(text: str) -> str:
    """Lower case, words joined by hyphens: "Cat litter" -> "cat-litter"."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _products(category: Category, brands: Mapping[str, float], rng: Random) -> list[Product]:
    if category.works:
        lines = [(rng.choice(category.brands), kind, "") for kind in category.kinds]
    elif category.models == ("",):
        lines = [(brand, kind, "") for brand, kind in product(category.brands, category.kinds)]
    else:
        lines = [(rng.choice(category.brands), rng.choice(category.kinds), model) for model in category.models]
    rng.shuffle(lines)
    made: list[Product] = []
    taken: set[tuple[str, ...]] = set()
    for brand, kind, model in islice(cycle(lines), category.products * 6):
        choices = {**category.traits, **(kind.traits or {})}
        traits = {name: of if isinstance(of, str) else rng.choice(list(of)) for name, of in choices.items()}
        line = (brand, kind.name, model)
        specs = [spec for spec in (spec.format_map(traits) for spec in category.spec) if (*line, spec) not in taken]
        if not specs or len(made) == category.products:
            continue
        taken.update((*line, spec) for spec in specs)
        low, high = category.price
        price = math.sqrt(low * high) * kind.factor * brands[brand] * rng.lognormvariate(0, 0.1)
        for name, values in category.traits.items():
            price *= values.get(traits[name], 1.0) if isinstance(values, dict) else 1.0
        made.append(Product(len(made) + 1, category, brand, model, kind, traits, tuple(specs), price))
    return made


def _listings(made: Product, tables: Tables, rng: Random, end: datetime) -> list[Listing]:
    department = made.category.department
    chances = {p.name: p.carries.get(department, p.carries["*"]) for p in tables.platforms}
    sold_on = [p for p in tables.platforms if rng.random() < chances[p.name]]
    if not sold_on:
        sold_on = rng.choices(tables.platforms, weights=[chances[p.name] for p in tables.platforms])
    new = rng.random() < NEW_SHARE
    oldest, newest = (FRESH, timedelta(hours=9)) if new else (timedelta(days=365 * YEARS_LISTED), FRESH * 2)
    listed = end - newest - (oldest - newest) * rng.random()
    appeal = rng.lognormvariate(0, 0.8)
    return [_listing(made, platform, tables, rng, (listed, end, appeal)) for platform in sold_on]


def _listing(
    made: Product, platform: Platform, tables: Tables, rng: Random, facts: tuple[datetime, datetime, float]
) -> Listing:
    listed, end, appeal = facts
    low, high = made.category.price
    price = _round(made.price * platform.factor * rng.lognormvariate(0, 0.035), platform, rng)
    fine = (math.log(price / 100) - math.log(math.sqrt(low * high))) / max(math.log(high / low) / 2, 0.1)
    fresh = listed > end - FRESH
    states = {state: share for state, share in tables.stock.items() if fresh or state is not Availability.PREORDER}
    if fresh:  # what isn't out yet can be ordered ahead
        states[Availability.PREORDER] = 0.35
    promotion, price = _offer(price, platform, tables, rng, end)
    return Listing(
        item=f"{platform.name}:{slug(made.category.name)}-{made.number:02}",
        product=made,
        platform=platform.name,
        title=_title(made, platform, rng),
        description=_description(made, rng),
        price_minor=price,
        availability=rng.choices(list(states), weights=list(states.values()))[0],
        promotion=promotion,
        store=rng.choice(platform.stores),
        listed_at=min(listed + timedelta(days=rng.random() * 5), end - timedelta(hours=1)),
        appeal=appeal * rng.lognormvariate(0, 0.3),
        fine=fine,
    )


def _round(price: float, platform: Platform, rng: Random) -> int:
    whole = max(1, math.floor(price))
    ending = rng.choice(platform.endings)
    return whole * 100 + ending if price >= 1 else 99


def _offer(price: int, platform: Platform, tables: Tables, rng: Random, end: datetime) -> tuple[str, int]:
    if rng.random() > 0.13:
        return "", price
    offer = rng.choice(tables.offers)
    cut = rng.choice(offer.cut)
    start = end - timedelta(days=rng.randrange(offer.days - 3))
    text = offer.text.format(
        percent=round(cut * 100),
        start=start.date().isoformat(),
        end=(start + timedelta(days=offer.days)).date().isoformat(),
        was=f"{tables.currency} {price / 100:.2f}",
    )
    return text, round(price * (1 - cut)) if cut else price


def _title(made: Product, platform: Platform, rng: Random) -> str:
    pattern = rng.choice(made.category.titles) if made.category.titles else platform.title
    spec = rng.choice(made.specs)
    text = pattern.format(
        **made.traits | {"brand": made.brand, "model": made.model, "kind": made.kind.name, "spec": spec}
    )
    return _sentence(re.sub(r" {2,}", " ", text))


def _description(made: Product, rng: Random) -> str:
    parts = [made.kind.says]
    if rng.random() < 0.88:
        parts.append(rng.choice(made.category.facts).format_map(made.traits))
    if made.category.closings and rng.random() < 0.5:
        parts.append(rng.choice(made.category.closings))
    return " ".join(_sentence(part) for part in parts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
