"""Base and adapter on the same cases, with paired differences; chance beside them where it has a chance.

- infer: the aisles of the prompt by how surely each is named first; over a server, which can't tell that, ten aisles
  written in order under a grammar that lists them; Recall@10 of those walked next.
- choose: the letter of highest probability, by one forward pass; Hit@1.
- plan, change: written freely, so that validity is the model's own doing and no grammar's; valid is the share that
  parses as a JSON object, exact the share that is the right one.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.models.base import ChatMessage, ChatModel, Schema
from agent.needs import Weighing, weigh
from eval.adapters.cases import TASKS, Case, read_cases
from eval.results import Results
from eval.statistics import Values
from retrieval.errors import EvaluationError, ModelOutputError
from retrieval.progress import Progress, silent

K = 10
SECONDS = 600.0  # a case may take; a slow machine shall not count as a wrong answer
METRICS = {
    "infer": ("infer Recall@10",),
    "choose": ("choose Hit@1",),
    "plan": ("plan exact", "plan valid"),
    "change": ("change exact", "change valid"),
}
Fits = Callable[[Sequence[ChatMessage], int], bool]
Budget = Callable[[str], int]


@dataclass(frozen=True)
class Subject:
    """A model under test.

    Attributes:
        name: in tables.
        open: loads it; called once, and the model is let go before the next one is loaded.
        tokens: how many tokens a text has.
        fits: whether a prompt and so many more tokens are within its context.
    """

    name: str
    open: Callable[[], ChatModel]
    tokens: Budget = field(default=len)
    fits: Fits = field(default=lambda messages, more: True)


def compare(
    subjects: Sequence[Subject],
    data: Path,
    *,
    count: int = 200,
    tasks: Sequence[str] = TASKS,
    seed: int = 0,
    progress: Progress = silent,
) -> Results:
    """Score models on the test split of tuning data.

    Args:
        subjects: the base first; each other one is compared with it.
        data: folder of `test.jsonl`.
        count: cases of each task.
        tasks: which.
        seed: of the draw and the bootstrap.
        progress: told of every case.

    Raises:
        EvaluationError: there is nothing that can be scored.
        ModelError: a model can't be loaded or reached.
    """
    drawn = read_cases(data, count, tasks, seed)
    cases = [case for case in drawn if all(s.fits(case.messages, _room(case, s.tokens)) for s in subjects)]
    if not cases:
        raise EvaluationError("no prompt fits into the model's context", "use a base that reads more tokens")
    values: dict[str, dict[str, Values]] = {}
    seconds: dict[str, dict[str, float]] = {}
    for subject in subjects:
        values[subject.name], seconds[subject.name] = _scored(subject, cases, progress)
    values["chance"] = _chance(cases)
    values = {name: {m: v for m, v in row.items() if not np.isnan(v).all()} for name, row in values.items()}
    values = {name: row for name, row in values.items() if row}
    left = len(drawn) - len(cases)
    notes = [f"{left} of {len(drawn)} cases don't fit into the model's context and are left out."] if left else []
    return Results.of(
        "adapter",
        values,
        seconds,
        ["chance", subjects[0].name],
        seed=seed,
        notes=tuple(notes),
        extra={"data": str(data), "split": "test", "seed": seed, "left_out": left},
    )


def schema_of(aisles: Sequence[str]) -> Schema:
    """`K` aisles in order (all of them, where there are fewer), and nothing else."""
    size = min(K, len(aisles))
    need = {
        "type": "object",
        "properties": {"category": {"enum": list(aisles)}},
        "required": ["category"],
        "additionalProperties": False,
    }
    needs = {"type": "array", "items": need, "minItems": size, "maxItems": size}
    return {"type": "object", "properties": {"needs": needs}, "required": ["needs"], "additionalProperties": False}


def recall(foretold: Sequence[str], walked: Sequence[str]) -> float:
    """Share of the aisles walked that are among the first `K` different ones foretold."""
    return len({*foretold[:K]} & {*walked}) / len({*walked})


def _scored(subject: Subject, cases: Sequence[Case], progress: Progress) -> tuple[dict[str, Values], dict[str, float]]:
    """(q,) values of every metric, NaN for other tasks' cases, and mean seconds a case of each task."""
    model = subject.open()
    values = {m: np.full(len(cases), np.nan) for task in TASKS for m in METRICS[task]}
    took: dict[str, list[float]] = defaultdict(list)
    for place, case in enumerate(cases):
        start = time.monotonic()
        for metric, value in zip(METRICS[case.task], _score(model, case, subject.tokens), strict=True):
            values[metric][place] = value
        took[case.task].append(time.monotonic() - start)
        progress(subject.name, place + 1, len(cases))
    return dict(values), {task: sum(times) / len(times) for task, times in took.items()}


def _score(model: ChatModel, case: Case, tokens: Budget) -> tuple[float, ...]:
    deadline = time.monotonic() + SECONDS
    if case.task == "choose":
        scores = model.choose(case.messages, case.options, deadline=deadline)
        return (float(case.options[int(np.argmax(scores))] == case.right),)
    room = _room(case, tokens)
    if case.task == "infer":
        if isinstance(model, Weighing):
            weight = weigh(model, case.messages, case.options, deadline=deadline)
            order = np.argsort(-np.array(weight), kind="stable")
            return (recall([case.options[place] for place in order], case.right),)
        try:
            text = model.complete(case.messages, schema_of(case.options), deadline=deadline, max_tokens=room).text
        except ModelOutputError:
            return (0.0,)
        return (recall([need["category"] for need in json.loads(text)["needs"]], case.right),)
    text = "".join(model.stream(case.messages, deadline=deadline, max_tokens=room))
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return float(found == case.right), float(isinstance(found, dict))


def _room(case: Case, tokens: Budget) -> int:
    """Tokens that an answer may have: those of the longest right one, and half as many again for a plan."""
    if case.task == "choose":
        return 1
    if case.task == "infer":
        longest = sorted(case.options, key=len)[-min(K, len(case.options)) :]
        return tokens(json.dumps({"needs": [{"category": aisle} for aisle in longest]})) + 2 * K
    return math.ceil(1.5 * tokens(case.answer)) + 8


def _chance(cases: Sequence[Case]) -> dict[str, Values]:
    """What guessing without looking comes to, on average."""
    values = {m: np.full(len(cases), np.nan) for task in ("infer", "choose") for m in METRICS[task]}
    for place, case in enumerate(cases):
        if case.task == "choose":
            values["choose Hit@1"][place] = 1 / len(case.options)
        elif case.task == "infer":
            values["infer Recall@10"][place] = min(1.0, K / len(case.options))
    return values
