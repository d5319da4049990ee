"""`crossaisle user ...`: who may sign in to the chat page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from retrieval.errors import ShopError
from ui.options import AsJson, Shop, State
from ui.output import command, say

if TYPE_CHECKING:
    from agent.memory.users import Users

app = typer.Typer(name="user", help="Who may sign in to the chat page.", no_args_is_help=True)

Json = dict[str, Any]
Name = Annotated[str, typer.Argument(help="What they type to sign in.")]


@app.command()
@command
def add(
    *,
    name: Name,
    shop: Shop,
    role: Annotated[
        Literal["shopper", "team"],
        typer.Option(help="A shopper sees their own data alone, the team may be anybody."),
    ] = "shopper",
    shopper: Annotated[str | None, typer.Option(metavar="ID", help="Whose data; the name itself if not given.")] = None,
    state: State = None,
    as_json: AsJson = False,
) -> Json:
    """Let somebody in, or change their password; it is asked for, or read from stdin where that is no terminal."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    with _users(shop, state) as users:
        user = users.add(name, password, role, shopper)
    return _told({"user": user.model_dump()}, f"{user.name} may sign in as {user.role}", quiet=as_json)


@app.command("list")
@command
def everybody(*, shop: Shop, state: State = None, as_json: AsJson = False) -> Json:
    """Who may sign in, and as whom."""
    with _users(shop, state) as users:
        found = users.everybody()
    lines = [f"{user.name}  {user.role}  {user.shopper if user.role == 'shopper' else ''}".rstrip() for user in found]
    return _told({"users": [user.model_dump() for user in found]}, "\n".join(lines) or "nobody", quiet=as_json)


@app.command()
@command
def remove(*, name: Name, shop: Shop, state: State = None, as_json: AsJson = False) -> Json:
    """Let somebody in no longer; what is remembered of the shopper stays."""
    with _users(shop, state) as users:
        gone = users.remove(name)
    return _told({"removed": gone}, "removed" if gone else "there is no such user", quiet=as_json)


@contextmanager
def _users(shop: Shop, state: State) -> Iterator[Users]:
    from agent.memory.users import Users

    if not (shop / "manifest.json").exists():
        raise ShopError(f"{shop} is no shop folder", "Build one with crossaisle ingest or crossaisle sample")
    users = Users.of(shop, state)
    try:
        yield users
    finally:
        users.close()


def _told(found: Json, line: str, *, quiet: bool) -> Json:
    if not quiet:
        say(line)
    return found
