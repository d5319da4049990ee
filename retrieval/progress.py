"""How long work tells how far it is: one small callable, drawn as bars on stderr where there is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from time import monotonic
from typing import Protocol

EVERY = 15.0
"""Seconds between two lines about a stage, where there is no terminal to draw in."""


class Progress(Protocol):
    """Called as work goes on; `total` is None while it is unknown."""

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
        """Tell that `done` of `total` units of a stage are finished."""


def silent(stage: str, done: int, total: int | None) -> None:
    """The `Progress` that shows nothing."""


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """Draw a bar a stage on stderr; where that is no terminal, a line a finished stage, or every `EVERY` seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal) as drawn:
        tasks: dict[str, TaskID] = {}
        told: set[str] = set()
        last = monotonic()

        def tell(stage: str, done: int, total: int | None) -> None:
            nonlocal last
            if stage not in tasks:
                tasks[stage] = drawn.add_task(stage, total=total)
            drawn.update(tasks[stage], completed=done, total=total)
            if not console.is_terminal and total is not None and done >= total and stage not in told:
                told.add(stage)
                console.print(f"{stage}: {done}", highlight=False)
            elif not console.is_terminal and stage not in told and monotonic() - last >= EVERY:
                last = monotonic()
                console.print(f"{stage}: {done} of {total if total is not None else '?'}", highlight=False)

        yield tell
