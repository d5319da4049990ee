"""What only shares a word with a query is left out where the thing itself is found."""

from __future__ import annotations

from retrieval.catalogue import Catalogue
from retrieval.meant import meant
from retrieval.schema import Candidate, Candidates, Need
from tests.eval.hand_made import goods

SHOP = goods(
    {
        "t:kestrel": "Trail shoes",
        "t:pilot": "Trail shoes",
        "t:trails for short legs": "Field guides",
        "t:shoes for trail horses": "Riding",
        "t:string of hearts": "Houseplants",
    }
)


def found(text: str, *items: str, shop: Catalogue = SHOP) -> list[str]:
    rows = shop.rows([f"t:{item}" for item in items])
    entries = tuple(Candidate(item=shop.ids[row], row=row, fused=1.0, channels=()) for row in rows.tolist())
    return [entry.item[2:] for entry in meant(shop, Candidates(need=Need(text=text), entries=entries)).entries]


def test_the_aisle_of_the_thing_stays_and_so_does_what_has_every_word() -> None:
    items = ("trails for short legs", "kestrel", "string of hearts", "shoes for trail horses", "pilot")
    assert found("trail shoes", *items) == ["kestrel", "shoes for trail horses", "pilot"]
    assert found("kestrel shoes", *items) == ["kestrel", "pilot"]


def test_where_nothing_has_every_word_the_nearest_stay() -> None:
    assert found("purple trail", "trails for short legs", "string of hearts") == [
        "trails for short legs",
        "string of hearts",
    ]


def test_one_word_is_found_or_is_not() -> None:
    assert found("hearts", "kestrel", "string of hearts") == ["kestrel", "string of hearts"]
    assert found("trail shoes") == []
