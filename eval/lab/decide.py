"""Promoting on evidence: a finished lab run that compared the very prompt, by the hash of what the run rests on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.memory.shelf import PRODUCTION, Move
from agent.versions import Versions
from eval.lab.export import compares, digest, kept_results, recomputed
from eval.lab.folder import noted
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
    return Promotion(move, results.notes)
