"""An HTTP transport that stops at a deadline whatever the server does.

Ordinary read timeouts count from the last byte, so a server that drips one byte a second keeps a call open for ever.
Here every wait on the socket, while connecting, in headers and in the body, is cut into short slices, and between
slices the call's `Watch` is looked at. One transport serves one call at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import httpcore2
import httpx2

from agent.models.base import Watch

SLICE = 0.1
"""Seconds between two looks at the watch while a socket is silent."""

_T = TypeVar("_T")


class _Stream(httpcore2.NetworkStream):
    """A socket that looks at the watch while it waits."""

    def __init__(self, inner: httpcore2.NetworkStream, transport: WatchedTransport) -> None:
        self._inner, self._transport = inner, transport

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._transport.sliced(
            lambda seconds: self._inner.read(max_bytes, seconds), httpcore2.ReadTimeout, again=True
        )

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # A write that timed out may have sent a part, so it can't be tried again: it gets all the time that is left.
        self._transport.sliced(lambda seconds: self._inner.write(buffer, seconds), httpcore2.WriteTimeout, again=False)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._transport.sliced(
            lambda seconds: self._inner.start_tls(ssl_context, server_hostname, seconds),
            httpcore2.ConnectTimeout,
            again=False,
        )
        return _Stream(inner, self._transport)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Opens sockets that look at the watch."""

    def __init__(self, transport: WatchedTransport) -> None:
        self._inner, self._transport = httpcore2.SyncBackend(), transport

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        inner = self._transport.sliced(
            lambda seconds: self._inner.connect_tcp(host, port, seconds, local_address, socket_options),
            httpcore2.ConnectTimeout,
            again=False,
        )
        return _Stream(inner, self._transport)


class _Body(httpx2.SyncByteStream):
    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


class WatchedTransport(httpx2.BaseTransport):
    """Transport of one connection; set `watch` before each call."""

    def __init__(self) -> None:
        self.watch = Watch(deadline=0.0)
        self._pool = httpcore2.ConnectionPool(max_connections=1, network_backend=_Backend(self))

    def sliced(self, wait: Callable[[float], _T], silent: type[Exception], *, again: bool) -> _T:
        """Call `wait(seconds)` until it returns, raising `silent` when the watch is over.

        Args:
            wait: raises `silent` when nothing happened for that many seconds.
            silent: the timeout error of the operation.
            again: whether the operation can be called again after it timed out.
        """
        while not self.watch.over:
            try:
                return wait(min(SLICE, self.watch.left) if again else self.watch.left)
            except silent:
                if not again:
                    raise
        raise silent("the call's time is over")

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; errors are httpcore's own."""
        url = request.url
        response = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),  # type: ignore[arg-type]
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
