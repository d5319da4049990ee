"""The command line: `crossaisle COMMAND ...`.

    crossaisle sample --into shops/sample          a lively little market, made in under a minute
    crossaisle shop --shop shops/sample            the chat page on http://127.0.0.1:7860
    crossaisle chat --shop shops/sample "a warm blanket under 40" --json

With --json exactly one JSON object is written to stdout (`ui/contract.py` says which); logs, progress and warnings go
to stderr. Exit status: 0 done, 1 failed (the cause and the remedy are on stderr), 2 bad usage, or
what was to be evaluated can't be.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ui.commands import evaluate, lab, measure, serve, tune, users
from ui.options import (
    COMPACT,
    Adapter,
    AsJson,
    Chroma,
    ModelName,
    ModelOptions,
    ModelPath,
    ModelUrl,
    Shop,
    State,
    Traces,
    TracesContent,
    traced,
)
from ui.output import command

app = typer.Typer(
    name="crossaisle",
    help="A shopping assistant that recommends across aisles, with evidence that can be checked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(measure.app, name="bench")
app.add_typer(users.app, name="user")
app.add_typer(evaluate.app, name="eval")
app.add_typer(tune.app, name="finetune")
app.add_typer(lab.app, name="lab")
app.add_typer(serve.app, name="serve")

Json = dict[str, Any]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="The shop folder to build; swapped in when done.")]
Shopper = Annotated[str, typer.Option("--shopper", metavar="ID", help="A shopper's id; an unknown one is new here.")]
Encoder = Annotated[str, typer.Option(help="static (fast), minilm (better, slower), or a sentence-transformers model.")]
Kind = Literal["view", "cart", "favourite", "purchase", "review", "dismiss", "return"]
SignIn = Annotated[
    bool | None,
    typer.Option(
        "--sign-in/--no-sign-in", help="Ask for name and password; if not given, unless the address is this machine's."
    ),
]
BatchSize = Annotated[int, typer.Option(min=1, max=100_000, help="Items encoded and stored at once.")]


class Switch(StrEnum):
    """A consent switch on the command line."""

    ON = "on"
    OFF = "off"


@app.command()
@command
def ingest(
    *,
    source: Annotated[Path, typer.Argument(help="A feed: a file, or a folder of files that belong together.")],
    into: Into,
    format: Annotated[str | None, typer.Option(metavar="F", help="The feed's format; detected if not given.")] = None,  # noqa: A002
    encoder: Encoder = "static",
    batch_size: BatchSize = 1000,
    chroma_url: Chroma = None,
    train: Annotated[
        bool, typer.Option("--train", help="Train the sequence and graph models too: minutes more.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build anew, even over an unfinished or equal build.")] = False,
    as_json: AsJson = False,
) -> Json:
    """Build a shop folder from a feed. Killed and run again, it goes on where it was; the old shop serves meanwhile."""
    from retrieval.feeds import FORMATS
    from ui.commands.build import build

    if format is not None and format not in FORMATS:
        raise typer.BadParameter(f"--format {format} is unknown; choose from {', '.join(FORMATS)}")
    return build(
        source,
        into,
        format=format,
        encoder=encoder,
        batch_size=batch_size,
        chroma_url=chroma_url,
        train=train,
        force=force,
        quiet=as_json,
    )


@app.command()
@command
def sample(
    *,
    into: Into,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another market.")] = 7,
    as_json: AsJson = False,
) -> Json:
    """Make a market to play with: goods on three platforms, shoppers whose lives cross aisles; then ingest it."""
    from ui.commands.build import build_sample

    return build_sample(into, seed, quiet=as_json)


@app.command()
@command
def shop(
    *,
    shop: Shop,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 7860,
    sign_in: SignIn = None,
    state: State = None,
    chroma_url: Chroma = None,
    model_url: ModelUrl = None,
    model: ModelName = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    traces: Traces = None,
    traces_content: TracesContent = False,
) -> None:
    """Open the chat page and serve it until interrupted."""
    options = ModelOptions(model_url, model, model_path, adapter)
    options.check()
    from ui.desk import Desk
    from ui.output import complain
    from ui.server import listen, serve, users_for

    listening = listen(host, port)
    with (
        traced(traces, content=traces_content),
        Desk(shop, state, chroma_url, options.open(COMPACT)) as desk,
        users_for(host, sign_in, shop, state) as users,
    ):
        desk.warm()
        tell = f"{desk.shop.name} is open at {{}} (the prompt lab at /lab; end with Ctrl-C)"
        serve(desk, listening, lambda url: complain(tell.format(url)), users, options)


@app.command()
@command
def chat(
    *,
    message: Annotated[str, typer.Argument(help="What the shopper says.")],
    shop: Shop,
    shopper: Annotated[str | None, typer.Option(metavar="ID", help="Who speaks; a visitor if not given.")] = None,
    conversation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A transcript that is read, and that the turn is appended to.")
    ] = None,
    state: State = None,
    chroma_url: Chroma = None,
    model_url: ModelUrl = None,
    model: ModelName = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    traces: Traces = None,
    traces_content: TracesContent = False,
    as_json: AsJson = False,
) -> Json:
    """Take one turn: cards, then words. Several calls with one --conversation make one conversation."""
    options = ModelOptions(model_url, model, model_path, adapter)
    options.check()
    from ui.commands import talk
    from ui.desk import Desk

    with traced(traces, content=traces_content), Desk(shop, state, chroma_url, options.open(COMPACT)) as desk:
        return talk.chat(desk, message, shopper or None, conversation, quiet=as_json)


@app.command()
@command
def recommend(
    *,
    shop: Shop,
    shopper: Shopper,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items.")] = 10,
    state: State = None,
    chroma_url: Chroma = None,
    as_json: AsJson = False,
) -> Json:
    """Suggest items to a shopper without a word said, each with its receipt."""
    from ui.commands import talk
    from ui.desk import Desk

    with Desk(shop, state, chroma_url) as desk:
        return talk.recommend(desk, shopper, k, quiet=as_json)


@app.command()
@command
def record(
    *,
    shop: Shop,
    shopper: Shopper,
    item: Annotated[str, typer.Option(metavar="ITEM", help="The item's id, platform:sku.")],
    kind: Annotated[Kind, typer.Option(help="What happened.")],
    quantity: Annotated[float, typer.Option(min=0.001, max=1_000_000, help="Units.")] = 1.0,
    state: State = None,
    chroma_url: Chroma = None,
    as_json: AsJson = False,
) -> Json:
    """Feed an event back; it counts from the next turn on."""
    from retrieval.schema import EventKind
    from ui.commands import talk
    from ui.desk import Desk

    with Desk(shop, state, chroma_url) as desk:
        return talk.record(desk, shopper, item, EventKind(kind), quantity, quiet=as_json)


@app.command()
@command
def consent(
    *,
    shop: Shop,
    shopper: Shopper,
    prompt: Annotated[Switch | None, typer.Option(help="May the shopper's history enter a model's prompt?")] = None,
    personalise: Annotated[Switch | None, typer.Option(help="May the shopper's history steer suggestions?")] = None,
    state: State = None,
    chroma_url: Chroma = None,
    as_json: AsJson = False,
) -> Json:
    """Tell or change what a shopper allows."""
    from ui.commands import talk
    from ui.desk import Desk

    wanted = [None if switch is None else switch is Switch.ON for switch in (prompt, personalise)]
    with Desk(shop, state, chroma_url) as desk:
        return talk.consent(desk, shopper, *wanted, quiet=as_json)


@app.command()
@command
def doctor(
    *,
    shop: Annotated[Path | None, typer.Option("--shop", metavar="DIR", help="A shop folder to look at.")] = None,
    state: State = None,
    chroma_url: Chroma = None,
    model_url: ModelUrl = None,
    as_json: AsJson = False,
) -> Json:
    """Say what is installed, reachable and missing, with the remedy for each."""
    from ui.doctor import examine, print_findings

    findings = examine(shop, state, chroma_url, model_url)
    if not as_json:
        print_findings(findings)
    return findings


def main() -> None:
    """Entry point of the `crossaisle` command."""
    app()
