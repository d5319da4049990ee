"""Which item comes next? The last thing each shopper took is the test, the one before it validation, as most papers do.

Every shopper who took three things or more is a case; the whole catalogue is ranked but for what the shopper has taken
already. Where somebody takes the same item again, that target can't be found and counts as missed; a note tells how
often. What is taken is what was bought; in data without purchases what was reviewed, in those without either all that
was liked.

Views and carts are part of the history up to the last thing taken before the target. Those after it are the way to the
target itself, often seconds long: a cart would give its content away.

Events of the same moment keep the source's order, which often tells more than anybody could know (a review site's
export order, a till's scanning order). `shuffle_ties` puts them in a random order instead; where the source tells no
dates at all, nobody can know which events are ties, and it is an error.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from eval.data import Data
from eval.problem import Case, Problem
from eval.protocols.cases import NOBODY, Cases, Histories, all_but, rows_of, taken_kinds, token
from retrieval.errors import EvaluationError
from retrieval.schema import EventKind

METRICS = ("NDCG@10", "Recall@10", "NDCG@5", "Recall@5", "NDCG@20", "Recall@20", "MRR")
DEPTH = 100  # MRR counts a target below as missed, which moves it by less than 0.01
LEAST = 3


def problem(data: Data, split: str = "test", *, shuffle_ties: bool = False, seed: int = 0) -> Problem:
    """The protocol on some data.

    Args:
        data: sequences, or any events.
        split: "test" for the last event, "valid" for the one before it (the last is then out of sight).
        shuffle_ties: put events of the same shopper and moment in random order before the last is taken.
        seed: of that order.

    Raises:
        EvaluationError: nobody has three events, or ties are to be shuffled where the source tells no dates.
    """
    if shuffle_ties and data.clock == "order":
        raise EvaluationError(
            f"{data.name} tells the order of events but no dates, so it can't be said which of them are ties",
            "leave --shuffle-ties out, or give the same data with dates",
        )
    events = data.events.sort("shopper", "at", maintain_order=True)
    if shuffle_ties:
        order = pl.Series("order", np.random.default_rng(seed).permutation(len(events)))
        events = events.with_columns(order).sort("shopper", "at", "order").drop("order")
    among = _with_events(events)
    if split == "valid":
        events = _parted(events, among)[0]
    found = _problem(data, events, among, split)
    if found is None:
        raise EvaluationError(f"nobody in {data.name} has {LEAST} events", "give longer sequences")
    return found


def _problem(data: Data, events: pl.DataFrame, among: pl.DataFrame, split: str) -> Problem | None:
    before, last = _parted(events, among)
    if not last.height:
        return None
    histories = Histories(before, data.catalogue)
    kinds = taken_kinds(events)
    targets = dict(last.select("shopper", "item").iter_rows())
    again = last.join(before.filter(pl.col("kind").is_in(kinds)), on=["shopper", "item"], how="semi").height

    def case(shopper: str) -> Case:
        history = histories.of(shopper)
        mask = all_but(len(data.catalogue), rows_of(history, kinds))
        person = data.groups.get(shopper, NOBODY)
        return Case(token(shopper), shopper, history, history, {targets[shopper]: 1.0}, mask, person)

    return Problem(
        protocol="leave-one-out",
        split=split,
        catalogue=data.catalogue,
        events=before,
        source_catalogue=data.catalogue,
        source_events=before,
        views={"all": Cases(list(targets), case)},
        depth=DEPTH,
        metrics=METRICS,
        earlier=lambda: _problem(data, before, among, "valid" if split == "test" else "earlier"),
        shop=data.shop,
        clock=data.clock,
        notes=(
            f"{again:,} of {last.height:,} targets ({again / last.height:.0%}) the shopper had taken before: no system "
            "may rank them, and all miss them.",
        )
        if again
        else (),
    )


def _with_events(events: pl.DataFrame) -> pl.DataFrame:
    """Shoppers who took enough to be a case."""
    taken = events.filter(pl.col("kind").is_in(_sought(events)))
    return taken.group_by("shopper").len().filter(pl.col("len") >= LEAST).select("shopper")


def _sought(events: pl.DataFrame) -> tuple[str, ...]:
    """The kinds of events that can be a target: a review of what was bought earlier takes nothing."""
    bought = EventKind.PURCHASE.value
    return (bought,) if events["kind"].eq(bought).any() else taken_kinds(events)


def _parted(events: pl.DataFrame, among: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What comes up to the last but one thing that each of these shoppers took, and the last.

    The last thing of somebody who took nothing before it is left alone: nobody could foretell it.
    """
    marked = events.with_columns(pl.int_range(pl.len()).over("shopper").alias("place"))
    taken = marked.filter(pl.col("kind").is_in(_sought(events))).join(among, on="shopper", how="semi")
    ends = taken.group_by("shopper").agg(pl.col("place").top_k(2).sort().alias("ends"))
    ends = ends.filter(pl.col("ends").list.len() == 2).select(
        "shopper", known=pl.col("ends").list.first(), end=pl.col("ends").list.last()
    )
    joined = marked.join(ends, on="shopper", how="left", maintain_order="left")
    before = joined.filter(pl.col("end").is_null() | (pl.col("place") <= pl.col("known")))
    after = joined.filter(pl.col("place") == pl.col("end"))
    return before.drop("place", "known", "end"), after.drop("place", "known", "end")
