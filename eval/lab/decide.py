"""Promoting on evidence: a finished lab run that compared the very prompt, by the hash of what the run rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.memory.shelf import PRODUCTION, Move
from agent.versions import Versions
from eval.lab.cells import BASELINE
from eval.lab.export import compares, digest, kept_results, recomputed
from eval.lab.folder import noted
from eval.lab.table import BETTER
from eval.results import SMALL, Results
from retrieval.errors import EvaluationError, PromptError


@dataclass(frozen=True)
class Promotion:
    """A promotion as it was written down, and what a reader of its evidence has to know."""

    move: Move
    notes: tuple[str, ...]


def promote(
    versions: Versions, task: str, which: str, *, evidence: Path, who: str, label: str = PRODUCTION
) -> Promotion:
    """Point a label at a prompt that a lab run compared.

    A version that only the run's grid named, as a file, is kept as a version by that.

    Args:
        versions: of the state database that serves.
        task: such as "plan".
        which: a label, a hash or the beginning of one.
        evidence: the lab folder.
        who: does it.
        label: which label is moved.

    Raises:
        EvaluationError: the run isn't finished, didn't compare this prompt, or its table can't be made again from its
            exported runs.
        PromptError: there is no such prompt, or the label means it already.
    """
    noted(evidence)
    kept_results(evidence)
    try:
        version = versions.find(task, which)
    except PromptError:
        files = sorted((evidence / "prompts").glob(f"{which.lower()}*.md")) if which.isalnum() else []
        if len(files) != 1:
            raise
        version = versions.save(files[0].read_text(encoding="utf-8"), who)
    if not compares(evidence, task, version.hash):
        cause = f"the lab run in {evidence} did not compare {version.hash[:12]} for {task}"
        raise EvaluationError(cause, "run the lab with that version in its grid")
    results, equal = recomputed(evidence)
    if not equal:
        cause = f"the exported runs in {evidence} don't give the table in its results.json"
        raise EvaluationError(cause, "run the lab again: this is no evidence")
    where = str(evidence.resolve())
    move = versions.promote(task, version.hash, who, evidence=where, evidence_hash=digest(evidence), label=label)
    return Promotion(move, (*verdict(evidence, results, task, version.hash), *results.notes))


def verdict(evidence: Path, results: Results, task: str, prompt: str) -> tuple[str, ...]:
    """What the figures say for and against a prompt, by 95% intervals, each figure for itself.

    Args:
        evidence: the lab folder.
        results: its table.
        task: such as "plan".
        prompt: its hash. Where cells that differ from production in this prompt alone were compared, only they speak.
    """
    cells = noted(evidence)["cells"]
    base = next(cell for cell in cells if cell["name"] == BASELINE)
    mine = [cell for cell in cells if cell["prompts"].get(task) == prompt and cell["name"] != BASELINE]
    alone = [cell for cell in mine if _apart_from(task, cell) == _apart_from(task, base)]
    few = f"Sessions replayed: {results.n}, too few to be sure of anything. Replay {SMALL} or more."
    told = [few] if results.n < SMALL else []
    for cell in alone or mine:
        name = cell["name"]
        pair = results.paired.get(f"{name} vs {BASELINE}")
        if not pair:
            continue  # no session tells of both
        better = [m for m in BETTER if m in pair and pair[m].low > 0]
        worse = [m for m in BETTER if m in pair and pair[m].high < 0]
        more = [m for m in pair if m not in BETTER and pair[m].low > 0]
        told.append(f"{name} is better, by 95% intervals, in: {_differences(results, name, better) or 'nothing'}.")
        told += [f"{name} is worse in: {_differences(results, name, worse)}."] if worse else []
        told += [f"{name} takes more: {_differences(results, name, more)}."] if more else []
    return tuple(told)


def _apart_from(task: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell is but for its prompt for a task."""
    rest = {name: value for name, value in cell["prompts"].items() if name != task}
    return {"prompts": rest, "adapter": cell["adapter"], "retrieval": cell["retrieval"]}


def _differences(results: Results, cell: str, metrics: Sequence[str]) -> str:
    """Metrics with their differences from production: "tokens in +45%", "NDCG@10 +.0120" where that has none."""
    parts = []
    for metric in metrics:
        difference = results.paired[f"{cell} vs {BASELINE}"][metric].difference
        figure = results.figure(BASELINE, metric)
        if figure is not None and figure.value > 0 and metric not in BETTER:
            parts.append(f"{metric} {difference / figure.value:+.0%}")
        else:
            parts.append(f"{metric} {difference:+.4f}")
    return ", ".join(parts)
