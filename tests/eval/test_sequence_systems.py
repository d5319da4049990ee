from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.data import load
from eval.protocols.leave_one_out import problem
from eval.systems.registry import make


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
