"""Recommending without words, and what forgetting an event does to it."""

from __future__ import annotations

import pytest

from retrieval.history import History
from retrieval.infer import infer_needs
from retrieval.meant import meant
from retrieval.rank import rank
from retrieval.recommend import HABIT, recommend
from retrieval.schema import Constraints, EventKind, Need, Ranking
from retrieval.search import search
from retrieval.whatif import Forgetting, rank_without
from tests.retrieval.small_world import NOW, World

NOBODY = History.empty(NOW)


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def shown(world: World, ranking: Ranking) -> list[str]:
    return [world.aisle(entry.candidate.row) for entry in ranking.entries]


@pytest.mark.parametrize("k", [1, 5, 10, 30])
@pytest.mark.parametrize("shopper", ["hiker01", "cook20", "rover03", "nobody"])
def test_it_always_gives_k_distinct_items(world: World, shopper: str, k: int) -> None:
    ranking = recommend(world, world.of(shopper), k)
    items = [entry.candidate.item for entry in ranking.entries]
    assert len(items) == len(set(items)) == k
    bought = {world.catalogue.ids[row] for row in world.of(shopper).of_kind(EventKind.PURCHASE).rows}
    repeats = {e.candidate.item for e in ranking.entries if ranking.needs[e.need].origin == "repeat"}
    assert not bought & (set(items) - repeats)


def test_other_aisles_lead_and_the_usual_ones_have_a_place(world: World) -> None:
    history = world.did(("trail_shoes-00", "purchase", 9), ("trail_shoes-01", "purchase", 200))
    ranking = recommend(world, history, 5)
    new = [name for name in shown(world, ranking) if name != "TRAIL_SHOES"]
    assert len(new) >= 3
    assert shown(world, ranking)[0] in {"PLASTERS", "ENERGY_BARS"}
    assert "TRAIL_SHOES" in shown(world, ranking)
    habits = [need for need in ranking.needs if need.evidence and need.evidence[0].channel == HABIT]
    assert habits[0].targets == ("TRAIL_SHOES",)
    assert habits[0].evidence[0].facts["times"] == 2


def test_what_is_due_is_among_them(world: World) -> None:
    history = world.did(("energy_bars-00", "purchase", 62), ("energy_bars-00", "purchase", 31))
    items = [entry.candidate.item for entry in recommend(world, history, 10).entries]
    assert "north:energy_bars-00" in items


def test_limits_hold_and_may_leave_fewer(world: World) -> None:
    limits = Constraints(price_max=1000, currency="EUR", not_categories=("TEA",))
    allowed = world.catalogue.allowed(limits)
    assert allowed is not None
    for shopper in ("hiker01", "nobody"):
        ranking = recommend(world, world.of(shopper), 200, limits)
        assert allowed[[entry.candidate.row for entry in ranking.entries]].all()
        assert 5 < len(ranking.entries) < 200
    assert recommend(world, NOBODY, 5, Constraints(brands=("nobody",))).entries == ()


def test_nothing_sensitive_unasked(world: World) -> None:
    for shopper in ("hiker01", "rover00", "rover07", "nobody"):
        assert "VITAMINS" not in shown(world, recommend(world, world.of(shopper), 60))


def test_a_purchase_now_changes_the_next_list(world: World) -> None:
    before = recommend(world, world.did(("tea-00", "purchase", 60)), 6)
    after = recommend(world, world.did(("tea-00", "purchase", 60), ("pans-00", "purchase", 0)), 6)
    assert "SPICES" in shown(world, after)[:2]
    assert [e.candidate.item for e in before.entries] != [e.candidate.item for e in after.entries]


def test_forgetting_equals_never_having_done_it(world: World) -> None:
    history = world.did(("tea-00", "purchase", 60), ("pans-00", "purchase", 5), ("lamps-02", "dismiss", 1))
    asked = Need(text="desk lamp")
    for event in range(len(history)):
        without = history.without(event)
        found = [meant(world.catalogue, search(world, asked, history))]
        found += [search(world, need, history) for need in infer_needs(world, history, 2, asked, found[0])]
        again = [meant(world.catalogue, search(world, asked, without))]
        again += [search(world, need, without) for need in infer_needs(world, without, 2, asked, again[0])]
        assert rank_without(world, found, history, event, 8) == rank(world, again, 8, without)


def test_forgetting_in_a_list_without_words(world: World) -> None:
    history = world.did(("tea-00", "purchase", 60), ("pans-00", "purchase", 5))
    ranking = recommend(world, history, 5)
    assert shown(world, ranking)[0] == "SPICES"
    found = [search(world, need, history) for need in ranking.needs]
    without = Forgetting(world, found, history, 5).without(1)
    assert without == recommend(world, history.without(1), 5)
    assert shown(world, without)[0] != "SPICES"


def test_words_are_looked_up_once_however_many_events_are_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    history = world.did(("tea-00", "purchase", 60), ("pans-00", "purchase", 5), ("lamps-02", "view", 1))
    asked = Need(text="desk lamp")
    found = [search(world, asked, history)]
    real = world.encoder.encode
    monkeypatch.setattr(world.encoder, "encode", lambda texts: calls.append(texts) or real(texts))
    forgetting = Forgetting(world, found, history, 6)
    for event in range(3):
        forgetting.without(event)
    assert len(calls) == 1
