"""Search: limits are exact, words lead, behaviour tilts, and everything that a shopper does counts at once."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.history import History
from retrieval.schema import Availability, Candidates, Constraints, Need
from retrieval.search import evidence_of, query_of, search, text_lists
from tests.retrieval.small_world import NOW, World

NOBODY = History.empty(NOW)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.make(tmp_path_factory.mktemp("chroma"))


def aisles(world: World, found: Candidates) -> list[str]:
    return [world.aisle(entry.row) for entry in found.entries]


LIMITS = (
    Constraints(),
    Constraints(price_min=1000, price_max=2000, currency="EUR"),
    Constraints(brands=("Alder", "Birk"), not_categories=("TEA",)),
    Constraints(categories=("TEA", "LAMPS"), platforms=("south",)),
    Constraints(unwanted=("tea", "iron pan"), not_items=("north:lamps-00",)),
    Constraints(availability=(Availability.OUT_OF_STOCK,)),
    Constraints(brands=("nobody",)),
    Constraints(price_max=-5),
)


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("text", ["", "green tea", "zzz qqq", "'; DROP TABLE items; --", "🙂🙂", "茶", "tea " * 2000])
def test_every_candidate_satisfies_every_limit(world: World, limits: Constraints, text: str) -> None:
    allowed = world.catalogue.allowed(limits)
    stock = world.catalogue.frame["availability"]
    for shopper in (NOBODY, world.of("hiker02"), world.of("rover05")):
        found = search(world, Need(text=text, constraints=limits), shopper)
        rows = [entry.row for entry in found.entries]
        assert len(set(rows)) == len(rows)
        if allowed is not None:
            assert allowed[rows].all()
        if not limits.availability:
            assert all(stock[row] != "out_of_stock" for row in rows)
        scores = [entry.fused for entry in found.entries]
        assert scores == sorted(scores, reverse=True)


def test_words_find_what_they_name(world: World) -> None:
    found = search(world, Need(text="blister plasters"), NOBODY)
    assert set(aisles(world, found)[:8]) == {"PLASTERS"}
    said = {channel.channel for channel in found.entries[0].channels}
    assert {"dense", "lexical"} <= said


def test_behaviour_tilts_among_what_the_words_found(world: World) -> None:
    need = Need(text="energy bar")
    plain = [entry.item for entry in search(world, need, NOBODY).entries]
    tilted = search(world, need, world.did(("trail_shoes-00", "purchase", 5)))
    assert [entry.item for entry in tilted.entries] != plain
    assert {entry.item for entry in tilted.entries[:6]} <= set(plain[:12])
    assert any(said.channel == "copurchase" for entry in tilted.entries for said in entry.channels)


def test_wishes_without_words_are_words(world: World) -> None:
    assert aisles(world, search(world, Need(wanted=("tea",)), NOBODY))[0] == "TEA"


def test_asked_targets_are_preferred_not_required(world: World) -> None:
    found = search(world, Need(text="desk lamp tea", targets=("TEA",)), NOBODY)
    assert aisles(world, found)[0] == "TEA"
    assert "LAMPS" in aisles(world, found)


def test_inferred_needs_stay_in_their_aisle(world: World) -> None:
    for need in (Need(origin="inferred", targets=("TEA",)), Need(text="pan", origin="inferred", targets=("TEA",))):
        found = search(world, need, world.of("hiker01"))
        assert set(aisles(world, found)) == {"TEA"}


def test_a_visitor_without_words_gets_what_sells(world: World) -> None:
    found = search(world, Need(), NOBODY, 10)
    assert len(found.entries) == 10
    assert {said.channel for said in found.entries[0].channels} == {"popularity"}


def test_a_shop_without_any_events_still_shows_goods() -> None:
    empty = World.make(events=World.make().events.clear())
    found = search(empty, Need(), NOBODY, 30)
    assert len(found.entries) == 30
    assert aisles(empty, search(empty, Need(text="green tea"), NOBODY))[0] == "TEA"


@pytest.mark.parametrize("kind", ["dismiss", "return", "purchase"])
def test_what_was_turned_down_or_bought_now_is_gone_from_the_next_result(world: World, kind: str) -> None:
    need = Need(text="green tea")
    before = search(world, need, NOBODY)
    first = before.entries[0].item.removeprefix("north:")
    after = search(world, need, world.did((first, kind, 0)))
    assert before.entries[0].item not in [entry.item for entry in after.entries]
    assert len(after.entries) == len(before.entries) - 1


def test_a_repeat_need_may_show_what_was_bought(world: World) -> None:
    need = Need(origin="repeat", targets=("ENERGY_BARS",))
    found = search(world, need, world.did(("energy_bars-00", "purchase", 31)))
    assert found.entries[0].item == "north:energy_bars-00"
    assert search(world, need, world.did(("energy_bars-00", "dismiss", 1))).entries[0].item != "north:energy_bars-00"


def test_a_dismissal_lowers_its_aisle_a_bit_and_fades(world: World) -> None:
    def share(history: History) -> float:
        found = search(world, Need(), history, 60)
        tea = [e.fused for e in found.entries if world.aisle(e.row) == "PLASTERS"]
        return max(tea) / max(e.fused for e in found.entries if world.aisle(e.row) == "ENERGY_BARS")

    liked = ("trail_shoes-00", "purchase", 30)
    never = share(world.did(liked))
    now = share(world.did(liked, ("plasters-10", "dismiss", 0)))
    long_ago = share(world.did(liked, ("plasters-10", "dismiss", 25), ("plasters-10", "dismiss", 900)))
    assert now < long_ago < never


def test_a_view_now_changes_the_next_result(world: World) -> None:
    before = [entry.item for entry in search(world, Need(), world.did(("tea-00", "purchase", 90)), 20).entries]
    after = search(world, Need(), world.did(("tea-00", "purchase", 90), ("pans-00", "view", 0)), 20)
    assert [entry.item for entry in after.entries] != before
    assert any(
        event.item == "north:pans-00"
        for entry in after.entries
        for evidence in evidence_of(world, query_of(world, Need(), world.did(("pans-00", "view", 0))), entry)
        for event in evidence.events
    )


def test_sensitive_goods_are_shown_only_when_asked_for_by_name(world: World) -> None:
    assert "VITAMINS" in world.sensitive.categories
    for need in (Need(), Need(text="something good"), Need(text="vitamins", origin="inferred"), Need(origin="repeat")):
        assert "VITAMINS" not in aisles(world, search(world, need, world.of("hiker04")))
    assert aisles(world, search(world, Need(text="vitamins"), NOBODY))[0] == "VITAMINS"
    asked = Need(constraints=Constraints(categories=("VITAMINS",)))
    assert set(aisles(world, search(world, asked, NOBODY))) == {"VITAMINS"}


def test_sensitive_purchases_steer_nothing(world: World) -> None:
    plain = world.did(("tea-00", "purchase", 9))
    loaded = world.did(("tea-00", "purchase", 9), ("vitamins-00", "purchase", 3))
    for need in (Need(), Need(text="lamp"), Need(origin="inferred", targets=("LAMPS",))):
        assert search(world, need, plain) == search(world, need, loaded)


def test_known_text_lists_give_the_same_result(world: World) -> None:
    for need in (Need(text="green tea"), Need(text="bar", origin="inferred", targets=("ENERGY_BARS",)), Need()):
        for history in (NOBODY, world.of("hiker09"), world.did(("tea-03", "dismiss", 1))):
            assert search(world, need, history, text=text_lists(world, need)) == search(world, need, history)


def test_the_words_are_encoded_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = world.encoder.encode
    monkeypatch.setattr(world.encoder, "encode", lambda texts: calls.append(texts) or real(texts))
    search(world, Need(text="green tea", wanted=("leaves",)), world.of("hiker01"))
    assert calls == [["green tea leaves"]]


def test_at_most_k(world: World) -> None:
    for k in (1, 3, 500):
        assert len(search(world, Need(text="tea"), NOBODY, k).entries) <= k


def test_candidates_survive_json(world: World) -> None:
    found = search(world, Need(text="tea"), world.of("hiker01"))
    assert Candidates.model_validate_json(found.model_dump_json()) == found


def test_evidence_comes_from_every_channel_that_spoke_or_none(world: World) -> None:
    need = Need(text="energy bar")
    history = world.did(("trail_shoes-00", "purchase", 5))
    query = query_of(world, need, history)
    for entry in search(world, need, history).entries[:10]:
        told = [evidence.channel for evidence in evidence_of(world, query, entry)]
        assert set(told) <= {said.channel for said in entry.channels}
        assert told
    assert np.isclose(np.linalg.norm(query.vector), 1, atol=1e-4)
