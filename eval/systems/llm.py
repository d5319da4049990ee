"""A language model beside what the shop serves, named `llm:BASE` or `llm:BASE@ADAPTER` by their folders.

It weighs the first places of the served ranking again: categories that are new to the shopper as the aisles walked next
(task "infer"), items as the thing taken next (task "choose"), each in one pass. How much its word counts is learnt one
slice of time earlier and may be nothing: then the ranking is the shop's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agent import letters, needs
from agent.models.local import LocalModel
from agent.prompting import load_prompt, wording
from eval.metrics import per_query
from eval.problem import Case, Problem
from eval.systems.base import Ranked, System
from eval.systems.crossaisle import CrossAisle
from retrieval.aisles.lead import standard
from retrieval.catalogue import Rows
from retrieval.errors import EvaluationError, ModelOutputError
from retrieval.text import label

PREFIX = "llm:"
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
CASES = 300  # of the earlier slice, from which the weight is learnt
SECONDS = 600.0  # a case may take: a slow machine shall not count as a wrong answer

Scores = NDArray[np.float64]
Word = Callable[[Case, Rows], Scores | None]


@dataclass(frozen=True)
class _Served:
    """What the shop serves on a problem, and on the same problem one slice earlier."""

    problem: Problem
    part: System
    earlier: Problem | None
    before: System | None


_last: list[_Served] = []  # models on one problem share what the shop serves: it takes minutes to fit


class WithModel(System):
    """The served ranking with a model's word on its first places.

    Args:
        base: folder of a model.
        adapter: folder of a LoRA adapter for it.
    """

    name: ClassVar[str] = "llm"

    def __init__(self, base: Path, adapter: Path | None = None) -> None:
        self._base, self._adapter = base, adapter

    @classmethod
    def named(cls, name: str) -> WithModel:
        """Of `llm:BASE` or `llm:BASE@ADAPTER`. Raises `EvaluationError` where a folder is missing."""
        base, _, adapter = name.removeprefix(PREFIX).partition("@")
        for folder in filter(None, (base, adapter)):
            if not Path(folder).is_dir():
                raise EvaluationError(f"there is no folder {folder!r}", "name it as llm:MODEL or llm:MODEL@ADAPTER")
        return cls(Path(base), Path(adapter) if adapter else None)

    def fit(self, problem: Problem) -> None:
        """Load the model, and learn what its word counts."""
        if any(case.words for case in problem.main):
            raise EvaluationError("a model isn't asked about words here", "leave llm: out of search and dialogue")
        served = _served(problem)
        model = LocalModel(self._base, self._adapter)
        self._part, self._word = served.part, _word(problem, model)
        self._weight, count = 0.0, 0
        if served.earlier is not None and served.before is not None:
            self._weight, count = _learnt(served.earlier, served.before, _word(served.earlier, model))
        self.told = f"{model.name} counts {self._weight:g} beside the ranking, by {count} cases one slice earlier."

    def rank(self, case: Case, k: int) -> Ranked:
        """The served ranking, its first places in the new order; scores stay with the places."""
        rows, scores = self._part.rank(case, k)
        said = self._word(case, rows) if self._weight else None
        return (rows if said is None else _reordered(rows, scores, said, self._weight)), scores

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the served scores, exchanged among the first places."""
        scores = np.array(self._part.scores_of(case), dtype=np.float64)
        rows, found = self.rank(case, len(scores))
        scores[rows] = found
        return scores


def _served(problem: Problem) -> _Served:
    if not _last or _last[0].problem is not problem:
        earlier = problem.earlier()
        _last[:] = [_Served(problem, _fitted(problem), earlier, _fitted(earlier) if earlier is not None else None)]
    return _last[0]


def _fitted(problem: Problem) -> System:
    part = CrossAisle()
    part.fit(problem)
    return part


def _word(problem: Problem, model: LocalModel) -> Word:
    """From a case and its ranked rows to the model's (m,) word on the first m of them, None where it has none."""
    asked_as = wording(model.context)
    goods = problem.source_catalogue
    if problem.targets_by == "category":
        infer = load_prompt("infer", asked_as)

        def on_aisles(case: Case, rows: Rows) -> list[float] | None:
            if case.allowed is None:
                return None  # habits decide what comes next at all
            names = [label(problem.catalogue.ids[row]) for row in rows[: needs.AISLES]]
            listed = sorted(set(names))
            asked = needs.needs_messages(infer, case.source, goods, listed)
            found = needs.weigh(model, asked, listed, deadline=time.monotonic() + SECONDS)
            weight = dict(zip(listed, found, strict=True))
            return [weight[name] for name in names]

        return _heard(on_aisles)
    choose = load_prompt("choose", asked_as)

    def on_things(case: Case, rows: Rows) -> list[float]:
        few = rows[: letters.MOST].tolist()
        return letters.choose(model, choose, case.source, goods, few, deadline=time.monotonic() + SECONDS)

    return _heard(on_things)


def _heard(ask: Callable[[Case, Rows], list[float] | None]) -> Word:
    """None as well where there is nothing to choose, or the prompt is too long for the model."""

    def word(case: Case, rows: Rows) -> Scores | None:
        try:
            found = ask(case, rows) if len(rows) > 1 else None
        except ModelOutputError:
            return None
        return None if found is None else np.array(found)

    return word


def _reordered(rows: Rows, scores: NDArray[np.floating[Any]], said: Scores, weight: float) -> Rows:
    """Rows with the first of them, on which the model has said a word, in the order of both sums on one scale."""
    few = len(said)
    both = standard(np.asarray(scores[:few], dtype=np.float64)) + weight * standard(said)
    order = np.argsort(-both, kind="stable")
    return np.concatenate([rows[:few][order], rows[few:]])


def _learnt(problem: Problem, part: System, word: Word) -> tuple[float, int]:
    """The weight of the highest mean of the metric that decides, the smallest of equal ones; and by how many cases."""
    view = problem.views["novel"] if problem.targets_by == "category" else problem.main
    cases = [view[place] for place in range(0, len(view), -(-len(view) // CASES))] if len(view) else []
    runs: list[dict[str, list[tuple[str, float]]]] = [{} for _ in WEIGHTS]
    ids = problem.catalogue.ids
    for case in cases:
        rows, scores = part.rank(case, problem.depth)
        said = word(case, rows)
        for run, weight in zip(runs, WEIGHTS, strict=True):
            order = rows if said is None else _reordered(rows, scores, said, weight)
            run[case.key] = [(ids[row], float(score)) for row, score in zip(order, scores, strict=True)]
    if not cases:
        return 0.0, 0
    qrels = {case.key: dict(case.targets) for case in cases}
    metric = problem.metrics[0]
    reached = [float(per_query(run, qrels, [metric])[metric].mean()) for run in runs]
    return WEIGHTS[int(np.argmax(reached))], len(cases)
