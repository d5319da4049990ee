"""A small world with a plot, for the tests of channels and of everything above them.

Forty hikers buy trail shoes, blister plasters some ten days later, and energy bars every thirty days; forty cooks buy
pans, then spices. Both buy tea. A few shoppers do as they please. Every number that a test compares with can be
counted again in the events.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.dense import Dense
from retrieval.channels.registry import CHANNELS
from retrieval.history import EVENT_SCHEMA, History
from retrieval.sensitive import Sensitive
from retrieval.vectors import VectorStore

START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = np.datetime64("2025-12-31T12:00:00", "us")
AISLES = {
    "TRAIL_SHOES": "trail running shoe",
    "PLASTERS": "blister plaster pack",
    "ENERGY_BARS": "oat energy bar",
    "PANS": "cast iron pan",
    "SPICES": "ground spice jar",
    "TEA": "green tea leaves",
    "VITAMINS": "vitamin supplement capsules",
    "LAMPS": "desk lamp",
}
BRANDS = ("Alder", "Birk", "Corin", "")
PER_AISLE = 12


def goods() -> pl.DataFrame:
    """Twelve items an aisle; every sixth is out of stock, the last one of each aisle was just listed."""
    rows = []
    for aisle, words in AISLES.items():
        for number in range(PER_AISLE):
            rows.append(
                {
                    "item": f"north:{aisle.lower()}-{number:02d}",
                    "title": f"{_NAMES[number]} {words}",
                    "description": f"{words} for every day",
                    "category": aisle,
                    "category_path": [aisle],
                    "brand": BRANDS[number % 4],
                    "price_minor": 500 + 250 * number if number % 11 else None,
                    "currency": "EUR",
                    "availability": "out_of_stock" if number % 6 == 5 else "in_stock",
                    "platform": "north" if number % 2 else "south",
                    "listed_at": datetime(2025, 12, 20, tzinfo=UTC) if number == PER_AISLE - 2 else START,
                    "as_of": None,
                }
            )
    blank = {name: "" for name, kind in SCHEMA.items() if kind == pl.String()}
    return pl.DataFrame([blank | row for row in rows], schema=SCHEMA).sort("item")


_WORDS = "Amber Basalt Cedar Delta Ember Fjord Grove Harbour Inlet Juniper Kestrel Lagoon"
_NAMES = _WORDS.split()


def happened() -> pl.DataFrame:
    """All shoppers' events."""
    chance = random.Random(11)
    rows: list[tuple[str, str, str, datetime]] = []

    def buy(shopper: str, aisle: str, day: int, number: int | None = None, kind: str = "purchase") -> None:
        number = chance.randrange(PER_AISLE - 3) if number is None else number
        at = START + timedelta(days=day, hours=chance.randrange(24))
        rows.append((shopper, f"north:{aisle.lower()}-{number:02d}", kind, at))

    for number in range(40):
        hiker, cook = f"hiker{number:02d}", f"cook{number:02d}"
        day = chance.randrange(200)
        buy(hiker, "TRAIL_SHOES", day)
        buy(hiker, "PLASTERS", day + 8 + chance.randrange(5))
        bar = chance.randrange(4)
        for turn in range(4):
            buy(hiker, "ENERGY_BARS", day + 20 + 30 * turn + chance.randrange(3), bar)
        day = chance.randrange(300)
        buy(cook, "PANS", day)
        buy(cook, "SPICES", day + 2 + chance.randrange(20))
        for shopper in (hiker, cook):
            if chance.random() < 0.4:
                buy(shopper, "TEA", chance.randrange(360))
            if chance.random() < 0.2:
                buy(shopper, "VITAMINS", chance.randrange(360))
            if chance.random() < 0.2:
                buy(shopper, chance.choice(list(AISLES)), chance.randrange(360), kind="view")
    for number in range(12):
        for _ in range(4):
            buy(f"rover{number:02d}", chance.choice(list(AISLES)), chance.randrange(360))
    frame = pl.DataFrame(rows, schema=["shopper", "item", "kind", "at"], orient="row")
    frame = frame.with_columns(value_minor=pl.lit(1000), currency=pl.lit("EUR"), quantity=pl.lit(1.0))
    return frame.with_columns(platform=pl.lit("north")).select(
        pl.col(name).cast(kind) for name, kind in EVENT_SCHEMA.items()
    )


class HashEncoder:
    """Words hashed to directions: deterministic, unit norm, near where words are shared."""

    dim = 64

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """(n, 64) float32 unit norm."""
        from retrieval.text import terms

        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in terms(text.replace("_", " ")):
                seed = int.from_bytes(word.encode()[:8].ljust(8, b"_"), "little")
                out[i] += np.random.default_rng(seed).standard_normal(self.dim)
        norm = np.linalg.norm(out, axis=1, keepdims=True)
        return (out / np.where(norm > 0, norm, 1)).astype(np.float32)


@dataclass
class World:
    """A shop in memory over a real Chroma; what `retrieval.search.Searchable` asks for."""

    catalogue: Catalogue
    events: pl.DataFrame
    encoder: HashEncoder
    vectors: NDArray[np.float32]
    store: VectorStore | None
    channels: dict[str, Channel] = field(default_factory=dict)
    sensitive: Sensitive | None = None

    @classmethod
    def make(cls, folder: Path | None = None, events: pl.DataFrame | None = None) -> World:
        """Build the world; with a folder, dense search goes to a Chroma in it."""
        catalogue = Catalogue(goods())
        encoder = HashEncoder()
        vectors = encoder.encode([f"{row['title']} {row['category']}" for row in catalogue.frame.iter_rows(named=True)])
        store = None
        if folder is not None:
            store = VectorStore.embedded(folder, create=True)
            store.add(catalogue.ids, vectors)
        world = cls(catalogue, happened() if events is None else events, encoder, vectors, store)
        world.channels = {"dense": Dense(catalogue, vectors, store)}
        world.channels |= {name: kind.fit(world.events, catalogue) for name, kind in CHANNELS.items()}
        world.sensitive = Sensitive.of(catalogue)
        return world

    def of(self, shopper: str) -> History:
        """A shopper's history at `NOW`."""
        return History.of(self.events.filter(pl.col("shopper") == shopper), self.catalogue, NOW)

    def did(self, *events: tuple[str, str, int]) -> History:
        """A history from (item, kind, days ago)."""
        frame = pl.DataFrame(
            [
                {"shopper": "you", "item": f"north:{item}", "kind": kind, "at": NOW.item().replace(tzinfo=UTC)}
                | {"value_minor": None, "currency": "", "quantity": 1.0, "platform": "north", "ago": ago}
                for item, kind, ago in events
            ],
            schema={**EVENT_SCHEMA, "ago": pl.Int64()},
        ).with_columns(at=pl.col("at") - pl.duration(days=pl.col("ago")))
        return History.of(frame.drop("ago"), self.catalogue, NOW)

    def aisle(self, row: int) -> str:
        """The category of a row."""
        return self.catalogue.category.names[self.catalogue.category.codes[row]]
