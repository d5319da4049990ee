"""Each channel: the contract, and what it alone does, counted again from the events by hand."""

from __future__ import annotations

import statistics
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels import association
from retrieval.channels import ease as ease_module
from retrieval.channels.association import Association, AssociationConfig
from retrieval.channels.base import Channel, Query, Scored
from retrieval.channels.copurchase import LIFT_SHRINK, Copurchase
from retrieval.channels.dense import Dense, DenseConfig
from retrieval.channels.ease import Ease, EaseConfig
from retrieval.channels.lexical import Lexical, LexicalConfig, stems
from retrieval.channels.log import Log
from retrieval.channels.new_items import NewItems
from retrieval.channels.popularity import Popularity
from retrieval.channels.registry import CHANNELS
from retrieval.channels.replenishment import Replenishment
from retrieval.history import History
from retrieval.schema import Need
from tests.retrieval.channel_contract import ChannelContract, LearntContract
from tests.retrieval.small_world import NOW, World

SHOES = (("trail_shoes-00", "purchase", 3),)


def firsts(world: World) -> dict[str, dict[str, datetime]]:
    """Shopper -> category -> first purchase, in plain Python."""
    found: dict[str, dict[str, datetime]] = {}
    for event in world.events.filter(pl.col("kind") == "purchase").iter_rows(named=True):
        mine = found.setdefault(event["shopper"], {})
        category = world.aisle(world.catalogue.row(event["item"]))
        mine[category] = min(mine.get(category, event["at"]), event["at"])
    return found


class TestAssociation(LearntContract):
    kind = Association

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(*SHOES))

    def test_edges_say_what_can_be_counted_in_the_events(self, world: World, channel: Association) -> None:
        by_shopper = firsts(world)
        code = world.catalogue.category.code_of
        for source, target in (
            ("TRAIL_SHOES", "PLASTERS"),
            ("TRAIL_SHOES", "ENERGY_BARS"),
            ("PANS", "SPICES"),
            ("SPICES", "TEA"),
        ):
            edge = channel.edge(code[source], code[target])
            both = [mine for mine in by_shopper.values() if source in mine and target in mine]
            gaps = [(mine[target] - mine[source]).total_seconds() / 86400 for mine in both]
            after = [gap for gap in gaps if gap >= 0]
            takers = [sum(name in mine for mine in by_shopper.values()) for name in (source, target)]
            shrink = channel.config.shrink
            chance = takers[0] * takers[1] / len(by_shopper)
            assert edge is not None
            assert edge.support == len(after)
            assert edge.lift == pytest.approx((len(both) + shrink) / (chance + shrink), abs=1e-3)
            assert edge.days == pytest.approx(statistics.median(after), abs=0.01)

    def test_it_is_directed(self, world: World, channel: Association) -> None:
        code = world.catalogue.category.code_of
        there = channel.edge(code["TRAIL_SHOES"], code["PLASTERS"])
        back = channel.edge(code["PLASTERS"], code["TRAIL_SHOES"])
        assert there is not None
        assert there.support >= 35
        assert back is None or back.support < 10

    def test_lift_is_shrunk_towards_1_where_support_is_low(self, world: World) -> None:
        code = world.catalogue.category.code_of
        lifts = []
        for shrink in (0.1, 5.0, 1e6):
            graph = Association.fit(world.events, world.catalogue, AssociationConfig(shrink=shrink))
            edge = graph.edge(code["TRAIL_SHOES"], code["PLASTERS"])
            assert edge is not None
            lifts.append(edge.lift)
        assert lifts[0] > lifts[1] > lifts[2] == pytest.approx(1.0, abs=1e-3)

    def test_who_bought_shoes_is_led_to_plasters_with_the_edge_and_the_event(
        self, world: World, channel: Association
    ) -> None:
        query = self.speaks(world)
        found = channel.candidates(query, 8)
        row = next(int(row) for row in found.rows if world.aisle(int(row)) == "PLASTERS")
        evidence = channel.evidence(query, row)[0]
        assert evidence.edge is not None
        assert (evidence.edge.source, evidence.edge.target) == ("TRAIL_SHOES", "PLASTERS")
        assert [event.item for event in evidence.events] == ["north:trail_shoes-00"]

    def test_an_edge_hardly_above_chance_ranks_but_is_no_reason(
        self, world: World, channel: Association, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = np.ones(len(channel.walkers))
        target = next(code for code in range(len(weights)) if channel.sources(weights, code, 9))
        before = channel.category_scores(weights)
        lifts = [channel.edge(source, target).lift for source in channel.sources(weights, target, 9)]  # type: ignore[union-attr]
        assert min(lifts) >= association.TELLING
        monkeypatch.setattr(association, "TELLING", max(lifts) + 0.1)
        assert channel.sources(weights, target, 9) == []
        assert np.array_equal(channel.category_scores(weights), before)

    def test_blocks_of_the_count_make_no_difference(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        from retrieval.channels import association

        whole = self.make(world)
        monkeypatch.setattr(association, "JOIN_ROWS", 50)
        parts = self.make(world)
        for name in association.Association._ARRAYS:
            np.testing.assert_array_equal(whole._arrays[name], parts._arrays[name])


class TestEase(LearntContract):
    kind = Ease

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(*SHOES))

    def test_the_weights_are_the_closed_form_solution(self, world: World, channel: Ease) -> None:
        shoppers = firsts(world)
        names = [world.catalogue.category.names[c] for c in channel._codes]
        walked = np.array([[name in mine for name in names] for mine in shoppers.values()], dtype=float)
        inverse = np.linalg.inv(walked.T @ walked + channel.ridge * np.eye(len(names)))
        expected = -inverse / np.diag(inverse)
        np.fill_diagonal(expected, 0.0)
        np.testing.assert_allclose(channel._weights, expected, rtol=1e-4, atol=1e-6)

    def test_the_ridge_that_predicts_held_out_aisles_best_is_chosen(self, world: World, channel: Ease) -> None:
        assert channel.ridge in channel.config.ridges
        alone = Ease.fit(world.events, world.catalogue, EaseConfig(ridges=(7.0,)))
        assert alone.ridge == 7.0
        walked, held = ease_module._walked(Log.taken(world.events, world.catalogue), world.catalogue)
        quality = {}
        for ridge in channel.config.ridges:
            weights, total = ease_module._solve(walked, ridge), []
            for known, wanted in zip(walked.toarray(), held.toarray(), strict=True):
                if wanted.any():
                    order = sorted(np.flatnonzero(known == 0), key=lambda c: (-(known @ weights)[c], c))
                    gain = sum(wanted[c] / np.log2(place + 2) for place, c in enumerate(order[:8]))
                    total.append(gain / sum(1 / np.log2(place + 2) for place in range(int(wanted.sum()))))
            quality[ridge] = np.mean(total)
        best = max(quality.values())
        assert channel.ridge == max(ridge for ridge, found in quality.items() if found >= best - 1e-9)

    def test_hikers_aisles_come_before_cooks_aisles(self, world: World, channel: Ease) -> None:
        scores = channel.category_scores(channel.profile(world.did(*SHOES)))
        code = world.catalogue.category.code_of
        assert scores[code["PLASTERS"]] > scores[code["SPICES"]]

    def test_scores_for_targets_alone_are_the_same(self, world: World, channel: Ease) -> None:
        weights = channel.profile(world.of("hiker01"))
        whole = channel.category_scores(weights)
        for code in range(len(whole)):
            assert channel.category_scores(weights, [code])[code] == pytest.approx(whole[code], abs=1e-6)


class TestCopurchase(LearntContract):
    kind = Copurchase

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(*SHOES))

    def test_support_lift_and_days_can_be_counted_in_the_events(self, world: World, channel: Copurchase) -> None:
        query = self.speaks(world)
        bought = world.events.filter(pl.col("kind") == "purchase").sort("shopper", "at")
        sequences = {name: part.rows(named=True) for (name,), part in bought.group_by("shopper", maintain_order=True)}
        takers = {item: bought.filter(pl.col("item") == item)["shopper"].n_unique() for item in world.catalogue.ids}
        for row in channel.candidates(query, 5).rows:
            edge = channel.evidence(query, int(row))[0].edge
            assert edge is not None
            assert edge.source == "north:trail_shoes-00"
            gaps = []
            for sequence in sequences.values():
                pairs = [
                    (later["at"] - event["at"]).total_seconds() / 86400
                    for place, event in enumerate(sequence)
                    for later in sequence[place + 1 : place + 1 + channel.config.window]
                    if event["item"] == edge.source and later["item"] == edge.target
                ]
                gaps += [min(pairs)] if pairs else []
            chance = takers[edge.source] * takers[edge.target] / len(sequences)
            assert edge.support == len(gaps)
            assert edge.lift == pytest.approx((len(gaps) + LIFT_SHRINK) / (chance + LIFT_SHRINK), abs=1e-3)
            assert edge.days == pytest.approx(statistics.median(gaps), abs=0.01)

    def test_sooner_and_closer_counts_more(self, world: World) -> None:
        def sequence(shopper: str, *items: tuple[str, int]) -> pl.DataFrame:
            base = world.events.head(1).with_columns(shopper=pl.lit(shopper), kind=pl.lit("purchase"))
            return pl.concat(
                base.with_columns(
                    item=pl.lit(f"north:{item}"), at=pl.datetime(2025, 1, 1, time_zone="UTC") + pl.duration(days=day)
                )
                for item, day in items
            )

        events = pl.concat(
            [sequence("a", ("tea-00", 0), ("tea-01", 1), ("tea-02", 2), ("tea-03", 90)), sequence("b", ("tea-04", 0))]
        ).with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
        channel = Copurchase.fit(events, world.catalogue)
        found = channel.candidates(Query(Need(), world.did(("tea-00", "purchase", 1))), 9)
        assert [world.catalogue.ids[row][-2:] for row in found.rows] == ["01", "02", "03"]
        back = channel.candidates(Query(Need(), world.did(("tea-03", "purchase", 1))), 9)
        assert len(back.rows) == 0  # rules lead forward only

    def test_a_basket_has_no_order(self, world: World) -> None:
        two = world.events.head(2).with_columns(
            shopper=pl.lit("a"),
            kind=pl.lit("purchase"),
            item=pl.Series(["north:tea-00", "north:tea-01"]),
            at=pl.datetime(2025, 1, 1, time_zone="UTC").cast(pl.Datetime("us", "UTC")),
        )
        channel = Copurchase.fit(two, world.catalogue)
        for one, other in (("00", "01"), ("01", "00")):
            found = channel.candidates(Query(Need(), world.did((f"tea-{one}", "purchase", 1))), 9)
            assert [world.catalogue.ids[row][-2:] for row in found.rows] == [other]

    def test_a_view_steers_less_than_a_purchase_of_the_same_day(self, world: World, channel: Copurchase) -> None:
        seen = channel.candidates(Query(Need(), world.did(("trail_shoes-00", "view", 1))), 9)
        bought = channel.candidates(Query(Need(), world.did(("trail_shoes-00", "purchase", 1))), 9)
        assert len(seen.rows)
        np.testing.assert_array_equal(seen.rows, bought.rows)
        assert (seen.scores < bought.scores).all()


class TestLexical(LearntContract):
    kind = Lexical

    def speaks(self, world: World) -> Query:
        return Query(Need(text="green tea"), History.empty(NOW))

    def test_words_find_what_holds_them_and_evidence_names_them(self, world: World, channel: Lexical) -> None:
        query = Query(Need(text="Juniper SPICES, ground!"), History.empty(NOW))
        best = int(channel.candidates(query, 3).rows[0])
        assert world.catalogue.titles[best] == "Juniper ground spice jar"
        evidence = channel.evidence(query, best)[0]
        assert evidence.terms == ("juniper", "spices", "ground")
        assert evidence.facts["score"] == pytest.approx(float(channel.candidates(query, 3).scores[0]), abs=1e-3)

    def test_scores_are_those_of_bm25s_without_the_share_of_places(self, world: World) -> None:
        import bm25s

        from retrieval.terms import item_texts
        from retrieval.text import words

        channel = Lexical.fit(world.events, world.catalogue, LexicalConfig(place=0.0))
        corpus = [[s for w in words(t) for s in stems(w)] for t in item_texts(world.catalogue.frame)]
        index = bm25s.BM25(k1=channel.config.k1, b=channel.config.b, method="lucene")
        index.index(corpus, show_progress=False)
        expected = index.get_scores([s for w in ("blister", "plaster", "amber") for s in stems(w)])
        found = channel.candidates(Query(Need(text="blister plaster amber"), History.empty(NOW)), 500)
        np.testing.assert_allclose(found.scores, expected[found.rows], rtol=1e-4)
        assert len(found.rows) == (expected > 0).sum()

    def test_the_earlier_a_word_stands_the_more_it_counts(self, world: World) -> None:
        titles = pl.Series("title", ["Case with a strap for a camera", "Camera with a strap for a case"])
        goods = Catalogue(world.catalogue.frame.head(2).with_columns(titles))
        found = Lexical.fit(world.events, goods)
        for text, first in (("camera", 1), ("case", 0)):
            rows = found.candidates(Query(Need(text=text), History.empty(NOW)), 5).rows
            assert rows.tolist() == [first, 1 - first]

    def test_no_score_is_above_the_most_there_can_be(self, world: World, channel: Lexical) -> None:
        for need in (Need(text="green tea"), Need(text="tea", wanted=("harbour", "xyzzy")), Need(text="of the")):
            assert channel.scores(need).max() <= channel.most(need) + 1e-6

    def test_wishes_rank_but_do_not_exclude(self, world: World, channel: Lexical) -> None:
        plain = Query(Need(text="tea"), History.empty(NOW))
        wish = Query(Need(text="tea", wanted=("harbour",)), History.empty(NOW))
        assert set(channel.candidates(plain, 50).rows) <= set(channel.candidates(wish, 500).rows)
        assert world.catalogue.titles[int(channel.candidates(wish, 1).rows[0])].startswith("Harbour green tea")

    def test_scripts_without_spaces_are_indexed_by_pairs(self) -> None:
        assert stems("登山鞋") == ("登山", "山鞋")
        assert stems("茶") == ("茶",)

    def test_words_that_stand_everywhere_in_speech_find_nothing(self, world: World, channel: Lexical) -> None:
        assert len(channel.candidates(Query(Need(text="I need the something for my"), History.empty(NOW)), 5).rows) == 0

    def test_a_text_of_ten_thousand_characters_is_no_trouble(self, world: World, channel: Lexical) -> None:
        assert len(channel.candidates(Query(Need(text="tea lamp " * 1200), History.empty(NOW)), 5).rows) == 5


class TestPopularity(LearntContract):
    kind = Popularity

    def speaks(self, world: World) -> Query:
        return Query(Need(), History.empty(NOW))

    def test_what_sold_lately_beats_what_sold_long_ago_and_season_brings_it_back(self, world: World) -> None:
        def sold(item: str, when: str, shoppers: int) -> pl.DataFrame:
            base = pl.concat([world.events.head(1)] * shoppers).with_columns(kind=pl.lit("purchase"))
            at = pl.lit(when).str.to_datetime(time_unit="us", time_zone="UTC")
            names = pl.Series("shopper", [f"{item}{i}" for i in range(shoppers)])
            return base.with_columns(names, item=pl.lit(f"north:{item}"), at=at)

        events = pl.concat([sold("lamps-00", "2023-12-20T10:00:00", 9), sold("tea-00", "2025-06-01T10:00:00", 3)])
        channel = Popularity.fit(events, world.catalogue)

        def best(day: str) -> str:
            row = channel.candidates(Query(Need(), History.empty(np.datetime64(day, "us"))), 1).rows[0]
            return world.catalogue.ids[row]

        assert best("2025-06-10") == "north:tea-00"
        assert best("2025-12-22") == "north:lamps-00"

    def test_one_shopper_is_one_voice(self, world: World) -> None:
        often = pl.concat([world.events.head(1)] * 30).with_columns(item=pl.lit("north:tea-00"), shopper=pl.lit("a"))
        two = pl.concat([world.events.head(1)] * 2).with_columns(
            item=pl.lit("north:tea-01"), shopper=pl.Series(["b", "c"])
        )
        channel = Popularity.fit(pl.concat([often, two]), world.catalogue)
        found = channel.candidates(self.speaks(world), 5)
        assert [world.catalogue.ids[row][-2:] for row in found.rows] == ["01", "00"]

    def test_walking_the_order_and_sorting_the_few_agree(self, world: World, channel: Popularity) -> None:
        whole = channel.candidates(self.speaks(world), 500)
        for row in whole.rows[:10]:
            mask = np.zeros(len(world.catalogue), dtype=bool)
            mask[row] = True
            only = channel.candidates(Query(Need(), History.empty(NOW), mask), 3)
            assert only.rows.tolist() == [row]
            assert only.scores[0] == whole.scores[whole.rows.tolist().index(row)]


class TestNewItems(LearntContract):
    kind = NewItems

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(("tea-00", "purchase", 2)))

    def test_only_new_items_and_those_like_the_liked_first(self, world: World, channel: NewItems) -> None:
        found = channel.candidates(self.speaks(world), 20)
        listed = world.catalogue.frame["listed_at"]
        ages = [(NOW.item() - listed[int(row)].replace(tzinfo=None)).days for row in found.rows]
        assert max(ages) <= channel.config.days
        assert world.aisle(int(found.rows[0])) == "TEA"

    def test_evidence_names_the_liked_item_and_words_that_both_titles_hold(
        self, world: World, channel: NewItems
    ) -> None:
        query = self.speaks(world)
        row = int(channel.candidates(query, 1).rows[0])
        evidence = channel.evidence(query, row)[0]
        assert evidence.events[0].item == "north:tea-00"
        assert evidence.terms
        for term in evidence.terms:
            assert term in world.catalogue.titles[row].lower()

    def test_what_many_took_is_not_new(self, world: World, channel: NewItems) -> None:
        takers = world.events.filter(pl.col("kind") == "purchase").group_by("item").agg(pl.col("shopper").n_unique())
        many = takers.filter(pl.col("shopper") > channel.config.most_shoppers)["item"].to_list()
        assert many
        assert not channel.new[world.catalogue.rows(many)].any()


class TestReplenishment(LearntContract):
    kind = Replenishment

    def speaks(self, world: World) -> Query:
        return Query(Need(origin="repeat"), world.did(("energy_bars-00", "purchase", 31)))

    @pytest.mark.parametrize(("days", "due"), [(5, False), (31, True), (45, True), (300, False)])
    def test_it_is_due_when_the_usual_gap_is_over_and_not_forgotten(
        self, world: World, channel: Replenishment, days: int, due: bool
    ) -> None:
        query = Query(Need(origin="repeat"), world.did(("energy_bars-00", "purchase", days)))
        assert bool(len(channel.candidates(query, 5).rows)) is due

    def test_what_nobody_buys_twice_does_not_run_out(self, world: World, channel: Replenishment) -> None:
        query = Query(Need(origin="repeat"), world.did(("lamps-00", "purchase", 31), ("pans-00", "purchase", 31)))
        assert len(channel.candidates(query, 5).rows) == 0

    def test_own_gaps_count(self, world: World, channel: Replenishment) -> None:
        bought = [("lamps-00", "purchase", day) for day in (40, 60, 80, 100, 120, 21)]
        query = Query(Need(origin="repeat"), world.did(*bought))
        row = int(channel.candidates(query, 5).rows[0])
        facts = channel.evidence(query, row)[0].facts
        assert facts["times_bought"] == 6
        assert facts["days_since"] == 21
        assert facts["usual_gap"] == pytest.approx(20, abs=6)

    def test_evidence_counts_days_from_the_last_purchase(self, world: World, channel: Replenishment) -> None:
        evidence = channel.evidence(self.speaks(world), world.catalogue.row("north:energy_bars-00"))[0]
        assert evidence.facts["days_since"] == 31
        assert 25 <= evidence.facts["usual_gap"] <= 35


class TestDenseExact(ChannelContract):
    @classmethod
    def make(cls, world: World) -> Channel:
        return Dense(world.catalogue, world.vectors, None)

    def speaks(self, world: World) -> Query:
        need = Need(text="green tea")
        return Query(need, History.empty(NOW), None, world.encoder.encode([need.text])[0])

    def test_without_words_the_taste_is_asked(self, world: World, channel: Dense) -> None:
        query = Query(Need(), world.did(("tea-00", "purchase", 2)))
        found = channel.candidates(query, 5)
        assert {world.aisle(int(row)) for row in found.rows} == {"TEA"}
        assert channel.evidence(query, int(found.rows[0]))[0].events[0].item == "north:tea-00"


class TestDenseChroma(TestDenseExact):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> World:
        return World.make(tmp_path_factory.mktemp("chroma"))

    @classmethod
    def make(cls, world: World) -> Channel:
        return Dense(world.catalogue, world.vectors, world.store, DenseConfig(exact_rows=10))

    def test_chroma_finds_what_the_exact_product_finds(self, world: World, channel: Dense) -> None:
        exact = Dense(world.catalogue, world.vectors, None)
        half = np.arange(len(world.catalogue)) % 2 == 0
        for text in ("green tea leaves", "desk lamp", "iron pan"):
            for mask in (None, half):
                query = Query(Need(text=text), History.empty(NOW), mask, world.encoder.encode([text])[0])
                one, other = channel.candidates(query, 10), exact.candidates(query, 10)
                assert len(set(one.rows.tolist()) & set(other.rows.tolist())) >= 9
                np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)

    def test_where_too_few_survive_the_mask_the_exact_product_decides(self, world: World, channel: Dense) -> None:
        far = np.array([world.aisle(row) in {"LAMPS", "PANS"} for row in range(len(world.catalogue))])
        query = Query(Need(text="green tea"), History.empty(NOW), far, world.encoder.encode(["green tea"])[0])
        exact = Dense(world.catalogue, world.vectors, None).candidates(query, 10)
        found = channel.candidates(query, 10)
        np.testing.assert_array_equal(found.rows, exact.rows)


def test_top_keeps_the_best_and_breaks_ties_by_row() -> None:
    scores = np.array([0.5, 2.0, 2.0, 0.0, -1.0, 2.0, 1.0], dtype=np.float32)
    assert Scored.top(scores, 2).rows.tolist() == [1, 2]
    assert Scored.top(scores, 9).rows.tolist() == [1, 2, 5, 6, 0]
    mask = np.array([1, 0, 1, 1, 1, 0, 1], dtype=bool)
    assert Scored.top(scores, 2, mask).rows.tolist() == [2, 6]


def test_the_registry_names_every_learnt_channel_once() -> None:
    assert list(CHANNELS) == [kind.name for kind in CHANNELS.values()]
    assert len(CHANNELS) == 10


def test_unreadable_arrays_are_refused(tmp_path: Path) -> None:
    from retrieval.errors import ShopError

    world = World.make()
    Popularity.fit(world.events, world.catalogue).save(tmp_path)
    (tmp_path / "order.npy").write_bytes(b"no array")
    with pytest.raises(ShopError):
        Popularity.load(tmp_path, world.catalogue)
