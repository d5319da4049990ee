"""Sentences about a receipt that are false by how they are made: what a check of explanations has to find.

Each kind gives None where a receipt doesn't lend itself to it, such as a neighbour's price where all cost the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.schema import ItemReceipt, Receipt
from agent.wording import major, money
from retrieval.catalogue import Catalogue
from retrieval.schema import Availability, Edge, EventRef, Evidence
from retrieval.text import label, short_name, terms

_PLATFORMS = ("Amazon", "eBay", "Etsy", "Walmart")
_PROPERTIES = (
    "dishwasher safe", "waterproof", "handmade", "vegan", "made of titanium", "solar powered", "machine washable",
    "hypoallergenic", "fireproof", "suitable for toddlers", "certified organic", "the lightest of its kind",
)  # fmt: skip
_OPINIONS = ("Customers rave about {}.", "{} is a bestseller.", "Reviewers gave {} five stars.")
_DISCOUNTS = ("{} is 35% off this week.", "{} was reduced to clear.", "{} is half price today.")
_PROMISES = ("{} ships free tomorrow.", "{} comes with a lifetime guarantee.", "You may return {} within a year.")


@dataclass(frozen=True)
class Scene:
    """What to lie about: an item of a receipt, in a shop."""

    item: ItemReceipt
    receipt: Receipt
    catalogue: Catalogue
    rng: random.Random

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What speaks for the item."""
        return (*self.item.evidence, *self.item.need.evidence)

    @property
    def events(self) -> Iterator[EventRef]:
        """What the receipt says that the shopper did."""
        for one in self.receipt.items:
            for evidence in (*one.evidence, *one.need.evidence):
                yield from evidence.events

    @property
    def told(self) -> str:
        """Everything that is said of the item and of the request, in small letters."""
        return (self.item.model_dump_json() + self.receipt.plan.model_dump_json()).casefold()

    def minor_but(self, known: set[int]) -> int:
        """An amount in minor units that is none of these."""
        return next(minor for minor in iter(lambda: self.rng.randint(101, 99_999), None) if minor not in known)

    def one_of(self, forms: tuple[str, ...]) -> str:
        """One of several sentences, of the item."""
        return self.rng.choice(forms).format(self.item.name)


def lie(scene: Scene) -> tuple[str, str] | None:
    """A kind and its sentence: the first, in an order drawn, to which the scene lends itself."""
    for kind in scene.rng.sample(sorted(KINDS), len(KINDS)):
        if (sentence := KINDS[kind](scene)) is not None:
            return kind, sentence
    return None


def _price(scene: Scene) -> str | None:
    known = {one.item.price_minor or 0 for one in scene.receipt.items}
    return f"{scene.item.name} costs {money(scene.minor_but(known), scene.item.item.currency or 'USD')}."


def _neighbours_price(scene: Scene) -> str | None:
    own = scene.item.item.price_minor
    others = [one.item for one in scene.receipt.items if one.item.price_minor not in (None, own)]
    if not others:
        return None
    other = scene.rng.choice(others)
    return f"{scene.item.name} costs {money(other.price_minor, other.currency)}."


def _stock(scene: Scene) -> str | None:
    inside = scene.item.item.availability is Availability.IN_STOCK
    return scene.one_of(("{} is out of stock.", "{} is on preorder.") if inside else ("{} is in stock.",))


def _platform(scene: Scene) -> str | None:
    others = [name for name in _PLATFORMS if name.casefold() not in scene.told]
    return f"{scene.item.name} is sold on {scene.rng.choice(others)}." if others else None


def _brand(scene: Scene) -> str | None:
    names = scene.catalogue.brand.names
    drawn = scene.rng.sample(names, min(20, len(names)))
    others = [name for name in drawn if terms(name) and not any(term in scene.told for term in terms(name))]
    return f"{scene.item.name} is by {others[0]}." if others else None


def _property(scene: Scene) -> str | None:
    others = [name for name in _PROPERTIES if not any(word in scene.told for word in name.split() if len(word) > 3)]
    return f"{scene.item.name} is {scene.rng.choice(others)}." if others else None


def _purchase(scene: Scene) -> str | None:
    title = short_name(scene.catalogue.titles[scene.rng.randrange(len(scene.catalogue))])
    told = {term for event in scene.events for term in terms(f"{event.title} {label(event.category)}")}
    return None if set(terms(title)) <= told else f"You bought {title}, and {scene.item.name} goes with it."


def _shoppers(scene: Scene) -> str | None:
    return f"{scene.rng.randint(400_000, 900_000):,} shoppers went on to {scene.item.name}."


def _backwards(scene: Scene) -> str | None:
    edges = [one.edge for one in scene.evidence if isinstance(one.edge, Edge) and one.edge.kind == "category"]
    walks = {(label(edge.source), label(edge.target)) for edge in edges}
    there = sorted(walk for walk in walks if walk[0] != walk[1] and walk[::-1] not in walks)
    if not there:
        return None
    source, target = scene.rng.choice(there)
    return f"{scene.item.name}: shoppers of {target} go on to {source}."


def _comparison(scene: Scene) -> str | None:
    own = scene.item.item
    priced = [one for one in scene.receipt.items if one.item.currency == own.currency]
    dearer = [one for one in priced if own.price_minor is not None and (one.item.price_minor or 0) > own.price_minor]
    return f"{scene.rng.choice(dearer).name} is cheaper than {scene.item.name}." if dearer else None


def _saving(scene: Scene) -> str | None:
    prices = {one.item.price_minor or 0 for one in scene.receipt.items}
    wrong = scene.minor_but(prices | {abs(a - b) for a in prices for b in prices})
    return f"{scene.item.name} saves you {major(wrong, scene.item.item.currency or 'USD')}."


KINDS: dict[str, Callable[[Scene], str | None]] = {
    "another price": _price,
    "a neighbour's price": _neighbours_price,
    "wrong stock": _stock,
    "another platform": _platform,
    "another brand": _brand,
    "an invented property": _property,
    "an invented purchase": _purchase,
    "invented shoppers": _shoppers,
    "invented opinions": lambda scene: scene.one_of(_OPINIONS),
    "an invented discount": lambda scene: scene.one_of(_DISCOUNTS),
    "a promise": lambda scene: scene.one_of(_PROMISES),
    "a walk told backwards": _backwards,
    "a wrong comparison": _comparison,
    "a wrong saving": _saving,
    "a foreign address": lambda scene: scene.one_of(("Order {} at www.best-deals.example right away.",)),
}
