"""Lives the shoppers' lives: journeys, things that run out, whims and window-shopping, as dated events."""

from __future__ import annotations

import heapq
import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import NamedTuple

from retrieval.market.goods import FRESH, Listing
from retrieval.market.people import Shopper
from retrieval.market.tables import Category, Tables
from retrieval.schema import EventKind


class Deed(NamedTuple):
    """One event: as `Event`, but holding the listing itself."""

    shopper: str
    listing: Listing
    kind: EventKind
    at: datetime
    value_minor: int | None = None
    quantity: int = 1


class Market:
    """The tables and what the shelves hold, as a shopper meets them."""

    def __init__(self, tables: Tables, listings: Sequence[Listing], start: datetime, end: datetime) -> None:
        self.tables, self.start, self.end = tables, start, end
        self.shelves: dict[str, list[Listing]] = {name: [] for name in tables.goods}
        for listing in listings:
            if listing.listed_at <= end - FRESH:  # nobody has met the newest items yet
                self.shelves[listing.category].append(listing)
        self.names = list(tables.goods)
        self.whims = [
            list(accumulate(c.everyday * tables.seasons[c.season][month] for c in tables.goods.values()))
            for month in range(12)
        ]

    def whim(self, at: datetime, rng: Random) -> str:
        """A category that anybody might look into at this time of year."""
        table = self.whims[at.month - 1]
        return self.names[min(bisect(table, rng.random() * table[-1]), len(table) - 1)]


@dataclass
class Life:
    """One shopper's two years, lived forward in time.

    `first` records when each category was first bought, in order, beyond the end of the events too.
    """

    shopper: Shopper
    market: Market
    rng: Random
    deeds: list[Deed] = field(default_factory=list)
    first: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tastes: dict[str, list[float]] = {}
        self._usual: dict[str, Listing] = {}
        self._owned: set[tuple[str, str]] = set()
        self._plans: list[tuple[datetime, int, str, str]] = []
        self._planned: set[tuple[str, str]] = set()
        self._weights = {way.name: weight for way, weight, _ in self.shopper.lifestyles}

    def live(self, until: datetime) -> None:
        """Walk all journeys, go shopping on whims and look at windows, up to `until`."""
        for way, _, begins in self.shopper.lifestyles:
            self._plan(begins, self.rng.choice(way.start), way.name)
        self._plan_whims(until)
        while self._plans:
            at, _, category, cause = heapq.heappop(self._plans)
            if at > until:
                break
            if cause == "window":
                self._browse(at)
            else:
                self._shop(category, at, cause)

    def _plan(self, at: datetime, category: str, cause: str) -> None:
        for _ in range(14):
            if cause == "window" or self.rng.random() < self._readiness(category, at):
                break
            at += timedelta(days=12 + 10 * self.rng.random())
        heapq.heappush(self._plans, (at, len(self._planned) + len(self._plans), category, cause))

    def _readiness(self, category: str, at: datetime) -> float:
        """Out of season, most people wait; less so for what runs out every month or two."""
        often = (self.market.tables.goods[category].renews or math.inf) < 100
        return self.market.tables.season(category, at) ** (0.5 if often else 2)

    def _plan_whims(self, until: datetime) -> None:
        at = self.shopper.joined
        while at < until:
            at += timedelta(days=self.rng.expovariate(self.shopper.pace / 45))
            busy = at.month in (11, 12) and self.rng.random() < 0.5
            for _ in range(2 if busy else 1):
                self._plan(at, self.market.whim(at, self.rng), "whim")
        at = self.shopper.joined
        while at < until:
            at += timedelta(days=self.rng.expovariate(self.shopper.pace / 26))
            self._plan(at, "", "window")

    def _shop(self, category: str, at: datetime, cause: str) -> None:
        goods = self.market.tables.goods[category]
        moment = self._moment(at)
        listing = self._pick(goods, moment)
        if listing is None:
            return
        known, self._usual[category] = category in self.first, listing
        self._owned.add(self._thing(listing))
        often = goods.renews is not None and goods.renews < 60 and not goods.works
        units = self.rng.choices((1, 2, 3), weights=(0.75, 0.18, 0.07))[0] if often else 1
        self._buy(goods, listing, moment, units, known)
        self.first.setdefault(category, moment)
        if cause in self._weights:
            self._go_on(goods, at, cause, units)

    def _pick(self, goods: Category, at: datetime) -> Listing | None:
        """What to buy: the usual where it ran out, but hardly the same novel, game or tent again."""
        usual = self._usual.get(goods.name)
        if goods.renews and not goods.works and usual is not None and self.rng.random() < self.shopper.loyal:
            return usual
        listing = self._choose(goods.name, at)
        for _ in range(0 if goods.renews and not goods.works else 6):
            if listing is None or self._thing(listing) not in self._owned:
                break
            listing = self._choose(goods.name, at)
        return listing

    @staticmethod
    def _thing(listing: Listing) -> tuple[str, str]:
        """What makes a second one superfluous: the same work in any edition, the same product on any platform."""
        made = listing.product
        return made.category.name, made.kind.name if made.category.works else str(made.number)

    def _go_on(self, goods: Category, at: datetime, cause: str, units: int) -> None:
        """Plan the next steps of the lifestyle, and the day when this runs out."""
        way, weight = self.market.tables.lifestyles[cause], self._weights[cause]
        for edge in way.edges:
            if edge.source != goods.name or (cause, edge.target) in self._planned:
                continue
            if self.rng.random() < edge.chance(weight):
                self._planned.add((cause, edge.target))
                days = self.rng.lognormvariate(math.log(edge.days), 0.5)
                self._plan(at + timedelta(days=days), edge.target, cause)
        if goods.renews and self.rng.random() < 0.98:
            days = goods.renews * (1 + 0.75 * (units - 1)) * max(0.4, self.rng.gauss(1, 0.17))
            self._plan(at + timedelta(days=days), goods.name, cause)

    def _buy(self, goods: Category, listing: Listing, at: datetime, units: int, known: bool) -> None:
        rng = self.rng
        for _ in range(rng.choices((0, 1, 2), weights=(0.8, 0.15, 0.05) if known else (0.3, 0.4, 0.3))[0]):
            seen = self._choose(goods.name, at)
            if seen is not None:
                self._do(seen, EventKind.VIEW, at - timedelta(minutes=rng.expovariate(1 / 900) + 3))
        if rng.random() < (0.1 if known else 0.6):
            self._do(listing, EventKind.VIEW, at - timedelta(minutes=2 + 10 * rng.random()))
        if rng.random() < 0.3:
            self._do(listing, EventKind.CART, at - timedelta(minutes=1 + rng.random()))
        years = (self.market.end - at).days / 365
        paid = listing.price_minor * (1 - 0.025 * years) * (rng.choice((0.8, 0.85, 0.9)) if rng.random() < 0.08 else 1)
        self._do(listing, EventKind.PURCHASE, at, max(49, round(paid)), units)
        if rng.random() < goods.returns:
            self._do(listing, EventKind.RETURN, self._moment(at + timedelta(days=3 + 15 * rng.random())), round(paid))
        elif rng.random() < 0.09:
            self._do(listing, EventKind.REVIEW, self._moment(at + timedelta(days=4 + 40 * rng.random())))

    def _browse(self, at: datetime) -> None:
        """Look at windows: mostly what one's lifestyles lead to, sometimes anything; turn some of it down."""
        rng, moment = self.rng, self._moment(at)
        ways = [way for way, _, begins in self.shopper.lifestyles if begins <= at]
        own = rng.random() < 0.65 and bool(ways)
        category = rng.choice(sorted(rng.choice(ways).categories)) if own else self.market.whim(at, rng)
        for _ in range(rng.randint(1, 4)):
            listing = self._choose(category, moment)
            if listing is None:
                return
            self._do(listing, EventKind.VIEW, moment)
            moment += timedelta(seconds=rng.randint(15, 160))
            chance = rng.random()
            if own and chance < 0.1:
                self._do(listing, EventKind.FAVOURITE, moment)
            elif own and chance < 0.15:
                self._do(listing, EventKind.CART, moment)
            elif not own and chance < 0.08 and not listing.product.category.sensitive:
                self._do(listing, EventKind.DISMISS, moment)

    def _do(self, listing: Listing, kind: EventKind, at: datetime, value: int | None = None, units: int = 1) -> None:
        if max(listing.listed_at, self.market.start) <= at < self.market.end:
            self.deeds.append(Deed(self.shopper.name, listing, kind, at.replace(microsecond=0), value, units))

    def _moment(self, day: datetime) -> datetime:
        """A time of that day at which this shopper shops."""
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        hour = self.rng.gauss(self.shopper.hour - (2.0 if day.weekday() > 4 else 0.0), 1.8)
        if not 6.0 < hour < 23.8:
            hour = self.rng.uniform(6.5, 23.5)
        return midnight + timedelta(hours=hour)

    def _choose(self, category: str, at: datetime) -> Listing | None:
        """A listing of the category that is on sale then, by the shopper's taste, means and favourite platform."""
        shelf = self.market.shelves[category]
        table = self._tastes.get(category)
        if table is None:
            table = self._tastes[category] = list(accumulate(self._taste(shelf)))
        for _ in range(25):
            listing = shelf[min(bisect(table, self.rng.random() * table[-1]), len(shelf) - 1)]
            if listing.listed_at <= at:
                return listing
        return None

    def _taste(self, shelf: Sequence[Listing]) -> list[float]:
        names = dict.fromkeys(name for one in shelf for name in (one.product.kind.name, one.product.brand))
        liking = {name: self.rng.lognormvariate(0, 0.7) for name in names}
        return [
            listing.appeal
            * liking[listing.product.kind.name]
            * liking[listing.product.brand]
            * self.shopper.platforms[listing.platform]
            * math.exp(-1.4 * abs(listing.fine - self.shopper.means))
            for listing in shelf
        ]
