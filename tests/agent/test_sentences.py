"""Sentences end where people end them, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.sentences import split, stream


def test_names_prices_and_list_numbers_do_not_end_a_sentence() -> None:
    text = "1. Dr. Martens 1.5 – $12.99. It fits! Really?\n2. Socks. 好的。谢谢"
    assert split(text, ["Dr. Martens 1.5"]) == [
        "1. Dr. Martens 1.5 – $12.99. ",
        "It fits! ",
        "Really?\n",
        "2. Socks. ",
        "好的。",
        "谢谢",
    ]


@given(st.text(alphabet="ab1. !?\n。", max_size=60), st.lists(st.sampled_from(["a. b", "1.1", ""]), max_size=2))
def test_splitting_loses_nothing(text: str, names: list[str]) -> None:
    assert "".join(split(text, names)) == text


@given(st.lists(st.text(alphabet="ab. \n!", max_size=8), max_size=12))
def test_streaming_loses_nothing(chunks: list[str]) -> None:
    assert "".join(stream(chunks)) == "".join(chunks)
