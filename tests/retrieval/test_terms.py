"""The word index: the same rows as reading every text, and the same after saving."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.terms import TermIndex, item_texts
from retrieval.text import terms
from tests.retrieval.small_shop import frame

WORD = st.sampled_from(["red", "leather", "shoe", "shoes", "Shoe's", "wool", "no", "box", "boxes", "tea-pot", "é"])
TEXT = st.lists(WORD, max_size=6).map(" ".join)


def naive(texts: list[str], phrase: str) -> list[int]:
    """Rows whose terms hold the phrase's terms next to each other."""
    wanted = terms(phrase)
    found = []
    for row, text in enumerate(texts):
        has = terms(text)
        if wanted and any(has[i : i + len(wanted)] == wanted for i in range(len(has) - len(wanted) + 1)):
            found.append(row)
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.lists(TEXT, max_size=5))
def test_rows_with_a_phrase_are_those_that_reading_finds(items, phrases):
    table = frame([{"title": title, "description": description} for title, description in items])
    index = TermIndex.build(table)
    texts = list(item_texts(table))
    for phrase in [*phrases, "red", "leather shoe", "red red"]:
        assert index.rows_with(phrase).tolist() == naive(texts, phrase)


def test_every_field_counts_and_phrases_stay_within_an_item():
    index = TermIndex.build(
        frame(
            [
                {"title": "Red boots", "attributes": {"upper": "full leather", "sole": "rubber"}},
                {"title": "Shoe", "brand": "Leatherhead", "category": "LEATHER_CARE"},
                {"title": "shoes", "description": "Vegan. No leather"},
            ]
        )
    )
    assert index.rows_with("LEATHER").tolist() == [0, 1, 2]
    assert index.rows_with("full leather").tolist() == [0]
    assert index.rows_with("leather care").tolist() == [1]
    assert index.rows_with("leather shoes").tolist() == []
    assert index.rows_with("unheard").tolist() == []
    assert index.rows_with(" , ").tolist() == []
    assert index.count("leather") == 3
    assert index.count("unheard") == 0


def test_a_saved_index_answers_as_before(tmp_path):
    table = frame([{"title": "größe sieben"}, {"title": "tea for two"}, {"title": ""}])
    index = TermIndex.build(table)
    index.save(tmp_path / "terms.npz")
    again = TermIndex.load(tmp_path / "terms.npz")
    for phrase in ("größe", "tea for", "two", "zwei"):
        np.testing.assert_array_equal(again.rows_with(phrase), index.rows_with(phrase))


def test_an_index_of_nothing_is_no_error(tmp_path):
    TermIndex.build(frame([])).save(tmp_path / "terms.npz")
    assert TermIndex.load(tmp_path / "terms.npz").rows_with("tea").tolist() == []


@pytest.mark.parametrize("items", [40_000])
def test_a_large_catalogue_is_indexed_in_seconds_and_asked_in_well_under_a_millisecond(items):
    chance = np.random.default_rng(0)
    vocabulary = [f"word{number}" for number in range(5000)]
    picks = chance.zipf(1.3, (items, 18)) % 5000
    table = frame([{"title": " ".join(vocabulary[p] for p in row)} for row in picks])
    start = time.process_time()
    index = TermIndex.build(table)
    assert time.process_time() - start < 4, "10 s for 145,000 items"
    start = time.process_time()
    for word in vocabulary[:200]:
        index.rows_with(word)
    assert (time.process_time() - start) / 200 < 0.002
