"""How to compute every score again: the command lines for the runs and qrels that lie beside the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from html import escape

from eval.report.reading import Reading


def commands(reading: Reading) -> str:
    """One `crossaisle eval score` line for each run, and how to make this page again."""
    lines = list(_lines(reading))
    if not lines:
        return ""
    again = "crossaisle eval report ."
    told = "\n".join([*lines, again])
    return f"<p>In the folder that this page lies in:</p><pre><code>{escape(told)}</code></pre>"


def _lines(reading: Reading) -> Iterator[str]:
    files = reading.raw.get("files", {})
    runs, qrels = files.get("runs", {}), files.get("qrels", {})
    for view, systems in runs.items():
        if not isinstance(systems, Mapping) or view not in qrels:
            continue
        metrics = ",".join(reading.metrics(view) or reading.metrics())
        for run in systems.values():
            yield shlex.join(["crossaisle", "eval", "score", str(run), str(qrels[view]), "--metrics", metrics])
