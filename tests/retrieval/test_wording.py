"""What words find: blended by score, moved by what was found first, read beside what was said about the same thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.fuse import CONSTANT, Fused
from retrieval.history import History
from retrieval.schema import Constraints, Need
from retrieval.search import search, text_lists
from retrieval.wording import LATEST, LEAD, led, meaning
from tests.retrieval.small_world import NOW, World

NOBODY = History.empty(NOW)


@pytest.fixture(scope="module")
def world() -> World:
    return World.make()


def test_what_was_said_about_the_same_thing_is_read_beside_the_need(world: World) -> None:
    plain = meaning(world.encoder, Need(text="tea"))
    own = meaning(world.encoder, Need(text="tea", said=("some green tea from Japan",)))
    assert not np.allclose(plain, own)
    assert np.linalg.norm(own) == pytest.approx(1.0, abs=1e-5)
    green = world.encoder.encode(["green tea from Japan"])[0]
    assert own @ green > plain @ green


def test_what_was_said_about_something_else_is_not_read(world: World) -> None:
    need = Need(text="green tea")
    for strange in ("", "zzzz qqqq", "green tea"):
        np.testing.assert_array_equal(
            meaning(world.encoder, need), meaning(world.encoder, need.model_copy(update={"said": (strange,)}))
        )


def test_only_the_latest_messages_are_read(world: World) -> None:
    late = ("green tea please",) * LATEST
    one, other = (meaning(world.encoder, Need(text="tea", said=(early, *late))) for early in ("black tea", "mint tea"))
    np.testing.assert_array_equal(one, other)


def test_the_blended_score_leads_and_ties_go_to_the_lower_row(world: World) -> None:
    rows = np.arange(3, dtype=np.int32)
    said = {
        "dense": (np.array([0.2, 0.5, 0.5], np.float32), np.array([3, 1, 2])),
        "lexical": (np.array([0.9, 0.1, 0.1], np.float32), np.array([1, 2, 3])),
    }
    found = led(Fused(rows, np.zeros(3), said), world.encoder)
    assert found.scores == pytest.approx([LEAD / (CONSTANT + rank) for rank in (1, 2, 3)])
    assert found.said is said


def test_each_channel_speaks_of_what_the_other_found(world: World) -> None:
    lists = text_lists(world, Need(text="blister plasters"))
    assert set(lists["lexical"].rows.tolist()) <= set(lists["dense"].rows.tolist())
    for scored in lists.values():
        assert (np.diff(scored.scores) <= 0).all()
    assert lists["lexical"].scores.max() <= 1.0 + 1e-6


def test_rows_within_are_all_that_is_found(world: World) -> None:
    within = np.zeros(len(world.catalogue), dtype=np.bool_)
    within[::7] = True
    for scored in text_lists(world, Need(text="green tea"), within=within).values():
        assert within[scored.rows].all()


def test_what_was_said_lifts_no_limit(world: World) -> None:
    limits = Constraints(not_categories=("TEA",))
    need = Need(text="tea", said=("I want green tea", "really, tea"), constraints=limits)
    found = search(world, need, NOBODY)
    assert all(world.aisle(entry.row) != "TEA" for entry in found.entries)


def test_a_shop_without_one_of_the_channels_is_searched_with_the_other(world: World) -> None:
    for name in ("dense", "lexical"):
        half = replace(world, channels={key: one for key, one in world.channels.items() if key != name})
        found = search(half, Need(text="green tea"), NOBODY)
        assert world.aisle(found.entries[0].row) == "TEA"
