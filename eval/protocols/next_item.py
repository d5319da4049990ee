"""Which items does a shopper take next? Over the whole catalogue, and apart by what is known of the items.

The split is that of next-category. Each view ranks in full, among all rows that it allows, and asks for the targets
among these; whoever has no target in a view is not in it:

    all      the whole catalogue
    repeat   only what this shopper took before
    known    what this shopper never took, but anybody else did in the events that may be learnt from
    cold     what nobody has an event with in the events that may be learnt from

So a view tells how well a system ranks where such an item is wanted, not how it weighs repeats against new goods:
`all` tells that.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from eval.data import Data
from eval.problem import Case, Problem
from eval.protocols.cases import NOBODY, Cases, Histories, only, rows_of, taken_kinds, token
from eval.protocols.windows import Cut, Splitter, splitter
from retrieval.catalogue import Catalogue, Mask
from retrieval.errors import EvaluationError

METRICS = ("NDCG@10", "Recall@10", "NDCG@100", "Recall@100")
DEPTH = 100
VIEWS = ("all", "repeat", "known", "cold")
Targets = dict[str, dict[str, float]]  # shopper -> item -> gain


def problem(data: Data, split: str = "test", time: str = "shopper", date: datetime | None = None) -> Problem:
    """The protocol on some data; arguments and errors as for `next_category.problem`."""
    how, events = splitter(data.events, time, data.format, data.clock, date), data.events
    if split == "valid":
        how, events = how.earlier(), how.cut(events).before
    found = _problem(data, events, how, split)
    if found is None:
        raise EvaluationError(
            f"nobody in {data.name} has events enough for the {split} split", "give data of shoppers with 20 or more"
        )
    return found


def _problem(data: Data, events: pl.DataFrame, how: Splitter, split: str) -> Problem | None:
    cut = how.cut(events)
    kinds, size = taken_kinds(events), len(data.catalogue)
    histories = Histories(cut.before, data.catalogue)
    targets = _targets(cut, kinds)
    if not targets["all"]:
        return None
    warm = _rows_with(cut.before, data.catalogue)

    def case(shopper: str, view: str) -> Case:
        history = histories.of(shopper)
        taken = rows_of(history, kinds)
        mask: Mask | None = None
        if view == "repeat":
            mask = only(size, taken)
        elif view == "known":
            mask = warm.copy()
            mask[taken] = False
        elif view == "cold":
            mask = ~warm
        person = data.groups.get(shopper, NOBODY)
        return Case(token(shopper), shopper, history, history, targets[view][shopper], mask, person)

    def cases(view: str) -> Cases:
        return Cases(list(targets[view]), lambda shopper: case(shopper, view))

    return Problem(
        protocol="next-item",
        split=split,
        catalogue=data.catalogue,
        events=cut.before,
        source_catalogue=data.catalogue,
        source_events=cut.before,
        views={view: cases(view) for view in VIEWS if targets[view]},
        depth=DEPTH,
        metrics=METRICS,
        earlier=lambda: _problem(data, cut.before, how.earlier(), "valid" if split == "test" else "earlier"),
        shop=data.shop,
        clock=data.clock,
    )


def _targets(cut: Cut, kinds: tuple[str, ...]) -> dict[str, Targets]:
    """Each view's targets, shoppers in the order of the window."""
    shoppers, known = cut.before.select("shopper").unique(), cut.before.select("item").unique()
    own = cut.before.filter(pl.col("kind").is_in(kinds)).select("shopper", "item").unique()
    later = (
        cut.window.select("shopper", "item")
        .unique(maintain_order=True)
        .join(shoppers, on="shopper", how="semi", maintain_order="left")
    )
    fresh = later.join(own, on=["shopper", "item"], how="anti", maintain_order="left")
    parts = {
        "all": later,
        "repeat": later.join(own, on=["shopper", "item"], how="semi", maintain_order="left"),
        "known": fresh.join(known, on="item", how="semi", maintain_order="left"),
        "cold": fresh.join(known, on="item", how="anti", maintain_order="left"),
    }
    found: dict[str, Targets] = {}
    for view, pairs in parts.items():
        found[view] = {}
        for shopper, item in pairs.iter_rows():
            found[view].setdefault(shopper, {})[item] = 1.0
    return found


def _rows_with(events: pl.DataFrame, catalogue: Catalogue) -> Mask:
    """(n,) rows that have an event."""
    rows = catalogue.rows(events["item"].unique().to_list())
    mask = np.zeros(len(catalogue), dtype=np.bool_)
    mask[rows[rows >= 0]] = True
    return mask
