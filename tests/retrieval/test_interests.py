"""What a shopper is into, and who took the same: the contract, and what each alone does, counted again by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Query
from retrieval.channels.interests import Interests, InterestsConfig
from retrieval.channels.neighbours import Neighbours
from retrieval.schema import Need
from tests.retrieval.channel_contract import ChannelContract, LearntContract
from tests.retrieval.small_world import World


class TestInterests(ChannelContract):
    @classmethod
    def make(cls, world: World) -> Interests:
        return Interests(world.catalogue, world.vectors)

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(("trail_shoes-00", "purchase", 3), ("tea-01", "purchase", 5)))

    def test_each_interest_has_a_group_and_the_recent_one_weighs_most(self, world: World, channel: Interests) -> None:
        history = world.did(
            ("trail_shoes-00", "purchase", 300), ("trail_shoes-01", "purchase", 301), ("tea-01", "purchase", 2)
        )
        groups = channel.groups(history)
        aisles = [world.aisle(int(row)) for row in groups.rows]
        assert aisles[0] == "TEA"
        assert "TRAIL_SHOES" in aisles
        assert groups.shares.sum() == pytest.approx(1.0)
        assert (np.diff(groups.shares) <= 0).all()

    def test_alike_items_make_one_group(self, world: World) -> None:
        history = world.did(*((f"tea-{number:02d}", "purchase", number) for number in range(6)))
        one = Interests(world.catalogue, world.vectors, InterestsConfig(gain=0.5))
        assert len(one.groups(history).rows) == 1

    def test_items_that_nobody_took_are_found_by_their_words(self, world: World, channel: Interests) -> None:
        taken = set(world.events["item"])
        cold = np.array([item not in taken for item in world.catalogue.ids])
        found = channel.candidates(Query(Need(), world.did(("pans-00", "purchase", 3)), cold), 3)
        assert world.aisle(int(found.rows[0])) == "PANS"
        assert cold[found.rows].all()

    def test_a_filter_only_leaves_rows_out(self, world: World, channel: Interests) -> None:
        history = self.speaks(world).history
        everything = channel.candidates(Query(Need(), history), len(world.catalogue))
        few = np.zeros(len(world.catalogue), dtype=np.bool_)
        few[::7] = True
        part = channel.candidates(Query(Need(), history, few), len(world.catalogue))
        kept = few[everything.rows]
        assert part.rows.tolist() == everything.rows[kept].tolist()
        np.testing.assert_allclose(part.scores, everything.scores[kept], rtol=1e-5)

    def test_evidence_is_the_nearest_interest(self, world: World, channel: Interests) -> None:
        query = self.speaks(world)
        row = world.catalogue.row("north:tea-04")
        evidence = channel.evidence(query, row)[0]
        assert [event.item for event in evidence.events] == ["north:tea-01"]
        nearest = float(world.vectors[row] @ world.vectors[world.catalogue.row("north:tea-01")])
        assert evidence.facts["similarity"] == pytest.approx(nearest, abs=1e-3)

    def test_items_without_words_say_nothing(self, world: World) -> None:
        blank = Interests(world.catalogue, np.zeros_like(world.vectors))
        assert not len(blank.candidates(self.speaks(world), 5).rows)
        assert blank.evidence(self.speaks(world), 0) == ()


class TestNeighbours(LearntContract):
    kind = Neighbours

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(("trail_shoes-00", "purchase", 3)))

    def test_the_score_is_the_sum_of_cosines_over_shared_shoppers(self, world: World, channel: Neighbours) -> None:
        bought = world.events.filter(world.events["kind"] == "purchase")
        takers: dict[str, set[str]] = {}
        widths: dict[str, set[str]] = {}
        for shopper, item in bought.select("shopper", "item").iter_rows():
            takers.setdefault(item, set()).add(shopper)
            widths.setdefault(shopper, set()).add(item)
        start = "north:trail_shoes-00"
        weight = 0.5 ** (3 / channel.config.half_life)
        found = channel.candidates(self.speaks(world), 500)
        scores = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
        for item, own in takers.items():
            shared = own & takers[start] if item != start else set()
            expected = sum(1 / math.sqrt(len(widths[shopper])) for shopper in shared)
            expected *= weight / math.sqrt((len(own) + 1) * (len(takers[start]) + 1))
            row = world.catalogue.row(item)
            assert scores.get(row, 0.0) == pytest.approx(expected, rel=1e-3)

    def test_evidence_names_the_shared_shoppers(self, world: World, channel: Neighbours) -> None:
        query = self.speaks(world)
        bought = world.events.filter(world.events["kind"] == "purchase")
        row = next(int(r) for r in channel.candidates(query, 50).rows if world.aisle(int(r)) == "PLASTERS")
        both = [
            set(bought.filter(bought["item"] == item)["shopper"])
            for item in ("north:trail_shoes-00", world.catalogue.ids[row])
        ]
        edge = channel.evidence(query, row)[0].edge
        assert edge is not None
        assert edge.support == len(both[0] & both[1])

    def test_a_shop_of_one_item_is_no_error(self, world: World) -> None:
        one = Catalogue(world.catalogue.frame.head(1))
        assert not len(Neighbours.fit(world.events, one).candidates(Query(Need(), world.did()), 5).rows)
