"""Generates the sample market and writes it as a feed in the generic format, with the truth beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from retrieval.market import tables as market_tables
from retrieval.market.goods import Listing, stock
from retrieval.market.life import Deed, Life, Market
from retrieval.market.people import invite
from retrieval.market.truth import AHEAD, NAME, tell

UNTIL = date(2026, 11, 15)
SPAN = timedelta(days=730)
CLOSING = time(23, 0, tzinfo=UTC)
EVENT_COLUMNS = ("shopper", "item", "kind", "at", "value", "currency", "quantity", "platform")
README = """# A sample market

A generated market: every item, brand, platform and shopper in it is invented. CC0: do with it what you like.

- `items.jsonl`: one item a line, prices in {currency} as of {until}.
- `events.csv`: what {shoppers} shoppers did in the two years until {until} (times are UTC).
- `truth.json`: how each of them lives and what they would want next. For scoring only: no shop may learn from it.

Made by `retrieval.market.generate(..., seed={seed}, shoppers={shoppers}, until={until})`; the same call makes the same
files.
"""


def generate(folder: Path, *, seed: int = 7, shoppers: int = 480, until: date = UNTIL) -> Path:
    """Generate a market: `items.jsonl`, `events.csv`, `truth.json` and a `README.md`.

    The same arguments make the same bytes.

    Args:
        folder: where the files go; made if missing, files of these names are replaced.
        seed: any number; another one makes another market from the same tables.
        shoppers: how many people shop there.
        until: the last day of the events, which span the two years before.

    Returns:
        The folder.

    Raises:
        ValueError: if there is to be no shopper at all.
    """
    if shoppers < 1:
        raise ValueError(f"a market needs at least one shopper, not {shoppers}")
    tables = market_tables.load()
    end = datetime.combine(until, CLOSING)
    listings = stock(tables, seed, end)
    market = Market(tables, listings, end - SPAN, end)
    lives = []
    for shopper in invite(tables, seed, shoppers, end - SPAN, end):
        life = Life(shopper, market, Random(f"{seed}/life/{shopper.name}"))  # noqa: S311 - a market, not a secret
        life.live(end + AHEAD)
        lives.append(life)
    deeds = sorted((deed for life in lives for deed in life.deeds), key=lambda deed: (deed.at, deed.shopper))
    folder.mkdir(parents=True, exist_ok=True)
    _write_items(folder / "items.jsonl", listings, tables.currency, end)
    _write_events(folder / "events.csv", deeds, tables.currency)
    truth = tell(tables, listings, lives, seed, end)
    (folder / NAME).write_text(truth.model_dump_json() + "\n", encoding="utf-8")
    about = README.format(seed=seed, shoppers=shoppers, until=until.isoformat(), currency=tables.currency)
    (folder / "README.md").write_text(about, encoding="utf-8")
    return folder


def _write_items(file: Path, listings: Iterable[Listing], currency: str, end: datetime) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for listing in listings:
            goods = listing.product.category
            row = {
                "item": listing.item,
                "title": listing.title,
                "description": listing.description,
                "category": goods.name,
                "category_path": [*goods.path.split(" > "), goods.name],
                "brand": listing.product.brand,
                "price": f"{listing.price_minor / 100:.2f}",
                "currency": currency,
                "availability": listing.availability.value,
                "platform": listing.platform,
                "promotion": listing.promotion,
                "attributes": listing.product.traits,
                "image": "",
                "url": "",
                "store": listing.store,
                "listed_at": _stamp(listing.listed_at),
                "as_of": _stamp(end),
            }
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_events(file: Path, deeds: Iterable[Deed], currency: str) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(EVENT_COLUMNS)
        for deed in deeds:
            paid = deed.value_minor is not None
            value = f"{deed.value_minor / 100:.2f}" if deed.value_minor is not None else ""
            money = currency if paid else ""
            item, platform = deed.listing.item, deed.listing.platform
            rows.writerow((deed.shopper, item, deed.kind.value, _stamp(deed.at), value, money, deed.quantity, platform))


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
