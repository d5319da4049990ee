"""Click-through from logged propensities: by hand, and against a truth that is known because we made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from eval.clicks import click_through, read_log
from retrieval.errors import EvaluationError

COLUMNS = ("query", "item", "propensity", "click", "position", "impression")


def log(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, *((1, n)[len(row) - 4 :])) for n, row in enumerate(rows)], schema=list(COLUMNS), orient="row"
    )


def test_by_hand_two_matches_of_weight_2_and_4_with_one_click_give_ips_1_half_and_snips_a_third() -> None:
    rows = log(("q", "a", 0.5, 1.0), ("q", "b", 0.5, 1.0), ("q", "a", 0.25, 0.0), ("q", "c", 0.5, 0.0))
    found = click_through({"q": [("a", 1.0)]}, rows)
    assert found["IPS"].value == pytest.approx(2 / 4)
    assert found["SNIPS"].value == pytest.approx(2 / 6)
    assert found["effective"] == pytest.approx(6**2 / (2**2 + 4**2))
    assert found["mean_weight"] == pytest.approx(6 / 4)
    assert found["logged"] == 0.5
    assert (found["matched"], found["rows"], found["clipped"], found["too_small"]) == (2, 4, 0, True)


def test_clipping_at_2_makes_both_weights_2() -> None:
    rows = log(("q", "a", 0.5, 1.0), ("q", "a", 0.25, 0.0))
    found = click_through({"q": [("a", 1.0)]}, rows, clip=2.0)
    assert found["SNIPS"].value == 0.5
    assert found["clipped"] == 1
    assert found["IPS"].value == 1.0, "IPS stays unbiased"


def test_the_place_counts() -> None:
    rows = log(("q", "b", 0.5, 1.0, 2, 0), ("q", "a", 0.5, 0.0, 2, 1))
    assert click_through({"q": [("a", 2.0), ("b", 1.0)]}, rows)["matched"] == 1
    assert click_through({"q": [("b", 2.0), ("a", 1.0)]}, rows)["IPS"].value == 0.0


def test_queries_that_the_run_does_not_answer_are_left_out() -> None:
    rows = log(("q", "a", 1.0, 1.0), ("other", "a", 1.0, 0.0))
    assert click_through({"q": [("a", 1.0)]}, rows)["rows"] == 1
    with pytest.raises(EvaluationError, match="none of the log's queries"):
        click_through({"nobody": [("a", 1.0)]}, rows)


def test_nothing_in_common_gives_no_snips() -> None:
    found = click_through({"q": [("z", 1.0)]}, log(("q", "a", 0.5, 1.0)))
    assert found["SNIPS"] is None
    assert (found["IPS"].value, found["effective"], found["too_small"]) == (0.0, 0.0, True)


def simulated(seed: int, lists: int) -> tuple[pl.DataFrame, float]:
    """A log of a policy that prefers some of 6 items at random, and the true click-through of always showing item 4."""
    rng = np.random.default_rng(seed)
    policy = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    truth = np.array([0.1, 0.2, 0.3, 0.15, 0.5, 0.05])
    shown = rng.choice(6, size=lists, p=policy)
    return (
        pl.DataFrame(
            {
                "query": ["q"] * lists,
                "item": [f"i{n}" for n in shown],
                "propensity": policy[shown],
                "click": (rng.random(lists) < truth[shown]).astype(float),
                "position": [1] * lists,
                "impression": list(range(lists)),
            }
        ),
        float(truth[4]),
    )


def test_both_estimates_find_the_truth_that_the_logged_rate_misses() -> None:
    rows, truth = simulated(1, 20_000)
    found = click_through({"q": [("i4", 1.0)]}, rows)
    for name in ("IPS", "SNIPS"):
        assert found[name].low < found[name].value < found[name].high
        assert found[name].value == pytest.approx(truth, abs=0.05)
    assert abs(found["logged"] - truth) > 0.2
    assert found["mean_weight"] == pytest.approx(1.0, abs=0.1)


def test_intervals_hold_the_truth_about_as_often_as_they_say_and_snips_is_narrower() -> None:
    inside, widths = np.zeros(2), []
    for seed in range(60):
        rows, truth = simulated(seed, 2000)
        found = click_through({"q": [("i4", 1.0)]}, rows, seed=seed)
        inside += [found[name].low <= truth <= found[name].high for name in ("IPS", "SNIPS")]
        widths.append([found[name].high - found[name].low for name in ("IPS", "SNIPS")])
    assert inside.min() >= 51
    assert np.mean(widths, axis=0)[1] < np.mean(widths, axis=0)[0]


def test_rows_of_one_list_are_drawn_together() -> None:
    alone, _ = simulated(3, 1500)
    copies = pl.concat([alone] * 4)
    run = {"q": [("i0", 1.0)]}
    width = [found.high - found.low for found in (click_through(run, rows)["SNIPS"] for rows in (alone, copies))]
    assert width[1] == pytest.approx(width[0], rel=0.15), "four copies of a list tell no more than one"
    apart = click_through(run, copies.with_columns(impression=pl.int_range(pl.len())))["SNIPS"]
    assert apart.high - apart.low < 0.7 * width[0]


def test_very_many_lists_give_the_same_width() -> None:
    rows, _ = simulated(4, 60_000)
    found = click_through({"q": [("i0", 1.0)]}, rows)["SNIPS"]
    clicks = rows.filter(pl.col("item") == "i0")["click"]
    error = 1.96 * float(clicks.std()) / len(clicks) ** 0.5  # type: ignore[arg-type]
    assert (found.high - found.low) / 2 == pytest.approx(error, rel=0.15)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_log_is_read_from_every_form(suffix: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": ["1", "1"], "item_id": ["007", "b"], "pscore": [0.5, 1.0], "clicked": [True, False]})
    file = tmp_path / f"log.{suffix}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](file)
    assert read_log(file).rows() == [("1", "007", 0.5, 1.0, 1, 0), ("1", "b", 1.0, 0.0, 1, 1)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("q,a,0,1,1", "row 2: the propensity is no probability"),
        ("q,a,1.5,1,1", "value '1.5'"),
        ("q,a,nan,1,1", "propensity"),
        ("q,a,often,1,1", "value 'often'"),
        ("q,a,0.5,2,1", "the click is neither 0 nor 1"),
        ("q,a,0.5,,1", "the click is neither 0 nor 1"),
        ("q,a,0.5,1,0", "the position is no place"),
        ("q,a,0.5,1,1.5", "the position is no place"),
        (",a,0.5,1,1", "names no query"),
        ("q,,0.5,1,1", "names no item"),
    ],
)
def test_a_bad_row_is_named(row: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text(f"query,item,propensity,click,position\nq,a,0.5,1,1\n{row}\n")
    with pytest.raises(EvaluationError, match=said):
        read_log(file)


def test_a_log_without_propensities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("query,item,click\nq,a,1\n")
    with pytest.raises(EvaluationError, match="no column 'propensity'"):
        read_log(tmp_path / "log.csv")
    with pytest.raises(EvaluationError, match="clipped at"):
        click_through({"q": [("a", 1.0)]}, log(("q", "a", 0.5, 1.0)), clip=0.5)
