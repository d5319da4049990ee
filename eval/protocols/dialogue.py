"""Conversations: what to recommend where a human seller did, by the shopper's words alone.

At each turn in which the seller recommended, the context is what the shopper has said so far: not the seller's words,
not the annotator's keywords. The pool is every product of the conversations and titles drawn from a catalogue with a
fixed seed, all of them as bare titles, so that nothing but words tells them apart. Targets are the products that the
seller recommends for the first time in the conversation: repeated ones don't count.

A file has no split of its own. Half of its conversations, by a hash of their ids, is for choosing (`valid`). `test`
scores all conversations, as published figures do, and beside them the half that nothing was chosen on (view `held`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from eval.problem import Case, Problem
from eval.protocols.conversations import Talk
from eval.protocols.goods import draw, titled
from retrieval.catalogue import Catalogue
from retrieval.errors import EvaluationError
from retrieval.history import EVENT_SCHEMA, History

POOL = 20_000
METRICS = ("Recall@10", "MRR@10")
PREFIX = "talk:"  # ids of products that the conversations name


def problem(
    talks: Sequence[Talk],
    catalogue: Catalogue,
    split: Literal["valid", "test"] = "test",
    pool: int = POOL,
    seed: int = 0,
) -> Problem:
    """Make the problem.

    Args:
        talks: the conversations.
        catalogue: whose titles fill up the pool.
        split: "valid" for the half to choose on, "test" for everything, and view `held` for the other half.
        pool: how many titles are drawn.
        seed: of the draw.

    Raises:
        EvaluationError: no seller recommends anything, or no titles are left to draw.
    """
    titles = _titles(talks)
    goods = {f"{PREFIX}{product}": title for product, title in titles.items()}
    goods |= draw(catalogue, pool, seed, titles.keys(), set(titles.values()))
    if len(goods) == len(titles):
        raise EvaluationError("the catalogue has no titles to draw", "name a shop folder or a feed with titles")
    ranked = titled(goods)
    events = pl.DataFrame(schema=EVENT_SCHEMA)
    cases = {half: [c for t in talks if half_of(t.key) == half for c in _cases(t)] for half in ("valid", "test")}
    whole = [case for talk in talks for case in _cases(talk)]
    if not whole:
        raise EvaluationError("no seller recommends anything in these conversations", "give PSCon's full messages")
    views = {"valid": tuple(cases["valid"])} if split == "valid" else {"all": tuple(whole)}
    if split == "test" and cases["test"] and cases["valid"]:
        views["held"] = tuple(cases["test"])
    return Problem(
        protocol="dialogue",
        split=split,
        catalogue=ranked,
        events=events,
        source_catalogue=ranked,
        source_events=events,
        views=views,
        depth=100,
        metrics=METRICS,
        earlier=lambda: None,
    )


def half_of(key: str) -> Literal["valid", "test"]:
    """Which half a conversation is in, by its id alone."""
    return "test" if hashlib.sha256(key.encode()).digest()[-1] % 2 else "valid"


def _titles(talks: Sequence[Talk]) -> dict[str, str]:
    """Product -> title, the first one told; products without any are left out."""
    titles: dict[str, str] = {}
    for talk in talks:
        for message in talk.messages:
            for product, title in message.products:
                if title:
                    titles.setdefault(product, title)
    return titles


def _cases(talk: Talk) -> list[Case]:
    """A case for each turn in which the seller recommends something new after the shopper said something."""
    cases, said, shown = [], [], list[str]()
    for place, message in enumerate(talk.messages):
        if message.shopper:
            said.append(message.text)
            continue
        ids = list(dict.fromkeys(f"{PREFIX}{product}" for product, _ in message.products))
        new = [item for item in ids if item not in shown]
        if new and any(text.strip() for text in said):
            cases.append(_case(f"{talk.key}-{place}", talk.key, said, shown, new))
        shown += new
    return cases


def _case(key: str, talk: str, said: Sequence[str], shown: Sequence[str], new: Sequence[str]) -> Case:
    nothing = History.empty(np.datetime64(0, "us"))
    fields: dict[str, Any] = {"words": tuple(said), "shown": tuple(shown), "targets": dict.fromkeys(new, 1.0)}
    turn = "first" if not shown else "later"
    return Case(key=key, shopper=talk, history=nothing, source=nothing, groups={"recommendation": turn}, **fields)
