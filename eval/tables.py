"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from eval.results import SMALL, Results, Slice
from eval.statistics import Interval, Paired

_CERTAIN = 0.05
_SLICE_METRICS = 3


def figures(results: Results, view: str = "") -> Table:
    """Systems x metrics of one view, "" being the main one; the best of each column is bold."""
    names = [name for name in _metrics(results.systems) if _view(name) == view]
    n = max((one.n for row in results.systems.values() for name, one in row.items() if name in names), default=0)
    title = f"{results.protocol}{f', {view}' if view else ''}: {n:,} queries, 95% intervals"
    plain = {
        system: {_plain(name): one for name, one in row.items() if name in names}
        for system, row in results.systems.items()
    }
    return intervals_table(title, plain, [_plain(name) for name in names], best=True)


def everything(results: Results) -> Iterator[Table]:
    """Every table that the results fill."""
    for view in dict.fromkeys(_view(name) for name in _metrics(results.systems)):
        yield figures(results, view)
    if results.paired:
        yield _paired(results.paired)
    if results.beyond:
        yield intervals_table("Beyond accuracy", results.beyond, _metrics(results.beyond))
    if results.clicks:
        yield _clicks(results.clicks)
    times = {name: row for name, row in results.seconds.items() if isinstance(row, Mapping) and "median_ms" in row}
    if times:
        yield _times(times)
    for name in dict.fromkeys(one.name for one in results.slices):
        yield _slices(name, [one for one in results.slices if one.name == name])


def intervals_table(
    title: str, rows: Mapping[str, Mapping[str, Interval]], columns: Sequence[str], *, best: bool = False
) -> Table:
    """One row a system, one column a metric."""
    table = _table(title, "system", *columns)
    top = {name: max((row[name].value for row in rows.values() if name in row), default=0.0) for name in columns}
    for system, row in rows.items():
        cells = []
        for name in columns:
            text = cell(row.get(name))
            cells.append(f"[bold]{text}[/bold]" if best and name in row and row[name].value == top[name] else text)
        table.add_row(system, *cells)
    return table


def cell(one: Interval | None) -> str:
    """An interval in a few characters: .123 (.110 to .136)."""
    if one is None:
        return "-"
    if one.low == one.high == one.value:
        return short(one.value)
    return f"{short(one.value)} ({short(one.low)} to {short(one.high)})"


def short(number: float) -> str:
    """Three significant places where it matters: .0123, .482, 12.3."""
    if abs(number) >= 1.0:
        return f"{number:,.2f}" if abs(number) < 1000 else f"{number:,.0f}"
    return f"{number:.4f}".replace("0.", ".", 1)


def _paired(rows: Mapping[str, Mapping[str, Paired]]) -> Table:
    table = _table("Paired differences, 95% intervals", "pair", "metric", "difference", "p")
    for pair, metrics in rows.items():
        for name, one in metrics.items():
            text = f"{one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
            table.add_row(pair, name, f"[bold]{text}[/bold]" if one.p < _CERTAIN else text, f"{one.p:.3f}")
        table.add_section()
    return table


def _slices(name: str, slices: Sequence[Slice]) -> Table:
    metrics = _metrics(slices[0].systems)[:_SLICE_METRICS]
    table = _table(f"By {name}", name, "n", "system", *metrics)
    for one in slices:
        value = f"{one.value} [dim](too small to tell: below {SMALL})[/dim]" if one.small else one.value
        for number, (system, row) in enumerate(one.systems.items()):
            table.add_row(
                *((value, f"{one.n:,}") if not number else ("", "")), system, *(cell(row.get(m)) for m in metrics)
            )
        if not one.systems:
            table.add_row(value, f"{one.n:,}", "-", *("-" for _ in metrics))
        table.add_section()
    return table


def _clicks(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = _table("Click-through estimated from the log", "system", *columns)
    for system, row in rows.items():
        table.add_row(system, *(_any(row.get(name)) for name in columns))
    return table


def _times(rows: Mapping[str, Mapping[str, float]]) -> Table:
    table = _table("Milliseconds a query", "system", "median", "95th percentile")
    for system, row in rows.items():
        table.add_row(system, *(f"{row[name]:,.1f}" for name in ("median_ms", "p95_ms")))
    return table


def _any(found: Any) -> str:
    if isinstance(found, Interval):
        return cell(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return "-" if found is None else str(found)
    return f"{found:,}" if isinstance(found, int) else short(found)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _metrics(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def _view(name: str) -> str:
    return name.partition("/")[2]


def _plain(name: str) -> str:
    return name.partition("/")[0]
