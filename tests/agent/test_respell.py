"""Words of a model without capitals, accents and exact spaces come out as the receipt spells them, and nothing else."""

from __future__ import annotations

import pytest

from agent.respell import respelt


@pytest.mark.parametrize(
    ("text", "spellings", "told"),
    [
        ("trail runner 5 costs $ 12. 99.", {"Trail Runner 5", "$12.99"}, "Trail Runner 5 costs $12.99."),
        ("try the creme brulee - set. it is here.", {"Crème Brûlée-Set"}, "Try the Crème Brûlée-Set. It is here."),
        ("the ridge 4 shoe, not the ridge", {"Ridge", "Ridge 4 Shoe"}, "The Ridge 4 Shoe, not the Ridge"),
        ("sock and socks", {"Sock"}, "Sock and socks"),
        ("a.b+c (d)", {"A.B+C (D)", ""}, "A.B+C (D)"),
        ("nothing known", set(), "Nothing known"),
        ("", {"Name"}, ""),
    ],
)
def test_what_reads_like_a_spelling_is_spelt_so(text: str, spellings: set[str], told: str) -> None:
    assert respelt(text, spellings) == told


def test_no_word_is_added_or_taken_away() -> None:
    text = "tarn wool socks cost € 18. 50 on harbour; you bought fellhorn trail shoe 3 in may 2026."
    told = respelt(text, {"Tarn Wool Socks", "€18.50", "Harbour", "Fellhorn Trail Shoe 3"})
    assert told.casefold().replace(" ", "") == text.replace(" ", "")
