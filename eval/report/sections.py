"""The parts of a run's page, top to bottom; a part that the run has no numbers for is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import chain
from typing import Any

from eval.report.bars import bars
from eval.report.commands import commands
from eval.report.dots import Row, dots
from eval.report.fairness import fairness_parts
from eval.report.forest import forest
from eval.report.latency import Point, latency
from eval.report.page import facts, figures, section
from eval.report.reading import MAIN, TRIVIAL, Reading, finite, number, score_of
from eval.report.slices import slice_parts
from eval.report.svg import Svg
from eval.report.tables import cell, scores_table, table

Json = Mapping[str, Any]
_OWN_PART = frozenset(
    {"systems", "paired", "seconds", "slices", "beyond", "files", "clicks", "notes", "counts", "fairness"}
)
_BEYOND = (
    "Coverage, diversity (ILD), novelty and serendipity: more is wider. Gini and popularity: less is wider. "
    "Calibration: less is closer to what the shopper is used to."
)
_FAIR = "Gaps between the best and the worst served group, beside those that shuffled groups would show."


def title(raw: Json) -> str:
    """The page's title: what was asked of which data."""
    data = raw.get("data")
    name = data.get("name", "") if isinstance(data, Mapping) else data
    parts = [str(raw.get("protocol", "evaluation")), f"on {name}" if name else "", str(raw.get("split") or "")]
    return ", ".join(part for part in parts if part)


def lead(reading: Reading) -> str:
    """The result in a sentence for each view: ours, the best other system, and the paired difference."""
    return "".join(f'<p class="lead">{told}</p>' for view in reading.views if (told := _verdict(reading, view)))


def _verdict(reading: Reading, view: str) -> str:
    metric, ours, scores = reading.deciding, reading.reference, reading.views[view]
    if metric not in scores.get(ours, {}):
        return ""
    place = escape(metric if view == MAIN else f"{metric}, {view}")
    told = f"{escape(ours)}: {place} <b>{scores[ours][metric]}</b>."
    variants = f"{ours}_"  # of ours, which are no rivals
    others = [
        system
        for system in reading.ordered(view, metric)
        if system != ours and not system.startswith(variants) and metric in scores[system]
    ]
    if others:
        best = others[0]
        told += f" Best of the others: {escape(best)} {scores[best][metric]}."
        difference = reading.paired.get(view, {}).get(metric, {}).get(best)
        told += f" Paired difference: {difference}." if difference else ""
    trivial = [system for system in others if system in TRIVIAL]
    if any(scores[system][metric].value >= scores[ours][metric].value for system in trivial):
        told += " <b>A trivial recommender does as well: this is no result.</b>"
    return told


def all_of(reading: Reading) -> Iterator[str]:
    """Every section that there is something to say in."""
    yield section("What was run", facts(_run(reading.raw)), _notes(reading.raw))
    yield section("All systems", *(scores_table(reading, view) for view in reading.views))
    for number_, view in enumerate(reading.views):
        name = "Quality" if view == MAIN else f"Quality, view “{view}”"
        yield section(name, figures(f"quality-{number_}", _quality(reading, view)), note=_quality_note(reading))
    yield section(
        "Paired differences",
        figures("paired", list(_forests(reading))),
        note=f"{reading.reference} minus each other system on the same cases; right of the dashed line speaks for it.",
    )
    yield section("Parts of the cases", *slice_parts(reading))
    yield section("Fairness", *fairness_parts(reading), note=_FAIR)
    yield section("Quality against latency", figures("latency", _latency(reading)))
    yield section("Beyond accuracy", _beyond_table(reading), figures("beyond", list(_beyond(reading))), note=_BEYOND)
    yield section("Clicks estimated from a log", _grid("Clicks", _plain(reading.raw.get("clicks", {})), digits=4))
    yield section("Time", _seconds_table(reading))
    yield section("How to recompute", commands(reading))


def _run(raw: Json) -> Iterator[tuple[str, str]]:
    """Everything that `results.json` says about the run itself."""
    for name, told in raw.items():
        if name not in _OWN_PART:
            yield name.replace("_", " "), _told(told)


def _notes(raw: Json) -> str:
    return "".join(f'<p class="note">{escape(str(note))}</p>' for note in raw.get("notes", []))


def _told(told: object) -> str:
    if isinstance(told, Mapping):
        return ", ".join(f"{key}: {_told(value)}" for key, value in told.items())
    if isinstance(told, list | tuple):
        return ", ".join(_told(value) for value in told)
    return "unknown" if told is None else f"{told:,}" if isinstance(told, int) and told > 9999 else str(told)


def _quality(reading: Reading, view: str) -> list[Svg]:
    """A plot for each metric."""
    plots = []
    for metric in reading.metrics(view):
        scores = reading.views[view]
        rows = [
            Row(name, scores[name][metric], reading.css(name))
            for name in reading.ordered(view, metric)
            if metric in scores[name]
        ]
        plots.append(dots(metric if view == MAIN else f"{metric}, {view}", rows))
    return plots


def _quality_note(reading: Reading) -> str:
    shown = any(system in TRIVIAL for system in reading.raw.get("systems", {}))
    return "Lines are 95% intervals." + (" Hollow dots are trivial recommenders." if shown else "")


def _forests(reading: Reading) -> Iterator[Svg]:
    for view, metrics in reading.paired.items():
        for metric, differences in metrics.items():
            name = f"{reading.reference}, {metric}" + ("" if view == MAIN else f", {view}")
            yield forest(name, differences)


def _latency(reading: Reading) -> list[Svg]:
    """One plot: the deciding metric against the median time of a case."""
    times = seconds_of(reading)
    scores, metric = reading.views.get(MAIN, {}), reading.deciding
    points = [
        Point(system, scores[system][metric], times[system]["median_ms"], reading.css(system))
        for system in reading.ordered()
        if metric in scores[system] and times.get(system, {}).get("median_ms", 0.0) > 0
    ]
    return [latency(f"{metric} against milliseconds a case", points)] if points else []


def seconds_of(reading: Reading) -> dict[str, dict[str, float]]:
    """System -> name of a time -> number; a bare number is the time to fit, in seconds."""
    found: dict[str, dict[str, float]] = {}
    for system, told in reading.raw.get("seconds", {}).items():
        times = told if isinstance(told, Mapping) else {"fit": told}
        good = {name: value for name, value in ((n, finite(v)) for n, v in times.items()) if value is not None}
        found[system] = good
    return found


def _seconds_table(reading: Reading) -> str:
    return _grid("Seconds to fit, milliseconds a case", seconds_of(reading), digits=3)


def _beyond_table(reading: Reading) -> str:
    rows = {system: {n: score_of(one) for n, one in told.items()} for system, told in _told_beyond(reading).items()}
    names = list(dict.fromkeys(chain.from_iterable(rows.values())))
    if not names:
        return ""
    cells = [[escape(system), *(cell(told.get(name)) for name in names)] for system, told in rows.items()]
    return table("Beyond accuracy, with 95% bootstrap intervals where there are any", ["system", *names], cells)


def _told_beyond(reading: Reading) -> Mapping[str, Json]:
    found: Mapping[str, Json] = reading.raw.get("beyond", {})
    return found


def _grid(caption: str, rows: Mapping[str, Mapping[str, float]], digits: int) -> str:
    """A table of plain numbers, system x name."""
    names = list(dict.fromkeys(chain.from_iterable(rows.values())))
    if not names:
        return ""
    cells = [[escape(row), *(number(values.get(name), digits) for name in names)] for row, values in rows.items()]
    return table(caption, ["system", *(name.replace("_", " ") for name in names)], cells)


def _plain(told: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, float]]:
    """System -> name -> number, intervals by their value; what is no number is left out."""
    found: dict[str, dict[str, float]] = {}
    for system, values in told.items():
        for name, value in values.items():
            plain = finite(value.get("value") if isinstance(value, Mapping) else value)
            if plain is not None:
                found.setdefault(system, {})[name] = plain
    return found


def _beyond(reading: Reading) -> Iterator[Svg]:
    told = _plain(_told_beyond(reading))
    for name in dict.fromkeys(chain.from_iterable(told.values())):
        rows = [(system, values[name], reading.css(system)) for system, values in told.items() if name in values]
        yield bars(name.replace("_", " "), sorted(rows, key=lambda row: -row[1]))
