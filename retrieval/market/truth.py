"""What is true of the sample market: who lives how, which steps lead where, what each shopper would want next.

No shop may learn from this file; it is there to score cross-aisle recommending against.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from retrieval.errors import FeedError
from retrieval.market.goods import Listing
from retrieval.market.life import Life
from retrieval.market.tables import Tables
from retrieval.schema import Frozen

NAME = "truth.json"
AHEAD = timedelta(days=180)
"""How far beyond the end of the events shoppers' real purchases are told."""


class Journey(Frozen):
    """A lifestyle's step: who bought in `source` goes on to `target` with probability `p`, usually after `days`."""

    lifestyle: str
    source: str
    target: str
    p: float
    days: float


class Wish(Frozen):
    """A category that a shopper hasn't bought from and is one step away from, `p` how probable that step is."""

    category: str
    source: str
    lifestyle: str
    p: float


class Upcoming(Frozen):
    """A category that the shopper does buy from for the first time after the events end, and the day."""

    category: str
    on: date


class Person(Frozen):
    """One shopper's truth.

    Attributes:
        lifestyles: how much each of them matters, 1 is all the way.
        next: the steps not walked yet, most probable first; without sensitive goods.
        upcoming: what they go on to buy within `AHEAD`, soonest first; without sensitive goods and without whims.
    """

    lifestyles: dict[str, float]
    next: tuple[Wish, ...]
    upcoming: tuple[Upcoming, ...]


class Truth(Frozen):
    """The truth beside a generated market.

    Attributes:
        seed: what the market was generated from.
        until: the last day of its events.
        journeys: all steps of all lifestyles.
        sensitive: categories that are never to be suggested unasked.
        shoppers: by shopper id.
        same: groups of item ids that are one product on several platforms.
    """

    seed: int
    until: date
    journeys: tuple[Journey, ...]
    sensitive: tuple[str, ...]
    shoppers: dict[str, Person]
    same: tuple[tuple[str, ...], ...]

    @classmethod
    def load(cls, folder: Path) -> Truth:
        """Read the truth beside a generated market. Raises `FeedError` if there is none that can be read."""
        file = folder / NAME
        remedy = "generate the market again with retrieval.market.generate"
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise FeedError(f"the file can't be read ({error.strerror})", remedy, file=str(file)) from error
        except ValidationError as error:
            raise FeedError("this is no truth about a market", remedy, file=str(file)) from error


def tell(tables: Tables, listings: Sequence[Listing], lives: Sequence[Life], seed: int, end: datetime) -> Truth:
    """Put down the truth about a market whose shoppers' lives were lived until `end` + `AHEAD`."""
    products: dict[tuple[str, int], list[str]] = {}
    for listing in listings:
        products.setdefault((listing.category, listing.product.number), []).append(listing.item)
    return Truth(
        seed=seed,
        until=end.date(),
        journeys=tuple(
            Journey(lifestyle=way.name, **edge._asdict()) for way in tables.lifestyles.values() for edge in way.edges
        ),
        sensitive=tuple(sorted(name for name, goods in tables.goods.items() if goods.sensitive)),
        shoppers={life.shopper.name: _person(life, tables, end) for life in lives},
        same=tuple(tuple(items) for items in products.values() if len(items) > 1),
    )


def _person(life: Life, tables: Tables, end: datetime) -> Person:
    bought = {name for name, at in life.first.items() if at < end}
    wishes: dict[str, Wish] = {}
    for way, weight, _ in life.shopper.lifestyles:
        for edge in way.edges:
            if edge.source in bought and edge.target not in bought and not tables.goods[edge.target].sensitive:
                wish = Wish(
                    category=edge.target, source=edge.source, lifestyle=way.name, p=round(edge.chance(weight), 3)
                )
                if edge.target not in wishes or wishes[edge.target].p < wish.p:
                    wishes[edge.target] = wish
    own = {name for way, _, _ in life.shopper.lifestyles for name in way.categories}
    later = [
        Upcoming(category=name, on=at.date())
        for name, at in sorted(life.first.items(), key=lambda step: step[1])
        if at >= end and name in own and not tables.goods[name].sensitive
    ]
    return Person(
        lifestyles={way.name: weight for way, weight, _ in life.shopper.lifestyles},
        next=tuple(sorted(wishes.values(), key=lambda wish: (-wish.p, wish.category))),
        upcoming=tuple(later),
    )
