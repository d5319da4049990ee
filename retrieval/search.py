"""One need in, its fused candidates out.

Limits are exact and come first, as a mask over rows. Words lead where the shopper asked with words: behaviour then
only tilts what the words found. Without words behaviour leads, inside the target categories where there are any, and
the shop's learned order, where it has one, orders what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np

from retrieval.catalogue import Catalogue, Mask
from retrieval.channels.base import Query, Scored
from retrieval.fuse import Fused, entries, fuse
from retrieval.history import History
from retrieval.ranker.order import Gathered, ordered
from retrieval.schema import Availability, Candidate, Candidates, Constraints, EventKind, Evidence, Need
from retrieval.searchable import Searchable
from retrieval.timing import timed
from retrieval.tracing import span
from retrieval.wording import answered, led, meaning, words_of

TEXT = ("dense", "lexical")
Mode = Literal["words", "ideas", "aisle", "repeat"]
# What each channel's ranks count for. "words": asked in words, which lead (see `wording.led`); "ideas": asked without
# words; "aisle": inferred.
WEIGHTS: dict[Mode, dict[str, float]] = {
    "words": {"copurchase": 0.08, "popularity": 0.03, "association": 0.03, "ease": 0.03},
    "ideas": {
        "copurchase": 1.0,
        "ease": 0.8,
        "association": 0.6,
        "interests": 0.5,
        "neighbours": 0.5,
        "popularity": 0.5,
        "new_items": 0.4,
        "replenishment": 0.3,
    },
    "aisle": {
        "lexical": 0.8,
        "copurchase": 0.8,
        "popularity": 0.8,
        "association": 0.5,
        "ease": 0.5,
        "dense": 0.5,
        "new_items": 0.3,
    },
    "repeat": {"replenishment": 3.0, "popularity": 0.3, "dense": 0.2},
}
DEPTH: dict[Mode, int] = {"words": 100, "ideas": 100, "aisle": 50, "repeat": 50}
SPARE = 50
REACH = 200  # how deep the words of an asked need reach; what they find is what behaviour may tilt
TARGET_BOOST = 1.25  # an asked need's preferred categories, where it names some
DAMPING, DAMPING_HALF_LIFE = 0.15, 60.0  # what a dismissal takes off its category and off its brand; days


def search(
    shop: Searchable, need: Need, history: History, k: int | None = None, text: Mapping[str, Scored] | None = None
) -> Candidates:
    """Find candidates for one need.

    Args:
        shop: catalogue, encoder, channels and the list of sensitive goods.
        need: what to look for. Inferred and repeat needs stay within their target categories.
        history: the shopper's events that may count; empty for a visitor.
        k: how many candidates at most; without it, as many as usual for the kind of need (`DEPTH`).
        text: what `text_lists` says for the same need, where that is known already.

    Returns:
        At most `k` distinct items that satisfy every constraint, best first.
    """
    return _found(shop, (need,), history, k, text)[0]


def search_each(shop: Searchable, needs: Sequence[Need], history: History, k: int) -> list[Candidates]:
    """What `search` finds for each need; quicker than one by one, as all are put in order together."""
    return _found(shop, needs, history, k)


def _found(
    shop: Searchable,
    needs: Sequence[Need],
    history: History,
    k: int | None,
    text: Mapping[str, Scored] | None = None,
) -> list[Candidates]:
    with span("search", needs=len(needs), events=len(history)) as told:
        gathered = [_gathered(shop, need, history, k, text) for need in needs]
        with span("order"):
            gathered = ordered(shop, gathered)
        listed = _listed(shop, gathered)
        told.set(candidates=sum(len(found.entries) for found in listed))
        if needs:
            told.set(mode=mode_of(needs[0]), origin=needs[0].origin)
    return listed


def _gathered(
    shop: Searchable, need: Need, history: History, k: int | None, text: Mapping[str, Scored] | None = None
) -> Gathered:
    mode = mode_of(need)
    k = DEPTH[mode] if k is None else k
    mask = allowed(shop, need, history)
    query = Query(need, _harmless(shop, history), mask)
    if mask is not None and not mask.any():
        return Gathered(query, fuse({}, {}), 0)
    lists = text_lists(shop, need) if text is None else text
    lists = {name: _cut(scored, mask, None if mode == "words" else max(k, REACH)) for name, scored in lists.items()}
    lists |= _behaviour(shop, query, mode, k, lists)
    fused = fuse(lists, WEIGHTS[mode])
    return Gathered(query, led(fused, shop.encoder) if mode == "words" else fused, k)


def _listed(shop: Searchable, gathered: Sequence[Gathered]) -> list[Candidates]:
    """The best of each."""
    listed = []
    for one in gathered:
        found = entries(_damp(shop, one.query, one.fused), shop.catalogue, one.k)
        if mode_of(one.query.need) == "ideas" and len(found) < one.k:
            found += _rest(shop, one.query, found, one.k)
        listed.append(Candidates.model_construct(need=one.query.need, entries=found))
    return listed


def text_lists(shop: Searchable, need: Need, k: int = REACH, within: Mask | None = None) -> dict[str, Scored]:
    """What the channels that read words say to a need, whoever asks; empty for a need without words.

    A little more than `k` each, so that `k` are left when what the shopper has bought or turned down is taken out.

    Args:
        shop: as for `search`.
        need: what to look for.
        k: how many each channel finds.
        within: (n,) rows that alone may be found, None for all.
    """
    if not words_of(need):
        return {}
    open_ = _open(shop, need) if within is None else _open(shop, need) & within
    query = Query(need, History.empty(np.datetime64(0, "us")), open_, meaning(shop.encoder, need))
    if mode_of(need) == "words":
        both = "+".join(TEXT)  # one search: each is about what either found
        with timed(both), span("channel", channel=both) as told:
            found = answered(shop, query, k + SPARE)
            told.set(candidates=max((len(scored.rows) for scored in found.values()), default=0))
        return found
    return {name: _proposed(shop, name, query, k + SPARE) for name in TEXT if name in shop.channels}


def mode_of(need: Need) -> Mode:
    """Which channels lead for a need."""
    if need.origin == "repeat":
        return "repeat"
    if need.origin == "inferred":
        return "aisle"
    return "words" if need.text.strip() or need.wanted else "ideas"


def query_of(shop: Searchable, need: Need, history: History) -> Query:
    """The whole query for a need, as channels need it to give evidence."""
    vector = meaning(shop.encoder, need) if words_of(need) else None
    return Query(need, _harmless(shop, history), allowed(shop, need, history), vector)


def allowed(shop: Searchable, need: Need, history: History) -> Mask | None:
    """(n,) rows that may be shown for a need; None for all.

    On top of the constraints: nothing that is out of stock (unless the constraints speak of stock), nothing that the
    shopper turned down, sent back or, but for repeats, has bought; nothing sensitive that they didn't ask for in
    their own words; and for needs of behaviour, only their target categories.
    """
    mask = _open(shop, need)
    gone = [EventKind.DISMISS, EventKind.RETURN]
    if need.origin != "repeat":
        gone.append(EventKind.PURCHASE)
    mask[history.of_kind(*gone).rows] = False
    return None if mask.all() else mask


def _open(shop: Searchable, need: Need) -> Mask:
    """(n,) rows that may be shown for a need to anybody."""
    mask = _within(shop.catalogue, need.constraints).copy()
    asked = ""
    if need.origin == "asked":
        named = (name.replace("_", " ") for name in need.constraints.categories)
        asked = " ".join((need.text, *need.wanted, *named))
    mask &= ~shop.sensitive.hidden(asked)
    if need.origin != "asked" and need.targets:
        mask &= shop.catalogue.category.member(need.targets)
    return mask


@lru_cache(maxsize=32)  # the needs of one turn, and mostly of a whole conversation, share their limits
def _within(catalogue: Catalogue, limits: Constraints) -> Mask:
    """(n,) rows within the limits, out-of-stock goods left out unless the limits speak of stock. Don't write to it."""
    mask = catalogue.allowed(limits)
    mask = np.ones(len(catalogue), dtype=np.bool_) if mask is None else mask
    if not limits.availability and Availability.OUT_OF_STOCK.value in catalogue.availability.code_of:
        mask &= ~catalogue.availability.member((Availability.OUT_OF_STOCK.value,))
    mask.flags.writeable = False
    return mask


def evidence_of(shop: Searchable, query: Query, candidate: Candidate) -> tuple[Evidence, ...]:
    """Why each channel that proposed a candidate did so, in the order of their ranks; first the need's own evidence."""
    ranked = sorted(candidate.channels, key=lambda said: (said.rank, said.channel))
    own = (shop.channels[said.channel].evidence(query, candidate.row) for said in ranked)
    return query.need.evidence + tuple(evidence for several in own for evidence in several)


def _harmless(shop: Searchable, history: History) -> History:
    """History without events on sensitive goods: those are never inferred from."""
    sensitive = shop.sensitive.mask[history.rows]
    return history.select(~sensitive) if sensitive.any() else history


def _cut(scored: Scored, mask: Mask | None, k: int | None) -> Scored:
    """The first `k` of a list that a mask allows; all of them without a `k`."""
    good = slice(None) if mask is None else mask[scored.rows]
    return Scored(scored.rows[good][:k], scored.scores[good][:k])


def _behaviour(shop: Searchable, query: Query, mode: Mode, k: int, text: Mapping[str, Scored]) -> dict[str, Scored]:
    """What all other channels propose: for a need in words about what the words found, and about nothing else."""
    if mode == "words":
        reach = np.zeros(len(shop.catalogue), dtype=np.bool_)
        for scored in text.values():
            reach[scored.rows] = True
        query, k = replace(query, allowed=reach), REACH
    names = [name for name in WEIGHTS[mode] if name in shop.channels and name not in text]
    return {name: _proposed(shop, name, query, k) for name in names}


def _proposed(shop: Searchable, name: str, query: Query, k: int) -> Scored:
    with timed(name), span("channel", channel=name) as told:
        found = shop.channels[name].candidates(query, k)
        told.set(candidates=len(found.rows))
    return found


def _damp(shop: Searchable, query: Query, fused: Fused) -> Fused:
    """Lower what is of the category or the brand of something dismissed lately; raise an asked need's categories."""
    factor = np.ones(len(fused.rows))
    unwanted = query.history.of_kind(EventKind.DISMISS, EventKind.RETURN)
    if len(unwanted) and len(fused.rows):
        faded = 0.5 ** (unwanted.days_ago() / DAMPING_HALF_LIFE)
        for column in (shop.catalogue.category, shop.catalogue.brand):
            weight = np.zeros(len(column.names))
            np.add.at(weight, column.codes[unwanted.rows], faded)
            weight[column.code_of.get("", len(weight)) :][:1] = 0.0
            factor *= 1.0 - DAMPING * np.minimum(weight[column.codes[fused.rows]], 1.0)
    if query.need.origin == "asked" and query.need.targets:
        factor *= np.where(shop.catalogue.category.member(query.need.targets)[fused.rows], TARGET_BOOST, 1.0)
    return Fused(fused.rows, fused.scores * factor, fused.said)


def _rest(shop: Searchable, query: Query, found: tuple[Candidate, ...], k: int) -> tuple[Candidate, ...]:
    """Allowed items that no channel proposed, the latest listed first: a shop without any events still shows goods."""
    free = np.ones(len(shop.catalogue), dtype=np.bool_) if query.allowed is None else query.allowed.copy()
    free[[entry.row for entry in found]] = False
    rows = np.flatnonzero(free)
    listed = shop.catalogue.frame["listed_at"].dt.epoch("us").fill_null(0).to_numpy()[rows]
    rows = rows[np.argsort(-listed, kind="stable")][: k - len(found)]
    return entries(Fused(rows.astype(np.int32), np.zeros(len(rows)), {}), shop.catalogue, k)
