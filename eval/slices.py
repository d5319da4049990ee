"""The same metrics on parts: of the queries (who asks), of their targets (what is relevant), or of both at once.

A file of slices is JSONL, CSV or Parquet. With a column `query` its other columns are attributes of queries (such as a
demographic group); with a column `item` they are attributes of targets (category, cold or warm); with both they are
attributes of a query's target (repeat or new). A target slice keeps the whole ranking and counts only the targets
that belong to it; queries without such a target are left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.files import fault, renamed, table
from eval.inventory import Goods, Histories
from eval.metrics import per_query
from eval.results import Slice, summarise
from eval.runs import NAMES, Qrels, Run
from eval.statistics import Values
from retrieval.errors import EvaluationError

MOST = 20  # values shown of an attribute, the most frequent ones

Attributes = Mapping[str, Mapping[str, str]]  # name -> query or item -> value
Metrics = Mapping[str, Mapping[str, Values]]  # system -> metric -> (q,)


@dataclass(frozen=True)
class Cuts:
    """What to cut by.

    Attributes:
        queries: attribute -> query -> value.
        items: attribute -> item -> value.
        pairs: attribute -> (query, item) -> value.
    """

    queries: Attributes = field(default_factory=dict)
    items: Attributes = field(default_factory=dict)
    pairs: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)


def read_slices(path: Path) -> Cuts:
    """Read a file of slices.

    Raises:
        EvaluationError: the file can't be read, or has neither a column `query` nor `item`, or nothing else.
    """
    path = Path(path)
    frame = renamed(path, table(path), {name: NAMES[name] for name in ("query", "item")})
    keys = [name for name in ("query", "item") if name in frame.columns]
    names = [name for name in frame.columns if name not in keys]
    if not keys or not names:
        remedy = 'give a column "query", "item" or both, and one for each attribute'
        raise fault(path, f"the columns are {', '.join(frame.columns)}", remedy)
    found: dict[str, dict[tuple[str, ...], str]] = {name: {} for name in names}
    for line, row in enumerate(frame.iter_rows(named=True), 1):
        key = tuple("" if row[part] is None else str(row[part]) for part in keys)
        if not all(key):
            raise fault(path, f"row {line} has no {' or no '.join(keys)}", "give one in every row", value=row)
        for name in names:
            if row[name] is None or row[name] == "":
                continue
            value = str(row[name])
            if found[name].setdefault(key, value) != value:
                remedy = "give one value for each"
                raise fault(
                    path, f"row {line}: {name} of {', '.join(key)} was {found[name][key]!r}", remedy, value=value
                )
    if len(keys) == 2:
        return Cuts(pairs={name: {(key[0], key[1]): v for key, v in values.items()} for name, values in found.items()})
    single = {name: {key[0]: value for key, value in values.items()} for name, values in found.items()}
    return Cuts(queries=single) if keys == ["query"] else Cuts(items=single)


def cut_short(cuts: Cuts) -> list[str]:
    """Notes on the attributes of which only the most frequent values are shown."""
    attributes: dict[str, Mapping[Any, str]] = {**cuts.queries, **cuts.items, **cuts.pairs}
    counts = {name: len({*of.values()} - {""}) for name, of in attributes.items()}
    return [
        f"Of the {n:,} values of {name}, the {MOST} most frequent are shown." for name, n in counts.items() if n > MOST
    ]


def by_queries(values: Metrics, queries: Sequence[str], attributes: Attributes, seed: int = 0) -> list[Slice]:
    """Slices of queries, from values that were already computed.

    Args:
        values: system -> metric -> (q,) values in the order of `queries`.
        queries: (q,) their keys.
        attributes: name -> query -> value; a query without a value is in no slice of that name.
        seed: of the bootstrap.

    Raises:
        EvaluationError: an attribute is known of none of the queries.
    """
    found: list[Slice] = []
    for name, value_of in attributes.items():
        values_here = np.array([value_of.get(query, "") for query in queries], dtype=object)
        _known(name, (value for value in values_here if value), "query")
        for value in _frequent(list(values_here[_scorable(values)])):
            mask = (values_here == value).astype(np.bool_)
            found.append(
                _slice(name, value, {s: {m: v[mask] for m, v in row.items()} for s, row in values.items()}, seed)
            )
    return found


def by_targets(runs: Mapping[str, Run], qrels: Qrels, metrics: Sequence[str], cuts: Cuts, seed: int = 0) -> list[Slice]:
    """Slices of targets: the same rankings against a part of what is relevant.

    Raises:
        EvaluationError: an attribute is known of none of the targets.
    """
    found: list[Slice] = []
    for name, items in cuts.items.items():
        parts = _parts(qrels, {(q, i): items.get(i, "") for q, judged in qrels.items() for i in judged})
        found += _of_parts(name, parts, runs, metrics, seed)
    for name, pairs in cuts.pairs.items():
        found += _of_parts(name, _parts(qrels, pairs), runs, metrics, seed)
    return found


def known_of_targets(judged: Qrels, goods: Goods | None, histories: Histories | None) -> Cuts:
    """Slices that a catalogue and a history give by themselves: category, cold or warm, repeat or new."""
    items = {item for targets in judged.values() for item in targets}
    by_item: dict[str, dict[str, str]] = {}
    by_pair: dict[str, dict[tuple[str, str], str]] = {}
    if goods is not None and goods.names:
        codes = {item: int(goods.categories[goods.row_of[item]]) for item in items if item in goods.row_of}
        by_item["category"] = {item: goods.names[code] for item, code in codes.items() if code >= 0}
    if histories is not None:
        seen = {item for had in histories.values() for item in had}
        by_item["cold/warm"] = {item: "warm" if item in seen else "cold" for item in items}
        by_pair["repeat/new"] = {
            (query, item): "repeat" if item in had else "new"
            for query, targets in judged.items()
            for had in (set(histories.get(query, ())),)
            for item in targets
        }
    return Cuts(items={name: found for name, found in by_item.items() if found}, pairs=by_pair)


def _parts(qrels: Qrels, value_of: Mapping[tuple[str, str], str]) -> dict[str, dict[str, dict[str, float]]]:
    """Slice value -> the judgments of its targets."""
    parts: dict[str, dict[str, dict[str, float]]] = {}
    for query, judged in qrels.items():
        for item, gain in judged.items():
            value = value_of.get((query, item), "")
            if gain > 0 and value:
                parts.setdefault(value, {}).setdefault(query, {})[item] = gain
    return parts


def _of_parts(
    name: str, parts: Mapping[str, Qrels], runs: Mapping[str, Run], metrics: Sequence[str], seed: int
) -> list[Slice]:
    _known(name, parts, "target")
    largest = sorted(parts, key=lambda value: (-len(parts[value]), value))[:MOST]
    return [
        _slice(name, value, {system: per_query(run, parts[value], metrics) for system, run in runs.items()}, seed)
        for value in largest
    ]


def _slice(name: str, value: str, values: Metrics, seed: int) -> Slice:
    first = next(iter(next(iter(values.values())).values()))
    n = int((~np.isnan(first)).sum())
    return Slice(name, value, n, summarise(values, seed) if n else {})


def _scorable(values: Metrics) -> NDArray[np.bool_]:
    scorable: NDArray[np.bool_] = ~np.isnan(next(iter(next(iter(values.values())).values())))
    return scorable


def _frequent(values: Sequence[str]) -> list[str]:
    counts: dict[str, int] = {}
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda value: (-counts[value], value))[:MOST]


def _known(name: str, values: object, what: str) -> None:
    if not any(True for _ in values):  # type: ignore[attr-defined]
        raise EvaluationError(
            f"{name!r} is known of no {what}", f"check that the slices name the {what} ids of the qrels"
        )
