"""`crossaisle bench ...`: figures come from commands, with their baselines in the same run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ui.options import (
    COMPACT,
    NONE,
    Adapter,
    AsJson,
    Chroma,
    ModelName,
    ModelOptions,
    ModelPath,
    ModelUrl,
    Shop,
    Traces,
    traced,
)
from ui.output import command, say

app = typer.Typer(help="Measure.", no_args_is_help=True)
Json = dict[str, Any]
Seed = Annotated[int, typer.Option(min=0, help="Another seed draws other turns.")]


@app.command("turn")
@command
def turn(
    *,
    shop: Shop,
    turns: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many turns.")] = 1000,
    seed: Seed = 0,
    chroma_url: Chroma = None,
    traces: Traces = None,
    as_json: AsJson = False,
) -> Json:
    """Time turns without a model: milliseconds to the cards, unfiltered and filtered."""
    from eval.bench import bench_turn

    with traced(traces):
        report = bench_turn(shop, turns, seed, chroma_url)
    return _told(report, quiet=as_json)


@app.command("load")
@command
def load(
    *,
    shop: Shop,
    chats: Annotated[int, typer.Option(min=1, max=1000, help="Conversations at once.")] = 32,
    turns: Annotated[int, typer.Option(min=1, max=1000, help="Messages in each.")] = 6,
    pause: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds a shopper reads between two, on average.")
    ] = 4.0,
    seed: Seed = 0,
    url: Annotated[str | None, typer.Option(help="A page over this shop that is served already.")] = None,
    model: Annotated[str, typer.Option(help="Serve it with none, or with compact as crossaisle shop does.")] = NONE,
    as_json: AsJson = False,
) -> Json:
    """Serve the shop page and chat with it from many tabs at once; any error is a failure, and exits with 1."""
    from eval.load import Load
    from ui.commands.load import measure_load

    if model not in (NONE, COMPACT):
        raise typer.BadParameter(f"--model {model}: choose none or compact; any other page is measured by --url")
    return _told(measure_load(shop, Load(chats, turns, pause), seed, url, model), quiet=as_json)


@app.command("hostile")
@command
def hostile(
    *,
    shop: Shop,
    turns: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many turns; every fourth is hostile.")] = 2000,
    seed: Seed = 0,
    model_url: ModelUrl = None,
    model: ModelName = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    as_json: AsJson = False,
) -> Json:
    """Drive scripted turns, a quarter hostile; `passed` is false, and the exit status 1, after any breach."""
    from eval.hostile import bench_hostile

    options = ModelOptions(model_url, model, model_path, adapter)
    options.check()
    report = _told(bench_hostile(shop, turns, seed, options.open()), quiet=as_json)
    report["ok"] = report["passed"]
    return report


@app.command("encoder")
@command
def encoder(
    *,
    judgments: Annotated[Path, typer.Argument(help="JSON lines: query, title, label (E, S, C or I).")],
    encoders: Annotated[list[str] | None, typer.Option("--encoder", help="An encoder; may be given again.")] = None,
    as_json: AsJson = False,
) -> Json:
    """Score encoders on graded query-product pairs, and how many texts each encodes a second."""
    from eval.encoders import bench_encoders

    return _told(bench_encoders(judgments, tuple(encoders or ("static", "minilm"))), quiet=as_json)


@app.command("model")
@command
def model_speed(
    *,
    turns: Annotated[Path, typer.Option(metavar="FILE", help="Messages, as `crossaisle finetune turns` writes.")],
    model_url: ModelUrl = None,
    model: ModelName = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="NAME", help="Another adapter of that server; may be repeated."),
    ] = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Plans of each measurement.")] = 64,
    concurrent: Annotated[int, typer.Option(min=1, max=1024, help="Shoppers at once.")] = 32,
    generate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The same model's folder: measure transformers.generate beside.")
    ] = None,
    as_json: AsJson = False,
) -> Json:
    """Time plans of a model, the compact one if none is named: alone, at once, without schema, over adapters."""
    from eval.serving import bench_model

    named = [ModelOptions(model_url, name, model_path, adapter) for name in (model, *(more or []))]
    for options in named:
        options.check()
    if more and not model_url:
        raise typer.BadParameter("--also names adapters of a server; give --model-url")
    opened = [found for options in named if (found := options.open(COMPACT)) is not None]
    if not opened:
        raise typer.BadParameter("there is no model to measure; leave --model none out")
    return _told(bench_model(opened, turns, count, concurrent, generate=generate), quiet=as_json)


@app.command("fit")
@command
def fit(
    *,
    data: Annotated[Path, typer.Argument(metavar="PATH", help="A shop folder, or any file that ingest reads.")],
    format: Annotated[str | None, typer.Option(metavar="F", help="The file's format; detected if not given.")] = None,  # noqa: A002
    train: Annotated[bool, typer.Option(help="The sequence and graph models too.")] = True,
    as_json: AsJson = False,
) -> Json:
    """Time how long every channel takes to learn, and the learned order."""
    from eval.fitting import bench_fit
    from retrieval.progress import bars

    with bars() as progress:
        report = bench_fit(data, format, train=train, progress=progress)
    return _told(report, quiet=as_json)


def _told(report: dict[str, object], *, quiet: bool) -> Json:
    """Print a report as a table of two columns, unless JSON is printed anyway."""
    rows = [] if quiet else list(_rows(report))
    wide = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{name:<{wide}}  {value}")
    return dict(report)


def _rows(report: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Every figure with the names that lead to it."""
    for name, value in report.items():
        label = f"{above} {name.replace('_', ' ')}".strip()
        if isinstance(value, Mapping):
            yield from _rows(value, label)
        elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, start=1):
                yield from _rows(one if isinstance(one, Mapping) else {"": one}, f"{label} {number}")
        else:
            yield label, _cell(value)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_cell(one) for one in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
