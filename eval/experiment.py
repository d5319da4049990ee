"""Systems on a problem: fitted, timed, ranked, scored and compared, with everything written down.

    OUT/runs/<view>/<system>.trec   what was ranked
    OUT/qrels/<view>.qrels          what was right
    OUT/history.parquet             what each shopper had before, where that is known
    OUT/results.json                the figures; `crossaisle eval score` gives the same from the two above
    OUT/report.html                 the same as a page

The trivial recommenders are always there: a result that doesn't beat them is no result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.beyond import beyond
from eval.fairness import gaps
from eval.inventory import Goods
from eval.problem import Problem
from eval.results import Results, compare
from eval.runs import write_qrels
from eval.slices import by_queries
from eval.statistics import Interval
from eval.systems.registry import label_of, make
from eval.trial import View, trial
from retrieval.errors import EvaluationError
from retrieval.progress import Progress, silent

OURS = "crossaisle"
HISTORIES = "history.parquet"
HISTORY = ((10, "under 10"), (50, "10 to 49"), (200, "50 to 199"))

Values = dict[str, dict[str, NDArray[np.float64]]]  # system -> metric -> (q,)


def run(
    problem: Problem,
    systems: Sequence[str],
    out: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Results:
    """Fit, rank and score systems on a problem.

    Args:
        problem: what is asked.
        systems: names, or `path/to/file.py:Class`; the trivial ones are added to them.
        out: a folder for runs, judgments, results and report; None to write nothing.
        seed: of everything random, in systems and bootstraps.
        progress: told what is being done.

    Returns:
        Every system's metrics with intervals, its differences to the served one (or to the first), what lies beyond
        accuracy, slices by group, and times: seconds to `fit`, milliseconds a case (`median_ms`, `p95_ms`).

    Raises:
        EvaluationError: an unknown system, or nothing to score.
    """
    tell = progress or silent
    views = {name: View.of(problem, name) for name in problem.views}
    names = with_trivial(problem, systems)
    made = {label: make(name) for label, name in names.items()}  # all of them, before any takes its time
    values: Values = {}
    seconds: dict[str, dict[str, float]] = {}
    figures: dict[str, Mapping[str, Interval]] = {}
    mute: list[str] = []
    said = list(problem.notes)
    goods = _goods(problem)
    main = next(iter(views.values()))
    histories = _histories(problem, main)
    for label, name in names.items():
        system = made.pop(label)
        system.seed = seed
        tell(f"fitting {label}", 0, None)
        began = time.perf_counter()
        system.fit(problem)
        said += [system.told] if system.told else []
        seconds[label] = {"fit": time.perf_counter() - began}
        values[label], took = {}, []
        for view in views.values():
            file = None if out is None else out / "runs" / view.name / f"{label}.trec"
            done = f"ranking {view.name} with {label}", len(view.keys)
            found = trial(system, problem, view, file, lambda n, d=done: tell(d[0], n, d[1]))  # type: ignore[misc]
            plain = view is main
            values[label] |= {(m if plain else f"{m}/{view.name}"): v for m, v in found.values.items()}
            took.append(found.milliseconds)
            if plain and any(found.shown.values()):
                figures |= beyond({label: found.shown}, goods, histories, main.qrels, seed=seed)
            elif plain and name in (*_trivial(problem), OURS):
                said.append(f"{label} ranks nothing on these data, which counts as 0.")
            elif plain:
                mute.append(label)
                break
        if label in mute:  # it has nothing to say of such data: that is no score of 0
            del values[label], seconds[label]
            if out is not None:
                (out / "runs" / main.name / f"{label}.trec").unlink()
            continue
        every = np.concatenate(took)
        seconds[label] |= {"median_ms": float(np.median(every)), "p95_ms": float(np.quantile(every, 0.95))}
    tell("comparing", 0, None)
    results = _results(problem, views, values, seconds, seed).with_(beyond=figures)
    said += [f"{label} ranks nothing on these data and is left out." for label in mute]
    results = results.with_(notes=tuple(dict.fromkeys((*results.notes, *said))))
    return results if out is None else _written(out, results, values, views, histories)


def _written(
    out: Path, results: Results, values: Values, views: Mapping[str, View], histories: Mapping[str, list[str]] | None
) -> Results:
    """Write everything but the runs, which are there already; returns the results with the files named."""
    files: dict[str, Any] = {
        "runs": {view: {label: f"runs/{view}/{label}.trec" for label in values} for view in views},
        "qrels": {view: f"qrels/{view}.qrels" for view in views},
    }
    if histories is not None:
        pl.DataFrame({"query": list(histories), "items": list(histories.values())}).write_parquet(out / HISTORIES)
        files["history"] = HISTORIES
    results = results.with_(extra={**results.extra, "files": files})
    for view in views.values():
        write_qrels(out / files["qrels"][view.name], view.qrels)
    write(out, results)
    return results


def with_trivial(problem: Problem, systems: Sequence[str]) -> dict[str, str]:
    """Label -> system to make, the trivial ones of this kind of problem added at the end.

    Raises:
        EvaluationError: two systems would have the same label.
    """
    trivial = _trivial(problem)
    found: dict[str, str] = {}
    for name in [*dict.fromkeys(systems), *(one for one in trivial if one not in systems)]:
        label = label_of(name)
        if label in found:
            raise EvaluationError(f"two systems are called {label!r}", "give one of the classes another name")
        found[label] = name
    return found


def _trivial(problem: Problem) -> list[str]:
    """What no result may fall behind; where a few judged items are ranked, any order is worth something."""
    judged = ["random"] if problem.protocol == "search" else []
    return ["popular", "repeat", *judged, *(["echo"] if any(case.shown for case in problem.main) else [])]


def _results(
    problem: Problem, views: Mapping[str, View], values: Values, seconds: Mapping[str, Any], seed: int
) -> Results:
    keys = next(iter(views.values())).keys
    first = {system: {m: v for m, v in row.items() if "/" not in m} for system, row in values.items()}
    attributes = _attributes(problem)
    slices = by_queries(first, keys, attributes, seed)
    decisive = problem.metrics[0]
    groups = {name: [of.get(key, "") for key in keys] for name, of in attributes.items() if name != "history"}
    unequal = gaps({system: row[decisive] for system, row in first.items()}, groups, seed)
    ours = OURS if OURS in values else next(iter(values))
    notes = [f"{name}, {decisive} of {ours}: {found[ours]}" for name, found in unequal.items() if ours in found]
    extra: dict[str, Any] = {
        "split": problem.split,
        "seed": seed,
        "views": {name: len(view.keys) for name, view in views.items()},
        "candidates": len(problem.catalogue),
        "learnt_from": problem.events.height,
        "versions": {name: version(name) for name in ("crossaisle", "lightgbm", "numpy", "polars", "torch")},
    }
    if unequal:
        extra["fairness"] = {
            name: {system: {decisive: one.to_json()} for system, one in row.items()} for name, row in unequal.items()
        }
    return _of(problem, values, seconds, ours, seed).with_(slices=tuple(slices), notes=tuple(notes), extra=extra)


def _of(problem: Problem, values: Values, seconds: Mapping[str, Any], ours: str, seed: int) -> Results:
    """Intervals view by view (each has its own queries), and ours against each other system."""
    rows: dict[str, dict[str, Interval]] = {system: {} for system in values}
    paired: dict[str, dict[str, Any]] = {f"{ours} vs {other}": {} for other in values if other != ours}
    for view in dict.fromkeys(metric.partition("/")[2] for metric in values[ours]):
        part = {s: {m: v for m, v in row.items() if m.partition("/")[2] == view} for s, row in values.items()}
        for system, row in Results.of(problem.protocol, part, seed=seed).systems.items():
            rows[system] |= row
        for other in values:
            if other != ours:
                pair = compare({ours: part[ours], other: part[other]}, [other], seed)
                paired[f"{ours} vs {other}"] |= pair[f"{ours} vs {other}"]
    n = rows[ours][problem.metrics[0]].n
    return Results(problem.protocol, n, rows, paired, dict(seconds))


def _attributes(problem: Problem) -> dict[str, dict[str, str]]:
    """Attribute -> key -> value: what is known of the shoppers, and how much history they have."""
    found: dict[str, dict[str, str]] = {}
    for case in problem.main:
        for name, value in case.groups.items():
            found.setdefault(name, {})[case.key] = value
        if len(case.history):
            size = next((text for most, text in HISTORY if len(case.history) < most), "200 and more")
            found.setdefault("history", {})[case.key] = size
    return {name: of for name, of in found.items() if len(set(of.values())) > 1}


def _goods(problem: Problem) -> Goods:
    shop = problem.shop
    own = shop is not None and shop.catalogue is problem.catalogue
    events = problem.events["item"].to_list() if problem.events.height else None
    categories = problem.catalogue.frame["category"].to_list()
    return Goods.of(problem.catalogue.ids, categories, events, shop.vectors if shop is not None and own else None)


def _histories(problem: Problem, view: View) -> dict[str, list[str]] | None:
    """Key -> ids of the history; None where nobody has one."""
    ids, cases = problem.catalogue.ids, problem.views[view.name]
    found = {
        key: [ids[row] for row in cases[index].history.rows] for key, index in zip(view.keys, view.order, strict=True)
    }
    return found if any(found.values()) else None


def write(out: Path, results: Results) -> None:
    """Write `results.json` and `report.html`; to be called again where a command has more to say (`Results.with_`)."""
    from eval.report.write import write as write_page

    told = json.dumps(results.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(told, encoding="utf-8")
    write_page(out, results)
