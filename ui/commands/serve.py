"""`crossaisle serve`: a model and its adapters behind vLLM, and what labels mean, changed while it runs.

crossaisle serve --model DIR --adapter winter=adapters/winter-1a2b3c4d5e6f
crossaisle serve promote winter            from another terminal; the next request is answered by it
crossaisle serve rollback
crossaisle shop --shop shops/mine --model-url serving.json --model production
"""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import AsJson
from ui.output import command, complain, say

if TYPE_CHECKING:
    from agent.models.registry import Registry
    from ui.serving.launch import Served

app = typer.Typer(help="Serve a model and adapters with vLLM.", invoke_without_command=True, no_args_is_help=True)
Json = dict[str, Any]
Texts = list[str] | None
FileOf = Annotated[Path, typer.Option("--registry", metavar="FILE", help="What is served and what labels mean.")]
REGISTRY = Path("serving.json")


@app.callback()
@command
def serve(
    *,
    context_: typer.Context,
    model: Annotated[str, typer.Option(metavar="DIR", help="A model's folder, or its name on a hub.")] = "",
    adapter: Annotated[Texts, typer.Option(metavar="NAME=DIR", help="An adapter; may be given again.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8000,
    registry: FileOf = REGISTRY,
    context: Annotated[int, typer.Option(min=16, help="Tokens of prompt and answer.")] = 8192,
    max_rank: Annotated[int, typer.Option(min=1, help="Of adapters to come.")] = 32,
    max_loras: Annotated[int, typer.Option(min=1, help="Adapters that one batch may mix.")] = 4,
    sequences: Annotated[int, typer.Option(min=1, help="Requests computed at once.")] = 32,
    queue: Annotated[int, typer.Option(min=1, help="Requests taken at once; more are refused with 503.")] = 256,
    dtype: Annotated[str, typer.Option(help="Of the weights, as vLLM names it.")] = "auto",
    gpu_memory: Annotated[float, typer.Option(min=0.01, max=1, help="Share of a GPU's memory to take.")] = 0.9,
    start_seconds: Annotated[float, typer.Option(min=1, help="Until it must be ready.")] = 900.0,
) -> None:
    """Start vLLM on this machine alone and run until interrupted; subcommands change what labels mean meanwhile."""
    if context_.invoked_subcommand is not None:
        return
    if not model:
        raise typer.BadParameter("give --model DIR, or a subcommand")
    from ui.serving.change import named
    from ui.serving.launch import Served

    given = {alias: Path(folder) for alias, folder in (_pair(text) for text in adapter or [])}
    names = {alias: named(folder, alias) for alias, folder in given.items()}
    served = Served(model, port, {}, context, max_rank, max_loras, sequences, queue, dtype, gpu_memory)
    state = _state(registry, served, {names[alias]: folder for alias, folder in given.items()})
    for alias, name in names.items():
        state = state.promoted(alias, name)
    served = replace(served, adapters=_folders(state))
    _run(served, state, registry, start_seconds)


@app.command("promote")
@command
def promote(
    *,
    what: Annotated[str, typer.Argument(metavar="NAME|DIR", help="An adapter's folder, name or label; or the base.")],
    label: Annotated[str, typer.Option(help="The label to move.")] = "production",
    registry: FileOf = REGISTRY,
    as_json: AsJson = False,
) -> Json:
    """Let a label mean an adapter, loading it first if need be; the next request is answered by it."""
    from ui.serving.change import promote as promoted

    return _told(promoted(registry, what, label), quiet=as_json)


@app.command("rollback")
@command
def rollback(
    *,
    label: Annotated[str, typer.Option(help="The label to move.")] = "production",
    registry: FileOf = REGISTRY,
    as_json: AsJson = False,
) -> Json:
    """Let a label mean what it meant before."""
    from ui.serving.change import roll_back

    return _told(roll_back(registry, label), quiet=as_json)


@app.command("list")
@command
def list_(*, registry: FileOf = REGISTRY, as_json: AsJson = False) -> Json:
    """Tell what is served and what every label means."""
    from ui.serving.change import listing

    told = listing(registry)
    if not as_json:
        say(f"{told['base']} at {told['url']}" + ("" if told["reachable"] else " (not reachable)"))
        for label, names in told["labels"].items():
            say(f"  {label} -> {names[-1]}" + (f" (before: {names[-2]})" if len(names) > 1 else ""))
        for name, folder in told["adapters"].items():
            say(f"  {name}: {folder}" + ("" if name in (told["loaded"] or [name]) else " (not loaded)"))
    return told


def _told(moved: Json, *, quiet: bool) -> Json:
    if not quiet:
        say(f"{moved['label']} -> {moved['now']}" + (f" (before: {moved['before']})" if moved["before"] else ""))
    return moved


def _run(served: Served, state: Registry, path: Path, seconds: float) -> None:
    """Serve until interrupted."""
    from agent.models import registry as registries
    from ui.serving.launch import HOST, command, environment, interpreter, on_gpu
    from ui.serving.process import Server

    _need_port(HOST, served.port)
    gpu = on_gpu()
    line = command(served, interpreter(), gpu=gpu)
    if served.adapters and not gpu:
        complain("adapters are slow in vLLM's CPU build; crossaisle finetune merge makes a fast model of one")
    with Server(line, environment(served, gpu=gpu), path.with_suffix(".log")) as server:
        complain(f"starting vLLM on {'the GPU' if gpu else 'the CPU'}; its log is {server.log}")
        if server.wait_ready(served.url, seconds):
            with registries.changing(path):
                registries.write(path, state)
            complain(f"{served.name} is served at {served.url}, labels are in {path} (end with Ctrl-C)")
            server.wait()


def _state(path: Path, served: Served, given: dict[str, Path]) -> Registry:
    """The registry to begin with: labels of an earlier run on the same base stay, with the adapters that they need."""
    from agent.models import registry as registries
    from agent.models.registry import PRODUCTION, Registry

    adapters = {name: str(folder.resolve()) for name, folder in given.items()}
    fresh = Registry(served.url, served.name, adapters, tasks=served.tasks).promoted(PRODUCTION, served.name)
    if not path.exists():
        return fresh
    before = registries.read(path)
    if before.base != served.name:
        complain(f"{path} was of {before.base}; its labels are left out")
        return fresh
    there = {name: folder for name, folder in before.adapters.items() if Path(folder).is_dir()}
    known = {*there, *adapters, served.name}
    kept = {label: tuple(name for name in names if name in known) for label, names in before.labels.items()}
    labels = {**fresh.labels, **{label: names for label, names in kept.items() if names}}
    return replace(fresh, adapters={**there, **adapters}, labels=labels)


def _folders(state: Registry) -> dict[str, Path]:
    """Adapters to load at the start: those that labels mean, now or after a rollback."""
    wanted = {name for names in state.labels.values() for name in names[-2:]}
    return {name: Path(folder) for name, folder in state.adapters.items() if name in wanted}


def _need_port(host: str, port: int) -> None:
    from retrieval.errors import ModelUnavailableError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ModelUnavailableError(
                f"port {port} on {host} can't be used ({error.strerror})", "give another --port"
            ) from error


def _pair(text: str) -> tuple[str, str]:
    from finetune.lora.store import checked_name

    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise typer.BadParameter(f"--adapter {text!r} is not of the form NAME=DIR")
    return checked_name(name), folder
