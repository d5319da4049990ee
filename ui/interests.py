"""A shopper's interests by category over time, as a drawn plot and as a table with the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue
from retrieval.channels.log import KIND_WEIGHTS
from retrieval.history import History
from retrieval.text import label
from ui.language import day, say
from ui.panels import button

PERIODS = 12
HALF_LIFE = 180.0
"""Days after which an event counts half for the order of the categories."""
_WIDTH, _ROW, _BARS, _NAME = 300, 46, 22, 15  # of the drawing, in its own units


@dataclass(frozen=True)
class Interest:
    """One category: `weights` (PERIODS,) says how much was done in each period, oldest first, a purchase being 1."""

    category: str
    weights: tuple[float, ...]
    events: int
    last: datetime

    @property
    def trend(self) -> int:
        """1 where the later half of the time holds clearly more than the earlier one, -1 where less, else 0."""
        half = PERIODS // 2
        early, late = sum(self.weights[:half]), sum(self.weights[half:])
        return (late > 1.5 * early) - (early > 1.5 * late)


@dataclass(frozen=True)
class Interests:
    """The strongest categories first, over `start` to `end` in PERIODS equal parts."""

    start: datetime
    end: datetime
    rows: tuple[Interest, ...]


def interests(history: History, catalogue: Catalogue, limit: int = 6) -> Interests | None:
    """Sum a shopper's liking events by category and period; None without any.

    Args:
        history: events that may be shown (none on sensitive goods).
        catalogue: of the shop.
        limit: categories at most; the order is by what was done lately.
    """
    liked = history.liked()
    codes = catalogue.category.codes[liked.rows]
    liked, codes = liked.select(named := codes != catalogue.category.code_of.get("", -1)), codes[named]
    if not len(liked):
        return None
    start, end = liked.at[0], max(history.now, liked.at[-1])
    span = max((end - start) / np.timedelta64(1, "us"), 1.0)
    period = np.minimum((liked.at - start) / np.timedelta64(1, "us") / span * PERIODS, PERIODS - 1).astype(np.int64)
    weight = KIND_WEIGHTS[liked.kinds]
    faded = np.bincount(codes, weight * 0.5 ** (liked.days_ago() / HALF_LIFE))
    best = [code for code in np.argsort(-faded, kind="stable")[:limit].tolist() if faded[code] > 0]
    rows = [_interest(catalogue.category.names[code], codes == code, period, weight, liked) for code in best]
    return Interests(_moment(start), _moment(end), tuple(rows))


def interests_panel(found: Interests | None, *, steering: bool) -> str:
    """The plot and the table as HTML; `steering` tells whether these interests count for suggestions now."""
    if found is None:
        return f'<p class="xa-empty">{escape(say("Nothing is known of your interests yet."))}</p>'
    note = (
        say("What you did lately counts most for suggestions.")
        if steering
        else say("You switched this off for suggestions.")
    )
    inside = f'{plot(found)}<p class="xa-empty">{escape(note)}</p>{table(found.rows)}'
    return f'<div tabindex="0" role="region" aria-label="{escape(say("Interests"))}">{inside}</div>'


def plot(found: Interests) -> str:
    """Small bars, one row a category, one bar a period, all on one scale; screen readers get its name only."""
    top = max(max(row.weights) for row in found.rows)
    height = _ROW * len(found.rows) + 18
    name = say("Your interests by category, {start} to {end}", start=day(found.start), end=day(found.end))
    rows = "".join(_row(place, row, top) for place, row in enumerate(found.rows))
    axis = (
        f'<text class="xa-axis" x="0" y="{height - 4}">{day(found.start)}</text>'
        f'<text class="xa-axis" x="{_WIDTH}" y="{height - 4}" text-anchor="end">{day(found.end)}</text>'
    )
    return (
        f'<svg class="xa-plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}">'
        f"{rows}{axis}</svg>"
    )


def table(rows: Sequence[Interest]) -> str:
    """The same as a table: what was done in each category, how often, when last, which way it goes; each can go."""
    trends = {1: say("rising"), 0: say("steady"), -1: say("fading")}
    lines = "".join(
        f'<tr><th scope="row">{escape(label(row.category))}</th><td>{row.events}</td><td>{day(row.last)}</td>'
        f"<td>{escape(trends[row.trend])}</td>"
        f"<td>{button('forget-aisle', row.category, say('Forget'), label(row.category))}</td></tr>"
        for row in rows
    )
    names = (say("Category"), say("Events"), say("Last"), say("Trend"))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    head += f'<th scope="col"><span class="xa-unseen">{escape(say("Forget"))}</span></th>'
    return f'<table class="xa-table"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _row(place: int, row: Interest, top: float) -> str:
    base, step = place * _ROW + _NAME + _BARS + 3, _WIDTH / PERIODS
    bars = "".join(
        f'<rect class="xa-bar" x="{index * step + 1:.1f}" y="{base - tall:.1f}" width="{step - 2:.1f}" '
        f'height="{tall:.1f}" rx="1.5"/>'
        for index, weight in enumerate(row.weights)
        if (tall := _BARS * weight / top) > 0
    )
    return (
        f'<text class="xa-plot-name" x="0" y="{place * _ROW + 12}">{escape(label(row.category))}</text>'
        f'<rect class="xa-base" x="0" y="{base}" width="{_WIDTH}" height="1"/>{bars}'
    )


def _interest(
    name: str,
    own: NDArray[np.bool_],
    period: NDArray[np.int64],
    weight: NDArray[np.float64],
    liked: History,
) -> Interest:
    sums = np.bincount(period[own], weight[own], minlength=PERIODS)
    return Interest(name, tuple(round(float(value), 4) for value in sums), int(own.sum()), _moment(liked.at[own][-1]))


def _moment(at: np.datetime64) -> datetime:
    moment: datetime = at.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
