"""Items side by side: one row a property, rows in which they differ marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from agent.schema import Act, Receipt
from agent.wording import money, offer, stock
from retrieval.schema import Item
from retrieval.text import label
from ui.language import marked, say

MOST = 12  # properties shown beside price, stock and the like
_KNOWN: dict[str, Callable[[Item], str]] = {
    marked("Price"): lambda item: money(item.price_minor, item.currency),
    marked("Stock"): lambda item: stock(item.availability),
    marked("Sold by"): lambda item: item.platform,
    marked("Brand"): lambda item: item.brand,
    marked("Aisle"): lambda item: label(item.category),
    marked("Offer"): lambda item: offer(item.promotion),
}


def comparison(receipt: Receipt) -> str:
    """The items of a turn that compares as a table; "" for any other turn."""
    if receipt.plan.act is not Act.COMPARE or len(receipt.items) < 2:
        return ""
    items = [entry.item for entry in receipt.items]
    rows = [_row(say(name), [told(item) for item in items]) for name, told in _KNOWN.items()]
    names = list(dict.fromkeys(name for item in items for name in item.attributes))[:MOST]
    rows += [_row(name.replace("_", " "), [item.attributes.get(name, "") for item in items]) for name in names]
    head = "".join(f'<th scope="col">{escape(entry.name)}</th>' for entry in receipt.items)
    caption = escape(say("Side by side; rows in which they differ are marked"))
    return (
        f'<div class="xa-compared" tabindex="0" role="region" aria-label="{caption}"><table class="xa-table">'
        f'<caption class="xa-unseen">{caption}</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, told: Sequence[str]) -> str:
    """One property; "" where none of the items has it."""
    if not any(told):
        return ""
    differs = len(set(told)) > 1
    mark = f'<span class="xa-unseen"> ({escape(say("differs"))})</span>' if differs else ""
    cells = "".join(f"<td>{escape(value) or '–'}</td>" for value in told)
    return f'<tr{" class=xa-differs" if differs else ""}><th scope="row">{escape(name)}{mark}</th>{cells}</tr>'
