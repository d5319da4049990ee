"""The page under axe-core, all of its rules: no serious finding, wide and narrow, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import ARTIFACTS, served
from tests.ui.test_page import NARROW, WIDE, Visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(found => ({
  rule: found.id, impact: found.impact, help: found.help,
  where: found.nodes.slice(0, 8).map(node => node.html.slice(0, 200) + ' | ' + node.failureSummary),
}))"""


@pytest.fixture(scope="module")
def site(shop: Path) -> Iterator[str]:
    with served(shop) as url:
        yield url


def serious(page: Any, axe: str, name: str) -> list[dict[str, Any]]:
    """The serious and critical findings; all of them are kept as a test artefact."""
    page.wait_for_timeout(300)  # transitions change colours
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(RUN)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / f"axe-{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return [one for one in found if one["impact"] in {"serious", "critical"}]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "380"])
def test_no_serious_finding(
    chromium: Any, site: str, axe: str, regular: str, picture: Any, size: dict[str, int], scheme: str
) -> None:
    name = f"{size['width']}-{scheme}"
    tab = Visit(chromium, site, size, scheme)
    try:
        assert serious(tab.page, axe, f"hello-{name}") == []
        tab.sign_in(regular)
        tab.say("what might I need next?")
        tab.press("cart")
        tab.told("In your cart:")
        tab.press("dismiss", 1)
        tab.told("Noted:")
        for place in (0, 2):
            tick = tab.page.locator("#xa-live .xa-tick input").nth(place)
            tick.click()  # the shop redraws the cards with the tick set
            tab.page.wait_for_function("tick => !tick.isConnected || tick.checked", arg=tick.element_handle())
        tab.page.wait_for_selector("#xa-chips button[data-op='compare']")
        tab.page.locator("#xa-live summary").first.click()
        tab.page.locator("#xa-live .xa-ledger").first.wait_for(state="visible")
        for panel in ("cart", "history", "interests", "talks"):
            tab.page.click(f"#xa-{panel}-tab-button")
            tab.page.locator(f"#xa-{panel}").wait_for(state="visible")
            picture(tab.page, f"{panel}-{name}")
            assert serious(tab.page, axe, f"{panel}-{name}") == []
    finally:
        tab.context.close()
