"""Takes the README's pictures of both pages, in a real Chromium: `python -m tests.ui.pictures --shop DIR`.

Wide and narrow, light and dark, always the same conversation of the same shopper of the sample shop (seed 7), and the
same lab run over simulated shoppers. The pages are served over a copy of the shop with a state of its own, so the shop
stays as it is. Written as WebP, each below `LARGEST` bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.shops import copy_of
from tests.ui.conftest import FLAGS, ROOT, browser_path, crossaisle, served
from tests.ui.test_page import NARROW, WIDE, Visit

FOLDER = ROOT / "ui" / "pictures"
LARGEST = 150_000
SHOPPER, WORDS = "ingrid-brandt", "a camping stove under 60 euros"
RUN, GRID = (
    "words",
    """
shop = {shop}
[retrieval.default]
[retrieval.words-only]
on = ["dense", "lexical"]
learned_order = false
[sessions.simulated]
count = 50
""",
)
LOOKS = [(size, scheme) for size in (WIDE, NARROW) for scheme in ("light", "dark")]


def take(url: str, folder: Path, looks: Sequence[tuple[dict[str, int], str]] = tuple(LOOKS)) -> list[Path]:
    """Take the pictures of a served shop and its lab. Returns the files."""
    path = browser_path()
    if path is None:
        raise SystemExit("there is no Chromium on this machine: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        files = [
            _kept(shot(browser, url, size, scheme), folder / f"{name}-{size['width']}-{scheme}.webp")
            for name, shot in (("chat", _chat), ("lab", _lab))
            for size, scheme in looks
        ]
        browser.close()
    return files


def _chat(browser: Any, url: str, size: dict[str, int], scheme: str) -> bytes:
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


def _lab(browser: Any, url: str, size: dict[str, int], scheme: str) -> bytes:
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    try:
        page.goto(f"{url}/lab")
        page.wait_for_selector("#xa-lab-listed tbody tr")
        page.get_by_role("tab", name="Runs", exact=True).click()
        page.click("#xa-lab-show")
        page.wait_for_selector("#xa-lab-results table")
        page.evaluate("document.querySelector('#xa-lab-results').scrollIntoView()")
        page.wait_for_timeout(500)
        shot: bytes = page.screenshot()
        return shot
    finally:
        context.close()


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
    with tempfile.TemporaryDirectory() as work:
        shop = copy_of(options.shop, Path(work) / options.shop.resolve().name)
        grid = Path(work) / "grid.toml"
        grid.write_text(GRID.format(shop=json.dumps(str(shop))), encoding="utf-8")
        crossaisle("lab", "run", grid, "--into", shop / "lab" / RUN)
        with served(shop, "--model", "none") as url:
            for file in take(url, options.into):
                print(f"{file} {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
