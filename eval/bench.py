"""How long a turn takes on a shop, without a model: `crossaisle bench turn --shop DIR`.

Every turn is driven twice, once as it is and once with a price range, a category and stock as hard limits, in an
order that alternates, so that both see the same machine. Queries are words from titles of the shop's own items; half
of the turns come from real shoppers with their history, one in ten asks for ideas without words.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from agent.memory import Memory
from agent.schema import Act, Conversation, Plan
from agent.turn import Assistant
from retrieval.catalogue import Catalogue
from retrieval.shop import Shop
from retrieval.text import words


@dataclass(frozen=True)
class Case:
    """One turn to drive: the message, who says it, and the limits for its filtered twin."""

    message: str
    shopper: str | None
    limits: dict[str, object]


def bench_turn(shop_dir: Path, turns: int = 1000, seed: int = 0, chroma_url: str | None = None) -> dict[str, object]:
    """Drive `turns` turns, each unfiltered and filtered, and report milliseconds to the cards.

    Returns:
        p50, p95, max in milliseconds and the mean number of cards for both, the ratio filtered / unfiltered, seconds to
        open the shop, and whether stock states were simulated because the feed tells none.
    """
    started = time.perf_counter()
    shop = Shop.open(shop_dir, chroma_url=chroma_url)
    simulated = _simulate_stock(shop, seed)
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant(shop, Memory(f"sqlite:///{folder}/state.sqlite3"))
        assistant.warm()
        opened = time.perf_counter() - started
        times: dict[str, list[float]] = {"unfiltered": [], "filtered": []}
        cards: dict[str, list[int]] = {"unfiltered": [], "filtered": []}
        cases = drawn(shop, turns + 20, seed)
        for number, case in enumerate(cases):
            order = ("unfiltered", "filtered") if number % 2 else ("filtered", "unfiltered")
            for kind in order:
                milliseconds, shown = _drive(assistant, case, filtered=kind == "filtered")
                if number >= 20:  # the first ones warm caches
                    times[kind].append(milliseconds)
                    cards[kind].append(shown)
        assistant.memory.close()
    report: dict[str, object] = {
        "shop": shop.name,
        "items": len(shop.catalogue),
        "turns": turns,
        "seconds_to_open": round(opened, 2),
        "stock": "simulated, since the feed tells none" if simulated else "from the feed",
    }
    for kind, values in times.items():
        report[kind] = _summary(values, cards[kind])
    filtered, unfiltered = (np.percentile(times[kind], [50, 95]) for kind in ("filtered", "unfiltered"))
    report["ratio"] = {
        "p50": round(float(filtered[0] / unfiltered[0]), 3),
        "p95": round(float(filtered[1] / unfiltered[1]), 3),
    }
    return report


def drawn(shop: Shop, count: int, seed: int = 0) -> list[Case]:
    """So many turns on a shop, as `bench_turn` drives them."""
    return list(_cases(shop, count, seed))


def _drive(assistant: Assistant, case: Case, *, filtered: bool) -> tuple[float, int]:
    """Understand and act once; return milliseconds to the cards and how many there are."""
    profile = assistant.profile(case.shopper)
    started = time.perf_counter()
    history = assistant.history(profile)
    plan = assistant.rules.plan(case.message, Conversation())
    plan = plan.model_copy(update={"act": Act.RECOMMEND} | (case.limits if filtered else _no_limits(plan)))
    acted = assistant.actor.act(plan, case.message, Conversation(), profile, history)
    return (time.perf_counter() - started) * 1e3, len(acted.receipt.items)


def _no_limits(plan: Plan) -> dict[str, object]:
    """Limits that a sampled title happened to spell ("under 2 inches") are lifted for the unfiltered twin."""
    return {name: Plan.model_fields[name].default for name in ("price_min", "price_max", "categories", "brands")}


def _cases(shop: Shop, count: int, seed: int) -> Iterator[Case]:
    rng = random.Random(seed)  # noqa: S311 - a benchmark, not a secret
    shoppers = shop.shoppers()
    catalogue = shop.catalogue
    for number in range(count):
        row = rng.randrange(len(catalogue))
        spoken = [word for word in words(catalogue.titles[row])[:10] if not word.isdigit()]
        start = rng.randrange(max(1, len(spoken) - 2))
        message = "any ideas for me?" if number % 10 == 9 else " ".join(spoken[start : start + rng.randint(1, 4)])
        shopper = rng.choice(shoppers) if shoppers and number % 2 else None
        yield Case(message or "something nice", shopper, _limits(catalogue, row))


def _limits(catalogue: Catalogue, row: int) -> dict[str, object]:
    price = catalogue.price[row]
    known = bool(np.isfinite(price))
    return {
        "price_min": int(price / 2) if known else None,
        "price_max": int(price * 2) + 1 if known else None,
        "currency": catalogue.currency.names[catalogue.currency.codes[row]] or None if known else None,
        "categories": (catalogue.category.names[catalogue.category.codes[row]],),
        "in_stock": True,
    }


def _simulate_stock(shop: Shop, seed: int) -> bool:
    """Give four of five items stock, in memory only, where the feed tells no stock: else the filter has no work."""
    catalogue = shop.catalogue
    if catalogue.knows_stock:
        return False
    states = np.random.default_rng(seed).random(len(catalogue)) < 0.8
    column = pl.Series("availability", np.where(states, "in_stock", "out_of_stock"))
    catalogue.frame = catalogue.frame.with_columns(column)
    catalogue.__dict__.pop("availability", None)
    return True


def _summary(milliseconds: list[float], cards: list[int]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "max_ms": round(max(milliseconds), 2),
        "cards": round(float(np.mean(cards)), 2),
    }
