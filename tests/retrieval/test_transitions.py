from __future__ import annotations

import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Query
from retrieval.channels.transitions import Transitions, TransitionsConfig
from retrieval.history import History
from retrieval.schema import Need
from tests.retrieval.channel_contract import LearntContract
from tests.retrieval.small_world import World, goods
from tests.retrieval.test_sequence import events_of


class TestTransitions(LearntContract):
    kind = Transitions

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.of("hiker03"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(goods())


def test_rules_run_forward_and_nearer_ones_weigh_more(catalogue: Catalogue) -> None:
    model = Transitions.fit(
        events_of({"a": [3, 5, 9], "b": [5, 9]}, catalogue), catalogue, TransitionsConfig(damping=0)
    )
    rows, shares = model.scores(History.of(events_of({"new": [3]}, catalogue), catalogue))
    assert rows.tolist() == [5, 9]
    assert shares.tolist() == pytest.approx([2 / 3, 1 / 3])
    rows, _ = model.scores(History.of(events_of({"new": [9]}, catalogue), catalogue))
    assert not len(rows)


def test_the_last_event_speaks_loudest_and_is_named(catalogue: Catalogue) -> None:
    taken = {f"s{n}": [0, 7] for n in range(3)} | {f"t{n}": [1, 8] for n in range(3)}
    model = Transitions.fit(events_of(taken, catalogue), catalogue)
    query = Query(Need(), History.of(events_of({"new": [0, 1]}, catalogue), catalogue))
    found = model.candidates(query, 5)
    assert found.rows.tolist() == [8, 7]
    assert found.scores[0] == pytest.approx(4 * found.scores[1], rel=1e-4)
    (evidence,) = model.evidence(query, 8)
    assert evidence.events[0].item == catalogue.ids[1]
    assert evidence.edge is not None
    assert (evidence.edge.support, evidence.edge.target) == (3, catalogue.ids[8])
    assert evidence.edge.lift > 1
    assert model.evidence(query, 50) == ()
