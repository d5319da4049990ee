"""The one list: what was asked first, each other aisle its place, nothing twice."""

from __future__ import annotations

from itertools import pairwise

import pytest

from retrieval.history import History
from retrieval.infer import infer_needs
from retrieval.rank import rank
from retrieval.schema import Candidates, Constraints, Need, Ranking
from retrieval.search import search
from tests.retrieval.small_world import NOW, World

NOBODY = History.empty(NOW)


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def turn(world: World, asked: Need, history: History, others: int = 2) -> list[Candidates]:
    found = search(world, asked, history)
    needs = infer_needs(world, history, others, asked, found)
    return [found, *(search(world, need, history) for need in needs)]


def test_what_was_asked_comes_first_and_each_other_aisle_once(world: World) -> None:
    ranking = rank(world, turn(world, Need(text="trail running shoe"), NOBODY), 8, NOBODY)
    assert [entry.need for entry in ranking.entries] == [0] * 6 + [1, 2]
    assert {world.aisle(entry.candidate.row) for entry in ranking.entries[:6]} == {"TRAIL_SHOES"}
    assert {world.aisle(entry.candidate.row) for entry in ranking.entries[6:]} == {"PLASTERS", "ENERGY_BARS"}


@pytest.mark.parametrize("k", [1, 2, 5, 8, 20])
def test_k_distinct_items_with_falling_scores_and_all_channels_kept(world: World, k: int) -> None:
    found = turn(world, Need(text="tea"), world.of("hiker04"), 3)
    ranking = rank(world, found, k, world.of("hiker04"))
    items = [entry.candidate.item for entry in ranking.entries]
    assert len(items) == len(set(items)) == k
    scores = [entry.score for entry in ranking.entries]
    assert all(one > other for one, other in pairwise(scores))
    for entry in ranking.entries:
        assert entry.candidate in found[entry.need].entries
    assert ranking.needs == tuple(one.need for one in found)
    assert Ranking.model_validate_json(ranking.model_dump_json()) == ranking


def test_the_best_match_stays_on_top(world: World) -> None:
    for text in ("Juniper green tea leaves", "Delta cast iron pan", "Ember desk lamp"):
        found = search(world, Need(text=text), NOBODY)
        assert rank(world, [found], 5, NOBODY).entries[0].candidate == found.entries[0]
        assert world.catalogue.titles[found.entries[0].row] == text


def test_a_need_that_found_nothing_leaves_its_places_to_the_others(world: World) -> None:
    nothing = search(world, Need(text="tea", constraints=Constraints(price_max=-1)), NOBODY)
    assert nothing.entries == ()
    something = search(world, Need(text="lamp"), NOBODY)
    ranking = rank(world, [nothing, something], 6, NOBODY)
    assert [entry.need for entry in ranking.entries] == [1] * 6
    assert rank(world, [nothing], 6, NOBODY).entries == ()
    assert rank(world, [], 6, NOBODY).entries == ()


def test_one_item_that_two_needs_found_is_shown_once(world: World) -> None:
    found = search(world, Need(text="tea"), NOBODY)
    ranking = rank(world, [found, found], 10, NOBODY)
    items = [entry.candidate.item for entry in ranking.entries]
    assert len(set(items)) == 10


def test_ideas_are_spread_over_aisles(world: World) -> None:
    ideas = search(world, Need(), world.of("hiker01"))
    shown = [world.aisle(entry.candidate.row) for entry in rank(world, [ideas], 6, NOBODY).entries]
    assert max(shown.count(name) for name in shown) <= 2


def test_what_was_dismissed_since_the_search_is_left_out(world: World) -> None:
    found = search(world, Need(text="tea"), NOBODY)
    gone = found.entries[0].item
    ranking = rank(world, [found], 5, world.did((gone.removeprefix("north:"), "dismiss", 0)))
    assert gone not in [entry.candidate.item for entry in ranking.entries]
    assert len(ranking.entries) == 5
