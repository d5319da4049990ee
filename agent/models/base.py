"""What a language model is to this project: three calls, each with a deadline for the whole of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from retrieval.errors import ModelOutputError, ModelTimeoutError

Schema = dict[str, Any]


@dataclass(frozen=True)
class ChatMessage:
    """One message of a chat as a model is given it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Completion:
    """A finished answer and what it cost in tokens.

    Attributes:
        logprob: natural logarithm of how likely the model, left to itself without the schema, would have answered just
            so (vLLM tells how likely it was under the schema, which is more); None where that isn't told.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    logprob: float | None = None


@runtime_checkable
class ChatModel(Protocol):
    """A language model, wherever it runs.

    `deadline` is an absolute `time.monotonic()` value and covers the whole call, from connecting to the last token: a
    server that sends one byte at a time is stopped as surely as one that sends none. All calls raise
    `ModelUnavailableError` (not reachable, not loaded), `ModelTimeoutError` (deadline passed, cancelled) or
    `ModelOutputError` (an answer of another form than asked), and nothing else on a model's account.
    """

    @property
    def name(self) -> str:
        """Name for traces: model and adapter."""
        ...

    def complete(
        self, messages: Sequence[ChatMessage], schema: Schema, *, deadline: float, max_tokens: int = 256
    ) -> Completion:
        """Answer with one JSON value of a JSON schema.

        The text always parses as JSON; an answer that was cut off by `max_tokens` raises `ModelOutputError`.
        """
        ...

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        deadline: float,
        max_tokens: int = 512,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Answer in prose, piece by piece. Setting `cancel` ends it with `ModelTimeoutError` within 0.2 s."""
        ...

    def choose(self, messages: Sequence[ChatMessage], options: Sequence[str], *, deadline: float) -> list[float]:
        """Log-probabilities that the answer begins with each option, from one forward pass.

        Args:
            messages: the question; it should say that the answer is one of the options.
            options: at least two short answers such as letters, each starting with a token of its own.
            deadline: see the class.

        Returns:
            One value an option, normalised over the options: their exponentials sum to 1.
        """
        ...


def tasks_of(model: ChatModel) -> frozenset[str]:
    """The only tasks that a model was made for, by the names of their prompts; empty for one that takes any."""
    return frozenset(getattr(model, "tasks", ()))


def called(model: ChatModel) -> str:
    """What people are told the model is."""
    return getattr(model, "label", "") or model.name


@dataclass(frozen=True)
class Watch:
    """A deadline and a cancel switch, looked at together.

    Attributes:
        deadline: absolute `time.monotonic()` value.
        cancel: set by another thread to stop the call, or None.
    """

    deadline: float
    cancel: threading.Event | None = None

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the call has to stop now."""
        return self.left == 0.0 or (self.cancel is not None and self.cancel.is_set())

    def error(self, name: str) -> ModelTimeoutError:
        """The error of a call that had to stop."""
        if self.cancel is not None and self.cancel.is_set():
            return ModelTimeoutError(f"the call to model {name} was cancelled", "ask again")
        return ModelTimeoutError(
            f"model {name} did not finish within its time", "allow it more seconds or serve a faster model"
        )

    def check(self, name: str) -> None:
        """Raise `ModelTimeoutError` if the call has to stop now."""
        if self.over:
            raise self.error(name)

    def sleep(self, seconds: float, name: str) -> None:
        """Wait, but no longer than the watch allows. Raises `ModelTimeoutError` as `check` does."""
        until = time.monotonic() + seconds
        self.check(name)
        while (rest := until - time.monotonic()) > 0:
            slice_ = min(rest, self.left, 0.1)
            if self.cancel is not None:
                self.cancel.wait(slice_)
            else:
                time.sleep(slice_)
            self.check(name)


def parsed(text: str, name: str) -> Any:
    """The JSON value that a model answered with. Raises `ModelOutputError` where it is none."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        start = text[:60] + ("..." if len(text) > 60 else "")
        raise ModelOutputError(
            f"model {name} answered {start!r}, which is not whole JSON ({error})",
            "use a model that follows a schema, or allow more tokens",
        ) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
