"""How long work tells how far it is: one small callable, drawn as bars on stderr where there is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Progress(Protocol):
    """Called as work goes on; `total` is None while it is unknown."""

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
        """Tell that `done` of `total` units of a stage are finished."""


def silent(stage: str, done: int, total: int | None) -> None:
    """The `Progress` that shows nothing."""


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """Draw one bar a stage on stderr; without a terminal there, one line a finished stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal) as drawn:
        tasks: dict[str, TaskID] = {}
        told: set[str] = set()

        def tell(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = drawn.add_task(stage, total=total)
            drawn.update(tasks[stage], completed=done, total=total)
            if not console.is_terminal and total is not None and done >= total and stage not in told:
                told.add(stage)
                console.print(f"{stage}: {done}", highlight=False)

        yield tell
