from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Query
from retrieval.channels.log import Log
from retrieval.channels.sequence import SequenceConfig, SequenceModel
from retrieval.channels.sequence_data import UNWANTED, Sequences, gap_buckets
from retrieval.channels.sequence_forward import last_state
from retrieval.history import EVENT_SCHEMA, History
from retrieval.schema import Need
from tests.retrieval.channel_contract import LearntContract
from tests.retrieval.small_world import World, goods

START = datetime(2025, 1, 1, tzinfo=UTC)


def events_of(sequences: dict[str, list[int]], catalogue: Catalogue, kind: str = "purchase") -> pl.DataFrame:
    rows = [
        {"shopper": shopper, "item": catalogue.ids[row], "kind": kind, "at": START + timedelta(days=day)}
        for shopper, taken in sequences.items()
        for day, row in enumerate(taken)
    ]
    blank = {"value_minor": None, "currency": "", "quantity": 1.0, "platform": ""}
    return pl.DataFrame([blank | row for row in rows], schema=EVENT_SCHEMA)


def in_circles(shoppers: int, catalogue: Catalogue, seed: int = 3) -> dict[str, list[int]]:
    """Everyone walks the same circle of items from a place of their own: what comes next depends on the last alone."""
    chance = np.random.default_rng(seed)
    circle = np.random.default_rng(1).permutation(len(catalogue))
    found = {}
    for number in range(shoppers):
        start, steps = int(chance.integers(len(circle))), int(chance.integers(4, 9))
        found[f"s{number:03d}"] = [int(circle[(start + step) % len(circle)]) for step in range(steps)]
    return found


class TestSequence(LearntContract):
    kind = SequenceModel

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.of("hiker03"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(goods())


def test_it_tells_what_comes_next_where_popularity_and_the_set_of_items_cannot(catalogue: Catalogue) -> None:
    events = events_of(in_circles(300, catalogue), catalogue)
    model = SequenceModel.fit(events, catalogue)
    hits, popular = 0, 0
    top = events["item"].value_counts(sort=True)["item"].to_list()[:3]
    unseen = in_circles(60, catalogue, seed=99)
    for taken in unseen.values():
        history = History.of(events_of({"new": taken[:-1]}, catalogue), catalogue)
        fresh = np.ones(len(catalogue), dtype=bool)
        fresh[history.rows] = False
        found = model.candidates(Query(Need(), history, fresh), 3).rows
        hits += taken[-1] in found
        popular += catalogue.ids[taken[-1]] in top
    assert hits >= 50
    assert popular <= 15


def test_numpy_serves_what_torch_trained(catalogue: Catalogue) -> None:
    import torch

    from retrieval.channels.sequence_model import Network, Plan

    plan = Plan(16, 3, 4, 12, 0.4, 0.0, 1e-3, 1, 64, 8, 100, 7)
    chance = np.random.default_rng(2)
    torch.manual_seed(0)
    network = Network(chance.normal(size=(30, 16)).astype(np.float32), plan).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    weights = {name: value.numpy()[None] for name, value in network.state_dict().items()}
    for length in (1, 2, 7, 12):
        items, kinds, gaps = (chance.integers(0, top, length) for top in (30, 7, 12))
        with torch.no_grad():
            theirs = network(*(torch.from_numpy(codes[None]) for codes in (items, kinds, gaps)))[0, -1].numpy()
        ours = last_state(weights, 0, items.astype(np.int32), kinds.astype(np.int8), gaps.astype(np.int8))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_padding_and_what_comes_later_change_no_state(catalogue: Catalogue) -> None:
    import torch

    from retrieval.channels.sequence_model import Network, Plan

    torch.manual_seed(1)
    plan = Plan(8, 2, 2, 10, 0.0, 0.0, 1e-3, 1, 64, 8, 100, 7)
    network = Network(np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32), plan).eval()
    items = torch.tensor([[1, 2, 3, 4, 5]])
    other = torch.tensor([[1, 2, 3, 8, 0]])
    zeros = torch.zeros_like(items)
    with torch.no_grad():
        one, two = network(items, zeros, zeros), network(other, zeros, zeros)
    assert torch.allclose(one[:, :3], two[:, :3], atol=1e-6)
    assert not torch.allclose(one[:, 3:], two[:, 3:], atol=1e-3)


def test_one_more_event_counts_at_once(world_of_circles: tuple[SequenceModel, Catalogue, list[int]]) -> None:
    model, catalogue, circle = world_of_circles
    for at in (5, 20, 40):
        for stop in (at + 3, at + 4):
            history = History.of(events_of({"new": circle[at:stop]}, catalogue), catalogue)
            chances = model.log_chances(history)
            assert chances is not None
            chances = chances.copy()
            chances[np.searchsorted(model.rows, history.rows)] = -np.inf
            assert model.rows[np.argsort(-chances)[:2]].tolist().count(circle[stop]) == 1


def test_evidence_names_the_event_that_the_item_depends_on(
    world_of_circles: tuple[SequenceModel, Catalogue, list[int]],
) -> None:
    model, catalogue, circle = world_of_circles
    named = 0
    for at in range(10):
        taken = [circle[at + 30], circle[at + 60], circle[at]]  # only the last one leads to the next on the circle
        query = Query(Need(), History.of(events_of({"new": taken}, catalogue), catalogue))
        (evidence,) = model.evidence(query, circle[at + 1]) or (None,)
        if evidence is None:
            continue
        named += evidence.events[0].item == catalogue.ids[circle[at]]
        assert 0 < evidence.facts["chance"] <= 1
        assert evidence.facts["log_chance_lost"] > 0
    assert named >= 8


@pytest.fixture(scope="module")
def world_of_circles(catalogue: Catalogue) -> tuple[SequenceModel, Catalogue, list[int]]:
    circle = np.random.default_rng(1).permutation(len(catalogue)).tolist()
    model = SequenceModel.fit(events_of(in_circles(300, catalogue), catalogue), catalogue)
    return model, catalogue, circle


def test_items_beyond_the_most_chosen_are_left_out(catalogue: Catalogue) -> None:
    events = events_of({"a": [0, 1, 2], "b": [1, 2, 3], "c": [2, 1, 9], "d": [1, 2, 0]}, catalogue)
    model = SequenceModel.fit(events, catalogue, SequenceConfig(most_items=3, epochs=1))
    assert model.rows.tolist() == [0, 1, 2]
    history = History.of(events_of({"new": [9, 3]}, catalogue), catalogue)
    assert len(model.candidates(Query(Need(), history), 5).rows) == 0
    assert model.vector(history) is None


def test_categories_can_be_the_items() -> None:
    names = [f"AISLE {number}" for number in range(12)]
    frame = goods().head(12).with_columns(item=pl.Series(names), category=pl.Series(names)).sort("item")
    aisles = Catalogue(frame)
    events = events_of({f"s{n}": [n % 12, (n + 1) % 12, n % 12, (n + 1) % 12] for n in range(24)}, aisles)
    model = SequenceModel.fit(events, aisles)
    found = model.candidates(Query(Need(), History.of(events_of({"new": [3]}, aisles), aisles)), 4)
    assert 4 in found.rows.tolist()


def test_windows_ask_every_event_once_and_hide_what_is_held_out(catalogue: Catalogue) -> None:
    taken = {"a": list(range(23)), "b": [5, 6, 7], "c": [1]}
    sequences = Sequences.of(Log.liked(events_of(taken, catalogue), catalogue), len(catalogue), 1000)
    hidden = np.zeros(len(sequences.codes), dtype=bool)
    hidden[22] = True
    asked: list[int] = []
    chance = np.random.default_rng(0)
    for batch in sequences.batches(sequences.windows(5), 10, chance, hidden):
        asked += batch.targets[batch.targets != UNWANTED].tolist()
    assert sorted(asked) == sorted([*range(1, 22), 6, 7])


def test_gaps_grow_with_the_days_between_events() -> None:
    assert gap_buckets(np.array([10.0, 10.0, 11.0, 41.0, 4000.0])).tolist() == [0, 0, 1, 5, 11]
    assert gap_buckets(np.zeros(0)).tolist() == []
