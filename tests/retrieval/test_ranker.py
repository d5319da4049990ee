"""The learned order: what it learns from, that it doesn't peek, that it helps, and that it says what it weighed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval.channels.base import Query
from retrieval.channels.copurchase import Copurchase
from retrieval.channels.interests import Interests
from retrieval.channels.registry import CHANNELS
from retrieval.history import EVENT_SCHEMA, History
from retrieval.ranker import features
from retrieval.ranker.families import HEADINGS, gathered
from retrieval.ranker.items import ItemRanker, ItemRankerConfig
from retrieval.ranker.model import Ranker, RankerConfig
from retrieval.ranker.past import earlier
from retrieval.ranker.proposals import KINDS, kinds_of, propose
from retrieval.ranker.slices import SliceConfig, cut
from retrieval.schema import Candidates, Need
from retrieval.search import search
from retrieval.shop import Shop
from tests.retrieval.channel_contract import ChannelContract
from tests.retrieval.small_world import World
from tests.shops import sample_shop

SMALL = ItemRankerConfig(
    slice=SliceConfig(least=4),
    least_taken=20,
    trees=RankerConfig(objective="binary", trees=20, least=5, leaves=7),
)


def fitted(world: World, config: ItemRankerConfig = SMALL) -> ItemRanker:
    channels = {**world.channels, Interests.name: Interests(world.catalogue, world.vectors)}
    return ItemRanker.fit(world.events, world.catalogue, world.vectors, channels, config=config)


class TestItemRanker(ChannelContract):
    @classmethod
    def make(cls, world: World) -> ItemRanker:
        return fitted(world)

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.of("hiker03"))

    def test_shares_and_base_sum_to_the_score(self, world: World, channel: ItemRanker) -> None:
        history = world.of("hiker03")
        rows, scores = channel.rank(history, None, 3)
        assert channel.rankers
        bases = []
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            shares = channel.shares(history, row)
            assert set(shares) == set(channel.names)
            bases.append(np.log(score / (1 - score)) - sum(shares.values()))
        assert bases == pytest.approx([bases[0]] * 3, abs=1e-6)

    def test_a_score_doesn_t_depend_on_who_else_is_proposed(self, world: World, channel: ItemRanker) -> None:
        history = world.of("cook07")
        rows, scores = channel.rank(history, None, 30)
        alone = [float(channel.score(history, rows[i : i + 1])[0]) for i in range(len(rows))]
        np.testing.assert_allclose(scores, alone)

    def test_saved_and_loaded_it_ranks_the_same(self, world: World, channel: ItemRanker, tmp_path: Path) -> None:
        channel.save(tmp_path)
        channels = {**world.channels, Interests.name: Interests(world.catalogue, world.vectors)}
        back = ItemRanker.load(tmp_path, world.catalogue, world.vectors, channels)
        assert back is not None
        for query in self.queries(world)[::7]:
            one, other = channel.candidates(query, 10), back.candidates(query, 10)
            assert one.rows.tolist() == other.rows.tolist()
            assert one.scores.tolist() == other.scores.tolist()
        fewer = {name: found for name, found in channels.items() if name != "copurchase"}
        assert ItemRanker.load(tmp_path, world.catalogue, world.vectors, fewer) is None

    def test_with_too_little_to_learn_from_there_is_no_order(self, world: World, tmp_path: Path) -> None:
        none = fitted(world, ItemRankerConfig(slice=SliceConfig(least=4), least_taken=100_000))
        assert not none.rankers
        assert not len(none.candidates(self.speaks(world), 5).rows)
        none.save(tmp_path)
        assert ItemRanker.load(tmp_path, world.catalogue, world.vectors, world.channels) is None
        empty = ItemRanker.fit(pl.DataFrame(schema=EVENT_SCHEMA), world.catalogue, world.vectors, world.channels)
        assert not empty.rankers


def events(*rows: tuple[str, str, int, str]) -> pl.DataFrame:
    """Shopper, item, day and kind."""
    start = datetime(2025, 1, 1, 9, tzinfo=UTC)
    return pl.DataFrame(
        [
            {"shopper": shopper, "item": item, "kind": kind, "at": start + timedelta(days=day), "quantity": 1.0}
            | {"value_minor": None, "currency": "", "platform": ""}
            for shopper, item, day, kind in rows
        ],
        schema=EVENT_SCHEMA,
    )


def test_the_slice_is_each_shopper_s_last_share_and_never_parts_a_day() -> None:
    long = [("a", f"i{day}", day, "purchase") for day in range(8)]
    basket = [("a", name, 8, "purchase") for name in ("x", "y", "z")]
    late_view = [("a", "seen", 9, "view"), ("a", "i9", 9, "purchase")]
    few = [("b", f"i{day}", day, "purchase") for day in range(3)]
    parted = cut(events(*long, *basket, *late_view, *few), SliceConfig(share=0.25, least=5))
    assert parted.window["item"].to_list() == ["x", "y", "z", "i9"]  # a quarter of 12 would part the basket
    assert sorted(parted.before["item"]) == sorted([f"i{day}" for day in range(8)] + ["i0", "i1", "i2"])


def test_the_last_event_alone_where_that_is_asked_for() -> None:
    parted = cut(events(*[("a", name, 1, "view") for name in "pqr"]), SliceConfig(last=True, least=3))
    assert parted.window["item"].to_list() == ["r"]
    assert parted.before["item"].to_list() == ["p", "q"]


def test_channels_of_the_past_know_nothing_of_the_window() -> None:
    world = World.make()
    parted = cut(world.events, SliceConfig(least=4))
    assert len(parted.window) > 50
    past = earlier(world.channels, parted.before, world.catalogue)
    alone = Copurchase.fit(parted.before, world.catalogue)
    own = past["copurchase"]
    assert isinstance(own, Copurchase)
    for name, array in alone._arrays.items():
        np.testing.assert_array_equal(own._arrays[name], array)
    for history, targets in parted.cases(world.catalogue):
        assert history.at.max() == history.now
        assert len(targets)


@cache
def market() -> tuple[ItemRanker, Shop]:
    """A ranker learnt on the sample market without everybody's last fifth."""
    shop = Shop.open(sample_shop())
    parted = cut(shop.events)
    channels = {name: kind.fit(parted.before, shop.catalogue) for name, kind in CHANNELS.items()}
    channels[Interests.name] = Interests(shop.catalogue, shop.vectors)  # type: ignore[assignment]
    ranker = ItemRanker.fit(parted.before, shop.catalogue, shop.vectors, channels)
    return ranker, shop


def ndcg(order: np.ndarray, targets: np.ndarray, k: int = 10) -> float:
    hits = np.isin(order[:k], targets) / np.log2(np.arange(2, len(order[:k]) + 2))
    return float(hits.sum() / (1 / np.log2(np.arange(2, min(k, len(targets)) + 2))).sum())


def test_it_orders_an_unseen_window_better_than_any_single_signal() -> None:
    ranker, shop = market()
    assert set(ranker.rankers) == set(KINDS)
    parted = cut(shop.events)
    names = list(ranker.names)
    total: dict[str, list[float]] = {}
    for history, targets in parted.cases(shop.catalogue):
        rows, _ = ranker.rank(history, None, 10)
        total.setdefault("ranker", []).append(ndcg(rows, targets))
        shopper = ranker.shopper(history)
        kinds = propose(shopper, history, ranker.goods, ranker._channels, None)
        proposed = np.concatenate(list(kinds.values()))
        table = features.matrix(shopper, ranker.goods, ranker._likeness, proposed)
        for signal in ("long", "faded_long", "copurchase", "neighbours", "meaning_nearest"):
            column = np.nan_to_num(table[:, names.index(signal)], nan=-1e9)
            total.setdefault(signal, []).append(ndcg(proposed[np.argsort(-column, kind="stable")], targets))
    means = {name: float(np.mean(values)) for name, values in total.items()}
    assert means["ranker"] > 1.05 * max(value for name, value in means.items() if name != "ranker"), means


def test_three_kinds_of_proposals_never_overlap_and_keep_the_limits() -> None:
    ranker, shop = market()
    allowed = np.random.default_rng(3).random(len(shop.catalogue)) < 0.5
    for name in shop.shoppers()[:10]:
        history = shop.history(name)
        shopper = ranker.shopper(history)
        kinds = propose(shopper, history, ranker.goods, ranker._channels, allowed)
        for number, rows in enumerate(kinds.values()):
            assert allowed[rows].all()
            assert (kinds_of(shopper, ranker.goods, rows) == number).all()


def placed(found: Candidates) -> list[int]:
    return [said.rank for entry in found.entries for said in entry.channels if said.channel == "ranker"]


def pleased(shop: Shop) -> History:
    """A long history of somebody who turned nothing down: what they dislike is lowered after the order."""
    histories = (shop.history(name) for name in shop.shoppers())
    return next(h for h in histories if len(h) > 20 and len(h.liked()) == len(h))


def test_what_behaviour_proposes_is_shown_in_the_learned_order_and_says_so() -> None:
    shop = Shop.open(sample_shop())
    assert isinstance(shop.channels["ranker"], ItemRanker)
    history = pleased(shop)
    found = search(shop, Need(), history, 20)
    assert placed(found) == sorted(placed(found))
    assert len(placed(found)) == len(found.entries) == 20
    rows = np.array([entry.row for entry in found.entries], dtype=np.int32)
    chances = shop.channels["ranker"].score(history, rows)
    assert (np.diff(chances) <= 1e-12).all()
    assert Candidates.model_validate_json(found.model_dump_json()) == found


def test_words_and_visitors_are_answered_without_it() -> None:
    shop = Shop.open(sample_shop())
    history = shop.history(shop.shoppers()[0])
    assert not placed(search(shop, Need(text="tea"), history, 10))
    visitor = search(shop, Need(), History.empty(shop.now), 10)
    assert visitor.entries
    assert not placed(visitor)


def test_a_shop_without_an_order_is_served_by_fusion() -> None:
    shop = Shop.open(sample_shop())
    history = pleased(shop)
    shop.channels.pop("ranker")
    found = search(shop, Need(), history, 10)
    assert len(found.entries) == 10
    assert not placed(found)


def test_headings_cover_every_feature_and_lose_nothing() -> None:
    ranker, shop = market()
    history = shop.history(shop.shoppers()[0])
    row = int(ranker.rank(history, None, 1)[0][0])
    shares = ranker.shares(history, row)
    sums = gathered(shares)
    assert set(sums) == set(HEADINGS)
    assert sum(sums.values()) == pytest.approx(sum(shares.values()))
    own = [name for name in shares if name.startswith(("copurchase", "neighbours", "transitions"))]
    assert sums["taken_together"] == pytest.approx(sum(shares[name] for name in own))


def test_orders_of_lists_are_told_as_odds_that_add_up(tmp_path: Path) -> None:
    # Of two kinds of lists one is ten times as often answered; the order alone couldn't tell which is likelier.
    chance = np.random.default_rng(5)
    table = chance.normal(size=(6_000, 3)).astype(np.float32)
    groups = np.full(300, 20, dtype=np.int32)
    found = {}
    for name, share in (("seldom", 0.02), ("often", 0.2)):
        gains = (chance.random(6_000) < np.clip(share * np.exp(table[:, 0] - 0.5), 0, 1)).astype(np.int32)
        ranker = Ranker.fit(table, gains, groups, ("a", "b", "c"), RankerConfig(objective="lambdarank", trees=30))
        odds = ranker.score(table)
        found[name] = 1 / (1 + np.exp(-odds))
        assert found[name].mean() == pytest.approx(gains.mean(), rel=0.02)
        assert np.corrcoef(odds, table[:, 0])[0, 1] > 0.7
        np.testing.assert_allclose(ranker.shares(table[:9]).sum(axis=1), odds[:9], atol=1e-6)
        (tmp_path / name).mkdir()
        ranker.save(tmp_path / name)
        assert np.array_equal(Ranker.load(tmp_path / name).score(table), odds)
    assert found["often"].mean() > 5 * found["seldom"].mean()
