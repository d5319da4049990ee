"""How to compute every score again: the command lines for the runs and qrels that lie beside the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from html import escape
from itertools import chain

from eval.report.reading import MAIN, Reading


def commands(reading: Reading) -> str:
    """One `crossaisle eval score` line for each view, over all of its runs, and how to make this page again."""
    lines = list(_lines(reading))
    if not lines:
        return ""
    told = "\n".join([*lines, "crossaisle eval report ."])
    return f"<p>In the folder that this page lies in:</p><pre><code>{escape(told)}</code></pre>"


def _lines(reading: Reading) -> Iterator[str]:
    files = reading.raw.get("files", {})
    runs, qrels = files.get("runs", {}), files.get("qrels", {})
    for number, (view, systems) in enumerate(runs.items()):
        if not isinstance(systems, Mapping) or not systems or view not in qrels:
            continue
        metrics = ",".join(reading.metrics(MAIN if number == 0 else view) or reading.metrics())
        first = reading.reference if reading.reference in systems else next(iter(systems))
        others = [("--run", f"{_name(name)}={run}") for name, run in systems.items() if name != first]
        again = ("crossaisle", "eval", "score", systems[first], qrels[view], *chain(*others), "--metrics", metrics)
        yield shlex.join(map(str, again))


def _name(system: str) -> str:
    """A system's name as `--run NAME=PATH` takes it."""
    return system.replace("=", "-")
