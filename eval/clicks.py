"""Click-through of a ranking that was never shown, estimated from a log of another one.

The log is JSONL, CSV or Parquet; each row is one place of one list that was shown:

| column | meaning |
|---|---|
| query | who or what was answered, as in the run |
| item | what stood there |
| propensity | probability, above 0 and at most 1, with which the logging system put this item in this place |
| click | 1 or 0 |
| position | the place, 1 being the first; without this column every row is taken for the first place |
| impression | the list that it belongs to, so that its rows are drawn together; without it each row is drawn alone |

A row counts where the run has the same item in the same place, weighted by 1 / propensity. IPS is the mean of weight
times click (Horvitz and Thompson, 1952; for rankings the item-position model of Li et al., 2018): unbiased, but wild.
SNIPS divides by the sum of the weights (Swaminathan and Joachims, 2015), weights clipped at `clip` (Ionides, 2008): a
little biased, far steadier. The effective sample size (sum of weights)^2 / (sum of squared weights), Kong (1992), says
how many shown rows the estimate is worth; a mean weight far from 1 says that the log doesn't cover the run, or that
its propensities are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.files import fault, renamed, table
from eval.runs import NAMES, Run
from eval.statistics import RESAMPLES, Interval, resampled
from retrieval.errors import EvaluationError

CLIP = 100.0
ENOUGH = 30  # effective rows below which an estimate says nothing
_BLOCKS = 20_000
_NAMES = {
    "query": NAMES["query"],
    "item": NAMES["item"],
    "propensity": ("pscore", "prob", "probability"),
    "click": ("clicked", "reward"),
    "position": ("pos", "rank", "place"),
    "impression": ("impression_id", "list", "list_id"),
}


def read_log(path: Path) -> pl.DataFrame:
    """Read a log: query, item (text), propensity, click (floats), position, impression (whole numbers).

    Raises:
        EvaluationError: the file can't be read, a column is missing, or a value is out of its range.
    """
    path = Path(path)
    frame = renamed(path, table(path), _NAMES)
    missing = [name for name in ("query", "item", "propensity", "click") if name not in frame.columns]
    if missing:
        raise fault(path, f"there is no column {missing[0]!r}", 'give "query", "item", "propensity" and "click"')
    position = pl.col("position") if "position" in frame.columns else pl.lit(1)
    impression = pl.col("impression").rank("dense") if "impression" in frame.columns else pl.int_range(pl.len())
    log = frame.select(
        pl.col("query", "item").cast(pl.String),
        pl.col("propensity").cast(pl.Float64, strict=False),
        _flag(frame.schema["click"]).alias("click"),
        position.cast(pl.Float64, strict=False).alias("position"),
        impression.cast(pl.Int64).alias("impression"),
    )
    rules = {
        "query": (pl.col("query").is_not_null(), "the row names no query", "give one"),
        "item": (pl.col("item").is_not_null(), "the row names no item", "give one"),
        "propensity": (pl.col("propensity").is_between(0, 1, closed="right"), "the propensity is no probability",
                       "log with which probability the item was shown, above 0 and at most 1"),
        "click": (pl.col("click").is_in([0.0, 1.0]), "the click is neither 0 nor 1", "give 1 or 0"),
        "position": ((pl.col("position") >= 1) & (pl.col("position") % 1 == 0), "the position is no place",
                     "count places from 1"),
    }  # fmt: skip
    for name, (rule, cause, remedy) in rules.items():
        wrong = log.select(~rule.fill_null(value=False)).to_series().arg_true()
        if len(wrong):
            row = int(wrong[0])
            value = frame[name][row] if name in frame.columns else None
            raise fault(path, f"row {row + 1}: {cause}", remedy, value="nothing" if value is None else value)
    return log.with_columns(pl.col("position").cast(pl.Int64))


def click_through(run: Run, log: pl.DataFrame, clip: float = CLIP, seed: int = 0) -> dict[str, Any]:
    """Estimate clicks per shown place.

    Args:
        run: what would be shown, best first.
        log: as `read_log` gives it.
        clip: highest weight in SNIPS.
        seed: of the bootstrap, which draws lists.

    Returns:
        `IPS` and `SNIPS` (`Interval`; SNIPS is None where nothing matched), `logged` the click-through of the log
        itself, `effective` sample size, `mean_weight`, `clipped` weights, `matched` and `rows` of the log, and
        `too_small` where the effective sample size is below 30.

    Raises:
        EvaluationError: the run answers none of the log's queries, or the clip is below 1.
    """
    if not clip >= 1:
        raise EvaluationError(f"weights can't be clipped at {clip}", "give a number of at least 1")
    rows = log.filter(pl.col("query").is_in(list(run)))
    if not len(rows):
        remedy = "log the queries by the run's ids"
        raise EvaluationError("the run answers none of the log's queries", remedy)
    shown = pl.DataFrame(
        [(query, item, place) for query, ranking in run.items() for place, (item, _) in enumerate(ranking, 1)],
        schema={"query": pl.String, "item": pl.String, "position": pl.Int64},
        orient="row",
    ).with_columns(match=pl.lit(1.0))
    joined = rows.join(shown, on=["query", "item", "position"], how="left", maintain_order="left")
    weights = (joined["match"].fill_null(0.0) / joined["propensity"]).to_numpy()
    clicks = joined["click"].to_numpy()
    held = np.minimum(weights, clip)
    sums = _sums(
        joined["impression"].to_numpy(), np.stack([np.ones_like(held), weights * clicks, held * clicks, held], 1), seed
    )
    means = resampled(sums, seed, RESAMPLES)
    ips = _ratio(sums[:, 1], sums[:, 0], means[:, 1], means[:, 0])
    snips = _ratio(sums[:, 2], sums[:, 3], means[:, 2], means[:, 3]) if held.any() else None
    effective = float(held.sum() ** 2 / (held**2).sum()) if held.any() else 0.0
    return {
        "IPS": ips,
        "SNIPS": snips,
        "logged": float(clicks.mean()),
        "effective": effective,
        "mean_weight": float(weights.mean()),
        "clipped": int((weights > clip).sum()),
        "matched": int((weights > 0).sum()),
        "rows": len(rows),
        "too_small": effective < ENOUGH,
    }


def estimate(
    runs: Mapping[str, Run], log: pl.DataFrame, clip: float = CLIP, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """The same for several systems."""
    return {system: click_through(run, log, clip, seed) for system, run in runs.items()}


def _flag(kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        text = pl.col("click").str.to_lowercase()
        return text.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
    return pl.col("click").cast(pl.Float64, strict=False)


def _sums(lists: NDArray[np.int64], columns: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Columns summed by list; very many lists are first thrown together into 20,000 random lots."""
    _, codes = np.unique(lists, return_inverse=True)
    count = int(codes.max()) + 1
    if count > _BLOCKS:
        codes = (np.random.default_rng(seed).permutation(count) % _BLOCKS)[codes]
        count = _BLOCKS
    return np.stack([np.bincount(codes, weights=column, minlength=count) for column in columns.T], axis=1)


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64], *drawn: NDArray[np.float64]) -> Interval:
    value = float(over.sum() / under.sum())
    there = drawn[1] > 0
    low, high = np.percentile(drawn[0][there] / drawn[1][there], (2.5, 97.5))
    return Interval(value, min(float(low), value), max(float(high), value), len(over))
