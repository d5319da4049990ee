"""Variants of one thing, and relevance against novelty."""

from __future__ import annotations

import pytest

from retrieval.catalogue import Catalogue
from retrieval.diversify import Look, select
from retrieval.schema import Candidate
from tests.retrieval.small_shop import frame

LONG = "Echo Dot smart speaker with clock and a lamp that wakes gently in winter"


def catalogue(*titles: str, categories: str = "") -> Catalogue:
    names = categories.split() or ["a"] * len(titles)
    return Catalogue(frame([{"title": t, "category": c} for t, c in zip(titles, names, strict=True)]))


def candidates(*fused: float) -> list[Candidate]:
    return [Candidate(item=f"p:{row:04d}", row=row, fused=score, channels=()) for row, score in enumerate(fused)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Trail Shoe, Black, Size M", "Trail Shoe, Blue, Size L", True),
        ("Trail  shoe", "trail SHOES", True),
        (LONG + " | Charcoal edition for the whole family, boxed", LONG + " | Glacier edition, as a gift", True),
        ("Trail shoe for women", "Trail shoe for men", False),
        ("Green tea", "Black coffee", False),
        ("Tea 50 bags", "Tea 100 bags", False),
        ("Red", "Blue", False),
    ],
)
def test_variants_are_known_by_their_names(one: str, other: str, same: bool) -> None:
    goods = catalogue(one, other)
    assert Look(goods, 0).same(Look(goods, 1)) is same
    assert Look(goods, 1).same(Look(goods, 0)) is same


def test_of_variants_only_the_best_is_chosen() -> None:
    goods = catalogue("Trail shoe black", "Trail shoe blue", "Head torch")
    chosen = select(candidates(3.0, 2.9, 1.0), {}, goods, 3)
    assert [entry.row for entry, _ in chosen] == [0, 2]


def test_what_is_on_the_list_already_is_not_chosen_again() -> None:
    goods = catalogue("Trail shoe black", "Trail shoe blue", "Head torch")
    chosen = select(candidates(3.0, 2.9, 1.0), {}, goods, 3, shown=[Look(goods, 1)])
    assert [entry.row for entry, _ in chosen] == [2]


def test_something_else_comes_before_more_of_the_same() -> None:
    goods = catalogue("Iron pan deep large", "Iron pan deep round", "Green tea", categories="pans pans tea")
    near = candidates(1.0, 0.99, 0.97)
    assert [entry.row for entry, _ in select(near, {}, goods, 3)] == [0, 2, 1]
    assert [entry.row for entry, _ in select(near, {}, goods, 3, relevance=1.0)] == [0, 1, 2]


def test_relevance_leads_where_it_is_clearly_higher() -> None:
    goods = catalogue("Iron pan deep large", "Iron pan deep round", "Green tea", categories="pans pans tea")
    assert [entry.row for entry, _ in select(candidates(1.0, 0.9, 0.2), {}, goods, 2)] == [0, 1]


def test_no_category_gets_more_than_its_places() -> None:
    goods = catalogue(*["alpha", "beta", "gamma", "delta"], categories="x x x y")
    chosen = select(candidates(4.0, 3.0, 2.0, 1.0), {}, goods, 4, per_category=2)
    assert [entry.row for entry, _ in chosen] == [0, 1, 3]


def test_titles_without_words_are_no_trouble() -> None:
    goods = catalogue("", "", "!!!", "🙂")
    assert len(select(candidates(4.0, 3.0, 2.0, 1.0), {}, goods, 4)) >= 1
