"""One system on one view: every case ranked and timed, scored chunk by chunk, so that memory follows a chunk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from eval.metrics import per_query
from eval.problem import Problem
from eval.runs import write_run
from eval.systems.base import System
from retrieval.errors import EvaluationError

CHUNK = 2_000
SHOWN = 10  # places that are looked at for figures beyond accuracy

Run = dict[str, list[tuple[str, float]]]


@dataclass(frozen=True)
class View:
    """What is asked in one view.

    Attributes:
        name: of the view.
        keys: of its cases, sorted.
        order: (q,) where each stands in the problem's view.
        qrels: key -> item -> gain, in the order of `keys`.
    """

    name: str
    keys: tuple[str, ...]
    order: tuple[int, ...]
    qrels: dict[str, dict[str, float]]

    @classmethod
    def of(cls, problem: Problem, name: str) -> View:
        """Read off a problem. Raises `EvaluationError` where two cases share a key or there are none."""
        found = [(case.key, index, dict(case.targets)) for index, case in enumerate(problem.views[name])]
        if not found:
            raise EvaluationError(f"the view {name!r} has no cases", "give more data")
        found.sort(key=lambda one: one[0])
        qrels = {key: targets for key, _, targets in found}
        if len(qrels) < len(found):
            raise EvaluationError(f"two cases of the view {name!r} share a key", "give every case a key of its own")
        return cls(name, tuple(qrels), tuple(index for _, index, _ in found), qrels)


@dataclass(frozen=True)
class Trial:
    """What came out: metric -> (q,) values in the order of the view's keys, the first places, and milliseconds."""

    values: dict[str, NDArray[np.float64]]
    shown: Run
    milliseconds: NDArray[np.float64]


def trial(system: System, problem: Problem, view: View, file: Path | None, tell: Callable[[int], None]) -> Trial:
    """Rank and score every case of a view.

    Args:
        system: fitted on the problem.
        problem: that the view is of.
        view: what is asked.
        file: where the run is written, or None.
        tell: told how many cases are done.
    """
    parts: list[dict[str, NDArray[np.float64]]] = []
    shown: Run = {}
    took: list[float] = []
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    with threadpool_limits(1, "blas"):  # one case is too little to share, and sums shouldn't depend on threads
        for start in range(0, len(view.keys), CHUNK):
            run = _ranked(system, problem, view, range(start, min(start + CHUNK, len(view.keys))), took)
            shown |= {key: ranking[:SHOWN] for key, ranking in run.items()}
            parts.append(per_query(run, {key: view.qrels[key] for key in run}, problem.metrics))
            if file is not None:
                _append(file, run, system.name)
            tell(len(took))
    values = {name: np.concatenate([part[name] for part in parts]) for name in problem.metrics}
    return Trial(values, shown, np.array(took))


def _ranked(system: System, problem: Problem, view: View, places: range, took: list[float]) -> Run:
    """The rankings of some of a view's cases; `took` gets the milliseconds of each."""
    cases, ids, run = problem.views[view.name], problem.catalogue.ids, {}
    for place in places:
        case = cases[view.order[place]]
        began = time.perf_counter()
        rows, scores = system.rank(case, problem.depth)
        took.append(1e3 * (time.perf_counter() - began))
        pairs = zip(rows[: problem.depth], scores, strict=False)
        run[view.keys[place]] = [(ids[row], float(score)) for row, score in pairs]
    return run


def _append(file: Path, run: Run, tag: str) -> None:
    part = file.with_name(file.name + ".part")
    write_run(part, run, tag)
    with file.open("ab") as sink:
        sink.write(part.read_bytes())
    part.unlink()
