"""What can be copied: runs of a message's words, and a query made longer."""

from __future__ import annotations

import re

import pytest

from agent.planner.spans import longer, places, span


def fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def test_runs_of_words_fit_and_words_put_together_do_not() -> None:
    pattern = span(places("Show me red trail shoes, please"), 3)
    assert fits(pattern, " red trail shoes")
    assert fits(pattern, " shoes please")
    assert not fits(pattern, " red shoes")
    assert not fits(pattern, " trail red")
    assert not fits(pattern, " me red trail shoes")  # one too many
    assert not fits(pattern, " red red")
    assert not fits(pattern, "red")


def test_a_word_may_be_copied_whole_in_parts_or_with_its_spelling_mended() -> None:
    pattern = span(places("a non-slip matt", lambda word: "mat" if word == "matt" else word), 3)
    for text in (" non-slip mat", " non slip matt", " non-slip matt"):
        assert fits(pattern, text)


@pytest.mark.parametrize("text", [" red kettle", " kettle for tea", " kettle", " red", " for tea", " kettle tea"])
def test_a_query_grows_by_a_run_at_either_end_and_may_lose_words(text: str) -> None:
    assert fits(longer("blue kettle", places("red, for tea"), 4), text)


def test_nothing_to_copy_is_no_pattern() -> None:
    assert span(places("?!"), 4) == ""
    assert longer("", places("red"), 4) == ""
    assert longer("kettle", places("..."), 4) == "(?: kettle)?"


def test_marks_of_patterns_are_only_letters_here() -> None:
    assert fits(span(places("c++ a.b"), 2), " c")
    assert not fits(span(places("a.b"), 2), " axb")
