"""Takes the README's pictures of the shop chat, in a real Chromium: `python -m tests.ui.pictures --shop DIR`.

Wide and narrow, light and dark, always the same conversation of the same shopper of the sample shop (seed 7). The page
is served over a state of its own, so the shop stays as it is. Written as WebP, each below `LARGEST` bytes.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.ui.conftest import FLAGS, ROOT, browser_path, served
from tests.ui.test_page import NARROW, WIDE, Visit

FOLDER = ROOT / "ui" / "pictures"
LARGEST = 150_000
SHOPPER, WORDS = "ingrid-brandt", "a camping stove under 60 euros"
SHOTS = {f"chat-{size['width']}-{scheme}": (size, scheme) for size in (WIDE, NARROW) for scheme in ("light", "dark")}


def take(url: str, folder: Path, names: Sequence[str] = tuple(SHOTS)) -> list[Path]:
    """Take the pictures of a served page. Returns the files."""
    path = browser_path()
    if path is None:
        raise SystemExit("there is no Chromium on this machine: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        files = [_kept(_shot(browser, url, *SHOTS[name]), folder / f"{name}.webp") for name in names]
        browser.close()
    return files


def _shot(browser: Any, url: str, size: dict[str, int], scheme: str) -> bytes:
    tab = Visit(browser, url, size, scheme)
    try:
        tab.sign_in(SHOPPER)
        tab.say(WORDS)
        card = tab.page.locator("#xa-live .xa-card:has(.xa-across)").first
        if size is WIDE and card.count():
            tab.page.click("#xa-interests-tab-button")
            tab.page.locator("#xa-interests .xa-plot").wait_for()
        tab.page.mouse.move(0, 0)
        tab.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        tab.page.wait_for_timeout(500)  # colours fade
        shot: bytes = tab.page.screenshot()
        return shot
    finally:
        tab.context.close()


def _kept(shot: bytes, file: Path) -> Path:
    """Write a screenshot as WebP, as good as fits."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for quality in (90, 80, 70, 60):
        packed = io.BytesIO()
        picture.save(packed, "WEBP", quality=quality, method=6)
        if packed.tell() < LARGEST:
            file.write_bytes(packed.getvalue())
            return file
    raise SystemExit(f"{file.name} doesn't fit into {LARGEST} bytes")


def main() -> None:
    """Serve the shop, take the pictures, and say where they are."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--shop", type=Path, required=True, help="a folder made by crossaisle sample")
    asked.add_argument("--into", type=Path, default=FOLDER)
    options = asked.parse_args()
    with (
        tempfile.TemporaryDirectory() as state,
        served(options.shop, "--model", "none", "--state", f"sqlite:///{state}/state.sqlite3") as url,
    ):
        for file in take(url, options.into):
            print(f"{file} {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
