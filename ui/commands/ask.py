"""`crossaisle eval search` and `crossaisle eval dialogue`: find what words ask for, beside the baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ui.commands.rank import Names, Split
from ui.options import AsJson
from ui.output import command

Json = dict[str, Any]
Given = Path | None
Out = Annotated[Given, typer.Option("--out", metavar="DIR", help="For runs, qrels, results and report.")]
Form = Annotated[str | None, typer.Option("--format", metavar="F", help="The catalogue's; detected if not given.")]
Part = Annotated[Split, typer.Option(help="valid: the half to choose on; test: all, and the other half beside it.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]


@command
def search(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="JSON lines: query, title, label (E, S, C, I).")],
    catalogue: Annotated[
        Given, typer.Option(metavar="PATH", help="A shop folder or a feed that is searched as a whole, too.")
    ] = None,
    systems: Names = None,
    split: Part = Split.TEST,
    out: Out = None,
    format_: Form = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Rank the judged products of each query, and find the exact ones in a whole catalogue."""
    from eval.asking import searched
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    with bars() as progress:
        results = searched(
            data, catalogue, named(systems), split.value, out, format=format_, seed=seed, progress=progress
        )
    return told(results, quiet=as_json)


@command
def dialogue(
    *,
    conversations: Annotated[Path, typer.Option(metavar="FILE", help="Conversations in PSCon's format.")],
    catalogue: Annotated[Path, typer.Option(metavar="PATH", help="A shop folder or a feed; titles fill the pool.")],
    systems: Names = None,
    split: Part = Split.TEST,
    out: Out = None,
    format_: Form = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Recommend where a human seller did, by the shopper's words alone."""
    from eval.asking import conversed
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    with bars() as progress:
        results = conversed(
            conversations, catalogue, named(systems), split.value, out, format=format_, seed=seed, progress=progress
        )
    return told(results, quiet=as_json)


def named(systems: str | None) -> list[str]:
    """The names in a list on the command line."""
    return [name.strip() for name in (systems or "").split(",") if name.strip()]
