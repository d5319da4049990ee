"""What a turn did, as OpenTelemetry spans: how long each part took, and how much it found.

    with span("search", mode="words") as told:
        ...
        told.set(candidates=100)

Off until `start` is called; till then a span costs a look at one variable, and nothing of OpenTelemetry is imported.
Spans tell counts, durations, and names of channels and models. Words of shoppers and titles of goods leave only where
`start` was told so, and a shopper's id never does: `pseudonym` stands for it. Spans are sent by a thread of their own,
in batches; what can't be sent in time is dropped, and no turn waits for it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from retrieval.errors import TraceError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

T = TypeVar("T")
Value = str | bool | int | float
ENDPOINT, TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
"""Environment variables of the standard: a collector's base address, and the whole address for traces."""
KEY = "CROSSAISLE_TRACES_KEY"
"""Environment variable with the key of pseudonyms; without it they hold for one process only."""
_PATH = "/v1/traces"
_SECONDS = 3.0  # for one sending, and for all that is left at the end
_QUIET = 60.0  # seconds between two complaints about a collector


class Span:
    """A part of a turn being timed; this one, of tracing switched off, notes nothing."""

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def set(self, **facts: Value) -> None:
        """Note facts under `crossaisle.NAME`; a double underscore stands for a dot, and then the name is whole."""

    def current(self) -> AbstractContextManager[Any]:
        """While inside, spans that begin are this one's children. Don't yield to somebody else's code inside."""
        return nullcontext()


class _Recorded(Span):
    def __init__(self, otel: OtelSpan, *, inside: bool) -> None:
        self._otel = otel
        self._scope: AbstractContextManager[Any] = self.current() if inside else nullcontext()

    @classmethod
    def named(cls, tracer: Tracer, name: str, facts: dict[str, Value], *, inside: bool) -> _Recorded:
        made = cls(tracer.start_span(name, record_exception=False, set_status_on_exception=False), inside=inside)
        made.set(**facts)
        return made

    def __enter__(self) -> Span:
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.__exit__(kind, error, trace)
        if kind is not None and not issubclass(kind, GeneratorExit):  # its message may quote a shopper
            self.set(error__type=kind.__name__)
        self._otel.end()

    def set(self, **facts: Value) -> None:
        for name, value in facts.items():
            self._otel.set_attribute(name.replace("__", ".") if "__" in name else f"crossaisle.{name}", value)

    def current(self) -> AbstractContextManager[Any]:
        from opentelemetry.trace import use_span

        return use_span(self._otel, end_on_exit=False, record_exception=False, set_status_on_exception=False)


class _State:
    """What `start` set up; one for a process."""

    tracer: Tracer | None = None
    provider: TracerProvider | None = None
    exporter: SpanExporter | None = None
    content = False
    key = b""


_NOTHING = Span()


def span(name: str, **facts: Value) -> Span:
    """A span to enter; those begun inside are its children."""
    tracer = _State.tracer
    return _NOTHING if tracer is None else _Recorded.named(tracer, name, facts, inside=True)


def begin(name: str, **facts: Value) -> Span:
    """A span to enter where other code runs in between, as in a generator; `current` and `through` lead into it."""
    tracer = _State.tracer
    return _NOTHING if tracer is None else _Recorded.named(tracer, name, facts, inside=False)


def through(one: Span, steps: Iterator[T]) -> Iterator[T]:
    """The same steps, each made inside a span, from whichever thread it is asked for."""
    if one is _NOTHING:
        yield from steps
        return
    while True:
        with one.current():
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def telling() -> bool:
    """Whether words of shoppers and titles of goods may leave."""
    return _State.tracer is not None and _State.content


def pseudonym(name: str) -> str:
    """What stands for a shopper's or a conversation's id: 16 hexadecimal digits of a keyed hash (HMAC-SHA-256)."""
    return hmac.new(_State.key, name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def endpoint(url: str | None = None) -> str | None:
    """Where traces go: the address given, else the standard's environment variables; None where none is set.

    Raises:
        TraceError: the address is none of http or https.
    """
    whole = os.environ.get(TRACES_ENDPOINT, "").strip() if url is None else ""
    base = whole or (os.environ.get(ENDPOINT, "").strip() if url is None else url.strip())
    if not base and url is None:
        return None
    try:
        parts = urlsplit(base)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        source = "--traces" if url is not None else TRACES_ENDPOINT if whole else ENDPOINT
        raise TraceError(
            f"traces can't be sent to {base!r} ({source})", "Give a collector's address, such as http://127.0.0.1:4318"
        )
    return base if whole or base.rstrip("/").endswith(_PATH) else base.rstrip("/") + _PATH


def start(url: str, *, content: bool = False, delay: float = 2.0) -> None:
    """Send traces from now on; a second call takes the place of the first.

    Args:
        url: where to, as `endpoint` gives it; headers and certificates by the standard's environment variables.
        content: let words of shoppers and titles of goods leave.
        delay: seconds between two sendings.
    """
    from importlib.metadata import version

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    stop()
    _calm("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    exporter = OTLPSpanExporter(endpoint=url, timeout=_SECONDS)
    told = {"service.version": version("crossaisle")}
    told |= {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "crossaisle"}
    # Not the process's global provider: other libraries would send what they like through it.
    provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=int(delay * 1000)))
    key = os.environ.get(KEY, "").encode() or secrets.token_bytes(32)
    _State.content, _State.key, _State.provider, _State.exporter = content, key, provider, exporter
    _State.tracer = provider.get_tracer("crossaisle", version("crossaisle"))


def stop() -> None:
    """Send what is left, for a few seconds at most, and send nothing from now on."""
    provider, exporter = _State.provider, _State.exporter
    _State.tracer = _State.provider = _State.exporter = None
    if provider is None or exporter is None:
        return
    enough = threading.Timer(_SECONDS, exporter.shutdown)  # else a collector that is away is asked again and again
    enough.daemon = True
    enough.start()
    provider.shutdown()
    enough.cancel()


def _calm(logger: str) -> None:
    """Let one complaint a minute through: a collector that is away is no news after the first."""
    named = logging.getLogger(logger)
    if not any(isinstance(known, _Seldom) for known in named.filters):
        named.addFilter(_Seldom())


class _Seldom(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._last = -_QUIET

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the last complaint is long enough ago."""
        now = time.monotonic()
        if now - self._last < _QUIET:
            return False
        self._last = now
        return True
