"""Examples from what shoppers did: aisles they walked next (task "infer"), the thing they took (task "choose")."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from agent.past import past_lines
from agent.prompting import Prompt
from agent.wording import money
from finetune.example import Example, compact, lettered
from finetune.moments import NOTHING, Forgotten, Moment, borders, moments
from retrieval.catalogue import Catalogue, Rows
from retrieval.shop import Shop
from retrieval.text import label, short_name, words

AISLES = 30  # listed in a prompt
NEEDS = 5  # asked for in an answer
CHOICES = (6, 20)  # things to choose from, fewest and most
QUERY_WORDS = 5
_BREAK = re.compile(r"[,;:|()\[\]–—]| - | with | for ")


@dataclass(frozen=True)
class Known:
    """What was known of the whole shop before the first border in time: how many shoppers each row and aisle had.

    Attributes:
        takers: (n,) by row.
        walkers: (C,) by category code.
    """

    takers: Rows
    walkers: Rows

    @classmethod
    def of(cls, shop: Shop) -> Known:
        """Count in the events that every split may know."""
        first, _ = borders(shop)
        catalogue = shop.catalogue
        codes = catalogue.category.codes
        early = shop.events.filter(shop.events["at"].dt.replace_time_zone(None).to_numpy() < first)
        rows = catalogue.rows(early["item"].to_list())
        known = rows >= 0
        shoppers = early["shopper"].to_numpy()[known]
        by_row = Counter(row for _, row in set(zip(shoppers, rows[known].tolist(), strict=True)))
        by_code = Counter(code for _, code in set(zip(shoppers, codes[rows[known]].tolist(), strict=True)))
        takers, walkers = np.zeros(len(codes), np.int32), np.zeros(len(catalogue.category.names), np.int32)
        for row, count in by_row.items():
            takers[row] = count
        for code, count in by_code.items():
            walkers[code] = count
        return cls(takers, walkers)


def infer_examples(
    prompt: Prompt,
    shop: Shop,
    shoppers: Collection[str],
    seed: int = 0,
    hidden: Forgotten = NOTHING,
) -> Iterator[Example]:
    """For each moment the aisles walked for the first time in the weeks after it, with words to search them for."""
    if len(shop.events) == 0:
        return
    known, catalogue = Known.of(shop), shop.catalogue
    order = np.argsort(-known.walkers, kind="stable")
    for moment in moments(shop, shoppers, seed, hidden):
        listed = _unwalked(moment, catalogue, order.tolist(), shop)
        needs = _needs(moment, catalogue, listed)
        if not needs:
            continue
        names = sorted(catalogue.category.names[code] for code in listed)  # their order tells nothing
        messages = prompt.messages(history=past_lines(moment.history, catalogue), aisles=names)
        yield Example("infer", moment.split, tuple(messages), compact({"needs": needs}))


def choose_examples(
    prompt: Prompt,
    shop: Shop,
    shoppers: Collection[str],
    seed: int = 0,
    hidden: Forgotten = NOTHING,
) -> Iterator[Example]:
    """For each moment a thing that was taken for the first time, hidden among others that shoppers take."""
    if len(shop.events) == 0:
        return
    known, catalogue = Known.of(shop), shop.catalogue
    popular = np.flatnonzero((known.takers > 0) & ~shop.sensitive.mask)
    weights = known.takers[popular].tolist()
    for moment in moments(shop, shoppers, seed, hidden):
        rng = random.Random(f"choose {moment.shopper} {moment.history.now} {seed}")  # noqa: S311 (no secret)
        fresh = [row for row in moment.taken.tolist() if row not in set(moment.history.rows.tolist())]
        if not fresh or len(popular) <= CHOICES[1]:
            continue
        right = rng.choice(fresh)
        drawn = rng.choices(popular.tolist(), weights, k=3 * CHOICES[1])
        others = [row for row in dict.fromkeys(drawn) if row not in set(moment.taken.tolist())]
        rows = [right, *others[: rng.randint(*CHOICES) - 1]]
        rng.shuffle(rows)
        things = lettered([_line(catalogue, row) for row in rows])
        messages = prompt.messages(history=past_lines(moment.history, catalogue), request="", things=things)
        yield Example("choose", moment.split, tuple(messages), things[rows.index(right)][0])


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


def _needs(moment: Moment, catalogue: Catalogue, listed: list[int]) -> list[dict[str, str]]:
    codes, brands = catalogue.category.codes, catalogue.brand
    needs: dict[str, str] = {}
    for row in moment.taken.tolist():
        name = catalogue.category.names[codes[row]]
        if codes[row] in listed and name not in needs and len(needs) < NEEDS:
            needs[name] = query_of(catalogue.titles[row], brands.names[brands.codes[row]]) or label(name).casefold()
    return [{"category": name, "query": query} for name, query in needs.items()]


def _line(catalogue: Catalogue, row: int) -> str:
    item = catalogue.item(row)
    parts = (short_name(item.title), money(item.price_minor, item.currency), item.platform, label(item.category))
    return " | ".join(part for part in parts if part)
