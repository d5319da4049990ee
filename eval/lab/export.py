"""What others can check: every cell's run and measures, the judgments, and the table made again from them alone.

    runs/CELL.trec        query Q0 item rank score tag; a query is SESSION/TURN
    runs/CELL.jsonl       one line a turn: act, label, sentences, milliseconds, tokens
    qrels.qrels           query 0 item gain

`crossaisle lab table FOLDER` reads these, not the turns, and must come to what `results.json` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.experiment import write
from eval.files import fault, objects
from eval.lab.folder import noted
from eval.lab.measure import Measure, Measured
from eval.lab.table import table
from eval.results import Results
from eval.runs import read_qrels, read_run, write_qrels, write_run
from retrieval.errors import EvaluationError

QRELS, RUNS, RESULTS = "qrels.qrels", "runs", "results.json"


def export(folder: Path, found: Measured) -> None:
    """Write runs, measures and judgments."""
    for cell, turns in found.turns.items():
        write_run(folder / RUNS / f"{cell}.trec", found.runs[cell], cell)
        lines = (json.dumps(one.model_dump(mode="json", exclude={"items"}), ensure_ascii=False) + "\n" for one in turns)
        (folder / RUNS / f"{cell}.jsonl").write_text("".join(lines), encoding="utf-8")
    write_qrels(folder / QRELS, found.qrels)


def conclude(folder: Path, found: Measured) -> Results:
    """Compare what was measured, and write all that a finished run has: runs, judgments, the table and its page."""
    told = noted(folder)
    results = table(found, int(told["seed"]), told["told"])
    export(folder, found)
    write(folder, results)
    return results


def exported(folder: Path) -> Measured:
    """Read what `export` wrote. Raises `EvaluationError` where something is missing or damaged."""
    cells = [str(cell["name"]) for cell in noted(folder)["cells"]]
    turns = {cell: _measures(folder / RUNS / f"{cell}.jsonl") for cell in cells}
    runs = {cell: _run(folder / RUNS / f"{cell}.trec") for cell in cells}
    return Measured(runs, read_qrels(folder / QRELS) if _filled(folder / QRELS) else {}, turns)


def recomputed(folder: Path) -> tuple[Results, bool]:
    """The table made again from the exported files, and whether it equals `results.json` to the last digit.

    Raises:
        EvaluationError: the run isn't finished, or a file is missing or damaged.
    """
    told = noted(folder)
    kept = kept_results(folder)
    results = table(exported(folder), int(told["seed"]), told["told"])
    return results, json.loads(json.dumps(results.to_json())) == kept


def kept_results(folder: Path) -> dict[str, Any]:
    """What `results.json` holds. Raises `EvaluationError` where the run isn't finished."""
    try:
        found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        remedy = "run crossaisle lab run with the same grid and folder: it goes on where it was"
        raise fault(folder, "the run has no results yet", remedy) from None
    if not isinstance(found, dict) or not isinstance(found.get("systems"), dict):
        raise EvaluationError(f"{folder / RESULTS} is damaged", "run crossaisle lab run again with the same folder")
    return found


def digest(folder: Path) -> str:
    """SHA-256 of what a finished run rests on: its notes, sessions, runs, judgments and results.

    Raises:
        EvaluationError: the run isn't finished.
    """
    kept_results(folder)
    whole = hashlib.sha256()
    for file in sorted([*folder.glob("*.json*"), *folder.glob(QRELS), *(folder / RUNS).glob("*")]):
        whole.update(f"{file.relative_to(folder)}\n".encode())
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def compares(folder: Path, task: str, digest_of_prompt: str) -> bool:
    """Whether a cell of the folder was served by that prompt for that task."""
    cells: list[Mapping[str, Any]] = noted(folder)["cells"]
    return any(cell["prompts"].get(task) == digest_of_prompt for cell in cells)


def _filled(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError as error:
        raise fault(path, f"the file can't be read ({error.strerror})", "run crossaisle lab run again") from None


def _run(path: Path) -> dict[str, list[tuple[str, float]]]:
    return read_run(path) if _filled(path) else {}


def _measures(path: Path) -> list[Measure]:
    found = []
    for line, row in objects(path):
        try:
            found.append(Measure.model_validate(row))
        except ValidationError as error:
            cause = f"the line is no turn ({error.error_count()} faults)"
            raise fault(path, cause, "run crossaisle lab run again", line=line) from None
    return found
