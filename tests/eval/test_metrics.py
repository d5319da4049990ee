"""Metrics, by hand and against a plain computation from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import canonical, per_query, whole_gains
from retrieval.errors import EvaluationError

NAMES = ("NDCG@3", "NDCG", "Recall@3", "Precision@3", "F1@3", "MRR", "MRR@2", "MAP", "Hit@3")


def one(ranking: list[str], gains: dict[str, float], name: str) -> float:
    return float(per_query({"q": [(item, -float(n)) for n, item in enumerate(ranking)]}, {"q": gains}, [name])[name][0])


def plain(ranking: list[str], gains: dict[str, float], name: str) -> float:
    """The same from the textbook, place by place."""
    base, _, cutoff = name.partition("@")
    cut = int(cutoff) if cutoff else 10**6
    relevant = {item for item, gain in gains.items() if gain > 0}
    head = ranking[:cut]
    hits = sum(item in relevant for item in head)
    if base == "NDCG":
        got = sum(max(gains.get(item, 0), 0) / math.log2(place + 1) for place, item in enumerate(head, 1))
        best = sorted((gains[item] for item in relevant), reverse=True)[:cut]
        return got / sum(gain / math.log2(place + 1) for place, gain in enumerate(best, 1))
    if base == "MRR":
        return next((1 / place for place, item in enumerate(head, 1) if item in relevant), 0.0)
    if base == "MAP":
        total = 0.0
        for place, item in enumerate(head, 1):
            total += (item in relevant) * sum(other in relevant for other in head[:place]) / place
        return total / len(relevant)
    if base == "F1":
        return 2 * hits / (cut + len(relevant)) if hits else 0.0
    return {"Recall": hits / len(relevant), "Precision": hits / cut, "Hit": float(hits > 0)}[base]


def test_the_only_relevant_item_in_second_place_gives_ndcg_one_over_log2_3() -> None:
    assert one(["x", "a", "y"], {"a": 1}, "NDCG@10") == pytest.approx(1 / math.log2(3))


def test_the_only_relevant_item_in_second_place_gives_mrr_one_half() -> None:
    assert one(["x", "a", "y"], {"a": 1}, "MRR") == 0.5


def test_mrr_at_1_of_an_item_in_second_place_is_0_and_at_2_one_half() -> None:
    assert one(["x", "a"], {"a": 1}, "MRR@1") == 0
    assert one(["x", "a"], {"a": 1}, "MRR@2") == 0.5


def test_two_of_three_in_the_first_four_give_recall_two_thirds_precision_a_half_f1_four_sevenths() -> None:
    ranking, gains = ["a", "x", "b", "y"], {"a": 1.0, "b": 1.0, "c": 1.0}
    assert one(ranking, gains, "Recall@4") == pytest.approx(2 / 3)
    assert one(ranking, gains, "Precision@4") == pytest.approx(1 / 2)
    assert one(ranking, gains, "F1@4") == pytest.approx(4 / 7)


def test_a_short_ranking_is_still_divided_by_ten() -> None:
    assert one(["a"], {"a": 1}, "Precision@10") == pytest.approx(0.1)


def test_a_missed_item_stays_in_the_ideal_ranking() -> None:
    assert one(["a"], {"a": 1, "never found": 1}, "NDCG@10") == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_gains_of_1_a_tenth_and_a_hundredth_keep_their_proportion() -> None:
    gains = {"exact": 1.0, "substitute": 0.1, "complement": 0.01, "irrelevant": 0.0}
    got = 0.1 + 1.0 / math.log2(3)
    best = 1.0 + 0.1 / math.log2(3) + 0.01 / 2
    assert one(["substitute", "exact", "irrelevant"], gains, "NDCG@10") == pytest.approx(got / best, abs=1e-12)
    assert one(["complement"], gains, "Recall@10") == pytest.approx(1 / 3), "a hundredth is relevant too"


def test_equal_scores_keep_the_given_order() -> None:
    run = {"q": [("b", 1.0), ("a", 1.0), ("z", 1.0)]}
    assert per_query(run, {"q": {"b": 1}}, ["MRR"])["MRR"][0] == 1.0
    assert per_query(run, {"q": {"z": 1}}, ["MRR"])["MRR"][0] == pytest.approx(1 / 3)


def test_scores_that_single_precision_can_not_tell_apart_keep_their_order() -> None:
    run = {"q": [("a", 1 + 1e-12), ("z", 1.0)]}
    assert per_query(run, {"q": {"a": 1}}, ["MRR"])["MRR"][0] == 1.0


def test_a_query_that_is_not_ranked_scores_0_and_one_without_a_relevant_item_is_not_scorable() -> None:
    qrels = {"c": {"a": 1}, "b": {"a": 0, "x": -1}, "a": {"a": 1}, "d": {"a": 1}}
    values = per_query({"a": [("a", 1.0)], "b": [("a", 1.0)], "d": []}, qrels, NAMES)
    for name in NAMES:
        np.testing.assert_equal(values[name], [values[name][0], np.nan, 0.0, 0.0])
        assert values[name][0] > 0


def test_no_ranking_at_all_scores_0() -> None:
    assert per_query({}, {"q": {"a": 1}}, ["NDCG@10"])["NDCG@10"].tolist() == [0.0]


ITEMS = st.sampled_from([f"i{n}" for n in range(8)])
GAIN = st.sampled_from([0.0, 1.0, 2.0, 0.1, 0.01, 1 / 3, 0.123456789, math.pi, 1e-7, 1e6, -1.0])


@settings(max_examples=150, deadline=None)
@given(ranking=st.lists(ITEMS, unique=True, max_size=8), gains=st.dictionaries(ITEMS, GAIN, min_size=1))
def test_every_metric_agrees_with_its_definition(ranking: list[str], gains: dict[str, float]) -> None:
    values = per_query({"q": [(item, 9.0 - n) for n, item in enumerate(ranking)]}, {"q": gains}, NAMES)
    for name in NAMES:
        if any(gain > 0 for gain in gains.values()):
            assert values[name][0] == pytest.approx(plain(ranking, gains, name), abs=1e-9), name
        else:
            assert np.isnan(values[name][0])


@settings(max_examples=50, deadline=None)
@given(gains=st.lists(st.integers(1, 200).map(lambda n: n / 100), min_size=1, max_size=6))
def test_decimal_gains_become_whole_numbers_of_the_same_proportion(gains: list[float]) -> None:
    whole, exact = whole_gains(gains)
    assert exact
    assert min(whole) >= 1
    assert [number / whole[0] for number in whole] == pytest.approx([gain / gains[0] for gain in gains])


def test_gains_without_a_small_common_measure_are_told() -> None:
    assert whole_gains([math.pi, math.e]) == ([1, 1], False)
    assert whole_gains([1 / 3, 2 / 3]) == ([1, 2], True)


def test_names_have_one_spelling() -> None:
    written = ["ndcg@10", "nDCG@5", "R@100", "RR", "mrr@10", "P@1", "HR@20", "AP", "f1@3"]
    wanted = ["NDCG@10", "NDCG@5", "Recall@100", "MRR", "MRR@10", "Precision@1", "Hit@20", "MAP", "F1@3"]
    assert [canonical(name) for name in written] == wanted


@pytest.mark.parametrize("name", ["", "BLEU", "NDCG@0", "NDCG@-1", "NDCG@ten", "Recall", "Precision", "NDCG@10/novel"])
def test_an_unknown_metric_is_refused(name: str) -> None:
    with pytest.raises(EvaluationError):
        canonical(name)


def test_a_gain_that_is_no_number_is_refused() -> None:
    for gain in (float("nan"), float("inf"), "much", None):
        with pytest.raises(EvaluationError, match=r"gain|judgments"):
            per_query({}, {"q": {"a": gain}}, ["MRR"])  # type: ignore[dict-item]
