"""A small shop made by hand, with everything the builds' tests need: a feed in files, and whole runs of `ingest`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl

from retrieval.catalogue import SCHEMA

KINDS = {
    "Trail shoes": ("trail running shoe", "light grippy shoe for wet rock"),
    "Head torches": ("head torch", "bright lamp worn on the head"),
    "Vitamins": ("vitamin d capsules", "bottle of food supplement"),
    "Tea": ("green tea leaves", "loose tea from one garden"),
    "Religious books": ("study guide", "notes for reading groups"),
    "Desk lamps": ("desk lamp", "warm light for reading at night"),
}
WORDS = [
    "red",
    "blue",
    "green",
    "oak",
    "steel",
    "soft",
    "large",
    "small",
    "quick",
    "calm",
    "north",
    "river",
    "stone",
    "cloud",
    "amber",
    "copper",
    "maple",
    "swift",
]


def write_feed(folder: Path, items: int = 300, shoppers: int = 40, seed: int = 1) -> Path:
    """A generic feed of two files, items.csv and events.csv, the same for the same arguments."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(KINDS)
    goods = []
    for number in range(items):
        kind = names[number % len(names)]
        word = " ".join(chance.sample(WORDS, 2))
        goods.append(
            {
                "item": f"s{number:05d}",
                "title": f"{word.title()} {KINDS[kind][0]} {number}",
                "description": f"A {KINDS[kind][1]}. Made of {word}.",
                "category": kind,
                "brand": chance.choice(["Alder", "Birk", "Corin"]),
                "price": f"{chance.randint(300, 9000) / 100:.2f}",
                "currency": "EUR",
                "availability": chance.choice(["in_stock", "out_of_stock"]),
                "platform": "north",
            }
        )
    pl.DataFrame(goods).write_csv(folder / "items.csv")
    happened = [
        {
            "shopper": f"u{shopper:03d}",
            "item": f"s{chance.randrange(items):05d}",
            "kind": "purchase",
            "at": f"2024-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T{chance.randint(0, 23):02d}:00:00Z",
            "platform": "north",
        }
        for shopper in range(shoppers)
        for _ in range(chance.randint(4, 12))
    ]
    pl.DataFrame(happened).write_csv(folder / "events.csv")
    return folder


def frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """A catalogue frame from a few fields a row; the others are empty."""
    filled = []
    for number, row in enumerate(rows):
        base: dict[str, object] = {name: "" if dtype == pl.String() else None for name, dtype in SCHEMA.items()}
        base |= {"item": f"p:{number:04d}", "availability": "unknown", "platform": "p", "category_path": []}
        merged = base | row
        if isinstance(merged["attributes"], dict):
            merged["attributes"] = json.dumps(merged["attributes"])
        filled.append(merged)
    return pl.DataFrame(filled, schema=SCHEMA)
