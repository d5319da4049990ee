"""Words: one tokenizer for filters, search and planners."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.text import clean, key, label, short_name, singular, terms, words


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("watches", "watch"), ("batteries", "battery"), ("shoes", "shoe"), ("glasses", "glass"), ("boxes", "box"),
        ("glass", "glass"), ("bus", "bus"), ("gas", "gas"), ("tennis", "tennis"), ("ties", "tie"), ("dishes", "dish"),
        ("cactus", "cactus"), ("vitamins", "vitamin"),
    ],
)  # fmt: skip
def test_singular(plural, one):
    assert singular(plural) == one


def test_words_are_lower_case_without_possessives_and_punctuation():
    assert words("Men's Trail-Shoes, 2-pack (Größe 7)") == ["men", "trail", "shoes", "2", "pack", "grösse", "7"]
    assert words("it’s ＦＵＬＬ width") == ["it", "full", "width"]
    assert words("--- 🧦 ...") == []


def test_key_is_the_same_for_all_spellings_of_a_name():
    assert key("ABIS_BOOK") == key("Abis  book") == key("abis-book") == "abis book"


def test_label_makes_shouted_names_readable_and_leaves_others():
    assert label("PET_FOOD") == "Pet food"
    assert label("Head torches") == "Head torches"


def test_clean_drops_what_cannot_be_seen():
    assert clean("a\u200bb\x00 \n\t c\u202e") == "a b c"
    assert clean("e\u0301") == "é"
    assert len(clean("x" * 50_000)) == 20_000


def test_short_name_ends_at_a_natural_break():
    title = (
        "Brightlight Head Torch with Red Light, Waterproof, USB Rechargeable, for Running, Camping and Reading at Night"
    )
    assert short_name(title) == "Brightlight Head Torch with Red Light, Waterproof, USB Rechargeable"
    assert short_name("Tea") == "Tea"


@given(st.text(max_size=300))
def test_cleaning_is_done_after_once(text):
    once = clean(text)
    assert clean(once) == once
    assert once == unicodedata.normalize("NFC", once)
    assert not any(unicodedata.category(c)[0] == "C" for c in once)


@given(st.text(max_size=300))
def test_terms_come_in_order_one_for_each_word(text):
    assert terms(text) == [singular(word) for word in words(text)]
    assert all(word == word.casefold() for word in words(text))


@given(st.text(max_size=300), st.integers(10, 120))
def test_a_short_name_is_a_prefix_within_its_limit(text, limit):
    short = short_name(text, limit)
    assert text.startswith(short)
    assert len(short) <= limit
