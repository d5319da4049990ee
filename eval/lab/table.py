"""The table of a lab run: every cell's figures with intervals, and each against `production` over the same sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eval.lab.cells import BASELINE
from eval.lab.measure import (
    ACT,
    CLARIFYING,
    GROUNDED,
    QUANTILES,
    RANKING,
    TOKENS_IN,
    TOKENS_OUT,
    Measured,
    Values,
    by_session,
    milliseconds,
)
from eval.lab.quantiles import quantile, quantile_difference
from eval.results import Results, compare, summarise
from eval.statistics import Interval, Paired

BETTER = (*RANKING, ACT, GROUNDED)
"""Figures of which more is better; the others tell what it costs."""
_UNTOLD = {
    ACT: "no turn is labelled with what should have been done",
    GROUNDED: "no model wrote prose, and a template's sentences are the receipt's own",
}


def table(found: Measured, seed: int = 0, told: Mapping[str, Any] | None = None) -> Results:
    """Make the table.

    Args:
        found: what was measured, `production` among the cells.
        seed: of every bootstrap.
        told: what the run says of itself: `notes`, and everything else for `Results.extra`.
    """
    told = dict(told or {})
    notes = list(told.pop("notes", ()))
    values = by_session(found)
    best = {cell: {m: own[m] for m in BETTER if _told(own, m)} for cell, own in values.items()}
    untold = [metric for metric in BETTER if not any(metric in own for own in best.values())]
    notes += [f"{metric} is left out: {_UNTOLD.get(metric, 'nobody knows what was taken')}." for metric in untold]
    spent = [m for m in (TOKENS_IN, TOKENS_OUT) if any(own[m].any() for own in values.values())]
    price = {cell: {m: own[m] for m in (CLARIFYING, *spent)} for cell, own in values.items()}
    beyond = summarise(price, seed)
    paired = {pair: dict(row) for pair, row in _compared(best, seed).items()}
    for pair, row in _compared(price, seed).items():
        paired.setdefault(pair, {}).update(row)
    _latency(found, beyond, paired, seed)
    systems = summarise(best, seed) if len(untold) < len(BETTER) else {cell: {} for cell in values}
    for cell, figures in systems.items():  # what only some cells can be told by stands beside, not in the main table
        apart = {m: one for m, one in figures.items() if any(m not in own for own in best.values())}
        beyond[cell] = {**apart, **beyond[cell]}
    everywhere = {
        cell: {m: systems.get(cell, {})[m] for m in BETTER if all(m in own for own in best.values())} for cell in values
    }
    return Results(
        protocol="lab",
        n=len(found.sessions),
        systems=everywhere if any(everywhere.values()) else beyond,
        paired=paired,
        beyond=beyond,
        notes=tuple(notes),
        extra={"seed": seed, **_failures(found), **told},
    )


def _latency(
    found: Measured, beyond: Mapping[str, dict[str, Interval]], paired: dict[str, dict[str, Paired]], seed: int
) -> None:
    times = milliseconds(found)
    for metric, q in QUANTILES.items():
        for cell, sessions in times.items():
            beyond[cell][metric] = quantile(sessions, q, seed)
            if cell != BASELINE:
                pair = f"{cell} vs {BASELINE}"
                paired.setdefault(pair, {})[metric] = quantile_difference(sessions, times[BASELINE], q, seed)


def _compared(values: Mapping[str, Values], seed: int) -> dict[str, dict[str, Paired]]:
    """Every cell against production, on the sessions of which both can be told."""
    base = values[BASELINE]
    found: dict[str, dict[str, Paired]] = {}
    for cell, own in values.items():
        if cell == BASELINE:
            continue
        both = {m for m in own if m in base and (~np.isnan(own[m]) & ~np.isnan(base[m])).any()}
        pair = {cell: {m: own[m] for m in own if m in both}, BASELINE: {m: base[m] for m in base if m in both}}
        found |= compare(pair, [BASELINE], seed)
    return found


def _failures(found: Measured) -> dict[str, Any]:
    """Turns in which the model failed and rules or templates stood in, by cell; nothing where there were none."""
    counts = {cell: sum(one.problems > 0 for one in turns) for cell, turns in found.turns.items()}
    turns = {cell: len(own) for cell, own in found.turns.items()}
    return {"turns": turns, "turns_without_model": counts}


def _told(values: Values, metric: str) -> bool:
    return bool((~np.isnan(values[metric])).any())
