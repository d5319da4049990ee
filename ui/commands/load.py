"""`crossaisle bench load`: the shop page as a process of its own, and many chats with it at once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from eval.bench import drawn
from eval.load import Load, bench_load
from eval.visitor import PageError
from retrieval.shop import Shop
from ui.options import NONE

_OPEN = re.compile(r"http://127\.0\.0\.1:\d+")


def measure_load(folder: Path, load: Load, seed: int, url: str | None = None, model: str = NONE) -> dict[str, object]:
    """Serve a shop and hold many conversations with it; or hold them with a page that is served already.

    Args:
        folder: the shop; its own state stays as it is, the served page writes to a state of its own.
        load: how many chats, how fast.
        seed: of what is said.
        url: a page over the same shop that answers already.
        model: with which model the page is served, "none" or "compact".

    Raises:
        PageError: the page could not be served.
    """
    shop = Shop.open(folder)
    cases = drawn(shop, load.chats * load.turns, seed)
    told: dict[str, object] = {"shop": shop.name, "items": len(shop.catalogue), "model": model if url is None else ""}
    if url is not None:
        return told | bench_load(url.rstrip("/"), cases, load, seed)
    with served(folder, model) as address:
        return told | bench_load(address, cases, load, seed)


@contextmanager
def served(folder: Path, model: str = NONE) -> Iterator[str]:
    """`crossaisle shop` as a user starts it, on a free port of this machine; yields its address."""
    with tempfile.TemporaryDirectory() as state:
        call = [sys.executable, "-c", "from ui.cli import main; main()", "shop", "--shop", str(folder), "--port", "0"]
        call += ["--no-sign-in", "--model", model, "--state", f"sqlite:///{state}/state.sqlite3"]
        process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    if process.stderr is None:
        raise AssertionError("stderr is piped")  # pragma: no cover
    told = ""
    for line in process.stderr:
        told += line
        if found := _OPEN.search(line):
            threading.Thread(target=_passed_on, args=(process.stderr,), daemon=True).start()
            return found.group()
    raise PageError(f"the page did not open: {told.strip()[-300:]}", "see whether crossaisle shop opens it")


def _passed_on(lines: IO[str]) -> None:
    """What the server says goes where our own complaints go; unread, it would stop in the middle."""
    for line in lines:
        sys.stderr.write(line)
