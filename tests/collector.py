"""A small OTLP/HTTP collector on this machine: keeps the spans that a process sends, decoded from the protobuf."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Got:
    """One span as it arrived; times in milliseconds."""

    name: str
    id: bytes
    parent: bytes
    ms: float
    facts: dict[str, Any]


@dataclass
class Collector:
    """What was received: spans in the order of their arrival, and every byte of every request."""

    url: str = ""
    spans: list[Got] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    def wait(self, name: str, count: int = 1, seconds: float = 20.0) -> list[Got]:
        """The spans of a name, once so many are here; fails where they don't come."""
        until = time.monotonic() + seconds
        while len(found := self.named(name)) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} spans {name!r}: {[s.name for s in self.spans]}"
            time.sleep(0.02)
        return found

    def named(self, name: str) -> list[Got]:
        return [span for span in list(self.spans) if span.name == name]

    def under(self, top: Got) -> list[Got]:
        """Everything below a span, children's children too."""
        inside, found = {top.id}, []
        for _ in range(6):
            new = [span for span in self.spans if span.parent in inside and span.id not in inside]
            inside |= {span.id for span in new}
            found += new
        return found

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        self.raw.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.resource |= _facts(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    assert not span.events, "an event of an exception would carry its message"
                    ms = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
                    self.spans.append(Got(span.name, span.span_id, span.parent_span_id, ms, _facts(span.attributes)))


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens while inside."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
