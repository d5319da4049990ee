"""Items side by side: what differs is marked, what nobody tells is left out, and markup stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.schema import Act, ItemReceipt, Plan, Receipt
from tests.ui.goods import entry, reply
from ui.comparison import comparison

ATTACK = "<img src=x onerror=alert(1)>"


def receipt(items: Sequence[ItemReceipt], act: Act = Act.COMPARE) -> Receipt:
    return reply().receipt.model_copy(update={"plan": Plan(act=act), "items": tuple(items)})


def rows(html: str) -> dict[str, tuple[bool, list[str]]]:
    """Name -> whether the row is marked, and its cells."""
    found = {}
    for kind, name, cells in re.findall(r'<tr( class="?xa-differs"?)?><th scope="row">(.*?)</th>(.*?)</tr>', html):
        told = re.findall(r"<td>(.*?)</td>", cells)
        found[re.sub(r"<span.*</span>", "", name)] = (bool(kind), told)
    return found


def test_rows_that_differ_are_marked_and_those_that_nobody_fills_are_left_out() -> None:
    one = entry(price_minor=2490, brand="Lumo", attributes={"drop_mm": "4", "weight": "280 g"}, promotion="")
    other = entry(price_minor=1990, brand="Lumo", attributes={"drop_mm": "8"}, promotion="")
    found = rows(comparison(receipt([one, other])))
    assert found["Price"] == (True, ["€24.90", "€19.90"])
    assert found["Brand"] == (False, ["Lumo", "Lumo"])
    assert found["drop mm"] == (True, ["4", "8"])
    assert found["weight"] == (True, ["280 g", "–"])
    assert "Offer" not in found


def test_only_a_turn_that_compares_several_has_a_table() -> None:
    assert comparison(receipt([entry()])) == ""
    assert comparison(receipt([entry(), entry()], Act.RECOMMEND)) == ""


def test_what_a_shop_wrote_stays_text() -> None:
    hostile = entry(brand=ATTACK, attributes={ATTACK: ATTACK})
    html = comparison(receipt([hostile, entry(brand="Lumo")]))
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 3
