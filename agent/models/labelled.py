"""A model behind a label: every call asks the registry anew which adapter the label means."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.models.base import ChatMessage, Completion, Schema
from agent.models.openai_server import OpenAIServer
from agent.models.registry import read


class LabelledServer:
    """A `ChatModel` that a promotion or a rollback reaches with the next call, without a restart.

    Args:
        registry: the file that `crossaisle serve` writes.
        label: such as `production`; the name of a served model or adapter does as well.
        api_key: sent as a bearer token, if the server wants one.

    Raises:
        ModelUnavailableError: there is no such registry, or it knows no such label.
    """

    def __init__(self, registry: Path, label: str, *, api_key: str | None = None) -> None:
        self._registry, self._label, self._api_key = registry, label, api_key
        self._servers: dict[tuple[str, str], OpenAIServer] = {}
        self._lock = threading.Lock()
        self._server()

    @property
    def name(self) -> str:
        """The adapter that the label means now."""
        return self._server().name

    @property
    def tasks(self) -> frozenset[str]:
        """The only tasks that this adapter is for."""
        return self._server().tasks

    def complete(
        self, messages: Sequence[ChatMessage], schema: Schema, *, deadline: float, max_tokens: int = 256
    ) -> Completion:
        """Answer with one JSON value of a schema; see `ChatModel`."""
        return self._server().complete(messages, schema, deadline=deadline, max_tokens=max_tokens)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        deadline: float,
        max_tokens: int = 512,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Answer in prose, piece by piece, to the end by the adapter that began; see `ChatModel`."""
        yield from self._server().stream(messages, deadline=deadline, max_tokens=max_tokens, cancel=cancel)

    def choose(self, messages: Sequence[ChatMessage], options: Sequence[str], *, deadline: float) -> list[float]:
        """Log-probabilities of the options' first tokens; see `ChatModel`."""
        return self._server().choose(messages, options, deadline=deadline)

    def _server(self) -> OpenAIServer:
        registry = read(self._registry)
        place = registry.url, registry.meant(self._label)
        with self._lock:
            if place not in self._servers:
                tasks = registry.tasks_of(place[1])
                self._servers[place] = OpenAIServer(*place, api_key=self._api_key, tasks=tasks)
            return self._servers[place]
