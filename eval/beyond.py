"""What a ranking is like beside being right: how wide, varied and new, how like the shopper, how fair to goods.

    histories = read_history(Path("shops/mine"))
    beyond({"popular": run}, Goods.read(Path("shops/mine"), histories), histories, qrels, k=10)

All of the first k places. Coverage and Gini are figures of the whole run, without an interval; everything else is a
mean over queries with one.

| figure | definition |
|---|---|
| Coverage | share of the catalogue that is shown to anybody (Ge, Delgado-Battenfeld and Jannach, 2010) |
| Gini | inequality of exposure over the catalogue, 0 all alike, 1 one item only (Fleder and Hosanagar, 2009) |
| ILD-category | share of pairs in a list that differ in category (intra-list diversity: Smyth and McClave, 2001) |
| ILD-vector | mean 1 - cosine over pairs in a list (Ziegler et al., 2005) |
| Novelty | mean self-information -log2 p(item), p its smoothed share of all events (Zhou et al., 2010) |
| Popularity | mean number of events that a shown item had (Yin et al., 2012) |
| Serendipity | share of places that are relevant and not among the k most popular (Ge et al., 2010) |
| Calibration | KL of the list's categories from the history's, in nats, smoothed by 1%; 0 is best (Steck, 2018) |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.inventory import Goods, Histories
from eval.runs import Qrels, Run
from eval.statistics import Interval, interval
from retrieval.errors import EvaluationError

Places = NDArray[np.int64]  # (q, k) rows of the catalogue, -1 where nothing (known) stands
Values = NDArray[np.float64]

FIGURES = (
    "Coverage", "Gini", "ILD-category", "ILD-vector", "Novelty", "Popularity", "Serendipity", "Calibration",
)  # fmt: skip
_SMOOTH = 0.01  # Steck's alpha


def beyond(
    runs: Mapping[str, Run],
    goods: Goods,
    histories: Histories | None = None,
    qrels: Qrels | None = None,
    *,
    k: int = 10,
    seed: int = 0,
) -> dict[str, dict[str, Interval]]:
    """Every figure that can be had, for every system.

    Args:
        runs: system -> run; queries without a ranking are left out.
        goods: the catalogue; items of a run that it doesn't hold count for nothing.
        histories: query -> items before, for calibration.
        qrels: what is relevant, for serendipity; None leaves that out, and all of a run's queries count.
        k: places looked at.
        seed: of the bootstrap.

    Raises:
        EvaluationError: the catalogue holds none of a run's items.
    """
    found: dict[str, dict[str, Interval]] = {}
    for system, run in runs.items():
        queries = [query for query in sorted(run if qrels is None else qrels) if run.get(query)]
        places = _places(run, queries, goods, k)
        if not (places >= 0).any():
            remedy = "give the catalogue of these ids"
            raise EvaluationError(f"the catalogue holds none of the items of {system!r}", remedy)
        n = len(goods.row_of)
        whole = {"Coverage": coverage(places, n), "Gini": gini(places, n)}
        figures = {name: Interval(value, value, value, len(queries)) for name, value in whole.items()}
        for name, values in _each(places, queries, goods, histories, qrels).items():
            if not np.isnan(values).all():
                figures[name] = interval(values, seed)
        found[system] = {f"{name}@{k}": one for name, one in figures.items()}
    return found


def _places(run: Run, queries: Sequence[str], goods: Goods, k: int) -> Places:
    places = np.full((len(queries), k), -1, dtype=np.int64)
    for line, query in enumerate(queries):
        for place, (item, _) in enumerate(run[query][:k]):
            places[line, place] = goods.row_of.get(item, -1)
    return places


def _each(
    places: Places, queries: Sequence[str], goods: Goods, histories: Histories | None, qrels: Qrels | None
) -> dict[str, Values]:
    """The figures that every query has, (q,) each."""
    found: dict[str, Values] = {}
    if goods.names:
        found["ILD-category"] = category_diversity(places, goods.categories)
    if goods.vectors is not None:
        found["ILD-vector"] = vector_diversity(places, goods.vectors)
    if goods.counts is not None:
        found["Novelty"] = novelty(places, goods.counts)
        found["Popularity"] = _mean(places, goods.counts)
        if qrels is not None:
            found["Serendipity"] = serendipity(places, queries, goods, qrels)
    if histories is not None and goods.names:
        found["Calibration"] = np.array(
            [_calibration(row, histories.get(query, ()), goods) for row, query in zip(places, queries, strict=True)]
        )
    return found


def coverage(places: Places, n: int) -> float:
    """Share of `n` items that stand anywhere."""
    return len(np.unique(places[places >= 0])) / n


def gini(places: Places, n: int) -> float:
    """Gini coefficient of how often each of `n` items is shown."""
    shown = np.sort(np.bincount(places[places >= 0], minlength=n))
    ranks = np.arange(1, n + 1)
    return float(2 * (ranks @ shown) / (n * shown.sum()) - (n + 1) / n)


def category_diversity(places: Places, categories: NDArray[np.int64]) -> Values:
    """(q,) share of pairs that differ in category; NaN with fewer than two items of known category."""
    codes = np.where(places >= 0, categories[places], -1)
    known = (codes >= 0).sum(axis=1)
    alike = np.zeros(len(places))
    for place in range(places.shape[1]):  # pairs of the same category, place by place: memory stays (q, k)
        here = codes[:, place]
        alike += ((codes[:, :place] == here[:, None]) & (here >= 0)[:, None]).sum(axis=1)
    pairs = known * (known - 1) / 2
    return np.where(pairs > 0, 1 - alike / np.maximum(pairs, 1), np.nan)


def vector_diversity(places: Places, vectors: NDArray[np.float32]) -> Values:
    """(q,) mean 1 - cosine over pairs; NaN with fewer than two items that have a vector."""
    found = np.full(len(places), np.nan)
    for line, row in enumerate(places):
        here = np.asarray(vectors[row[row >= 0]], dtype=np.float64)
        norms = np.linalg.norm(here, axis=1)
        here = here[norms > 0] / norms[norms > 0, None]
        m = len(here)
        if m > 1:  # the squared norm of a sum of unit vectors holds all their products
            together = here.sum(axis=0)
            found[line] = 1 - (float(together @ together) - m) / (m * (m - 1))
    return found


def novelty(places: Places, counts: Values) -> Values:
    """(q,) mean self-information in bits, p = (events + 1) / (all events + all items)."""
    return _mean(places, -np.log2((counts + 1) / (counts.sum() + len(counts))))


def serendipity(places: Places, queries: Sequence[str], goods: Goods, qrels: Qrels) -> Values:
    """(q,) share of the k places that are relevant and that a list of the k most popular items would not show."""
    k = places.shape[1]
    counts = np.zeros(len(goods.row_of)) if goods.counts is None else goods.counts
    expected = set(np.argsort(-counts, kind="stable")[:k].tolist())
    found = np.full(len(queries), np.nan)
    for line, query in enumerate(queries):
        relevant = {goods.row_of.get(item, -2) for item, gain in qrels[query].items() if gain > 0}
        if relevant:
            found[line] = sum(row in relevant and row not in expected for row in places[line].tolist()) / k
    return found


def _calibration(row: NDArray[np.int64], history: Sequence[str], goods: Goods) -> float:
    rows = [goods.row_of[item] for item in history if item in goods.row_of]
    return calibration(goods.categories[rows].tolist(), goods.categories[row[row >= 0]].tolist())


def calibration(history: Sequence[int], shown: Sequence[int]) -> float:
    """KL divergence of shown categories from the history's, in nats; NaN where either is unknown (-1)."""
    had = Counter(code for code in history if code >= 0)
    has = Counter(code for code in shown if code >= 0)
    if not had or not has:
        return math.nan
    total, width = had.total(), has.total()
    divergence = 0.0
    for code, count in had.items():
        p = count / total
        q = (1 - _SMOOTH) * has[code] / width + _SMOOTH * p
        divergence += p * math.log(p / q)
    return max(0.0, divergence)


def _mean(places: Places, of: Values) -> Values:
    there = places >= 0
    count = there.sum(axis=1)
    total = np.where(there, of[places], 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
