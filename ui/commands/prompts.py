"""`crossaisle lab prompts | save | promote | rollback | history`: versions of prompts, and which of them serves."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieval.errors import PromptError, ShopError
from ui.options import AsJson, State
from ui.output import command, complain, say

if TYPE_CHECKING:
    from agent.memory.shelf import Move
    from agent.versions import Version, Versions

Json = dict[str, Any]
ShopHere = Annotated[Path, typer.Option("--shop", metavar="DIR", help="The shop whose state database is meant.")]
Who = Annotated[str | None, typer.Option(metavar="NAME", help="Who does it, for the history; the user's name if not.")]
Label = Annotated[str, typer.Option(metavar="NAME", help="The label that is moved.")]
Task = Annotated[str, typer.Argument(help="What the prompt is for: plan, explain, ...")]


@command
def prompts(
    *,
    shop: ShopHere,
    task: Annotated[str | None, typer.Option(help="Of this task only.")] = None,
    show: Annotated[str | None, typer.Option(metavar="HASH", help="Print one version; give --task.")] = None,
    diff: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Compare two versions, by label or hash; give --task.")
    ] = None,
    state: State = None,
    as_json: AsJson = False,
) -> Json:
    """List prompt versions with their labels, print one, or compare two."""
    if (show or diff) and not task:
        raise typer.BadParameter("--show and --diff need --task")
    with _versions(shop, state) as versions:
        if diff:
            lines = versions.difference(*(versions.find(task or "", which) for which in diff))
            return _told({"diff": lines}, "\n".join(lines) or "they are the same", quiet=as_json)
        if show:
            version = versions.find(task or "", show)
            return _told(_version(version) | {"text": version.text}, version.text, quiet=as_json)
        found = versions.all(task)
    lines = [f"{v.prompt.task:<9} {v.hash[:12]} {v.prompt.name:<16} {_origin(v)}" for v in found]
    return _told({"prompts": [_version(version) for version in found]}, "\n".join(lines), quiet=as_json)


@command
def save(
    *,
    file: Annotated[Path, typer.Argument(help="A prompt file; agent/prompts has the form.")],
    shop: ShopHere,
    who: Who = None,
    state: State = None,
    as_json: AsJson = False,
) -> Json:
    """Keep a prompt file as a new version. It serves nobody before it is promoted."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{file} can't be read ({error})", "check the path") from None
    with _versions(shop, state) as versions:
        version = versions.save(text, _somebody(who))
    return _told(_version(version), f"kept {version.prompt.task} {version.hash}", quiet=as_json)


@command
def promote(
    *,
    task: Task,
    prompt: Annotated[str, typer.Argument(metavar="HASH", help="A hash, its beginning, or a label.")],
    evidence: Annotated[Path, typer.Option(metavar="DIR", help="The finished lab run that compared it.")],
    shop: Annotated[Path | None, typer.Option("--shop", metavar="DIR", help="The shop; the run's own if not.")] = None,
    who: Who = None,
    label: Label = "production",
    state: State = None,
    as_json: AsJson = False,
) -> Json:
    """Serve with a prompt from the very next turn on, and write down who did so on what evidence."""
    from eval.lab import decide
    from eval.lab.folder import noted

    grid = noted(evidence)["grid"]
    state = state or (grid.get("state") if shop is None else None)
    with _versions(shop or Path(grid["shop"]), state) as versions:
        done = decide.promote(versions, task, prompt, evidence=evidence, who=_somebody(who), label=label)
    if not as_json:
        for note in done.notes:
            complain(note)
    return _told(
        {"move": done.move.model_dump(mode="json"), "notes": list(done.notes)}, _line(done.move), quiet=as_json
    )


@command
def rollback(
    *,
    task: Task,
    shop: ShopHere,
    who: Who = None,
    label: Label = "production",
    state: State = None,
    as_json: AsJson = False,
) -> Json:
    """Undo the last promotion that isn't undone yet; it counts from the very next turn on."""
    with _versions(shop, state) as versions:
        move = versions.roll_back(task, _somebody(who), label)
    return _told({"move": move.model_dump(mode="json")}, _line(move), quiet=as_json)


@command
def history(*, shop: ShopHere, state: State = None, as_json: AsJson = False) -> Json:
    """Who moved which label from where to where, when, and on what evidence."""
    with _versions(shop, state) as versions:
        moves = versions.shelf.history()
    lines = "\n".join(_line(move) for move in moves) or "nothing was promoted yet"
    return _told({"history": [move.model_dump(mode="json") for move in moves]}, lines, quiet=as_json)


@contextmanager
def _versions(shop: Path, state: str | None) -> Iterator[Versions]:
    from agent.memory import Memory
    from agent.versions import Versions

    if state is None and not (shop / "manifest.json").exists():
        raise ShopError(f"{shop} is no shop folder", "Build one with crossaisle ingest or crossaisle sample")
    with Memory(state) if state else Memory.at(shop / "state.sqlite3") as memory:
        yield Versions.of(memory.prompts)


def _somebody(who: str | None) -> str:
    if who and who.strip():
        return who.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise PromptError("this machine doesn't say who you are", "give --who NAME") from error


def _version(version: Version) -> Json:
    prompt = version.prompt
    return {
        "task": prompt.task,
        "name": prompt.name,
        "hash": version.hash,
        "language": prompt.language,
        "variables": list(prompt.variables),
        "labels": list(version.labels),
        "who": version.who,
        "at": version.at.isoformat() if version.at else None,
    }


def _origin(version: Version) -> str:
    by = f"{version.who}, {version.at:%Y-%m-%d %H:%M}" if version.at else "shipped"
    return f"{by}{'  <- ' + ', '.join(version.labels) if version.labels else ''}"


def _line(move: Move) -> str:
    line = f"{move.at:%Y-%m-%d %H:%M} {move.who}: {move.action} {move.task} {move.label} "
    line += f"{move.from_hash[:12]} -> {move.to_hash[:12]}"
    return f"{line} on {move.evidence} ({move.evidence_hash[:12]})" if move.evidence else line


def _told(found: Json, line: str, *, quiet: bool) -> Json:
    if not quiet:
        say(line)
    return found
