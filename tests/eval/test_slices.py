"""Slices: the same rankings on a part of the queries, or against a part of their targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from eval.inventory import Goods
from eval.slices import Cuts, by_queries, by_targets, cut_short, known_of_targets, read_slices
from retrieval.errors import EvaluationError

RUN = {"q1": [("a", 3.0), ("b", 2.0), ("c", 1.0)], "q2": [("c", 1.0)]}
QRELS = {"q1": {"b": 1.0, "c": 1.0, "x": 0.0}, "q2": {"a": 1.0}}


def test_a_slice_of_targets_keeps_the_whole_ranking() -> None:
    cuts = Cuts(items={"aisle": {"a": "left", "b": "right", "c": "left", "x": "left"}})
    found = {one.value: one for one in by_targets({"s": RUN}, QRELS, ["MRR"], cuts)}
    assert {value: one.n for value, one in found.items()} == {"left": 2, "right": 1}
    assert found["right"].systems["s"]["MRR"].value == 0.5, "b stands second, behind a, which is not relevant"
    assert found["left"].systems["s"]["MRR"].value == pytest.approx((1 / 3 + 0) / 2), "c stands third; a is missed"


def test_a_pair_slice_tells_repeat_from_new() -> None:
    cuts = known_of_targets(QRELS, None, {"q1": ["b"], "q2": ["c"]})
    assert cuts.pairs == {
        "repeat/new": {("q1", "b"): "repeat", ("q1", "c"): "new", ("q1", "x"): "new", ("q2", "a"): "new"}
    }
    assert cuts.items == {"cold/warm": {"a": "cold", "b": "warm", "c": "warm", "x": "cold"}}
    found = {(one.name, one.value): one for one in by_targets({"s": RUN}, QRELS, ["Recall@3"], cuts)}
    assert found["repeat/new", "repeat"].systems["s"]["Recall@3"].value == 1.0
    assert found["repeat/new", "new"].systems["s"]["Recall@3"].value == 0.5
    assert found["cold/warm", "cold"].systems["s"]["Recall@3"].value == 0.0


def test_a_target_of_gain_0_makes_no_slice() -> None:
    cuts = Cuts(items={"aisle": {"a": "left", "b": "left", "c": "left", "x": "judged, not relevant"}})
    assert [one.value for one in by_targets({"s": RUN}, QRELS, ["MRR"], cuts)] == ["left"]


def test_a_catalogue_gives_categories() -> None:
    goods = Goods.of(["a", "b", "c"], ["tea", "", "tea"])
    assert known_of_targets(QRELS, goods, None).items == {"category": {"a": "tea", "c": "tea"}}


def test_slices_of_queries_leave_out_what_has_no_value_or_no_score() -> None:
    values = {"s": {"MRR": np.array([1.0, 0.0, np.nan, 0.5])}}
    found = by_queries(values, ["a", "b", "c", "d"], {"age": {"a": "old", "b": "old", "c": "young"}})
    assert [(one.value, one.n) for one in found] == [("old", 2)]
    assert found[0].systems["s"]["MRR"].value == 0.5
    assert found[0].small


def test_thirty_queries_are_enough() -> None:
    values = {"s": {"MRR": np.linspace(0, 1, 59)}}
    queries = [f"q{n}" for n in range(59)]
    found = by_queries(values, queries, {"half": {query: str(n // 30) for n, query in enumerate(queries)}})
    assert [(one.value, one.n, one.small) for one in found] == [("0", 30, False), ("1", 29, True)]


def test_only_the_most_frequent_values_are_shown_and_a_note_says_so() -> None:
    queries = [f"q{n:02d}" for n in range(43)]
    values = {"s": {"MRR": np.linspace(0, 1, 43)}}
    town = {query: str(n // 2) for n, query in enumerate(queries)}  # 22 towns, the last with one query
    half = {query: str(n // 30) for n, query in enumerate(queries)}
    found = by_queries(values, queries, {"town": town, "half": half})
    assert [one.value for one in found if one.name == "town"] == sorted({str(n) for n in range(21)})[:20]
    assert cut_short(Cuts({"town": town, "half": half})) == [
        "Of the 22 values of town, the 20 most frequent are shown."
    ]
    few = {query: str(n % 20) for n, query in enumerate(queries)}
    assert cut_short(Cuts(items={"aisle": few})) == []


def test_an_attribute_that_nobody_has_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="'age' is known of no query"):
        by_queries({"s": {"MRR": np.array([1.0])}}, ["a"], {"age": {"b": "old"}})
    with pytest.raises(EvaluationError, match="'aisle' is known of no target"):
        by_targets({"s": RUN}, QRELS, ["MRR"], Cuts(items={"aisle": {"nothing": "left"}}))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_file_of_slices_is_read_by_its_columns(suffix: str, tmp_path: Path) -> None:
    def write(frame: pl.DataFrame) -> Path:
        file = tmp_path / f"s.{suffix}"
        {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](file)
        return file

    asked = write(pl.DataFrame({"shopper": ["q1", "q2"], "size": ["2", None], "age": ["65+", "45-54"]}))
    assert read_slices(asked) == Cuts(queries={"size": {"q1": "2"}, "age": {"q1": "65+", "q2": "45-54"}})
    goods = write(pl.DataFrame({"item": ["a"], "aisle": ["tea"]}))
    assert read_slices(goods) == Cuts(items={"aisle": {"a": "tea"}})
    both = write(pl.DataFrame({"query": ["q1"], "item": ["a"], "kind": ["repeat"]}))
    assert read_slices(both) == Cuts(pairs={"kind": {("q1", "a"): "repeat"}})


def test_bad_slices_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    for content, said in (
        ("who,age\na,1\n", 'give a column "query"'),
        ("query\na\n", "one for each attribute"),
        ("query,age\na,1\na,2\n", "row 2: age of a was '1'"),
        ("query,age\n,1\n", "row 1 has no query"),
        ("query,age\n", "no rows"),
        ("", "empty"),
    ):
        file.write_text(content)
        with pytest.raises(EvaluationError, match=said):
            read_slices(file)
