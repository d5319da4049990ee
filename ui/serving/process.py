"""One vLLM process: started, waited for, stopped with us, never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

from retrieval.errors import ModelUnavailableError

TAIL = 2500  # characters of the log in an error
STOP_SECONDS = 20.0
_PDEATHSIG = 1  # of Linux's prctl


class Server:
    """A server process in a group of its own.

    Args:
        command: its command line.
        environment: its whole environment.
        log: file that takes its output.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._asked_to_stop = False
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                list(command),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # engine processes belong to its group and are ended with it
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 (before any thread)
            )

    def __enter__(self) -> Server:
        self._before = {number: signal.signal(number, self._forward) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait_ready(self, url: str, seconds: float) -> bool:
        """Wait until it answers; False if we were asked to stop meanwhile.

        Raises:
            ModelUnavailableError: it ended, or wasn't ready in time; the end of its log is in the message.
        """
        import httpx

        health = url.removesuffix("/v1") + "/health"
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._asked_to_stop:
            if self.process.poll() is not None:
                raise ModelUnavailableError(
                    f"vLLM ended with status {self.process.returncode} before it was ready: {self.tail()}",
                    f"look at {self.log}",
                )
            with suppress(httpx.HTTPError):
                if httpx.get(health, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                    return True
            time.sleep(0.3)
        if self._asked_to_stop:
            return False
        raise ModelUnavailableError(
            f"vLLM was not ready after {seconds:g} s: {self.tail()}",
            f"look at {self.log}, or give more --start-seconds",
        )

    def wait(self) -> None:
        """Wait until it ends. Raises `ModelUnavailableError` if it does so unasked."""
        while self.process.poll() is None and not self._asked_to_stop:
            time.sleep(0.2)
        if not self._asked_to_stop:
            raise ModelUnavailableError(
                f"vLLM ended with status {self.process.returncode}: {self.tail()}", f"look at {self.log}"
            )

    def stop(self) -> None:
        """Ask it to end what it is at, and end it and its engine if it doesn't."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-TAIL:].strip()

    def _forward(self, number: int, frame: FrameType | None) -> None:
        """Take a signal to stop, on the server's behalf as well."""
        self._asked_to_stop = True


def _die_with_parent() -> None:
    """Let the kernel end the server if we are killed without a chance to."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)
