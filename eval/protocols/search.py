"""Product search: graded judgments of query-product pairs (Reddy et al., "Shopping Queries Dataset", 2022).

Judgments are JSON lines of `query`, `title` and `label`: E exact, S substitute, C complement, I irrelevant, with gains
1, 0.1, 0.01 and 0. Two views:

- `judged`: rank the judged products of a query, NDCG@10; all of them are ranked, so recall says nothing. A query whose
  products all have one label can't be ranked wrong and is left out; how many those are is told.
- `catalogue`, where one is given: find the query's exact products (E alone) in the whole of it, Recall@100. Judged
  products that the catalogue lacks are put into it as bare titles.

Half of the queries, by a hash of their words, is for choosing (`valid`). `test` scores all of them, as published
figures do, and beside them the half that nothing was chosen on (view `held`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from eval.files import fault, objects
from eval.problem import Case, Problem
from eval.protocols.cases import only
from eval.protocols.goods import titled
from retrieval.catalogue import Catalogue, Mask
from retrieval.errors import EvaluationError
from retrieval.history import EVENT_SCHEMA, History
from retrieval.shop import Shop
from retrieval.text import clean

GAINS: Mapping[str, float] = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
METRICS = ("NDCG@10", "Recall@100")
PREFIX = "judged:"  # ids of judged products that the catalogue lacks
_FORM = "give query, title and label (E, S, C or I) in every line"


@dataclass(frozen=True)
class Judged:
    """A query with its products: (id, title, gain), in the file's order, each once."""

    query: str
    products: tuple[tuple[str, str, float], ...]

    @property
    def decides(self) -> bool:
        """Whether it can be ranked wrong."""
        return len({gain for _, _, gain in self.products}) > 1


def read_judgments(path: Path) -> tuple[Judged, ...]:
    """Read judgments, queries in the file's order; a product that is judged twice keeps its highest gain.

    Raises:
        EvaluationError: the file is missing or a line is no judgment; it names file, line and value.
    """
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for number, row in objects(Path(path)):
        query, title, label = (row.get(name) for name in ("query", "title", "label"))
        if not (isinstance(query, str) and query.strip() and isinstance(title, str) and title.strip()):
            raise fault(path, "the line has no query or no title", _FORM, line=number, value=row)
        if not isinstance(label, str) or label not in GAINS:
            raise fault(path, "the label is none of E, S, C and I", _FORM, line=number, value=label)
        item = str(row.get("product_id") or title)
        known = found.setdefault(query, {}).get(item, (title, 0.0))
        found[query][item] = (title, max(known[1], GAINS[label]))
    return tuple(Judged(query, tuple((i, t, g) for i, (t, g) in items.items())) for query, items in found.items())


def problem(
    judged: tuple[Judged, ...],
    catalogue: Catalogue | None = None,
    split: Literal["valid", "test"] = "test",
    shop: Shop | None = None,
) -> Problem:
    """Make the problem.

    Args:
        judged: the judgments.
        catalogue: what is searched in view `catalogue`; None leaves that view out.
        split: "valid" for the half to choose on, "test" for all queries, and view `held` for the other half.
        shop: that the catalogue is from, where it is from one.

    Raises:
        EvaluationError: no query of the split can be ranked wrong.
    """
    ids, goods = _placed(judged, catalogue)
    judged = tuple(one for one in judged if split == "test" or half_of(one.query) == "valid")
    cases = {one.query: _case(one, ids, goods) for one in judged if one.decides}
    if not cases:
        raise EvaluationError("no query has products of different labels", "give more judgments")
    views = {"judged": tuple(cases.values())}
    held = tuple(case for query, case in cases.items() if half_of(query) == "test")
    if split == "test" and 0 < len(held) < len(cases):
        views["held"] = held
    if catalogue is not None:
        whole = tuple(_whole(one, ids) for one in judged if any(gain == 1.0 for _, _, gain in one.products))
        views |= {"catalogue": whole} if whole else {}
    events = pl.DataFrame(schema=EVENT_SCHEMA)
    return Problem(
        protocol="search",
        split=split,
        catalogue=goods,
        events=events,
        source_catalogue=goods,
        source_events=events,
        views=views,
        depth=100,
        metrics=METRICS if catalogue is not None else METRICS[:1],
        earlier=lambda: None,
        shop=shop if goods is catalogue else None,
    )


def half_of(query: str) -> Literal["valid", "test"]:
    """Which half a query is in, by its words alone."""
    return "test" if hashlib.sha256(query.encode()).digest()[-1] % 2 else "valid"


def told(judged: tuple[Judged, ...]) -> dict[str, int]:
    """How many queries and pairs there are, and how many queries can't be ranked wrong."""
    return {
        "queries": len(judged),
        "pairs": sum(len(one.products) for one in judged),
        "queries_that_cannot_be_ranked_wrong": sum(not one.decides for one in judged),
    }


def _placed(judged: tuple[Judged, ...], catalogue: Catalogue | None) -> tuple[dict[str, str], Catalogue]:
    """Judged id -> catalogue id, and the catalogue with what it lacked."""
    sku: dict[str, str] = {}
    by_title: dict[str, str] = {}
    if catalogue is not None:
        for item, title in zip(catalogue.ids, catalogue.titles, strict=True):
            sku.setdefault(item.partition(":")[2], item)
            by_title.setdefault(title, item)
    ids: dict[str, str] = {}
    lacking: dict[str, str] = {}
    for one in judged:
        for item, title, _ in one.products:
            there = sku.get(item) or by_title.get(clean(title))
            ids[item] = there or f"{PREFIX}{item}"
            if there is None:
                lacking.setdefault(ids[item], title)
    if catalogue is None:
        return ids, titled(lacking)
    if not lacking:
        return ids, catalogue
    return ids, Catalogue(pl.concat([catalogue.frame, titled(lacking).frame]).sort("item"))


def _case(one: Judged, ids: Mapping[str, str], goods: Catalogue) -> Case:
    gains = {ids[item]: gain for item, _, gain in one.products if gain > 0}
    rows = goods.rows([ids[item] for item, _, _ in one.products])
    return _asked(one.query, gains, only(len(goods), rows))


def _whole(one: Judged, ids: Mapping[str, str]) -> Case:
    return _asked(one.query, {ids[item]: 1.0 for item, _, gain in one.products if gain == 1.0}, None)


def _asked(query: str, targets: Mapping[str, float], allowed: Mask | None) -> Case:
    nothing = History.empty(np.datetime64(0, "us"))
    key = hashlib.sha256(query.encode()).hexdigest()[:16]
    return Case(key, "", nothing, nothing, targets, allowed, words=(query,))
