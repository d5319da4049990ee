"""Tables as HTML: everything that comes from a run is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from eval.report.reading import MAIN, Reading, Score, number


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names the rows; cells are markup already, heads and captions are text."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{c}</td>" for c in row[1:])}</tr>' for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell(score: Score | None, *, best: bool = False) -> str:
    """A score with its interval below it."""
    if score is None:
        return "–"
    value = f"<b>{number(score.value)}</b>" if best else number(score.value)
    if score.low == score.high:
        return value
    return f'{value}<span class="interval">{number(score.low)} to {number(score.high)}</span>'


def scores_table(reading: Reading, view: str = MAIN) -> str:
    """Systems x metrics of a view, the best system first, the best value of each column in bold."""
    scores, metrics = reading.views.get(view, {}), reading.metrics(view)
    best = {m: max((scores[s][m].value for s in scores if m in scores[s]), default=0.0) for m in metrics}
    rows = []
    for system in reading.ordered(view, metrics[0] if metrics else ""):
        told = [scores[system].get(metric) for metric in metrics]
        cells = [cell(one, best=one is not None and one.value == best[m]) for m, one in zip(metrics, told, strict=True)]
        rows.append([f'<span class="{reading.css(system)}">{escape(system)}</span>', *cells])
    caption = "All systems, 95% bootstrap intervals" if view == MAIN else f"View “{view}”, 95% bootstrap intervals"
    return table(caption, ["system", *metrics], rows)
