"""Cancellations and returns: matched with the purchases that they undo.

A cancellation undoes the latest earlier purchases of the same item by the same shopper: first one of exactly the same
quantity and unit price, else of the same price, else any, as many as its quantity takes. A purchase undone whole is
dropped; one undone in part keeps the rest of its quantity. The cancellation itself is dropped, matched or not: it is
as if neither had been. A return works the same way, but stays as an event of its own, for it says something about
the shopper and the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_UNDOING = ("cancel", "return")


@dataclass
class _Bought:
    row: int
    price: int | None
    left: float


def settle(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Undo what was cancelled or returned.

    Args:
        events: all events of the shoppers in it, by shopper and time; `kind` may be "cancel".

    Returns:
        The events that remain, in their order, and those that go, with `reason`, `field` and `value` added.
    """
    events = events.with_row_index("row")
    undoing = events.filter(pl.col("kind").is_in(_UNDOING)).select("shopper", "item").unique()
    if not undoing.height:
        return events.drop("row"), _marked(events.head(0), {}).drop("row")
    concerned = events.filter(pl.col("kind").is_in(("purchase", *_UNDOING)))
    concerned = concerned.join(undoing, on=["shopper", "item"], how="semi", maintain_order="left")
    left, gone = _undo(concerned)
    rows = pl.Series(list(left), dtype=pl.UInt32)
    quantity = pl.col("row").replace_strict(rows, pl.Series(list(left.values()), dtype=pl.Float64), default=None)
    events = events.with_columns(pl.coalesce(quantity, "quantity").alias("quantity"))
    dropped = pl.col("row").is_in(list(gone))
    return events.filter(~dropped).drop("row"), _marked(events.filter(dropped), gone).drop("row")


def _marked(events: pl.DataFrame, gone: dict[int, str]) -> pl.DataFrame:
    reasons = [gone[row] for row in events["row"]]
    return events.with_columns(
        pl.Series("reason", reasons, dtype=pl.String),
        pl.lit("kind").alias("field"),
        pl.col("kind").alias("value"),
    )


def _undo(concerned: pl.DataFrame) -> tuple[dict[int, float], dict[int, str]]:
    """What is left of partly undone purchases, and why rows go, both by row number."""
    bought: dict[tuple[str, str], list[_Bought]] = {}
    left: dict[int, float] = {}
    gone: dict[int, str] = {}
    columns = ("row", "shopper", "item", "kind", "value_minor", "quantity")
    for row, shopper, item, kind, price, quantity in concerned.select(columns).iter_rows():
        stack = bought.setdefault((shopper, item), [])
        if kind == "purchase":
            stack.append(_Bought(row, price, quantity))
            continue
        if kind == "cancel":
            gone[row] = "cancellation"
        for undone in _take(stack, price, quantity):
            if undone.left > 0:
                left[undone.row] = undone.left
            else:
                left.pop(undone.row, None)
                gone[undone.row] = "cancelled" if kind == "cancel" else "returned"
    return left, gone


def _take(stack: list[_Bought], price: int | None, quantity: float) -> list[_Bought]:
    """Take `quantity` units off a shopper's purchases of one item; undone ones leave the stack."""
    touched: list[_Bought] = []
    while quantity > 0 and stack:
        best = max(
            range(len(stack)),
            key=lambda i: (stack[i].price == price and stack[i].left == quantity, stack[i].price == price, i),
        )
        purchase = stack[best]
        taken = min(quantity, purchase.left)
        purchase.left -= taken
        quantity -= taken
        touched.append(purchase)
        if purchase.left <= 0:
            stack.pop(best)
    return touched
