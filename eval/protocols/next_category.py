"""Which categories does a shopper buy from next? Over all of them, and over those never bought from before.

The catalogue that is ranked holds categories: each is an item whose id and title are the category's name. Goods without
a category are left out of it, and so are their events; `Case.source` still knows them.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from eval.data import Data
from eval.problem import Case, Problem
from eval.protocols.cases import NOBODY, Cases, Histories, all_but, rows_of, taken_kinds, token
from eval.protocols.windows import Splitter, splitter
from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.errors import EvaluationError

METRICS = ("NDCG@10", "Recall@10")
DEPTH = 100


def problem(data: Data, split: str = "test", time: str = "shopper", date: datetime | None = None) -> Problem:
    """The protocol on some data.

    Args:
        data: with dates, or at least with an order.
        split: "test", or "valid": the same cut once more inside what the test split may learn from.
        time: "shopper" for each shopper's own last fifth, "global" for one date.
        date: of the global cut; see `Dated.of` for the usual one.

    Raises:
        EvaluationError: the data have no categories, no dates (for `global`), or nobody with enough events.
    """
    categories = category_catalogue(data.catalogue)
    if not len(categories):
        raise EvaluationError(f"{data.name} tells no categories", "use the protocol next-item or leave-one-out")
    how, events = splitter(data.events, time, data.format, data.clock, date), data.events
    if split == "valid":
        how, events = how.earlier(), how.cut(events).before
    found = _problem(data, categories, events, how, split)
    if found is None:
        raise EvaluationError(
            f"nobody in {data.name} has events enough for the {split} split", "give data of shoppers with 20 or more"
        )
    return found


def category_catalogue(goods: Catalogue) -> Catalogue:
    """A catalogue whose items are the categories of another one, in the order of their names."""
    path = pl.col("category_path").first()
    frame = goods.frame.filter(pl.col("category") != "").group_by("category").agg(path).sort("category")
    made = {
        "item": pl.col("category"),
        "title": pl.col("category"),
        "category": pl.col("category"),
        "category_path": pl.col("category_path"),
        "attributes": pl.lit("{}"),
        "availability": pl.lit("unknown"),
        "platform": pl.lit("category"),
    }
    blank = {name: pl.lit("" if dtype == pl.String() else None, dtype=dtype) for name, dtype in SCHEMA.items()}
    return Catalogue(frame.select(expr.cast(SCHEMA[name]).alias(name) for name, expr in (blank | made).items()))


def on_categories(events: pl.DataFrame, goods: Catalogue) -> pl.DataFrame:
    """The events with the category in place of the item; those on goods without one are left out."""
    names = goods.frame.select("item", "category").filter(pl.col("category") != "")
    joined = events.join(names, on="item", how="inner", maintain_order="left")
    return joined.with_columns(pl.col("category").alias("item")).drop("category")


def _problem(data: Data, categories: Catalogue, events: pl.DataFrame, how: Splitter, split: str) -> Problem | None:
    cut = how.cut(events)
    before, window = on_categories(cut.before, data.catalogue), on_categories(cut.window, data.catalogue)
    goods = Histories(cut.before, data.catalogue)
    histories = Histories(before, categories, goods.moments())
    kinds = taken_kinds(events)
    bought = before.filter(pl.col("kind").is_in(kinds)).select("shopper", "item").unique()
    known = set(bought["shopper"])
    later = window.select("shopper", "item").unique(maintain_order=True)
    later = later.filter(pl.col("shopper").is_in(known))
    targets = _targets(later)
    novel = _targets(later.join(bought, on=["shopper", "item"], how="anti", maintain_order="left"))
    if not targets:
        return None

    def case(shopper: str, *, new: bool) -> Case:
        history = histories.of(shopper)
        mask = all_but(len(categories), rows_of(history, kinds)) if new else None
        wanted = (novel if new else targets)[shopper]
        person = data.groups.get(shopper, NOBODY)
        return Case(token(shopper), shopper, history, goods.of(shopper), wanted, mask, person)

    return Problem(
        protocol="next-category",
        split=split,
        catalogue=categories,
        events=before,
        source_catalogue=data.catalogue,
        source_events=cut.before,
        views={
            "all": Cases(list(targets), lambda shopper: case(shopper, new=False)),
            "novel": Cases(list(novel), lambda shopper: case(shopper, new=True)),
        },
        depth=DEPTH,
        metrics=METRICS,
        earlier=lambda: _problem(
            data, categories, cut.before, how.earlier(), "valid" if split == "test" else "earlier"
        ),
        targets_by="category",
        shop=data.shop,
        clock=data.clock,
    )


def _targets(pairs: pl.DataFrame) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for shopper, item in pairs.select("shopper", "item").iter_rows():
        found.setdefault(shopper, {})[item] = 1.0
    return found
