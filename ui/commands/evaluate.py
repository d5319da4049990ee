"""`crossaisle eval ...`: score rankings, with intervals, against baselines of the same run.

    crossaisle eval score mine.trec test.qrels --run popular=popular.trec --baseline popular --min NDCG@10=0.1

Exit status: 0 done, 1 a threshold was missed, 2 what was given can't be scored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.commands import adapter_eval, ask, evidence, rank
from ui.options import AsJson
from ui.output import scoring

if TYPE_CHECKING:
    from eval.results import Results

app = typer.Typer(help="Score rankings.", no_args_is_help=True)
app.command("rank")(rank.rank)
app.command("search")(ask.search)
app.command("dialogue")(ask.dialogue)
app.command("plan")(ask.plan)
app.command("explain")(ask.explain)
app.command("adapter")(adapter_eval.adapter)
app.command("evidence")(evidence.evidence)
app.command("report")(evidence.report)
Json = dict[str, Any]
Texts = list[str] | None
Given = Path | None

_WIDTH = 160


@dataclass(frozen=True)
class Bar:
    """A threshold: what a metric has to reach at least, or may reach at most."""

    metric: str
    value: float
    least: bool


@app.callback()
def _group() -> None:
    """Score rankings."""


@app.command("score")
@scoring
def score(
    *,
    run: Annotated[Path, typer.Argument(help="What was ranked: TREC, JSON lines, CSV, TSV or Parquet; gzip is fine.")],
    qrels: Annotated[Path, typer.Argument(help="What is relevant, in one of the same forms.")],
    more: Annotated[Texts, typer.Option("--run", metavar="NAME=PATH", help="Another run; may be given again.")] = None,
    metrics: Annotated[Texts, typer.Option(metavar="A,B", help="Such as NDCG@10,Recall@100,MRR.")] = None,
    baseline: Annotated[str | None, typer.Option(metavar="NAME", help="Compare every run with this one.")] = None,
    slices: Annotated[Given, typer.Option(metavar="FILE", help="Attributes of queries or items, as columns.")] = None,
    catalogue: Annotated[
        Given, typer.Option(metavar="DIR|FILE", help="The goods, for figures beyond accuracy.")
    ] = None,
    history: Annotated[
        Given, typer.Option(metavar="DIR|FILE", help="Queries and the items they had before; cold and warm go by it.")
    ] = None,
    log: Annotated[Given, typer.Option(metavar="FILE", help="Shown items with propensities and clicks.")] = None,
    clip: Annotated[float, typer.Option(min=1, help="Highest weight of a logged row.")] = 100.0,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Places for figures beyond accuracy.")] = 10,
    least: Annotated[Texts, typer.Option("--min", metavar="METRIC=VALUE", help="Exit with 1 if RUN is below.")] = None,
    most: Annotated[Texts, typer.Option("--max", metavar="METRIC=VALUE", help="Exit with 1 if RUN is above.")] = None,
    ignore_unjudged: Annotated[bool, typer.Option("--ignore-unjudged", help="Skip queries without judgments.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> Json:
    """Score rankings against judgments: metrics with intervals, paired differences, slices and what lies beyond."""
    from eval.metrics import STANDARD
    from eval.score import name_of
    from eval.score import score as scored

    runs = {name_of(run): run}
    for name, path in _pairs(more or [], "--run", "NAME=PATH"):
        if name in runs:
            raise typer.BadParameter(f"--run {name} is taken; give every run another name")
        runs[name] = Path(path)
    bars = {"--min": least or [], "--max": most or []}
    wanted = [_bar(option, *pair) for option, of in bars.items() for pair in _pairs(of, option, "METRIC=VALUE")]
    names = [part.strip() for one in metrics or [] for part in one.split(",") if part.strip()] or list(STANDARD)
    results = scored(
        runs,
        qrels,
        names + [bar.metric for bar in wanted if not _beyond(bar.metric)],
        baseline=baseline,
        unjudged="ignore" if ignore_unjudged else "error",
        seed=seed,
        slices=slices,
        catalogue=catalogue,
        history=history,
        log=log,
        clip=clip,
        k=k,
    )
    return _judged(results, name_of(run), wanted, quiet=as_json)


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


def _judged(results: Results, system: str, wanted: list[Bar], *, quiet: bool) -> Json:
    """The results, told, with `ok` and what was `missed` where there are thresholds."""
    from retrieval.errors import EvaluationError

    missed: list[tuple[Bar, float]] = []
    for bar in wanted:
        found = results.figure(system, bar.metric)
        if found is None:
            remedy = "give --catalogue or --history for it"
            raise EvaluationError(f"there is no figure {bar.metric!r} for {system!r}", remedy)
        if found.value < bar.value if bar.least else found.value > bar.value:
            missed.append((bar, found.value))
    report = told(results, quiet=quiet)
    if wanted:
        those = [
            {
                "system": system,
                "metric": bar.metric,
                "value": round(value, 8),
                "least" if bar.least else "most": bar.value,
            }
            for bar, value in missed
        ]
        report |= {"ok": not missed, "missed": those}
    if not quiet:
        for bar, value in missed:
            from ui.output import complain

            side = "below" if bar.least else "above"
            complain(f"{bar.metric} of {system} is {round(value, 8)}, {side} {bar.value}")
    return report


def _beyond(name: str) -> bool:
    from eval.beyond import FIGURES

    return name.partition("@")[0] in FIGURES


def _bar(option: str, name: str, value: str) -> Bar:
    from eval.metrics import canonical

    try:
        bar = float(value)
    except ValueError:
        bar = math.nan
    if not math.isfinite(bar):
        raise typer.BadParameter(f"{option} {name}={value} gives no number; write {name}=0.1, for example")
    return Bar(name if _beyond(name) else canonical(name), bar, option == "--min")


def _pairs(texts: list[str], option: str, form: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise typer.BadParameter(f"{option} {text!r} is not of the form {form}")
        pairs.append((name.strip(), value.strip()))
    return pairs
