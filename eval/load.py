"""Many chats at once against a running shop page: `crossaisle bench load --shop DIR`.

Every chat is a tab of its own that loads the page, signs in as a real shopper (every other one), and then speaks: words
from the shop's own titles, "cheaper", a wish for ideas. Between two messages a shopper reads for a while; how long is
drawn anew each time, so that chats don't march in step. Milliseconds count from sending a message to the first card.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from eval.bench import Case
from eval.visitor import PageError, Said, Tab

log = logging.getLogger(__name__)
FOLLOW_UPS = ("", "cheaper", "", "any ideas for me?")
"""What is said in which turn, over and over; "" is a new errand."""


@dataclass(frozen=True)
class Load:
    """How much is asked at once.

    Attributes:
        chats: tabs that are open at the same time.
        turns: messages in each.
        pause: seconds that a shopper reads between an answer and the next message, on average; 0 for none.
        seconds: how long an answer may take before it counts as an error.
    """

    chats: int = 32
    turns: int = 6
    pause: float = 4.0
    seconds: float = 30.0


@dataclass
class Seen:
    """What came back."""

    said: list[Said] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def bench_load(url: str, cases: Sequence[Case], load: Load, seed: int = 0) -> dict[str, object]:
    """Hold `load.chats` conversations at once with the page at `url`.

    Args:
        url: where `crossaisle shop` answers.
        cases: what is said and by whom; at least one a message.
        load: how many, how long, how fast.
        seed: of the pauses.

    Returns:
        p50 and p95 in milliseconds to the cards and to the end of the answer, errors by kind, turns a second, and the
        machine; `ok` is false after any error.
    """
    before = os.getloadavg()[0]
    started = time.perf_counter()
    seen = asyncio.run(_drive(url, cases, load, seed))
    seconds = time.perf_counter() - started
    carded = [said.cards for said in seen.said if said.cards is not None]
    return {
        "chats": load.chats,
        "turns": load.chats * load.turns,
        "pause_s": load.pause,
        "answered": len(seen.said),
        "without_cards": len(seen.said) - len(carded),
        "errors": sum(seen.errors.values()),
        "kinds_of_error": dict(seen.errors),
        "cards_ms": _percentiles(carded),
        "done_ms": _percentiles([said.done for said in seen.said]),
        "turns_per_second": round(len(seen.said) / seconds, 2),
        "seconds": round(seconds, 1),
        "machine": machine() | {"load_before": round(before, 2)},
        "ok": not seen.errors,
    }


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores,
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


async def _drive(url: str, cases: Sequence[Case], load: Load, seed: int) -> Seen:
    seen = Seen()
    most = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=url, limits=most, timeout=load.seconds, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        for number in range(load.chats):
            own = cases[number * load.turns :][: load.turns]
            group.create_task(_chat(Tab(client, load.seconds), own, load, random.Random(f"{seed}/{number}"), seen))  # noqa: S311
    return seen


async def _chat(tab: Tab, cases: Sequence[Case], load: Load, rng: random.Random, seen: Seen) -> None:
    """One shopper's whole conversation; an error ends it and counts every message that was not answered."""
    answered = 0
    try:
        await asyncio.sleep(rng.uniform(0, load.pause))
        async with tab:
            shopper = next((case.shopper for case in cases if case.shopper), None)
            if shopper is not None and rng.random() < 0.5:
                await tab.sign_in(shopper)
            for turn, case in enumerate(cases):
                seen.said.append(await tab.say(FOLLOW_UPS[turn % len(FOLLOW_UPS)] or case.message))
                answered += 1
                if load.pause:
                    await asyncio.sleep(rng.expovariate(1 / load.pause))
    except (PageError, httpx.HTTPError, TimeoutError) as error:
        log.warning("a chat broke off: %s: %s", type(error).__name__, error)
        seen.errors[type(error).__name__] += load.turns - answered


def _percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    if not milliseconds:
        return {}
    p50, p95, most = np.percentile(milliseconds, [50, 95, 100])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(float(most), 1)}


def _processor() -> str:
    """The processor's name, as Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
