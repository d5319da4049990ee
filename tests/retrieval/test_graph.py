from __future__ import annotations

import numpy as np
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Query
from retrieval.channels.graph import GraphConfig, GraphModel
from retrieval.channels.log import Log
from retrieval.channels.sequence_data import Sequences
from retrieval.channels.spectral import near_pairs
from retrieval.history import History
from retrieval.schema import Need
from tests.retrieval.channel_contract import LearntContract
from tests.retrieval.small_world import World, goods
from tests.retrieval.test_sequence import events_of


class TestGraph(LearntContract):
    kind = GraphModel

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.of("hiker03"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(goods())


def circles_of_taste(shoppers: int, catalogue: Catalogue, seed: int) -> dict[str, list[int]]:
    """Eight tastes of twelve items; a shopper has five items of one taste."""
    chance = np.random.default_rng(seed)
    tastes = np.random.default_rng(1).permutation(len(catalogue)).reshape(8, 12)
    return {f"s{n}": chance.permutation(tastes[n % 8])[:5].tolist() for n in range(shoppers)}


def test_a_shopper_never_seen_gets_more_of_the_same_taste(catalogue: Catalogue) -> None:
    model = GraphModel.fit(events_of(circles_of_taste(160, catalogue, 2), catalogue), catalogue)
    tastes = np.random.default_rng(1).permutation(len(catalogue)).reshape(8, 12)
    right = 0
    for number, taken in enumerate(circles_of_taste(16, catalogue, 77).values()):
        history = History.of(events_of({"new": taken[:2]}, catalogue), catalogue)
        found = model.candidates(Query(Need(), history), 10).rows
        right += len(set(found.tolist()) & set(tastes[number % 8].tolist()))
    assert right >= 150


def test_hops_reach_items_that_no_shopper_has_together(catalogue: Catalogue) -> None:
    chain = {f"s{n}": [n % 10, n % 10 + 1] for n in range(60)} | {
        f"t{n}": [40 + n % 10, 41 + n % 10] for n in range(60)
    }
    model = GraphModel.fit(events_of(chain, catalogue), catalogue, GraphConfig(epochs=0))
    scores = model.scores(History.of(events_of({"new": [3]}, catalogue), catalogue))
    assert scores is not None
    by_row = dict(zip(model.rows.tolist(), scores.tolist(), strict=True))
    assert by_row[4] > by_row[45]
    assert by_row[5] > by_row[45]


def test_evidence_names_the_events_that_add_most(catalogue: Catalogue) -> None:
    model = GraphModel.fit(events_of(circles_of_taste(160, catalogue, 2), catalogue), catalogue)
    tastes = np.random.default_rng(1).permutation(len(catalogue)).reshape(8, 12).tolist()
    history = History.of(events_of({"new": [tastes[0][0], tastes[5][0], tastes[5][1]]}, catalogue), catalogue)
    (evidence,) = model.evidence(Query(Need(), history), tastes[5][7])
    assert {event.item for event in evidence.events} == {catalogue.ids[row] for row in tastes[5][:2]}
    assert evidence.facts["score"] > 0


def test_newer_events_weigh_more(catalogue: Catalogue) -> None:
    model = GraphModel.fit(events_of(circles_of_taste(160, catalogue, 2), catalogue), catalogue)
    tastes = np.random.default_rng(1).permutation(len(catalogue)).reshape(8, 12).tolist()
    one = model.scores(History.of(events_of({"new": [tastes[0][0], tastes[1][0]]}, catalogue), catalogue))
    other = model.scores(History.of(events_of({"new": [tastes[1][0], tastes[0][0]]}, catalogue), catalogue))
    place = int(np.searchsorted(model.rows, tastes[0][5]))
    assert one is not None
    assert other is not None
    assert other[place] > one[place]


def test_the_decay_is_the_one_that_tells_held_out_items(catalogue: Catalogue) -> None:
    steps = np.random.default_rng(4)
    taste = np.random.default_rng(1).permutation(len(catalogue)).reshape(8, 12)
    constant, moved = {}, {}
    for number in range(1200):
        old, new = steps.permutation(8)[:2]
        constant[f"s{number:04d}"] = steps.permutation(taste[old])[:7].tolist()
        moved[f"s{number:04d}"] = [*steps.permutation(taste[old])[:5].tolist(), *taste[new][:1], *taste[new][1:2]]
    config = GraphConfig(epochs=1)
    stays, moves = (GraphModel.fit(events_of(one, catalogue), catalogue, config).decay for one in (constant, moved))
    assert moves < stays


def test_what_is_held_out_starts_nothing(catalogue: Catalogue) -> None:
    sequences = Sequences.of(Log.taken(events_of({"a": [1, 2, 3]}, catalogue), catalogue), len(catalogue), 100)
    hidden = np.array([False, False, True])
    assert near_pairs(sequences).toarray()[2].sum() > 0
    assert near_pairs(sequences, hidden).toarray()[2].sum() == 0
    assert near_pairs(sequences, hidden).toarray()[0, 1] == 1
