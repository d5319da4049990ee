"""Serving the chat page: one port, this machine's own address, nothing fetched from elsewhere."""

from __future__ import annotations

import html
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from agent.memory.users import FAILURES, PAUSE, Users
from retrieval.errors import CrossAisleError
from ui.desk import Desk
from ui.options import ModelOptions

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Door = Callable[[str, str], Awaitable[bool]]
# The page's own scripts are inline and its templates are compiled in the browser; everything else must be local.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'self'"
)
_PAUSE = (
    f"After {FAILURES} wrong passwords a name has to wait {PAUSE:.0f} seconds. "
    f"连续 {FAILURES} 次密码错误后，需等待 {PAUSE:.0f} 秒。"
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class ServeError(CrossAisleError):
    """The page can't be served at the address asked for."""


def serve(
    desk: Desk,
    listening: socket.socket,
    announce: Callable[[str], None],
    users: Users | None = None,
    options: ModelOptions | None = None,
) -> None:
    """Serve the chat page, and the prompt lab at /lab, until it is interrupted.

    Args:
        desk: an opened shop.
        listening: the socket from `listen`; closed at the end.
        announce: told the page's URL as soon as it answers.
        users: who may sign in; None lets everybody in, to be whom they say.
        options: which model the desk has, so that the lab can open it with other adapters.
    """
    import uvicorn

    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    config = uvicorn.Config(
        application(desk, users, options), log_level="warning", timeout_graceful_shutdown=2, lifespan="on"
    )
    with listening:
        _server(config, lambda: announce(url)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises `ServeError` when it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        cause = f"the page can't be served at {host}:{port} ({reason})"
        raise ServeError(
            cause, "End the program that uses it, or choose another address with --port or --host"
        ) from error
    return bound


@contextmanager
def users_for(host: str, sign_in: bool | None, folder: Path, state: str | None) -> Iterator[Users | None]:
    """Who may sign in at an address; None where nobody has to: on this machine's own, unless it is asked for.

    Raises:
        ServeError: people are to sign in, and nobody can.
    """
    asked = sign_in if sign_in is not None else not _is_loopback(host)
    if not asked:
        yield None
        return
    users = Users.of(folder, state)
    try:
        if not users.everybody():
            remedy = "Add one with crossaisle user add NAME, or serve on this machine alone with --host 127.0.0.1"
            raise ServeError("people are to sign in, but there is no user yet", remedy)
        yield users
    finally:
        users.close()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def application(
    desk: Desk, users: Users | None = None, options: ModelOptions | None = None
) -> Callable[..., Awaitable[None]]:
    """The chat page and the lab as an ASGI application."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by the library when it is imported
    from fastapi import FastAPI, Response
    from fastapi.responses import RedirectResponse

    from ui import lab_page, page

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/lab", lambda: RedirectResponse("/lab/"), include_in_schema=False)
    lab = lab_page.build(desk, users, options)
    for path in ("/openapi.json", "/lab/openapi.json"):
        app.add_api_route(path, lambda: Response(status_code=404), include_in_schema=False)
    name = html.escape(desk.shop.name)
    app = _mounted(app, lab, "/lab", _door(users, team=True), f"{name}: prompt lab, for the product team. {_PAUSE}")
    chat = page.build(desk, users)
    return _with_headers(_mounted(app, chat, "/", _door(users), f"{name}: sign in · 请登录. {_PAUSE}"))


def _mounted(app: Any, blocks: Any, path: str, door: Door | None, told: str) -> Any:
    """The application with a page at a path; the first one mounted is asked first."""
    import gradio as gr

    from ui.theme import theme

    return gr.mount_gradio_app(
        app,
        blocks,
        path=path,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        auth=door,
        auth_message=told,
        theme=theme(),
        css="".join(files("ui").joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "lab.css")),
    )


def _door(users: Users | None, *, team: bool = False) -> Door | None:
    """Who is let in by name and password; None where nobody has to sign in."""
    if users is None:
        return None

    async def let_in(name: str, password: str) -> bool:
        from anyio import to_thread

        user = await to_thread.run_sync(users.check, name, password)
        return user is not None and (not team or user.role == "team")

    return let_in


def _with_headers(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def guarded(scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await app(scope, receive, send_more)

    return guarded


def _server(config: Any, ready: Callable[[], None]) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                ready()

    return Server(config)
