"""The list that a shop shows unasked, scored as it is put together, and the order learnt where only order is told."""

from __future__ import annotations

import random
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from eval.problem import Problem
from eval.ranking import Options, problem, usual_systems
from eval.systems.crossaisle_items import SHOWN, Listed
from retrieval.ingest import ingest
from retrieval.ranker.items import NEXT_ALONE, ItemRankerConfig
from retrieval.recommend import recommend
from tests.eval.hand_made import crowd
from tests.retrieval.small_shop import write_feed
from ui.cli import recommend as recommend_command


@pytest.fixture(scope="module")
def asked() -> Problem:
    return problem(crowd(), Options("next-item"))


def test_the_list_scored_is_the_list_that_recommending_gives(asked: Problem) -> None:
    system = Listed()
    system.fit(asked)
    case = next(iter(asked.views["all"]))
    entries = recommend(system._shop, case.history, SHOWN).entries
    rows, scores = system.rank(case, 10)
    assert rows.tolist() == [entry.candidate.row for entry in entries[:10]]
    assert (np.diff(scores) < 0).all()


def test_of_a_part_of_the_goods_it_gives_those_on_the_list_in_its_order(asked: Problem) -> None:
    system = Listed()
    system.fit(asked)
    case = next(iter(asked.views["known"]))
    assert case.allowed is not None
    rows, _ = system.rank(case, asked.depth)
    whole = [entry.candidate.row for entry in recommend(system._shop, case.history, SHOWN).entries]
    assert rows.tolist() == [row for row in whole if case.allowed[row]]


def test_its_length_is_that_of_the_command_that_shows_it() -> None:
    assert signature(recommend_command).parameters["k"].default == SHOWN


def test_it_stands_beside_the_learned_order_where_items_are_ranked(asked: Problem) -> None:
    assert usual_systems(asked)[:2] == ["crossaisle", "crossaisle_list"]


def test_a_shop_of_sequences_without_dates_learns_what_comes_next_alone(tmp_path: Path) -> None:
    chance = random.Random(5)
    lines = [" ".join(map(str, [n, *(chance.randrange(1, 40) for _ in range(9))])) for n in range(1, 61)]
    (tmp_path / "goods.txt").write_text("\n".join(lines) + "\n")
    ingest(tmp_path / "goods.txt", tmp_path / "ordered")
    ingest(write_feed(tmp_path / "feed", 120, 40, seed=3), tmp_path / "dated")
    configs = [tmp_path / name / "current" / "signals" / "ranker" / "config.json" for name in ("ordered", "dated")]
    ordered, dated = (ItemRankerConfig.model_validate_json(path.read_text(encoding="utf-8")) for path in configs)
    assert ordered == NEXT_ALONE
    assert dated == ItemRankerConfig()
