"""The simple recommenders: what they rank, and that no window reaches them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from eval.data import Data
from eval.problem import Problem
from eval.protocols import leave_one_out, next_category, next_item
from eval.systems.ease import Ease
from eval.systems.item_knn import ItemKNN
from eval.systems.matrix import tuned
from eval.systems.popular import Popular
from eval.systems.registry import make
from retrieval.errors import EvaluationError
from tests.eval.hand_made import crowd, events, goods

BASELINES = ("popular", "repeat", "repeat_decayed", "item_knn", "ease", "ials", "bm25", "dense")


def ranked(name: str, problem: Problem, k: int = 20) -> dict[str, list[tuple[str, float]]]:
    system = make(name)
    system.fit(problem)
    found = {}
    for view, cases in problem.views.items():
        for case in cases:
            rows, scores = system.rank(case, k)
            assert case.allowed is None or case.allowed[rows].all()
            assert (np.diff(scores) <= 0).all()
            found[f"{view} {case.key}"] = [
                (problem.catalogue.ids[r], float(s)) for r, s in zip(rows, scores, strict=True)
            ]
    return found


def scrambled(data: Data, problem: Problem) -> Data:
    """The same data with other goods in every window: what was taken there is drawn anew."""
    ends = problem.source_events.group_by("shopper").agg(pl.col("at").max().alias("end"))
    marked = data.events.join(ends, on="shopper", how="left", maintain_order="left")
    rng, ids = random.Random(11), data.catalogue.ids
    other = pl.Series("other", [rng.choice(ids) for _ in range(len(marked))])
    late = pl.col("at") > pl.col("end")
    changed = marked.with_columns(other).with_columns(pl.when(late).then("other").otherwise("item").alias("item"))
    assert changed.filter(late).height >= len(problem.main)
    return replace(data, events=changed.drop("end", "other"))


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("protocol", [next_category, next_item, leave_one_out])
def test_a_window_changes_nothing_for_anybody(name: str, protocol: Any):
    data = crowd(shoppers=30, rows=30)
    before = protocol.problem(data)
    after = protocol.problem(scrambled(data, before))
    assert [c.targets for c in before.main] != [c.targets for c in after.main]
    first, second = ranked(name, before), ranked(name, after)
    plain = {key for key in first if key.startswith("all ")}
    assert plain
    assert {key: first[key] for key in plain} == {key: second[key] for key in plain}


def test_popular_counts_shoppers_and_the_newest_first_among_equals():
    told = [("a", "t:p", day) for day in range(9)] + [("b", "t:q", 1), ("c", "t:q", 2), ("d", "t:r", 8)]
    told += [(s, item, 20 + n) for s in "abcd" for n, item in enumerate(("t:p", "t:q", "t:z"))]
    problem = leave_one_out.problem(Data("hand", goods(dict.fromkeys(("t:p", "t:q", "t:r", "t:z"), "C")), events(told)))
    system = Popular(np.inf)
    system.fit(problem)
    case = replace(problem.main[0], allowed=None)
    assert problem.catalogue.rows(["t:q", "t:p", "t:r"]).tolist() == system.rank(case, 4)[0].tolist()


def test_repeats_by_frequency_and_by_recency():
    old, new = [("a", "t:old", day) for day in range(4)], [("a", "t:new", day) for day in (1500, 1501, 1502)]
    told = [*old, *new, ("a", "t:once", 1503), *(("a", f"t:x{n}", 1510 + n) for n in range(16))]
    titles = ["t:old", "t:new", "t:once", "t:never", *(f"t:x{n}" for n in range(16))]
    data = Data("hand", goods(dict.fromkeys(titles, "C")), events(told))
    problem = next_item.problem(data)
    often = [item for item, _ in ranked("repeat", problem)["all a"]]
    lately = [item for item, _ in ranked("repeat_decayed", problem)["all a"]]
    assert often[:2] == ["t:old", "t:new"]
    assert lately[0] == "t:new"
    assert lately[-1] == "t:old"
    assert "t:never" not in often


def test_neighbours_are_shrunk_cosines():
    told = [
        (s, i, n) for s, items in {"a": "pqr", "b": "pq", "c": "pz", "d": "rz"}.items() for n, i in enumerate(items)
    ]
    told = [(s, f"t:{i}", n) for s, i, n in told] + [("e", "t:p", 0), ("e", "t:r", 1), ("e", "t:z", 2)]
    problem = leave_one_out.problem(Data("hand", goods({f"t:{i}": "C" for i in "pqrz"}), events(told)))
    system = ItemKNN(1.0)
    system.fit(problem)
    case = next(case for case in problem.main if case.shopper == "e")  # p and r are known; a's r is left out
    by = dict(zip(problem.catalogue.ids, system.scores_of(case), strict=True))
    takers = {"p": 4, "q": 2, "r": 2, "z": 2}  # a b c e; a b; d e; c d
    weight = {"p": 0.5 ** (1 / 365), "r": 1.0}
    together = {("p", "q"): 2, ("p", "z"): 1, ("r", "z"): 1}
    for item in "qz":
        expected = sum(
            weight[had] * together.get((had, item), 0) / ((takers[had] * takers[item]) ** 0.5 + 1) for had in "pr"
        )
        assert by[f"t:{item}"] == pytest.approx(expected, rel=1e-5)
    whole, system._all = system.scores_of(case), None
    assert system.scores_of(case) == pytest.approx(whole)  # worked out for the history alone, it is the same


def test_a_large_ease_is_the_same(monkeypatch: pytest.MonkeyPatch):
    problem = next_category.problem(crowd())
    found = []
    for block in (3, 2048):
        monkeypatch.setattr("eval.systems.matrix.BLOCK", block)
        system = Ease(7.0)
        system.fit(problem)
        found.append(system.scores_of(problem.main[0]))
    assert (found[0] == found[1]).all()


def test_ease_is_its_closed_form_and_keeps_to_the_most_taken():
    problem = next_item.problem(crowd())
    from eval.systems.matrix import known, taken_matrix

    taken = taken_matrix(problem).toarray().astype(np.float64)
    inverse = np.linalg.inv(taken.T @ taken + 7 * np.eye(taken.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    system = Ease(7.0)
    system.fit(problem)
    case = problem.main[0]
    seen = taken.sum(axis=0) > 0
    assert system.scores_of(case)[seen] == pytest.approx(weights[known(case)].sum(axis=0)[seen], abs=1e-4)
    few = Ease(7.0, most=10)
    few.fit(problem)
    assert set(np.flatnonzero(np.isfinite(few.scores_of(case)))) == set(np.argsort(-taken.sum(0), kind="stable")[:10])


def test_factors_find_the_taste():
    problem = next_item.problem(crowd())
    run = ranked("ials", problem)
    share = []
    for case in problem.views["known"]:
        aisles = "abc" if int(case.shopper[1:]) % 2 else "defg"
        top = [item for item, _ in run[f"known {case.key}"][:3]]
        share.append(sum(item[2] in aisles for item in top) / len(top))
    assert np.mean(share) > 0.6  # four of eight aisles by chance, most of them taken before


def test_texts_find_what_reads_alike():
    told = [("a", f"t:wool{n}", n) for n in range(18)] + [("a", "t:pan0", 30), ("a", "t:wool18", 31)]
    titles = {f"t:wool{n}": "KNITTING" for n in range(20)} | {f"t:pan{n}": "KITCHEN" for n in range(20)}
    problem = next_item.problem(Data("hand", goods(titles), events(told)))
    for name in ("bm25", "dense"):
        top = [item for item, _ in ranked(name, problem)["cold a"][:2]]
        assert all("wool" in item for item in top)
        system = make(name)
        system.fit(problem)
        asked = replace(problem.main[0], words=("kitchen please",))
        assert problem.catalogue.ids[system.rank(asked, 1)[0][0]].startswith("t:pan")


def test_settings_are_chosen_on_the_slice_before_alone():
    problem, looked = next_item.problem(crowd()), []

    def make_popular(days: float) -> Popular:
        class Spy(Popular):
            def fit(self, problem: Problem) -> None:
                looked.append(problem.split)
                super().fit(problem)

        return Spy(days)

    assert tuned(problem, (np.inf, 30.0), make_popular) in (np.inf, 30.0)
    assert looked == ["valid", "valid"]
    assert tuned(replace(problem, earlier=lambda: None), (3.0, 4.0), make_popular) == 3.0


def test_an_unknown_system_is_an_error():
    with pytest.raises(EvaluationError, match="no system 'nothing'"):
        make("nothing")
    with pytest.raises(EvaluationError, match="no file"):
        make("nowhere.py:Mine")
