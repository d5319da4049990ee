"""What the tests of the doors share: the command as a process, the page as a server, and a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.shops import copy_of, sample_shop

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "artifacts"
AXE = ROOT / ".ci" / "accessibility" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def browser_path() -> str | None:
    """Where a Chromium lies, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout; fails where anything else stands there."""
        assert self.status == 0, self.err
        assert self.out.endswith("}\n")
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def crossaisle(*words: str | Path, env: dict[str, str] | None = None) -> Done:
    """Run the command as a user does."""
    call = [sys.executable, "-c", "from ui.cli import main; main()", *map(str, words)]
    done = subprocess.run(
        call, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample shop that the module may write to."""
    return copy_of(sample_shop(), tmp_path_factory.mktemp("shop") / "market")


@pytest.fixture(scope="module")
def regulars(shop: Path) -> list[str]:
    from retrieval.shop import Shop

    opened = Shop.open(shop)
    return sorted(opened.shoppers(), key=lambda shopper: len(opened.events_of(shopper)))


@pytest.fixture
def regular(regulars: list[str]) -> str:
    """A shopper with many events, whom no other test of the module speaks for."""
    return regulars.pop()


@contextmanager
def served(shop: Path, *options: str) -> Iterator[str]:
    """The page over a shop, as `crossaisle shop` serves it; yields its address, which the command tells on stderr."""
    call = [sys.executable, "-c", "from ui.cli import main; main()", "shop", "--shop", str(shop), "--port", "0"]
    process = subprocess.Popen([*call, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = ""
    try:
        for line in process.stderr:
            told += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail(f"the page did not open: {told}")
        yield found.group()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, rest = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode in (0, 130), rest  # the server may take the signal first, and end well
    assert "Traceback" not in told + rest, told + rest


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real Chromium; skipped, visibly, where there is none.

    A module's own, as its event loop runs as long: where that still ran, other modules could run none.
    """
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def picture() -> Callable[[Any, str], None]:
    """Keep a screenshot as a test artefact."""
    ARTIFACTS.mkdir(exist_ok=True)
    return lambda page, name: page.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.fixture(scope="session")
def axe() -> str:
    """What axe-core evaluates in a page; skipped, visibly, where it isn't installed."""
    if not AXE.exists():
        pytest.skip("axe-core is not here: run make programs")
    return AXE.read_text(encoding="utf-8")
