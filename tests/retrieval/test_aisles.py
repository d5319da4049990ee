"""The learned ranking of aisles: nothing of the future, shares that add up, and a next turn that hears the last one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from retrieval.aisles.features import NAMES, features
from retrieval.aisles.lead import USUAL, WEIGHTS, best_weight, fused
from retrieval.aisles.learn import NEW, cut
from retrieval.aisles.signals import Signals
from retrieval.aisles.walks import Walks, modelled
from retrieval.aisles.words import vocabulary
from retrieval.catalogue import Catalogue
from retrieval.channels.aisles import BASE, Aisles, AislesConfig
from retrieval.channels.association import Association
from retrieval.channels.base import Query
from retrieval.channels.log import Log
from retrieval.history import EVENT_SCHEMA, History
from retrieval.schema import Need
from tests.retrieval.channel_contract import LearntContract
from tests.retrieval.small_world import AISLES, NOW, World, goods

SHOES = (("trail_shoes-00", "purchase", 9),)


def busy(seed: int = 3) -> pl.DataFrame:
    """Ninety shoppers of two habits, each with sixty purchases: enough to learn weights from."""
    chance = np.random.default_rng(seed)
    names = list(AISLES)
    rows = []
    for number in range(90):
        mine = names[:4] if number % 2 else names[3:]
        late = mine[number % len(mine)]  # an aisle that opens towards the end
        for turn in range(60):
            open_to = mine if turn > 40 else [name for name in mine if name != late]
            aisle = open_to[int(chance.integers(len(open_to)))]
            at = NOW - np.timedelta64(int(6 * (60 - turn) * 1440 + chance.integers(1440)), "m")
            item = f"north:{aisle.lower()}-{int(chance.integers(9)):02d}"
            rows.append((f"busy{number:02d}", item, "purchase", at.item(), 1000, "EUR", 1.0, "north"))
    schema = {**EVENT_SCHEMA, "at": pl.Datetime("us")}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.col("at").dt.replace_time_zone("UTC")).sort("shopper", "at")


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return busy()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(goods())


@pytest.fixture(scope="module")
def learnt(events: pl.DataFrame, catalogue: Catalogue) -> Aisles:
    return Aisles.fit(events, catalogue)


def of(events: pl.DataFrame, catalogue: Catalogue, shopper: str) -> History:
    return History.of(events.filter(pl.col("shopper") == shopper), catalogue, NOW)


class TestAisles(LearntContract):
    kind = Aisles

    def speaks(self, world: World) -> Query:
        return Query(Need(), world.did(*SHOES))

    def test_an_aisle_walked_with_the_shoppers_own_is_nearer_than_others(self, world: World, channel: Aisles) -> None:
        code = world.catalogue.category.code_of
        scores = channel.novel_scores(world.did(*SHOES))
        assert min(scores[code["PLASTERS"]], scores[code["ENERGY_BARS"]]) > max(
            scores[code[name]] for name in ("PANS", "SPICES", "LAMPS")
        )

    def test_what_happens_now_counts_at_once(self, world: World, channel: Aisles) -> None:
        code = world.catalogue.category.code_of["SPICES"]
        before = channel.novel_scores(world.did(*SHOES))
        after = channel.novel_scores(world.did(*SHOES, ("pans-00", "purchase", 0)))
        assert after[code] > before[code]
        assert (after > after[code]).sum() < (before > before[code]).sum()

    def test_habits_lead_what_comes_next_at_all(self, world: World, channel: Aisles) -> None:
        history = world.did(*[("tea-00", "purchase", 20 * turn + 1) for turn in range(6)], ("pans-00", "purchase", 300))
        scores = channel.category_scores(history)
        assert scores.argmax() == world.catalogue.category.code_of["TEA"]

    def test_too_little_to_learn_from_leaves_plain_sums(self, channel: Aisles) -> None:
        assert channel.learnt.all is None
        assert channel.learnt.new is None


def test_weights_are_learnt_where_there_are_slices_enough(learnt: Aisles, events: pl.DataFrame) -> None:
    assert learnt.learnt.all is not None
    assert learnt.learnt.new is not None
    assert len(learnt.learnt.new) == len(NEW)


def test_shares_sum_to_the_score(learnt: Aisles, events: pl.DataFrame, catalogue: Catalogue) -> None:
    plain = Aisles.fit(events, catalogue, AislesConfig(learn=False))
    for channel in (learnt, plain):
        for shopper in ("busy00", "busy01", "busy17"):
            history = of(events, catalogue, shopper)
            every, new = channel.category_scores(history), channel.novel_scores(history)
            for code in range(len(catalogue.category.names)):
                if code in set(modelled(Log.taken(events, catalogue), catalogue, 99)[0].tolist()):
                    assert sum(channel.shares(history, code, novel=False).values()) == pytest.approx(every[code])
                    assert sum(channel.shares(history, code).values()) == pytest.approx(new[code])


def test_shares_bear_the_names_of_features(learnt: Aisles, events: pl.DataFrame, catalogue: Catalogue) -> None:
    history = of(events, catalogue, "busy04")
    code = int(catalogue.category.codes[history.rows[-1]])
    assert set(learnt.shares(history, code, novel=False)) == {*NAMES, BASE}
    assert set(learnt.shares(history, code, novel=True)) == set(NEW)
    evidence = learnt.evidence(Query(Need(), history), int(history.rows[-1]))
    assert evidence[0].facts
    assert set(evidence[0].facts) <= set(NAMES)
    assert evidence[0].events[0].item == catalogue.ids[history.rows[-1]]


def test_learnt_twice_it_is_the_same_and_survives_a_file(
    learnt: Aisles, events: pl.DataFrame, catalogue: Catalogue, tmp_path: Path
) -> None:
    again = Aisles.fit(events.sample(fraction=1.0, shuffle=True, seed=4).sort("shopper", "at"), catalogue)
    learnt.save(tmp_path)
    back = Aisles.load(tmp_path, catalogue)
    for shopper in ("busy02", "busy33"):
        history = of(events, catalogue, shopper)
        for other in (again, back):
            assert np.array_equal(learnt.category_scores(history), other.category_scores(history))
            assert np.array_equal(learnt.novel_scores(history), other.novel_scores(history))


def test_a_cut_falls_between_days_and_leaves_a_fifth(events: pl.DataFrame, catalogue: Catalogue) -> None:
    log = Log.taken(events, catalogue)
    codes, aisle_of = modelled(log, catalogue, 99)
    walks = Walks.of_log(log, aisle_of, len(codes))
    before, window = cut(walks, 20)
    assert (before ^ window).all()
    for shopper in range(walks.shoppers):
        mine = walks.shopper == shopper
        early, late = walks.days[mine & before], walks.days[mine & window]
        assert np.floor(early.max()) < np.floor(late.min())
        assert 12 <= len(late) <= 15
    assert not cut(walks, 61)[1].any()


def test_features_know_nothing_of_what_comes_after_the_cut(events: pl.DataFrame, catalogue: Catalogue) -> None:
    # What lies in the window is exchanged for something else entirely: features before the cut stay bit for bit.
    log = Log.taken(events, catalogue)
    codes, aisle_of = modelled(log, catalogue, 99)
    walks = Walks.of_log(log, aisle_of, len(codes))
    names = vocabulary(walks, catalogue)
    _, window = cut(walks, 20)
    aisle = walks.aisle.copy()
    aisle[window] = (aisle[window] + 1) % len(codes)
    other = Walks(walks.shopper, aisle, walks.rows, walks.days, walks.weight, walks.now, walks.aisles)
    assert not np.array_equal(walks.table(), other.table())
    found = [
        features(Signals.fit(w.where(~window), names), w.where(~window), np.zeros(len(codes))) for w in (walks, other)
    ]
    for name in NAMES:
        assert np.array_equal(found[0][name], found[1][name], equal_nan=True)
    last = walks.where(~window)
    assert (last.now < walks.now).all()
    assert all((last.days[last.shopper == s] <= last.now[s]).all() for s in range(last.shoppers))


def test_one_history_has_the_features_it_has_among_all(events: pl.DataFrame, catalogue: Catalogue) -> None:
    log = Log.taken(events, catalogue)
    codes, aisle_of = modelled(log, catalogue, 99)
    walks = Walks.of_log(log, aisle_of, len(codes))
    signals = Signals.fit(walks, vocabulary(walks, catalogue))
    prices = np.linspace(5.0, 8.0, len(codes))
    every = features(signals, walks, prices)
    history = History.of(events.filter(pl.col("shopper") == "busy07"), catalogue)
    one = features(signals, Walks.of_history(history, aisle_of, len(codes)), prices)
    for name in NAMES:
        np.testing.assert_allclose(one[name][0], every[name][7], rtol=1e-5, atol=1e-5)


def walked(days: list[float], aisles: list[int], rows: list[int], now: float) -> Walks:
    """One shopper's purchases among three aisles."""
    count = len(days)
    return Walks(
        np.zeros(count, np.int64),
        np.array(aisles, np.int64),
        np.array(rows, np.int32),
        np.array(days),
        np.ones(count),
        np.array([now]),
        3,
    )


def test_ink_follows_printers_and_printers_do_not_follow_ink() -> None:
    # Thirty shoppers take aisle 0 and aisle 1 ten days later; thirty others aisle 2, then 0, and 1 on the same day.
    shoppers = np.concatenate([np.repeat(np.arange(30), 2), np.repeat(np.arange(30, 60), 3)])
    aisle = np.concatenate([np.tile([0, 1], 30), np.tile([2, 0, 1], 30)])
    day = np.concatenate([np.tile([100.0, 110.0], 30), np.tile([90.0, 100.0, 100.5], 30)])
    walks = Walks(shoppers, aisle, aisle.astype(np.int32), day, np.ones(150), np.full(60, 110.0), 3)
    follow = Signals.fit(walks, csr_array((3, 1), dtype=np.float32)).arrays["follow"]
    # 0 -> 1, 2 -> 0 and 2 -> 1 thirty times each, of 90 ways: by chance 0 -> 1 would be 30 * 60 / 90 = 20.
    assert follow[0, 1] == pytest.approx(np.log(35 / 25))
    assert follow[1, 0] == 0.0
    assert follow[0, 0] == pytest.approx(np.log(5 / 15))


def test_goods_taken_again_are_due_in_their_aisle_and_fade_when_overdue() -> None:
    names = csr_array((9, 1), dtype=np.float32)
    again = walked([0.0, 30.0, 60.0, 60.0, 60.0], [0, 0, 0, 1, 1], [4, 4, 4, 5, 6], now=80.0)
    signals = Signals.fit(again, names)
    found = features(signals, again, np.zeros(3))
    assert found["item_pace"][0].tolist() == pytest.approx([np.log(2.0), 0.0, 0.0])  # once in thirty days
    assert found["item_again"][0].tolist() == pytest.approx([np.log1p(2 * 0.5 ** (20 / 365)), 0.0, 0.0])
    overdue = walked([0.0, 30.0, 60.0, 60.0, 60.0], [0, 0, 0, 1, 1], [4, 4, 4, 5, 6], now=120.0)
    late = features(signals, overdue, np.zeros(3))
    assert late["item_pace"][0, 0] == pytest.approx(np.log1p(0.5))  # a gap overdue: half


def test_the_graph_leads_where_it_foretold_better_and_not_where_it_misled() -> None:
    # Ten aisles; sixty shoppers each new to all of them walk aisle 3 next.
    none = History.empty(NOW)
    new, walked = np.ones(10, dtype=np.bool_), np.arange(10) == 3
    right, wrong = np.where(walked, 1.0, 0.0), np.where(np.arange(10) == 7, 1.0, 0.0)
    cases = [(none, new, walked)] * 60
    assert best_weight(cases, lambda _: wrong, lambda _: right) > 0
    assert best_weight(cases, lambda _: right, lambda _: wrong) == 0.0
    assert best_weight(cases[:59], lambda _: right, lambda _: wrong) == USUAL


def test_served_and_scored_new_aisles_are_one_order(learnt: Aisles, events: pl.DataFrame, catalogue: Catalogue) -> None:
    graph = Association.fit(events, catalogue)
    history = of(events, catalogue, "busy05")
    expected = fused(learnt.novel_scores(history), graph.category_scores(graph.profile(history)), learnt.lead)
    assert np.array_equal(learnt.led(history, graph), expected)
    assert learnt.lead in (*WEIGHTS, USUAL)
