"""Parts of a search are timed where somebody gathers, each search by itself."""

from __future__ import annotations

import numpy as np

from retrieval.history import History
from retrieval.schema import Need
from retrieval.search import search
from retrieval.shop import Shop
from retrieval.timing import timed, timing
from tests.shops import sample_shop


def test_every_channel_that_searches_is_timed() -> None:
    shop = Shop.open(sample_shop())
    nobody = History.empty(np.datetime64("2026-11-01", "us"))
    with timing() as took:
        search(shop, Need(text="scented candles"), nobody, 10)
    assert {"dense+lexical", "popularity"} <= set(took)
    assert all(ms >= 0 for ms in took.values())
    before = dict(took)
    search(shop, Need(text="scented candles"), nobody, 10)
    assert took == before


def test_parts_of_one_name_are_added_up_and_an_inner_gathering_is_its_own() -> None:
    with timing() as outer:
        for _ in range(2):
            with timed("a"):
                pass
        with timing() as inner, timed("b"):
            pass
    assert set(outer) == {"a"}
    assert set(inner) == {"b"}
