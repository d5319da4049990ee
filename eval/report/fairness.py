"""How differently groups of shoppers are served: one table for each attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from eval.report.reading import Reading, finite, number, p_value, score_of
from eval.report.tables import cell, table

HEAD = ("system", "best served", "worst served", "gap", "gap by chance", "p")


def fairness_parts(reading: Reading) -> Iterator[str]:
    """Tables from `fairness`: attribute -> system -> metric -> gap between the best and the worst served group."""
    for attribute, systems in reading.raw.get("fairness", {}).items():
        rows = [
            [
                escape(system),
                escape(str(gap.get("best", "–"))),
                escape(str(gap.get("worst", "–"))),
                cell(score_of(gap)),
                number(finite(gap.get("chance"))),
                escape(p_value(finite(gap.get("p")))),
            ]
            for system, metrics in systems.items()
            for gap in metrics.values()
            if isinstance(gap, Mapping)
        ]
        metric = next((name for metrics in systems.values() for name in metrics), "")
        if rows:
            yield table(f"{metric}: gap between groups of {attribute.replace('_', ' ')}", HEAD, rows)
