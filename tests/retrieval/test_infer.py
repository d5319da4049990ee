"""Inference of needs: event -> edge -> category, and none of it without the event."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.channels.aisles import Aisles
from retrieval.channels.profile import hanging
from retrieval.history import History
from retrieval.infer import MIN_SUPPORT, aisle_scores, cross_needs, infer_needs, repeat_needs
from retrieval.schema import Constraints, Need
from retrieval.search import search
from tests.retrieval.small_world import NOW, World

NOBODY = History.empty(NOW)


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def test_who_bought_shoes_needs_plasters_and_bars(world: World) -> None:
    needs = infer_needs(world, world.did(("trail_shoes-00", "purchase", 9)), 2)
    assert {need.targets[0] for need in needs} == {"PLASTERS", "ENERGY_BARS"}
    for need in needs:
        assert need.origin == "inferred"
        evidence = need.evidence[0]
        assert evidence.edge is not None
        assert (evidence.edge.source, evidence.edge.target) == ("TRAIL_SHOES", need.targets[0])
        assert evidence.edge.support >= MIN_SUPPORT
        assert evidence.edge.lift > 1
        assert [event.item for event in evidence.events] == ["north:trail_shoes-00"]


def test_aisles_walked_before_are_not_new(world: World) -> None:
    history = world.did(("trail_shoes-00", "purchase", 40), ("plasters-01", "purchase", 30))
    targets = {need.targets[0] for need in infer_needs(world, history, 8)}
    assert targets
    assert not targets & {"TRAIL_SHOES", "PLASTERS"}


def test_a_later_event_moves_what_is_inferred(world: World) -> None:
    shoes = ("trail_shoes-00", "purchase", 200)
    first = infer_needs(world, world.did(shoes), 1)[0]
    second = infer_needs(world, world.did(shoes, ("pans-00", "purchase", 0)), 1)[0]
    assert first.targets[0] in {"PLASTERS", "ENERGY_BARS"}
    assert second.targets == ("SPICES",)


def test_without_the_event_the_need_is_gone(world: World) -> None:
    history = world.did(("tea-00", "purchase", 60), ("pans-00", "purchase", 5))
    assert "SPICES" in {need.targets[0] for need in infer_needs(world, history, 2)}
    assert "SPICES" not in {need.targets[0] for need in infer_needs(world, history.without(1), 2)}


def test_nobody_gets_nothing_unless_something_is_asked(world: World) -> None:
    assert infer_needs(world, NOBODY, 5) == ()
    assert infer_needs(world, world.did(("tea-00", "dismiss", 3)), 5) == ()
    needs = infer_needs(world, NOBODY, 2, asked=Need(text="trail running shoe"))
    assert {need.targets[0] for need in needs} == {"PLASTERS", "ENERGY_BARS"}
    assert all(need.evidence[0].edge.source == "TRAIL_SHOES" for need in needs)
    assert all(need.evidence[0].events == () for need in needs)


def test_what_is_asked_leads_over_what_was_done(world: World) -> None:
    hiker = world.did(("trail_shoes-00", "purchase", 9))
    needs = infer_needs(world, hiker, 1, asked=Need(text="cast iron pan"))
    assert needs[0].targets == ("SPICES",)


def test_candidates_at_hand_give_the_same_needs(world: World) -> None:
    asked = Need(text="cast iron pan")
    history = world.of("hiker05")
    found = search(world, asked, history)
    assert infer_needs(world, history, 3, asked, found) == infer_needs(world, history, 3, asked)


def test_limits_of_what_is_asked_hold_for_inferred_needs(world: World) -> None:
    limits = Constraints(price_max=1500, currency="EUR", not_categories=("PLASTERS",))
    needs = infer_needs(world, NOBODY, 4, asked=Need(text="trail running shoe", constraints=limits))
    assert needs
    assert all(need.constraints == limits for need in needs)
    assert all(need.targets != ("PLASTERS",) for need in needs)
    only = Constraints(categories=("TRAIL_SHOES",))
    assert infer_needs(world, NOBODY, 4, asked=Need(text="trail running shoe", constraints=only)) == ()


def test_sensitive_aisles_are_neither_source_nor_target(world: World) -> None:
    for history in (world.of("hiker01"), world.did(("tea-00", "purchase", 2), ("lamps-00", "view", 1))):
        assert all("VITAMINS" not in need.targets for need in infer_needs(world, history, 8))
    assert infer_needs(world, world.did(("vitamins-00", "purchase", 2)), 5) == ()
    for need in infer_needs(world, NOBODY, 5, asked=Need(text="vitamins")):
        assert all(evidence.edge.source != "VITAMINS" for evidence in need.evidence)


def test_what_is_due_is_a_repeat(world: World) -> None:
    history = world.did(("energy_bars-00", "purchase", 62), ("energy_bars-00", "purchase", 31))
    needs = repeat_needs(world, history, 3)
    assert [need.targets for need in needs] == [("ENERGY_BARS",)]
    assert needs[0].origin == "repeat"
    assert needs[0].evidence[0].facts["days_since"] == 31
    assert search(world, needs[0], history).entries[0].item == "north:energy_bars-00"
    assert [need.origin for need in infer_needs(world, history, 4)].count("repeat") == 1
    assert repeat_needs(world, history, 3, Constraints(not_categories=("ENERGY_BARS",))) == ()


@pytest.mark.parametrize("k", [0, 1, 3, 50])
def test_at_most_k_and_each_aisle_once(world: World, k: int) -> None:
    needs = infer_needs(world, world.of("hiker02"), k)
    assert len(needs) <= k
    assert len({need.targets for need in needs}) == len(needs)


def test_a_shop_whose_signals_lack_a_channel_infers_less_but_does_not_fail() -> None:
    world = World.make()
    history = world.did(("trail_shoes-00", "purchase", 9))
    del world.channels["aisles"]
    assert cross_needs(world, history, 3)
    del world.channels["ease"]
    assert cross_needs(world, history, 3)
    del world.channels["association"], world.channels["replenishment"]
    assert infer_needs(world, history, 8) == ()


def test_the_events_named_are_those_that_matter_most(world: World) -> None:
    history = world.did(
        ("trail_shoes-00", "purchase", 9),
        ("pans-00", "purchase", 8),
        ("tea-00", "purchase", 7),
        ("lamps-02", "purchase", 5),
    )
    codes = world.catalogue.category.code_of
    before = aisle_scores(world, history)
    for need in cross_needs(world, history, 2):
        target = codes[need.targets[0]]
        named = {event.category for evidence in need.evidence[:1] for event in evidence.events}
        fall = {
            world.catalogue.category.names[world.catalogue.category.codes[row]]: before[target]
            - aisle_scores(world, history.without(index))[target]
            for index, row in enumerate(history.rows.tolist())
        }
        assert named == {max(fall, key=lambda name: fall[name])}


def test_no_edge_is_named_twice(world: World) -> None:
    history = world.did(("trail_shoes-00", "purchase", 9))
    for need in infer_needs(world, history, 2, Need(text="trail shoes")):
        edges = [evidence.edge for evidence in need.evidence]
        assert len(edges) == len(set(edges))


def test_scores_of_aisles_are_in_the_order_of_needs_and_leave_out_what_was_walked(world: World) -> None:
    history = world.did(("trail_shoes-00", "purchase", 9), ("tea-00", "purchase", 60))
    scores = aisle_scores(world, history)
    codes = world.catalogue.category.code_of
    needed = [scores[codes[need.targets[0]]] for need in cross_needs(world, history, 3)]
    assert needed == sorted(needed, reverse=True)
    assert scores[codes["TRAIL_SHOES"]] == scores[codes["TEA"]] == -np.inf
    assert not np.isfinite(aisle_scores(world, NOBODY)).any()


def test_what_hangs_on_the_last_events_of_an_aisle(world: World) -> None:
    history = world.did(
        ("tea-00", "purchase", 200), ("tea-01", "purchase", 100), ("tea-02", "purchase", 0), ("pans-00", "purchase", 0),
        ("lamps-02", "dismiss", 0),
    )  # fmt: skip
    codes = world.catalogue.category.code_of
    found = hanging(history, world.catalogue, half_life=100.0, count=2)
    assert found[codes["TEA"]] == pytest.approx(1.0 - 0.25**0.5)  # the oldest is left, two half-lives old
    assert found[codes["PANS"]] == pytest.approx(1.0)
    assert found[codes["LAMPS"]] == 0.0


def test_the_learned_ranking_of_aisles_has_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.make()
    history = world.did(("trail_shoes-00", "purchase", 9), ("pans-00", "purchase", 9))
    first = [need.targets[0] for need in cross_needs(world, history, 3)]
    code, learned = world.catalogue.category.code_of[first[-1]], world.channels["aisles"]
    assert isinstance(learned, Aisles)
    scores = learned.novel_scores(history)
    scores[code] += 100.0
    monkeypatch.setattr(learned, "novel_scores", lambda _: scores)
    assert cross_needs(world, history, 3)[0].targets[0] == first[-1] != first[0]
