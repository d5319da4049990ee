"""How every system does in each part of the cases: aisles, groups of shoppers, cold and warm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from eval.report.page import figures
from eval.report.reading import Reading, Score, scores
from eval.report.strips import Strip, strips
from eval.report.tables import cell, table

MOST = 24  # parts drawn of one slice; the table holds all


def slice_parts(reading: Reading) -> Iterator[str]:
    """For each slice a table and a plot of the deciding metric."""
    named: dict[str, list[Mapping[str, Any]]] = {}
    for told in reading.raw.get("slices", []):
        named.setdefault(str(told["name"]), []).append(told)
    for place, (name, parts) in enumerate(named.items()):
        yield from _parts(reading, f"slice-{place}", name.replace("_", " "), parts)


def _parts(reading: Reading, key: str, name: str, parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    metric = reading.deciding
    rows = [(_label(told), _column(told, metric)) for told in parts]
    systems = list(dict.fromkeys(system for _, column in rows for system in column))
    if not systems:
        return
    cells = [[escape(label), *(cell(column.get(one)) for one in systems)] for label, column in rows]
    title = f"{metric} by {name}"
    yield table(f"{title} (cases), 95% bootstrap intervals", [name, *systems], cells)
    drawn = [Strip(f"{told['value']} ({told['n']:,})", _column(told, metric)) for told in parts]
    drawn = [strip for strip in drawn if strip.scores][:MOST]
    yield figures(key, [strips(title, drawn, reading.reference)])


def _label(told: Mapping[str, Any]) -> str:
    small = ", too few to tell" if told.get("too_small") else ""
    return f"{told['value']} ({told['n']:,}{small})"


def _column(told: Mapping[str, Any], metric: str) -> dict[str, Score]:
    read = scores(told.get("systems", {}))
    return {system: metrics[metric] for system, metrics in read.items() if metric in metrics}
