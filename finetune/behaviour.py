"""Examples from what shoppers did: aisles they walked next (task "infer"), the thing they took (task "choose")."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agent.letters import LETTERS, MOST, letters_messages
from agent.needs import AISLES, listed, needs_messages
from agent.prompting import Prompt
from finetune.example import Example, compact
from finetune.moments import NOTHING, PER_SHOPPER, WINDOW, Forgotten, Moment, borders, moments
from retrieval.catalogue import Catalogue, Rows
from retrieval.history import LIKED
from retrieval.shop import Shop
from retrieval.text import words

NEEDS = 5  # asked for in an answer
FEWEST = 6  # things to choose from
QUERY_WORDS = 5
_BREAK = re.compile(r"[,;:|()\[\]–—]| - | with | for ")


def walkers(shop: Shop) -> NDArray[np.int64]:
    """(C,) how many shoppers each category had, by the events that every split may know."""
    first, _ = borders(shop)
    catalogue = shop.catalogue
    early = shop.events.filter(shop.events["at"].dt.replace_time_zone(None).to_numpy() < first)
    rows = catalogue.rows(early["item"].to_list())
    known = rows >= 0
    pairs = set(zip(early["shopper"].to_numpy()[known], catalogue.category.codes[rows[known]].tolist(), strict=True))
    return np.bincount([code for _, code in pairs], minlength=len(catalogue.category.names))


@dataclass(frozen=True)
class Taken:
    """What all shoppers took, by time: the things that others took in the same weeks are hard to tell from one's own.

    Attributes:
        at: (m,) times, rising.
        rows: (m,) catalogue rows, none of them sensitive.
    """

    at: NDArray[np.datetime64]
    rows: Rows

    @classmethod
    def of(cls, shop: Shop) -> Taken:
        """Of the whole shop."""
        liked = shop.events.filter(pl.col("kind").is_in([kind.value for kind in LIKED])).sort("at", maintain_order=True)
        rows = shop.catalogue.rows(liked["item"].to_list())
        kept = (rows >= 0) & ~shop.sensitive.mask[rows]
        at = liked["at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        return cls(at[kept], rows[kept])

    def among(self, moment: Moment, count: int, rng: random.Random) -> list[int]:
        """Up to `count` different things out of the weeks after a moment that its shopper never took."""
        start, end = np.searchsorted(self.at, [moment.history.now, moment.history.now + WINDOW])
        own = {*moment.taken.tolist(), *moment.history.rows.tolist()}
        drawn = rng.choices(range(start, end), k=3 * count) if end > start else []
        return [row for row in dict.fromkeys(self.rows[drawn].tolist()) if row not in own][:count]


def infer_examples(
    prompt: Prompt,
    shop: Shop,
    shoppers: Collection[str],
    seed: int = 0,
    *,
    hidden: Forgotten = NOTHING,
    most: int = PER_SHOPPER,
) -> Iterator[Example]:
    """For each moment the aisles walked for the first time in the weeks after it, with words to search them for.

    A brief prompt asks for the aisles alone.
    """
    if len(shop.events) == 0:
        return
    catalogue, order = shop.catalogue, np.argsort(-walkers(shop), kind="stable")
    for moment in moments(shop, shoppers, seed, hidden=hidden, most=most):
        aisles = listed(catalogue, _unwalked(moment, catalogue, order.tolist(), shop))
        needs = _needs(moment, catalogue, {code: name for name, code in aisles.items()})
        if not needs:
            continue
        if "history" not in prompt.variables:
            needs = [{"category": need["category"]} for need in needs]
        messages = needs_messages(prompt, moment.history, catalogue, list(aisles))
        yield Example("infer", moment.split, tuple(messages), compact({"needs": needs}))


def choose_examples(
    prompt: Prompt,
    shop: Shop,
    shoppers: Collection[str],
    seed: int = 0,
    *,
    hidden: Forgotten = NOTHING,
    most: int = PER_SHOPPER,
) -> Iterator[Example]:
    """For each moment a thing that was taken for the first time, hidden among those that others took in those weeks."""
    if len(shop.events) == 0:
        return
    catalogue, everybody = shop.catalogue, Taken.of(shop)
    for moment in moments(shop, shoppers, seed, hidden=hidden, most=most):
        rng = random.Random(f"choose {moment.shopper} {moment.history.now} {seed}")  # noqa: S311 (no secret)
        known = {*moment.history.rows.tolist()}
        fresh = [row for row in moment.taken.tolist() if row not in known and not shop.sensitive.mask[row]]
        others = everybody.among(moment, rng.randint(FEWEST, MOST) - 1, rng)
        if not fresh or len(others) < FEWEST - 1:
            continue
        right = rng.choice(fresh)
        rows = [right, *others]
        rng.shuffle(rows)
        messages = letters_messages(prompt, moment.history, catalogue, rows)
        yield Example("choose", moment.split, tuple(messages), LETTERS[rows.index(right)])


def query_of(title: str, brand: str) -> str:
    """A few words to search for a thing without naming it: its title up to the first break, without brand and figures.

    >>> query_of("Fellhorn Trail Shoe 3, Men's, Blue", "Fellhorn")
    'trail shoe'
    """
    own = set(words(brand))
    head = _BREAK.split(title.strip(), maxsplit=1)[0]
    kept = [word for word in words(head) if word not in own and not any(c.isdigit() for c in word)]
    return " ".join(kept[:QUERY_WORDS])


def _unwalked(moment: Moment, catalogue: Catalogue, order: list[int], shop: Shop) -> list[int]:
    """Codes of the most walked aisles that this shopper never walked, none of them sensitive or nameless."""
    walked = set(catalogue.category.codes[moment.history.rows].tolist())
    hidden = set(catalogue.category.codes[shop.sensitive.mask].tolist())
    names = catalogue.category.names
    open_ = (code for code in order if code not in walked and code not in hidden and names[code])
    return [code for code, _ in zip(open_, range(AISLES), strict=False)]


def _needs(moment: Moment, catalogue: Catalogue, aisles: dict[int, str]) -> list[dict[str, str]]:
    codes, brands = catalogue.category.codes, catalogue.brand
    needs: dict[str, str] = {}
    for row in moment.taken.tolist():
        name = aisles.get(codes[row], "")
        if name and name not in needs and len(needs) < NEEDS:
            needs[name] = query_of(catalogue.titles[row], brands.names[brands.codes[row]]) or name.casefold()
    return [{"category": name, "query": query} for name, query in needs.items()]
