"""The splits: where they cut, what they hide, what they ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from eval.data import Data, load
from eval.problem import Problem
from eval.protocols import leave_one_out, next_category, next_item
from eval.protocols.windows import Dated, Own
from retrieval.errors import EvaluationError
from tests.eval.hand_made import START, crowd, events, goods

TEN = {f"t:i{n:02d}": f"C{n % 5}" for n in range(30)}


def learnt(problem: Problem) -> set[tuple[str, str, datetime]]:
    return set(problem.source_events.select("shopper", "item", "at").iter_rows())


def test_the_last_fifth_is_the_window_and_short_histories_are_learnt_whole():
    told = [("long", f"t:i{n:02d}", n) for n in range(20)] + [("short", f"t:i{n:02d}", n) for n in range(19)]
    cut = Own().cut(events(told))
    assert cut.window["item"].to_list() == ["t:i16", "t:i17", "t:i18", "t:i19"]
    assert cut.before.group_by("shopper").len().sort("shopper")["len"].to_list() == [16, 19]


def test_a_day_is_never_parted():
    days = [*range(14), 14, 14, 14, 14, 14, 15]  # the cut by rows would fall among the five of day 14
    cut = Own().cut(events([("a", f"t:i{n:02d}", day + 0.01 * (n % 3)) for n, day in enumerate(days)]))
    assert cut.before["item"].to_list() == [f"t:i{n:02d}" for n in range(14)]
    assert cut.window.height == 6
    assert cut.before["at"].max() < START + timedelta(days=14) <= cut.window["at"].min()


def test_where_one_day_holds_nearly_all_the_cut_moves_to_its_end():
    cut = Own().cut(events([("a", f"t:i{n:02d}", 0 if n < 19 else 3) for n in range(20)]))
    assert (cut.before.height, cut.window.height) == (19, 1)
    cut = Own().cut(events([("a", f"t:i{n:02d}", 0) for n in range(20)]))
    assert (cut.before.height, cut.window.height) == (20, 0)


def test_only_what_was_taken_counts_and_later_views_are_out_of_sight():
    told = [("a", f"t:i{n:02d}", n) for n in range(20)]
    told += [("a", "t:i25", 3.5, "view"), ("a", "t:i26", 17.5, "view"), ("a", "t:i27", 16.2, "return")]
    cut = Own().cut(events(told))
    assert cut.window["item"].to_list() == ["t:i16", "t:i17", "t:i18", "t:i19"]
    assert "t:i25" in cut.before["item"]
    assert not {"t:i26", "t:i27"} & set(cut.before["item"])


def test_categories_are_ranked_and_novel_ones_apart():
    told = [("a", f"t:i{5 * (n % 6):02d}", n) for n in range(16)]  # all of C0
    told += [("a", "t:i00", 16), ("a", "t:i01", 17), ("a", "t:i02", 18), ("a", "t:nameless", 19)]
    told += [("b", f"t:i{n % 2:02d}", n) for n in range(20)]  # C0 and C1 only, before and after
    data = Data("hand", goods(TEN | {"t:nameless": ""}), events(told))
    problem = next_category.problem(data)
    assert problem.catalogue.ids == ["C0", "C1", "C2", "C3", "C4"]
    whole = {case.shopper: case for case in problem.views["all"]}
    assert whole["a"].targets == {"C0": 1.0, "C1": 1.0, "C2": 1.0}
    assert whole["a"].allowed is None
    assert [case.shopper for case in problem.views["novel"]] == ["a"]
    novel = problem.views["novel"][0]
    assert set(novel.targets) == {"C1", "C2"}
    assert novel.allowed is not None
    assert novel.allowed.tolist() == [False, True, True, True, True]
    assert len(novel.history) == 16
    assert novel.source.rows.tolist() != novel.history.rows.tolist()
    assert novel.history.now == novel.source.at[-1]


def test_nothing_of_a_window_is_learnt_at_any_depth():
    data, seen = crowd(), None
    problem: Problem | None = next_item.problem(data)
    depth = 0
    while problem is not None:
        depth += 1
        for case in problem.main:
            last = problem.source_events.filter(pl.col("shopper") == case.shopper)["at"].max()
            own = data.events.filter((pl.col("shopper") == case.shopper) & pl.col("item").is_in(list(case.targets)))
            assert (own["at"] > last).any()
            assert case.history.now == np.datetime64(last.replace(tzinfo=None))
        assert seen is None or learnt(problem) < seen
        seen = learnt(problem)
        problem = problem.earlier()
    assert depth >= 3


def test_valid_is_what_lies_before_test():
    for made in (next_item, next_category, leave_one_out):
        test, valid = made.problem(crowd()), made.problem(crowd(), "valid")
        before = test.earlier()
        assert before is not None
        assert before.split == valid.split == "valid"
        assert learnt(before) == learnt(valid)
        assert [(c.key, c.targets) for c in before.main] == [(c.key, c.targets) for c in valid.main]


def test_earlier_slices_can_be_had_several_at_once():
    problem = next_item.problem(crowd())
    found = list(problem.slices(3))
    assert [one.split for one in found] == ["valid", "earlier", "earlier"]
    assert learnt(problem) > learnt(found[0]) > learnt(found[1]) > learnt(found[2])
    assert list(problem.slices(0)) == []
    assert len(list(problem.slices(99))) == 3  # then nobody has 20 events left


def test_views_of_items_part_the_targets_and_allow_what_they_say():
    data = crowd()
    problem = next_item.problem(data)
    kept, size = problem.events, len(data.catalogue)
    known = set(kept["item"])
    for view, cases in problem.views.items():
        for case in cases:
            own = set(kept.filter((pl.col("shopper") == case.shopper) & (pl.col("kind") == "purchase"))["item"])
            may = {
                data.catalogue.ids[row] for row in (range(size) if case.allowed is None else case.allowed.nonzero()[0])
            }
            expected = {"all": set(data.catalogue.ids), "repeat": own, "known": known - own}
            expected["cold"] = set(data.catalogue.ids) - known
            assert may == expected[view]
            assert set(case.targets) <= may
    parts = {view: {c.shopper: set(c.targets) for c in cases} for view, cases in problem.views.items()}
    for shopper, targets in parts.pop("all").items():
        assert set().union(*(part.get(shopper, set()) for part in parts.values())) == targets
        assert sum(len(part.get(shopper, ())) for part in parts.values()) == len(targets)


def test_a_date_parts_everybody():
    told = [("a", f"t:i{n:02d}", 10 * n) for n in range(30)] + [("b", f"t:i{n:02d}", 150 + n) for n in range(20)]
    data = Data("hand", goods(TEN), events(told))
    problem = next_item.problem(data, time="global", date=START + timedelta(days=200))
    assert problem.events["at"].max() < START + timedelta(days=200)
    assert problem.events.height == 20 + 20
    assert {case.shopper: sorted(case.targets)[0] for case in problem.main} == {"a": "t:i20"}  # b takes nothing later
    with pytest.raises(EvaluationError, match="doesn't part"):
        next_item.problem(data, time="global", date=START + timedelta(days=900))


def test_the_usual_dates():
    span = events([("a", "t:i00", 0), ("a", "t:i01", 100)])
    how = Dated.of(span, "generic")
    assert (how.date, how.days) == (START + timedelta(days=80), 21)
    assert how.end == START + timedelta(days=101)
    assert how.earlier().end == how.date
    assert how.earlier().date == START + timedelta(days=59)
    long = events([("a", "t:i00", 0), ("a", "t:i01", 3000)])
    how = Dated.of(long, "generic", datetime(2026, 8, 31, tzinfo=UTC))
    assert how.end == datetime(2027, 2, 28, tzinfo=UTC)
    shopping = long.with_columns(pl.col("at") - timedelta(days=2000))
    assert Dated.of(shopping, "open-ecommerce").date == datetime(2022, 4, 1, tzinfo=UTC)


def test_the_last_event_is_left_out_and_what_was_seen_is_filtered():
    told = [("a", f"t:i{n:02d}", n) for n in range(4)] + [("b", "t:i00", 0), ("b", "t:i01", 1)]
    data = Data("hand", goods(TEN), events(told))
    (case,) = leave_one_out.problem(data).main
    assert case.targets == {"t:i03": 1.0}
    assert case.allowed is not None
    assert np.flatnonzero(~case.allowed).tolist() == [0, 1, 2]
    valid = leave_one_out.problem(data, "valid")
    assert [c.targets for c in valid.main] == [{"t:i02": 1.0}]
    assert ("a", "t:i03", START + timedelta(days=3)) not in learnt(valid)
    assert valid.events.filter(pl.col("shopper") == "b").height == 2


def test_the_way_to_the_last_purchase_is_out_of_sight_and_a_review_is_no_target():
    told = [
        ("a", "t:i00", 0, "purchase"),
        ("a", "t:i05", 1, "view"),
        ("a", "t:i01", 2, "purchase"),
        ("a", "t:i06", 3, "view"),  # what leads to the target, and what else was looked at on the way
        ("a", "t:i02", 3, "cart"),
        ("a", "t:i02", 4, "purchase"),
        ("a", "t:i01", 9, "review"),
        ("b", "t:i03", 0, "purchase"),
        ("b", "t:i04", 1, "purchase"),
        ("b", "t:i03", 2, "purchase"),
    ]
    problem = leave_one_out.problem(Data("hand", goods(TEN), events(told)))
    first, other = problem.main
    assert first.targets == {"t:i02": 1.0}
    assert [problem.catalogue.ids[row] for row in first.history.rows] == ["t:i00", "t:i05", "t:i01"]
    assert other.targets == {"t:i03": 1.0}
    assert problem.notes == (
        "1 of 2 targets (50%) the shopper had taken before: no system may rank them, and all miss them.",
    )


def test_ties_can_be_shuffled_where_there_are_dates():
    told = [("a", "t:i00", 0)] + [("a", f"t:i{n:02d}", 5) for n in range(1, 9)]
    data = Data("hand", goods(TEN), events(told))
    assert leave_one_out.problem(data).main[0].targets == {"t:i08": 1.0}
    found = {next(iter(leave_one_out.problem(data, shuffle_ties=True, seed=s).main[0].targets)) for s in range(8)}
    assert len(found) > 2
    assert "t:i00" not in found
    again = [leave_one_out.problem(data, shuffle_ties=True, seed=5).main[0].targets for _ in range(2)]
    assert again[0] == again[1]
    with pytest.raises(EvaluationError, match="no dates"):
        leave_one_out.problem(replace(data, clock="order"), shuffle_ties=True)


def test_what_cannot_be_asked_is_an_error():
    few = Data("few", goods(TEN), events([("a", "t:i00", 0)]))
    for made in (next_item, next_category, leave_one_out):
        with pytest.raises(EvaluationError):
            made.problem(few)
    with pytest.raises(EvaluationError, match="categories"):
        next_category.problem(Data("plain", goods({"t:i00": ""}), few.events))
    with pytest.raises(EvaluationError, match="no dates"):
        next_item.problem(replace(crowd(), clock="order"), time="global")


def test_sequences_and_tables_of_people_are_read(tmp_path: Path):
    file = tmp_path / "seq.txt"
    file.write_text("".join(f"{u} {u} {u + 1} {u + 2} 9\n" for u in range(1, 5)))
    table = tmp_path / "people.csv"
    table.write_text("user_id,age,name\n1,old,\n2,young,\n3, old ,\n")
    before = set(tmp_path.iterdir())
    data = load(file, groups=table)
    assert (data.clock, data.events.height, data.format) == ("order", 16, "sequences")
    assert data.groups == {"1": {"age": "old"}, "2": {"age": "young"}, "3": {"age": "old"}}
    cases = {case.shopper: case for case in leave_one_out.problem(data).main}
    assert cases["1"].groups == {"age": "old"}
    assert set(cases["4"].targets) == {"seq:9"}
    assert set(tmp_path.iterdir()) == before
    table.write_text("who,age\n1,old\n")
    with pytest.raises(EvaluationError, match="no column of shoppers"):
        load(file, groups=table)
