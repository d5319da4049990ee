"""A browser tab of the shop page without a browser: the requests that the page's script makes, timed.

It loads the page and its configuration, keeps the heartbeat open, puts what is typed into Gradio's queue and follows
the answer as the stream of events that a browser follows (protocol sse_v3), differences put together.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from gradio_client.utils import apply_diff

from retrieval.errors import CrossAisleError

CARD, PROBLEM, LAST = '<article class="xa-card', "xa-problem", "xa-note"
"""Marks in the page's HTML: a card, a turn that could not be answered, the small print under a whole answer."""


class PageError(CrossAisleError):
    """The page did not answer as a browser needs it."""


@dataclass(frozen=True)
class Said:
    """One answered message, in milliseconds since it was sent.

    Attributes:
        cards: until the first card stood on the page, None for an answer without cards.
        done: until the answer was whole.
        count: of the cards.
    """

    cards: float | None
    done: float
    count: int


class Tab:
    """One open tab; use it as an asynchronous context.

    Args:
        client: with the page's address as its base.
        seconds: how long an answer may take.
    """

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client, self._seconds = client, seconds
        self._session = secrets.token_hex(6)
        self._functions: dict[str, dict[str, Any]] = {}
        self._live = 0
        self._beat: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Tab:
        (await self._client.get("/")).raise_for_status()
        config = (await self._client.get("/config")).raise_for_status().json()
        self._functions = {one["api_name"]: one for one in config["dependencies"]}
        ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        try:
            self._live = self._functions["on_words"]["outputs"].index(ids["xa-live"])
        except (KeyError, ValueError) as error:
            raise PageError(
                "the page at this address is no CrossAisle shop", "serve one with crossaisle shop"
            ) from error
        self._beat = asyncio.create_task(self._heart())
        async for _ in self._events("on_load", [{"shopper": "", "conversation": "", "language": "en"}]):
            pass
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beat is not None:
            self._beat.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self._beat

    async def sign_in(self, shopper: str) -> None:
        """Be somebody with a history."""
        async for _ in self._events("on_shopper", [shopper]):
            pass

    async def say(self, message: str) -> Said:
        """Send a message and wait for the whole answer.

        Raises:
            PageError: the server refused it, broke off, or showed a problem instead of an answer.
            httpx.HTTPError: the connection failed.
        """
        started = time.perf_counter()
        cards: float | None = None
        live = ""
        async for output in self._events("on_words", [message]):
            shown = output[self._live]
            live = shown if isinstance(shown, str) else live
            if cards is None and CARD in live:
                cards = (time.perf_counter() - started) * 1e3
        done = (time.perf_counter() - started) * 1e3
        if PROBLEM in live or LAST not in live:
            raise PageError("the page showed no whole answer", "see the server's log")
        return Said(cards, done, live.count(CARD))

    async def _events(self, function: str, data: list[Any]) -> AsyncIterator[list[Any]]:
        """Call one of the page's functions; yields all outputs each time something new is drawn."""
        called = self._functions[function]
        target = called["targets"][0][0]
        body = {"data": data, "fn_index": called["id"], "session_hash": self._session, "trigger_id": target}
        outputs: list[Any] | None = None
        async with asyncio.timeout(self._seconds):
            joined = await self._client.post("/gradio_api/queue/join", json=body | {"event_data": None})
            joined.raise_for_status()
            about = {"session_hash": self._session}
            async with self._client.stream("GET", "/gradio_api/queue/data", params=about) as stream:
                stream.raise_for_status()
                async for line in stream.aiter_lines():
                    if not line.startswith("data:"):
                        continue
                    told = json.loads(line[5:])
                    if told["msg"] not in {"process_generating", "process_completed", "unexpected_error"}:
                        continue
                    if not told.get("success", True):
                        raise PageError(f"the server failed ({line[5:300].strip()})", "see the server's log")
                    fresh = told.get("output", {}).get("data") or []
                    if told["msg"] == "process_completed":
                        yield fresh if outputs is None else outputs
                        return
                    if outputs is None:
                        outputs = fresh
                    else:
                        outputs = [apply_diff(old, new) for old, new in zip(outputs, fresh, strict=True)]
                    yield outputs
        raise PageError("the stream of answers ended early", "see the server's log")

    async def _heart(self) -> None:
        """What tells the server that the tab is open; its end closes the tab's room."""
        url = f"/gradio_api/heartbeat/{self._session}"
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream("GET", url, timeout=None) as stream:
                async for _ in stream.aiter_bytes():
                    pass
