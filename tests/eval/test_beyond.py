"""Figures beyond accuracy, each by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from eval.beyond import (
    beyond,
    calibration,
    category_diversity,
    coverage,
    gini,
    novelty,
    serendipity,
    vector_diversity,
)
from eval.inventory import Goods, read_history
from eval.runs import ordered
from retrieval.errors import EvaluationError
from tests.shops import sample_shop

NONE = -1


def test_three_of_four_items_shown_cover_three_quarters() -> None:
    assert coverage(np.array([[0, 1], [1, 3], [NONE, NONE]]), 4) == 0.75


def test_equal_exposure_has_gini_0_and_one_item_alone_1_minus_1_over_n() -> None:
    assert gini(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0.0)
    assert gini(np.array([[2], [2], [2]]), 4) == pytest.approx(0.75)


def test_gini_is_half_the_relative_mean_difference() -> None:
    shown = np.array([5, 1, 0, 3])
    places = np.repeat(np.arange(4), shown)[:, None]
    mean_difference = np.abs(shown[:, None] - shown[None, :]).mean()
    assert gini(places, 4) == pytest.approx(mean_difference / (2 * shown.mean()))


def test_two_of_three_pairs_differ_in_category() -> None:
    codes = np.array([0, 0, 1, -1])
    found = category_diversity(np.array([[0, 1, 2], [0, 1, NONE], [0, 3, NONE]]), codes)
    np.testing.assert_allclose(found, [2 / 3, 0.0, np.nan])


def test_orthogonal_vectors_are_1_apart_equal_ones_0_opposite_ones_2() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 0], [-1, 0], [0, 0]], dtype=np.float32)
    places = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [0, NONE]])
    np.testing.assert_allclose(vector_diversity(places, vectors), [1, 0, 2, np.nan, np.nan], atol=1e-7)


def test_vector_diversity_is_the_mean_over_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [1 - float(unit[a] @ unit[b]) for a in range(5) for b in range(a)]
    assert vector_diversity(np.arange(5)[None], vectors)[0] == pytest.approx(np.mean(pairs), abs=1e-6)


def test_an_item_with_a_quarter_of_events_informs_by_2_bits() -> None:
    counts = np.array([1.0, 3.0, 1.0])  # smoothed: 2, 4, 2 of 8
    np.testing.assert_allclose(novelty(np.array([[0, NONE], [1, NONE], [0, 1]]), counts), [2.0, 1.0, 1.5])


def test_half_of_a_list_that_is_relevant_and_not_popular_is_half_serendipitous() -> None:
    goods = Goods.of(["a", "b", "c", "d"], events=["a", "a", "b", "c"][:3] + ["c"] * 0)
    qrels = {"q": {"a": 1.0, "c": 1.0}, "none": {"a": 0.0}}
    found = serendipity(np.array([[0, 2], [0, 2]]), ["q", "none"], goods, qrels)
    np.testing.assert_equal(found, [0.5, np.nan])  # a is expected (among the 2 most popular), c is not


def test_the_same_shares_of_categories_are_calibrated_to_0() -> None:
    assert calibration([0, 0, 1], [1, 0, 0]) == 0.0


def test_a_list_without_half_of_the_history_is_off_by_its_divergence() -> None:
    wanted = 0.5 * math.log(0.5 / (0.99 + 0.005)) + 0.5 * math.log(0.5 / 0.005)
    assert calibration([0, 1], [0, 0]) == pytest.approx(wanted)


def test_calibration_is_unknown_without_a_history_or_a_list() -> None:
    assert math.isnan(calibration([], [0]))
    assert math.isnan(calibration([0], [-1]))


def test_a_list_of_the_popular_looks_worse_on_every_bias_than_one_made_for_everybody() -> None:
    items = [f"i{n}" for n in range(20)]
    histories = {f"q{n}": [f"i{n}", f"i{(n + 1) % 20}", "i0"] for n in range(20)}
    goods = Goods.of(items, [f"c{n // 4}" for n in range(20)], [item for had in histories.values() for item in had])
    same = {query: [("i0", 2.0), ("i1", 1.0)] for query in histories}
    own = {query: [(had[0], 2.0), (had[1], 1.0)] for query, had in histories.items()}
    qrels = {query: {had[1]: 1.0} for query, had in histories.items()}
    found = beyond({"popular": same, "own": own}, goods, histories, qrels, k=2)
    for name, less in (("Gini", "own"), ("Popularity", "own"), ("Calibration", "own"), ("Coverage", "popular")):
        more = "popular" if less == "own" else "own"
        assert found[less][f"{name}@2"].value < found[more][f"{name}@2"].value, name
    for name in ("Novelty", "Serendipity"):
        assert found["own"][f"{name}@2"].value > found["popular"][f"{name}@2"].value, name
    assert found["popular"]["Coverage@2"].value == 0.1
    assert found["own"]["Novelty@2"].low < found["own"]["Novelty@2"].value < found["own"]["Novelty@2"].high


def test_what_is_not_known_is_not_told() -> None:
    found = beyond({"s": {"q": [("a", 1.0)]}}, Goods.of(["a", "b"]))
    assert set(found["s"]) == {"Coverage@10", "Gini@10"}


def test_a_catalogue_of_other_ids_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="holds none"):
        beyond({"s": {"q": [("a", 1.0)]}}, Goods.of(["b"]))


def test_goods_and_history_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "goods.csv").write_text("id,category\n007,tea\n8,\n")
    goods = Goods.read(tmp_path / "goods.csv")
    assert goods.row_of == {"007": 0, "8": 1}
    assert goods.categories.tolist() == [0, -1]
    frame = pl.DataFrame({"item": ["a", "b"], "category": ["x", "y"], "vector": [[1.0, 0.0], None]})
    frame.write_parquet(tmp_path / "goods.parquet")
    goods = Goods.read(tmp_path / "goods.parquet", {"q": ["a", "a", "gone"]})
    assert goods.vectors is not None
    assert goods.vectors.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert goods.counts is not None
    assert goods.counts.tolist() == [2.0, 0.0]
    (tmp_path / "h.jsonl").write_text('{"shopper": "q", "items": ["a", "b"]}\n')
    assert read_history(tmp_path / "h.jsonl") == {"q": ["a", "b"]}
    (tmp_path / "h.csv").write_text("query,item\nq,a\nr,b\nq,a\n")
    assert read_history(tmp_path / "h.csv") == {"q": ["a", "a"], "r": ["b"]}


def test_a_shop_folder_is_goods_vectors_and_history() -> None:
    sample = sample_shop()
    histories = read_history(sample)
    goods = Goods.read(sample, histories)
    assert goods.names
    assert goods.vectors is not None
    assert goods.vectors.shape[0] == len(goods.row_of)
    assert goods.counts is not None
    assert goods.counts.sum() == sum(map(len, histories.values()))
    echo = {shopper: list(dict.fromkeys(had))[:10] for shopper, had in histories.items()}
    same = dict.fromkeys(histories, list(goods.row_of)[:10])
    found = beyond({"echo": ordered(echo), "same": ordered(same)}, goods, histories)
    assert 0 < found["echo"]["ILD-vector@10"].value < 2
    assert found["echo"]["Calibration@10"].high < found["same"]["Calibration@10"].low


def test_bad_goods_and_histories_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "g.csv"
    for content, said in (("item\na\na\n", "stands twice"), ("name\na\n", 'column "item"')):
        file.write_text(content)
        with pytest.raises(EvaluationError, match=said):
            Goods.read(file)
    with pytest.raises(EvaluationError, match='columns "query" and "item"'):
        read_history(file)
    with pytest.raises(EvaluationError, match="no such file"):
        Goods.read(tmp_path)
