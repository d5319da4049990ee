from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from eval.data import load
from eval.protocols.leave_one_out import problem
from eval.systems.registry import make
from retrieval.build_stages import texts


@pytest.mark.parametrize("name", ["sasrec", "lightgcn"])
def test_it_tells_the_next_item_of_a_walk_far_better_than_chance(name: str, tmp_path: Path) -> None:
    chance = np.random.default_rng(8)
    lines = []
    for number in range(400):
        start = int(chance.integers(60))
        lines.append(" ".join(str(code) for code in [number + 1, *(1 + (start + step) % 60 for step in range(6))]))
    path = tmp_path / "walks.txt"
    path.write_text("\n".join(lines) + "\n")
    asked = problem(load(path))
    system = make(name)
    system.fit(asked)
    hits = 0
    for case in list(asked.main)[:100]:
        rows, scores = system.rank(case, 5)
        assert len(rows) == 5
        assert (np.diff(scores) <= 0).all()
        assert not set(rows.tolist()) & set(case.history.rows.tolist())
        hits += asked.catalogue.row(next(iter(case.targets))) in rows
    assert hits >= 60


def test_the_numbers_that_goods_were_given_foretell_nothing(tmp_path: Path) -> None:
    chance = np.random.default_rng(4)
    lines = []
    for number in range(120):  # who publishes sequences numbers goods as they come, one shopper after the other
        own = 1_000 + 5 * number + np.arange(5)
        before = 1_000 + chance.integers(0, max(5 * number, 5), 3)
        lines.append(" ".join(map(str, [number + 1, *before, *own])))
    path = tmp_path / "numbered.txt"
    path.write_text("\n".join(lines) + "\n")
    asked = problem(load(path))
    system = make("crossaisle")
    system.fit(asked)
    hits = sum(
        asked.catalogue.row(next(iter(case.targets))) in system.rank(case, 10)[0] for case in list(asked.main)[60:]
    )
    assert hits <= 4  # of 60
    frame = asked.catalogue.frame
    assert not any(texts(frame)), "an id is no text"
    named = frame.with_columns(
        title=pl.when(pl.col("item") == frame["item"][0]).then(pl.lit("soap")).otherwise("title")
    )
    assert next(texts(named)) == "soap"
