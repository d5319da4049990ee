"""`crossaisle eval evidence` and `crossaisle eval report`: is the evidence true, and the page of any run again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import AsJson, writable
from ui.output import say, scoring

if TYPE_CHECKING:
    from retrieval.progress import Progress
    from retrieval.shop import Shop

Json = dict[str, Any]


@scoring
def evidence(
    *,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="A shop folder, or anything that ingest reads.")
    ] = None,
    shop: Annotated[Path | None, typer.Option("--shop", metavar="DIR", help="The same for a shop folder.")] = None,
    format: Annotated[str | None, typer.Option(metavar="F", help="The data's format; detected if not given.")] = None,  # noqa: A002
    shoppers: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many shoppers are drawn.")] = 200,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Places on each shopper's list.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other shoppers and deletions.")] = 0,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", callback=writable, help="Where ledger, results and page are written."),
    ],
    as_json: AsJson = False,
) -> Json:
    """Write the ledger event -> need -> edge -> item, and prove it: delete what it names, delete something else."""
    if (data is None) == (shop is None):
        raise typer.BadParameter("give one of --data and --shop")
    from eval.evidence.check import Options
    from eval.evidence.check import evidence as check
    from retrieval.progress import bars

    with bars() as progress, _opened(shop or data or Path(), format, progress) as opened:
        found = check(opened, out, Options(shoppers, k, seed), progress=progress)
    if not as_json:
        _tell(found, out)
    return found


@scoring
def report(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of an evaluation.")],
    as_json: AsJson = False,
) -> Json:
    """Write a run's page again from its `results.json`."""
    from eval.report.write import rewrite

    path = rewrite(folder)
    if not as_json:
        say(f"wrote {path}")
    return {"report": str(path)}


@contextmanager
def _opened(path: Path, format_: str | None, progress: Progress) -> Iterator[Shop]:
    """A shop folder as it is, or a shop built for the time being from data."""
    from retrieval.build import serving
    from retrieval.shop import Shop

    with tempfile.TemporaryDirectory(prefix="crossaisle-evidence-") as folder:
        built = path
        if not (path.is_dir() and (serving(path) is not None or (path / "building").is_dir())):
            from retrieval.ingest import ingest

            built = Path(folder) / path.stem
            ingest(path, built, format=format_, progress=progress)
        shop = Shop.open(built)
        try:
            yield shop
        finally:
            shop.close()


def _tell(found: Json, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    for part, title in (("falls", "Mean falls"), ("ratios", "Mean fall over mean fall")):
        rows = found[part]
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        table = Table(title=f"{title}, 95% intervals over {found['n']} shoppers", title_justify="left")
        for name in ("deleted", *columns):
            table.add_column(name, justify="left" if name == "deleted" else "right")
        for name, row in rows.items():
            table.add_row(name, *(_figure(row.get(column)) for column in columns))
        Console().print(table)
    ledger = found["ledger"]
    say(
        f"{ledger['lines']:,} lines in {out / ledger['file']}, of which {ledger['checked']:,} were drawn and checked "
        f'(those with "deleted"); the page is {out / "report.html"}'
    )


def _figure(one: dict[str, float] | None) -> str:
    return "-" if one is None else f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
