"""Intervals and paired differences: known answers, honest coverage, the same figures for the same seed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from eval.statistics import Interval, interval, intervals, paired, paired_many
from retrieval.errors import EvaluationError


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert interval(np.full(50, 0.25)) == Interval(0.25, 0.25, 0.25, 50)


def test_one_query_has_an_interval_of_no_width() -> None:
    assert interval(np.array([0.5])) == Interval(0.5, 0.5, 0.5, 1)


def test_a_mean_of_coin_throws_is_known_to_two_standard_errors() -> None:
    values = np.tile([0.0, 1.0], 200)
    found = interval(values, n=4000)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.006)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.006)


def test_95_of_100_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        found = interval(rng.exponential(size=80))
        inside += found.low <= 1.0 <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_nan_is_left_out_and_never_counted_as_0() -> None:
    found = interval(np.array([0.5, np.nan, 0.5]))
    assert (found.value, found.n) == (0.5, 2)


def test_nothing_to_score_is_an_error() -> None:
    for values in (np.array([]), np.array([np.nan])):
        with pytest.raises(EvaluationError, match="no query"):
            interval(values)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(1).random(100)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)


def test_many_at_once_are_as_one_by_one() -> None:
    rng = np.random.default_rng(2)
    columns = [rng.random(60), np.where(rng.random(60) < 0.2, np.nan, rng.random(60)), rng.random(60)]
    for found, alone in zip(intervals(columns, seed=1), [interval(c, seed=1) for c in columns], strict=True):
        assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high), abs=1e-12)
        assert found.n == alone.n


def test_a_system_against_itself_differs_by_0_with_p_1() -> None:
    values = np.random.default_rng(0).random(40)
    found = paired(values, values)
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_better_everywhere_by_a_tenth_is_certain() -> None:
    values = np.random.default_rng(0).random(40)
    found = paired(values + 0.1, values, n=999)
    assert found.difference == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)
    assert found.p == pytest.approx(2 / 1000)


def test_pairing_sees_what_two_intervals_hide() -> None:
    rng = np.random.default_rng(3)
    base = rng.random(200)
    better = base + rng.normal(0.02, 0.05, 200)
    assert interval(base).high > interval(better).low
    assert paired(better, base).p < 0.01


def test_p_of_no_difference_is_small_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    small = sum(paired(rng.normal(size=60), rng.normal(size=60), n=500).p < 0.1 for _ in range(200))
    assert 0.04 <= small / 200 <= 0.18


def test_a_minus_b_is_minus_b_minus_a() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random(30), rng.random(30)
    there, back = paired_many([(a, b), (b, a)])
    assert there.difference == pytest.approx(-back.difference)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p == back.p


def test_only_queries_that_both_can_score_are_paired() -> None:
    found = paired(np.array([1.0, np.nan, 0.5]), np.array([0.5, 0.5, np.nan]))
    assert (found.difference, found.n) == (0.5, 1)


def test_different_lengths_can_not_be_paired() -> None:
    with pytest.raises(EvaluationError, match="same queries"):
        paired(np.zeros(3), np.zeros(4))


def test_ten_systems_on_22000_queries_take_seconds() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.random(22_000) for _ in range(10)]
    started = time.process_time()
    intervals(columns)
    paired_many([(columns[0], column) for column in columns[1:]])
    assert time.process_time() - started < 20
