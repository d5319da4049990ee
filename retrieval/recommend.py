"""Recommending without a word said: other aisles first, then the usual ones, then what runs out."""

from __future__ import annotations

import numpy as np

from retrieval.channels.aisles import Aisles
from retrieval.channels.association import Association
from retrieval.channels.profile import latest
from retrieval.history import History
from retrieval.infer import cross_needs, repeat_needs
from retrieval.rank import rank
from retrieval.schema import Constraints, Evidence, Need, Ranking
from retrieval.search import search, search_each
from retrieval.searchable import Searchable

ACROSS, REPEATS = 0.6, 0.2  # shares of the list for other aisles and for repeats; the usual aisles get the rest
HABIT = "habit"  # the channel named by the evidence of usual aisles
USUAL_HALF_LIFE = 365.0  # days after which a walk through an aisle counts half
DEPTH = 40  # candidates of each need


def recommend(shop: Searchable, history: History, k: int, constraints: Constraints | None = None) -> Ranking:
    """Choose `k` items for a shopper who asked for nothing.

    Args:
        shop: the shop.
        history: the shopper's events that may count; empty for a visitor, who gets what sells at this time of year.
        k: how many items.
        constraints: hard limits on all of them.

    Returns:
        `k` distinct items, or all that the limits allow.
    """
    limits = constraints or Constraints()
    repeats = repeat_needs(shop, history, round(REPEATS * k), limits)
    across = cross_needs(shop, history, -(-int(ACROSS * 10) * k // 10), limits)
    usual = usual_needs(shop, history, k - len(across) - len(repeats), limits)
    found = search_each(shop, (*across, *usual, *repeats), history, DEPTH)
    ranking = rank(shop, found, k, history)
    if len(ranking.entries) >= k:
        return ranking
    ideas = search(shop, Need(constraints=limits), history, max(4 * k, DEPTH))
    return rank(shop, [*found, ideas], k, history)


def usual_needs(shop: Searchable, history: History, k: int, constraints: Constraints) -> tuple[Need, ...]:
    """Of the aisles that the shopper walks, those that come next: something else from each."""
    graph = shop.channels.get("association")
    if k < 1 or not isinstance(graph, Association):
        return ()
    history = history.select(~shop.sensitive.mask[history.rows])
    liked = history.liked()
    column = shop.catalogue.category
    weight = np.bincount(
        column.codes[liked.rows], 0.5 ** (liked.days_ago() / USUAL_HALF_LIFE), minlength=len(column.names)
    )
    if "" in column.code_of:
        weight[column.code_of[""]] = 0.0
    aisles = shop.channels.get("aisles")
    order = np.argsort(-weight, kind="stable")
    if isinstance(aisles, Aisles) and len(liked):
        order = order[np.argsort(-aisles.category_scores(history)[order], kind="stable")]
    best = order[weight[order] > 0][:k].tolist()
    return tuple(
        Need(
            targets=(column.names[code],),
            constraints=constraints,
            origin="inferred",
            evidence=(
                Evidence(
                    channel=HABIT,
                    events=tuple(history.ref(index, shop.catalogue) for index in latest(history, shop.catalogue, code)),
                    facts={"times": float((column.codes[liked.rows] == code).sum())},
                ),
            ),
        )
        for code in best
    )
