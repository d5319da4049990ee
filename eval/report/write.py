"""Writing the page of a run: `crossaisle eval report DIR` makes it again from `DIR/results.json` alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from eval.report import sections
from eval.report.deletion import deletion_page
from eval.report.page import page
from eval.report.reading import Reading
from retrieval.errors import EvaluationError

RESULTS, REPORT = "results.json", "report.html"
Json = Mapping[str, Any]


class Told(Protocol):
    """Anything with results to tell."""

    def to_json(self) -> dict[str, Any]:
        """The object that is written to `results.json`."""
        ...


def write(out: Path, results: Told | Json) -> Path:
    """Write one self-contained HTML page.

    Args:
        out: the file, or the folder, which gets a `report.html`.
        results: what the run found, or the object of its `results.json`.

    Returns:
        The file written.
    """
    raw = results if isinstance(results, Mapping) else results.to_json()
    path = out if out.suffix == ".html" else out / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(raw), encoding="utf-8")
    return path


def rewrite(folder: Path) -> Path:
    """Write a run's page again from its `results.json`. Raises `EvaluationError` where that can't be read."""
    path = folder / RESULTS
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        remedy = "name the --out folder of crossaisle eval rank, search, dialogue or evidence"
        raise EvaluationError(f"{path} can't be read ({error})", remedy) from error
    if not isinstance(raw, dict) or not ("systems" in raw or "ledger" in raw):
        raise EvaluationError(f"{path} holds no results", "let crossaisle eval write it")
    return write(folder, raw)


def render(raw: Json) -> str:
    """The page as one string."""
    if "ledger" in raw:
        return deletion_page(raw)
    reading = Reading.of(raw)
    return page(sections.title(raw), sections.lead(reading), sections.all_of(reading))
