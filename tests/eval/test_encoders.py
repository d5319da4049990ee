"""Encoders are scored by a metric worked out by hand, and bad judgments are named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from eval.encoders import bench_encoders, ndcg, read_judgments
from retrieval.errors import FeedError


def test_ndcg_of_the_exact_one_in_second_place_is_0_63() -> None:
    assert ndcg(np.array([0.0, 1.0])) == pytest.approx(1 / math.log2(3))


def test_ndcg_of_the_ideal_order_is_1_and_of_nothing_is_0() -> None:
    assert ndcg(np.array([1.0, 0.1, 0.0])) == pytest.approx(1.0)
    assert ndcg(np.zeros(3)) == 0.0


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_queries_that_cannot_be_ranked_wrong_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"query": "tea", "title": "green tea", "label": "E"},
        {"query": "tea", "title": "a spade", "label": "I"},
        {"query": "mug", "title": "a mug", "label": "E"},
    ]
    assert list(read_judgments(write(tmp_path / "j.jsonl", rows))) == ["tea"]


def test_a_bad_label_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="line 1"):
        read_judgments(write(tmp_path / "j.jsonl", [{"query": "tea", "title": "tea", "label": "X"}]))


def test_the_static_encoder_puts_tea_before_a_spade(tmp_path: Path) -> None:
    rows = [
        {"query": "herbal tea", "title": "a garden spade with a long handle", "label": "I"},
        {"query": "herbal tea", "title": "camomile tea, 20 bags", "label": "E"},
    ]
    report = bench_encoders(write(tmp_path / "j.jsonl", rows), ("static",))
    assert report["static"]["ndcg@10"] == 1.0  # type: ignore[index]
