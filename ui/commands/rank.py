"""`crossaisle eval rank`: foretell what shoppers take next, on any data, beside the baselines."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ui.options import AsJson, Chroma, writable
from ui.output import scoring

Json = dict[str, Any]
Given = Path | None


class Protocol(StrEnum):
    """What is foretold."""

    LEAVE_ONE_OUT = "leave-one-out"
    NEXT_CATEGORY = "next-category"
    NEXT_ITEM = "next-item"


class Split(StrEnum):
    """What is scored."""

    TEST = "test"
    VALID = "valid"


class Time(StrEnum):
    """How events are parted."""

    SHOPPER = "shopper"
    GLOBAL = "global"


Day = datetime | None
Names = Annotated[str | None, typer.Option("--systems", metavar="A,B", help="Names or path/to/file.py:Class.")]


@scoring
def rank(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="A shop folder, or any file that ingest reads.")],
    protocol: Annotated[Protocol, typer.Option(help="What is foretold.")],
    out: Annotated[
        Given, typer.Option("--out", metavar="DIR", callback=writable, help="For runs, qrels, results and report.")
    ] = None,
    format: Annotated[str | None, typer.Option(metavar="F", help="The file's format; detected if not given.")] = None,  # noqa: A002
    systems: Names = None,
    split: Annotated[Split, typer.Option(help="Choose on valid; score test once.")] = Split.TEST,
    time: Annotated[Time, typer.Option(help="Each shopper's own last fifth, or one date for all.")] = Time.SHOPPER,
    date: Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="Of the global cut.")] = None,
    shuffle_ties: Annotated[bool, typer.Option("--shuffle-ties", help="Leave-one-out, where there are dates.")] = False,
    groups: Annotated[Given, typer.Option(metavar="FILE", help="Shoppers and their attributes, for slices.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    chroma_url: Chroma = None,
    as_json: AsJson = False,
) -> Json:
    """Foretell what shoppers take next, over the whole catalogue, beside the baselines of the same run."""
    from datetime import UTC

    from eval.ranking import Options
    from eval.ranking import rank as ranked
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    if date is not None and time is not Time.GLOBAL:
        raise typer.BadParameter("--date needs --time global")
    options = Options(
        protocol.value, split.value, time.value, date.replace(tzinfo=UTC) if date else None, shuffle_ties, seed
    )
    names = [name.strip() for name in (systems or "").split(",") if name.strip()]
    with bars() as progress:
        results = ranked(
            data, options, names, out, format=format, groups=groups, chroma_url=chroma_url, progress=progress
        )
    return told(results, quiet=as_json)
