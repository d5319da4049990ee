"""The tables that the sample market is made from: goods, lifestyles, names, platforms, in TOML beside this module."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cached_property
from importlib.resources import files
from typing import NamedTuple

from retrieval.schema import Availability, Frozen


class Kind(NamedTuple):
    """A kind of goods within a category, or one work (a book, a game).

    `factor` is its price relative to the category's; `traits` narrows the category's choices or adds to them.
    """

    name: str
    factor: float
    says: str
    traits: dict[str, str | tuple[str, ...]] | None = None


class Category(Frozen):
    """A category of goods and how its items are made up.

    Attributes:
        path: the category's ancestors, "Department > Aisle".
        price: from a plain item to a fine one, in major units.
        products: how many distinct products there are, before platforms list them.
        renews: days after which a shopper buys again, None for things that last.
        returns: share of purchases sent back.
        season: a name in the table of seasons.
        everyday: how often people buy it outside any lifestyle, relative to other categories.
        works: each kind is a work of its own with one publisher.
        titles: how its titles are written; the platforms' own ways where empty.
        traits: what an attribute can be, with a price factor for each.
        facts: sentences about attributes; closings: sentences to end with.
    """

    name: str
    path: str
    price: tuple[float, float]
    products: int = 17
    renews: float | None = None
    returns: float = 0.03
    season: str = ""
    everyday: float = 0.06
    works: bool = False
    sensitive: bool = False
    brands: tuple[str, ...]
    models: tuple[str, ...] = ("",)
    titles: tuple[str, ...] = ()
    spec: tuple[str, ...]
    kinds: tuple[Kind, ...]
    traits: dict[str, dict[str, float] | tuple[str, ...]]
    facts: tuple[str, ...]
    closings: tuple[str, ...] = ()

    @property
    def department(self) -> str:
        """The root of the path."""
        return self.path.split(" > ", maxsplit=1)[0]


class Edge(NamedTuple):
    """A step of a lifestyle: who bought in `source` goes on to `target` with probability `p`, usually after `days`."""

    source: str
    target: str
    p: float
    days: float

    def chance(self, weight: float) -> float:
        """How probable the step is for a shopper to whom the lifestyle matters this much (1 is all the way)."""
        return self.p * (0.55 + 0.45 * weight)


class Lifestyle(Frozen):
    """A way of living that shows in what is bought, one step after another, across departments."""

    name: str
    share: float
    start: tuple[str, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def categories(self) -> frozenset[str]:
        """All categories of the journey."""
        return frozenset(self.start) | {name for edge in self.edges for name in edge[:2]}


class Platform(Frozen):
    """A marketplace with a price level, a way to write titles, and its own choice of goods by department."""

    name: str
    factor: float
    endings: tuple[int, ...]
    title: str
    stores: tuple[str, ...]
    carries: dict[str, float]


class Offer(Frozen):
    """A kind of promotion: `cut` lists the possible shares taken off, `days` its length."""

    text: str
    cut: tuple[float, ...]
    days: int


class Tables(Frozen):
    """Everything that the market is made from."""

    currency: str
    brands: dict[str, float]
    seasons: dict[str, tuple[float, ...]]
    platforms: tuple[Platform, ...]
    stock: dict[Availability, float]
    offers: tuple[Offer, ...]
    goods: dict[str, Category]
    lifestyles: dict[str, Lifestyle]
    first: tuple[str, ...]
    last: tuple[str, ...]

    def season(self, category: str, at: datetime) -> float:
        """How much the category is in season, from 0 to 1 (its height)."""
        return self.seasons[self.goods[category].season][at.month - 1]


def load() -> Tables:
    """Read the packaged tables."""
    folder = files("retrieval.market")

    def table(name: str) -> dict[str, list[dict[str, object]]]:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))

    market = table("market.toml")
    names = sorted(part.name for part in folder.iterdir() if part.name.startswith("goods-"))
    goods = [Category.model_validate(row) for name in names for row in table(name)["category"]]
    lifestyles = [Lifestyle.model_validate(row) for row in table("lifestyles.toml")["lifestyle"]]
    return Tables.model_validate(
        {
            **{key: value for key, value in market.items() if key not in ("platform", "offer")},
            **table("people.toml"),
            "platforms": market["platform"],
            "offers": market["offer"],
            "goods": {category.name: category for category in goods},
            "lifestyles": {lifestyle.name: lifestyle for lifestyle in lifestyles},
        }
    )
