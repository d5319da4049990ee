"""The receipt: what a turn shows and the facts that justify it. Cards, prose, log and run file are written from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from agent.checks import check_item
from agent.reason import reason
from agent.schema import OFFER, Aisle, ItemReceipt, Plan, Receipt
from retrieval.channels.base import Query
from retrieval.history import History
from retrieval.schema import Constraints, Need, Ranked, Ranking
from retrieval.search import evidence_of, mode_of, query_of
from retrieval.shop import Shop
from retrieval.text import short_name


def build_receipt(
    shop: Shop, plan: Plan, ranking: Ranking, history: History, *, shopper: str | None, notes: Sequence[str] = ()
) -> Receipt:
    """Write the receipt of a ranking; an item that fails a check made anew is left out rather than shown."""
    queries = [query_of(shop, need, history) for need in ranking.needs]
    items: list[ItemReceipt] = []
    for entry in ranking.entries:
        item = _item_receipt(shop, entry, queries[entry.need], len(items) + 1)
        if all(check.passed for check in item.checks):
            items.append(item)
    return Receipt(
        plan=plan,
        shop=shop.name,
        shopper=shopper,
        at=_moment(history.now),
        needs=ranking.needs,
        items=tuple(_distinct_names(items)),
        constraints=constraints_of(plan),
        notes=tuple(notes),
    )


def plain_receipt(
    shop: Shop, plan: Plan, rows: Iterable[int], shopper: str | None, notes: Sequence[str] = ()
) -> Receipt:
    """A receipt for items that were named, not searched (compare, explain, cart): fields only, no ranking evidence."""
    need = Need(text=plan.query)
    items = [
        ItemReceipt(item=item, rank=rank, name=short_name(item.title), score=0.0, aisle="asked", need=need)
        for rank, item in enumerate(map(shop.catalogue.item, rows), start=1)
    ]
    return Receipt(
        plan=plan,
        shop=shop.name,
        shopper=shopper,
        at=_moment(shop.now),
        items=tuple(_distinct_names(items)),
        notes=tuple(notes),
    )


def constraints_of(plan: Plan) -> Constraints:
    """The hard limits of a plan."""
    return Constraints(
        price_min=plan.price_min,
        price_max=plan.price_max,
        currency=plan.currency if plan.price_min is not None or plan.price_max is not None else None,
        brands=plan.brands,
        not_brands=plan.not_brands,
        categories=plan.categories,
        not_categories=plan.not_categories,
        platforms=plan.platforms,
        not_platforms=plan.not_platforms,
        availability=("in_stock",) if plan.in_stock else (),  # type: ignore[arg-type]  # pydantic reads the value
        on_offer=OFFER in plan.include,
        unwanted=plan.exclude,
        not_items=plan.not_items,
    )


def _item_receipt(shop: Shop, entry: Ranked, query: Query, rank: int) -> ItemReceipt:
    item = shop.catalogue.item(entry.candidate.row)
    receipt = ItemReceipt(
        item=item,
        rank=rank,
        name=short_name(item.title),
        score=entry.score,
        aisle=aisle_of(query.need),
        need=query.need,
        channels=entry.candidate.channels,
        evidence=evidence_of(shop, query, entry.candidate),
        checks=check_item(item, query.need.constraints),
    )
    return receipt.model_copy(update={"reason": reason(receipt)})


def aisle_of(need: Need) -> Aisle:
    """Which part of the reply a need's items belong to."""
    mode = mode_of(need)
    if mode == "aisle":
        return "usual" if any(evidence.channel == "habit" for evidence in need.evidence) else "across"
    return {"words": "asked", "repeat": "repeat"}.get(mode, "idea")  # type: ignore[return-value]


def _distinct_names(items: Sequence[ItemReceipt]) -> list[ItemReceipt]:
    """Give items whose short names stand within another's the whole title: prose must tell them apart."""
    names = [item.name for item in items]
    found = []
    for item in items:
        twin = sum(item.name in name for name in names) > 1
        found.append(item.model_copy(update={"name": item.item.title}) if twin else item)
    return found


def _moment(now: np.datetime64) -> datetime:
    return datetime.fromisoformat(f"{np.datetime_as_string(now, unit='s')}+00:00")
