"""From behaviour to needs: which aisles a shopper has not walked yet but probably would, and what runs out.

Cross-aisle needs fuse two views of the shop's other shoppers: the learned ranking of new aisles (everything that this
shopper's walks foretell, together) and the association graph (which single edge leads there, so that it can be shown),
weighed as the shop's own past has shown.
A need is inferred only where such an edge exists: event -> edge -> category -> item. Of several edges, those are shown
whose events matter most: without them the category would fall furthest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.aisles.lead import standard
from retrieval.channels.aisles import Aisles
from retrieval.channels.association import Association
from retrieval.channels.base import Query
from retrieval.channels.ease import Ease
from retrieval.channels.profile import hanging
from retrieval.channels.replenishment import Replenishment
from retrieval.history import History
from retrieval.schema import Candidates, Constraints, Need
from retrieval.search import allowed, search
from retrieval.searchable import Searchable

PLAIN_EDGE_WEIGHT = 0.5  # of the association graph beside EASE, in a shop without a learned ranking of aisles
ASKED_WEIGHT = 4.0  # of the edges from what is asked now, which the turn is about, beside what was done before
ASKED_DEPTH = 20  # results of the asked need whose categories are its source
MIN_SUPPORT = 3  # shoppers that an edge needs before a need is inferred from it
EDGES_SHOWN = 2
REPEATS_PER = 4  # of this many inferred needs, one may be a repeat


def infer_needs(
    shop: Searchable, history: History, k: int, asked: Need | None = None, found: Candidates | None = None
) -> tuple[Need, ...]:
    """Infer at most `k` needs.

    Args:
        shop: the shop.
        history: the shopper's events that may count.
        k: how many needs at most.
        asked: what the shopper asks for now. Its limits hold for the inferred needs as well, and its categories are
            where the walk starts, so that a visitor without history gets needs too.
        found: what `search` found for `asked`; searched here if not given.

    Returns:
        Cross-aisle needs, the surest first; without `asked` also repeats of what is due, last.
    """
    if asked is not None:
        return cross_needs(shop, history, k, asked.constraints, asked=asked, found=found)
    repeats = repeat_needs(shop, history, k // REPEATS_PER)
    return cross_needs(shop, history, k - len(repeats)) + repeats


def cross_needs(
    shop: Searchable,
    history: History,
    k: int,
    constraints: Constraints | None = None,
    *,
    asked: Need | None = None,
    found: Candidates | None = None,
) -> tuple[Need, ...]:
    """Needs in categories that the shopper never took anything from, each with the edge that leads there."""
    graph = shop.channels.get("association")
    if k < 1 or not isinstance(graph, Association):
        return ()
    limits = constraints or Constraints()
    history = history.select(~shop.sensitive.mask[history.rows])
    own = graph.profile(history)
    source = _source(shop, history, asked, found) if asked is not None else np.zeros_like(own)
    if not own.any() and not source.any():
        return ()
    scores = _scores(shop, graph, history, source)
    scores[(own > 0) | (source > 0) | ~_open(shop, history, limits)] = -np.inf  # `aisle_scores` says the same
    ease = shop.channels.get("ease")
    ease = ease if isinstance(ease, Ease) else None
    hangs = own if ease is None else hanging(history, shop.catalogue, ease.config.half_life)
    needs: list[Need] = []
    for target in np.argsort(-scores, kind="stable").tolist():
        if len(needs) == k or not np.isfinite(scores[target]):
            break
        walked = _edges(graph, own, source, target, None if ease is None else hangs * ease.into(target))
        evidence = tuple(graph.walked(history, code, target) for code in walked)
        if evidence:
            # Among the items of the new aisle, those in the spirit of what was asked: trail socks for trail shoes.
            words = asked.text if asked is not None else ""
            name = shop.catalogue.category.names[target]
            needs.append(Need(text=words, targets=(name,), constraints=limits, origin="inferred", evidence=evidence))
    return tuple(needs)


def aisle_scores(shop: Searchable, history: History, constraints: Constraints | None = None) -> NDArray[np.float64]:
    """(C,) what `cross_needs` orders categories by where nothing was asked; -inf for those it would never name.

    Scores of one shopper's histories can be compared; those of two shoppers can't.
    """
    graph = shop.channels.get("association")
    scores = np.full(len(shop.catalogue.category.names), -np.inf)
    if not isinstance(graph, Association):
        return scores
    history = history.select(~shop.sensitive.mask[history.rows])
    own = graph.profile(history)
    new = (own == 0) & _open(shop, history, constraints or Constraints())
    if own.any():
        scores[new] = _scores(shop, graph, history, np.zeros_like(own))[new]
    return scores


def repeat_needs(
    shop: Searchable, history: History, k: int, constraints: Constraints | None = None
) -> tuple[Need, ...]:
    """Needs for what the shopper buys again and again and is due, the surest first."""
    channel = shop.channels.get("replenishment")
    if k < 1 or not isinstance(channel, Replenishment):
        return ()
    history = history.select(~shop.sensitive.mask[history.rows])
    probe = Need(origin="repeat", constraints=constraints or Constraints())
    query = Query(probe, history, allowed(shop, probe, history))
    codes, names = shop.catalogue.category.codes, shop.catalogue.category.names
    needs: dict[str, Need] = {}
    for row in channel.candidates(query, 4 * k).rows.tolist():
        name = names[codes[row]]
        if name not in needs and len(needs) < k:
            needs[name] = probe.model_copy(
                update={"targets": (name,) if name else (), "evidence": channel.evidence(query, row)}
            )
    return tuple(needs.values())


def _source(shop: Searchable, history: History, asked: Need, found: Candidates | None) -> NDArray[np.float64]:
    """(C,) how much of what was found for the asked need lies in each category; sensitive ones left out."""
    if found is None:
        found = search(shop, asked, history, ASKED_DEPTH)
    column = shop.catalogue.category
    share = np.zeros(len(column.names))
    for place, entry in enumerate(found.entries[:ASKED_DEPTH]):
        if not shop.sensitive.mask[entry.row]:
            share[column.codes[entry.row]] += 1.0 / (1.0 + place)
    if "" in column.code_of:
        share[column.code_of[""]] = 0.0
    share[share < share.max(initial=0.0) / 4] = 0.0  # stray hits are no aisle that the shopper is in
    return share / max(float(share.sum()), 1e-12)


def _scores(shop: Searchable, graph: Association, history: History, source: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) fused interest in every category."""
    own = graph.profile(history)
    scores = np.zeros(len(own))
    if own.any():
        aisles, ease = shop.channels.get("aisles"), shop.channels.get("ease")
        if isinstance(aisles, Aisles):
            scores += aisles.led(history, graph)
        else:
            scores += PLAIN_EDGE_WEIGHT * standard(graph.category_scores(own))
            if isinstance(ease, Ease):
                scores += standard(ease.category_scores(ease.profile(history)))
    if source.any():
        scores += ASKED_WEIGHT * standard(graph.category_scores(source))
    return scores


def _open(shop: Searchable, history: History, limits: Constraints) -> NDArray[np.bool_]:
    """(C,) categories that hold something which may be shown unasked."""
    mask = allowed(shop, Need(origin="inferred", constraints=limits), history)
    column = shop.catalogue.category
    codes = column.codes if mask is None else column.codes[mask]
    holds: NDArray[np.bool_] = np.bincount(codes, minlength=len(column.names)) > 0
    if "" in column.code_of:
        holds[column.code_of[""]] = False
    return holds


def _edges(
    graph: Association,
    own: NDArray[np.float64],
    source: NDArray[np.float64],
    target: int,
    worth: NDArray[np.float64] | None,
) -> list[int]:
    """Where the edges to name for `target` start: in what is asked now first, then in what was done.

    All lead there above chance. Of those from what was done, the ones are named without whose events the target's score
    would fall most (`worth` (C,), by EASE, in which scores add up); without EASE, the strongest.
    """
    asked = graph.sources(source, target, EDGES_SHOWN, support=MIN_SUPPORT)
    done = graph.sources(own, target, EDGES_SHOWN, worth, MIN_SUPPORT)
    return list(dict.fromkeys((*asked, *done)))[:EDGES_SHOWN]
