"""`crossaisle eval ...`: score rankings, with intervals, against baselines of the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from eval.results import Results

app = typer.Typer(help="Score rankings.", no_args_is_help=True)
Json = dict[str, Any]

_WIDTH = 160


@app.callback()
def _group() -> None:
    """Score rankings."""


def told(results: Results, *, quiet: bool) -> Json:
    """Show results as tables, unless only the JSON object is wanted, and hand that object on."""
    if not quiet:
        from rich.console import Console

        console = Console(width=None if Console().is_terminal else _WIDTH)
        for table in results.tables():
            console.print(table)
            console.print()
        for note in results.notes:
            console.print(f"- {note}", highlight=False, markup=False)
    return results.to_json()
