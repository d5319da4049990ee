"""Metrics of a ranking, query by query, computed by ir_measures (trec_eval's own code underneath).

    per_query(run, qrels, ["NDCG@10", "Recall@10", "MRR"])["NDCG@10"]     # (q,) in the order of sorted(qrels)

NDCG is Järvelin and Kekäläinen's (2002) with linear gains and a log2 discount; everything else counts an item as
relevant where its gain is above 0. trec_eval takes whole gains only and sorts by score and then by item id: so gains
are scaled to whole numbers query by query (NDCG doesn't change by that) and places stand in for scores, which keeps
the given order of equal ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.runs import Qrels, Run, ordered
from retrieval.errors import EvaluationError

Values = NDArray[np.float64]

STANDARD = ("NDCG@10", "Recall@10", "MRR", "Precision@10", "F1@10", "MAP")

_NAMES = {
    **dict.fromkeys(("ndcg",), "NDCG"),
    **dict.fromkeys(("recall", "r"), "Recall"),
    **dict.fromkeys(("mrr", "rr"), "MRR"),
    **dict.fromkeys(("precision", "p"), "Precision"),
    **dict.fromkeys(("f1", "f"), "F1"),
    **dict.fromkeys(("map", "ap"), "MAP"),
    **dict.fromkeys(("hit", "hr", "hitrate", "success"), "Hit"),
}
_NEEDS_CUTOFF = frozenset({"Recall", "Precision", "F1", "Hit"})
_LEVELS = 20_000  # highest whole gain handed to trec_eval, which makes room for every level of every query


@lru_cache(maxsize=256)
def canonical(name: str) -> str:
    """A metric's name in its one spelling: "ndcg@10" and "nDCG@10" are "NDCG@10", "HR@5" is "Hit@5".

    Raises:
        EvaluationError: there is no such metric, or it needs a cutoff.
    """
    match = re.fullmatch(r"\s*([A-Za-z][A-Za-z0-9]*?)\s*(?:@\s*([0-9]{1,6}))?\s*", name)
    base = _NAMES.get(match[1].lower()) if match else None
    cutoff = int(match[2]) if match and match[2] else None
    if base is None or cutoff == 0:
        known = "NDCG@10, Recall@10, MRR, MRR@10, Precision@10, F1@10, MAP, Hit@10"
        raise EvaluationError(f"there is no metric {name!r}", f"choose among {known}, with any cutoff")
    if cutoff is None and base in _NEEDS_CUTOFF:
        raise EvaluationError(f"{base} needs a cutoff", f"write {base}@10, for example")
    return base if cutoff is None else f"{base}@{cutoff}"


def per_query(run: Run, qrels: Qrels, names: Sequence[str]) -> dict[str, Values]:
    """Every metric of every judged query.

    Args:
        run: query -> (item, score) pairs; the score decides, equal scores keep their order.
        qrels: query -> item -> gain.
        names: metrics as people write them; the result has the same keys.

    Returns:
        Metric -> (q,) in the order of `sorted(qrels)`. A query that the run doesn't rank scores 0. A query without a
        relevant item is not scorable: NaN.

    Raises:
        EvaluationError: an unknown metric, an item twice in a ranking, a score or gain that is no finite number.
    """
    wanted = {name: canonical(name) for name in names}
    parts = sorted({part for name in wanted.values() for part in _parts(name)})
    queries = sorted(qrels)
    judged = {query: relevant(query, qrels[query]) for query in queries}
    places = {
        query: {item: float(len(ranking) - place) for place, (item, _) in enumerate(ranking)}
        for query, ranking in ordered(
            {query: run[query] for query in queries if judged[query] and run.get(query)}
        ).items()
    }
    computed = _trec_eval(places, judged, parts, queries)
    empty = np.array([not judged[query] for query in queries], dtype=np.bool_)
    return {name: np.where(empty, np.nan, _derived(metric, computed)) for name, metric in wanted.items()}


def _parts(name: str) -> tuple[str, ...]:
    """The measures of ir_measures that a metric is made from."""
    base, _, cutoff = name.partition("@")
    at = f"@{cutoff}" if cutoff else ""
    if base == "F1":
        return (f"P{at}", f"R{at}")
    return (
        {"NDCG": f"nDCG{at}", "Recall": f"R{at}", "MRR": "RR", "Precision": f"P{at}", "MAP": f"AP{at}"}.get(
            base, f"Success{at}"
        ),
    )


def _derived(name: str, computed: Mapping[str, Values]) -> Values:
    base, _, cutoff = name.partition("@")
    if base == "F1":
        precision, recall = (computed[part] for part in _parts(name))
        total = precision + recall
        return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    values = computed[_parts(name)[0]]
    if base == "MRR" and cutoff:
        return np.where(values * int(cutoff) >= 1 - 1e-9, values, 0.0)
    return values


def _trec_eval(
    places: Mapping[str, Mapping[str, float]],
    judged: Mapping[str, Mapping[str, float]],
    parts: Iterable[str],
    queries: Sequence[str],
) -> dict[str, Values]:
    import ir_measures

    measures = {ir_measures.parse_measure(part): part for part in parts}
    row = {query: index for index, query in enumerate(queries)}
    found = {part: np.zeros(len(queries)) for part in measures.values()}
    scaled = {query: whole_gains(judged[query].values()) for query in places}
    gains = {query: dict(zip(judged[query], scaled[query][0], strict=True)) for query in places}
    if places:
        for value in ir_measures.iter_calc(list(measures), gains, places):
            found[measures[value.measure]][row[value.query_id]] = value.value
    for query in (query for query, (_, exact) in scaled.items() if not exact):
        for part in (part for part in found if part.startswith("nDCG")):
            found[part][row[query]] = _ndcg(list(places[query]), judged[query], int(part.partition("@")[2] or 0))
    return found


def whole_gains(gains: Iterable[float]) -> tuple[list[int], bool]:
    """Gains above 0 as whole numbers in the same proportion.

    Returns:
        The whole gains, each at least 1, and whether the proportion is exact. Where it would take more levels than
        trec_eval can bear, every gain is 1 and NDCG has to be computed otherwise.
    """
    ratios = [_ratio(float(gain)) for gain in gains]
    times = math.lcm(*(ratio.denominator for ratio in ratios))
    whole = [ratio.numerator * (times // ratio.denominator) for ratio in ratios]
    common = math.gcd(*whole)
    whole = [number // common for number in whole]
    return (whole, True) if max(whole) <= _LEVELS else ([1] * len(whole), False)


@lru_cache(maxsize=4096)
def _ratio(gain: float) -> Fraction:
    """A gain as a ratio of whole numbers: .1 is 1/10, and .3333333333333333 is 1/3."""
    exact = Fraction(repr(gain))
    near = exact.limit_denominator(1000)
    return near if abs(float(near) - gain) < 1e-12 else exact


def _ndcg(ranking: Sequence[str], gains: Mapping[str, float], cutoff: int) -> float:
    """NDCG of one query whose gains have no small common measure."""
    cut = cutoff or max(len(ranking), len(gains))
    discounts = 1 / np.log2(np.arange(2, cut + 2))
    got = np.array([gains.get(item, 0.0) for item in ranking[:cut]])
    best = np.sort(np.array(list(gains.values())))[::-1][:cut]
    return float(got @ discounts[: len(got)] / (best @ discounts[: len(best)]))


def relevant(query: str, judged: Mapping[str, Any]) -> dict[str, float]:
    """The items with a gain above 0.

    Raises:
        EvaluationError: a gain is no finite number.
    """
    try:
        gains = {item: float(gain) for item, gain in judged.items()}
    except (TypeError, ValueError, AttributeError):
        remedy = "give a mapping query -> item -> gain"
        raise EvaluationError(f"the judgments of {query!r} are no mapping of items to numbers", remedy) from None
    for item, gain in gains.items():
        if not math.isfinite(gain):
            raise EvaluationError(f"the gain of {item!r} for {query!r} is {gain}", "give a finite number")
    return {item: gain for item, gain in gains.items() if gain > 0}
