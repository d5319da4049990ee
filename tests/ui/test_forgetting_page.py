"""Forgetting on the page, in a real Chromium: events of the shop's own data, one by one and by interest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import served
from tests.ui.test_page import WIDE, Visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ASKED = "what might I need next?"


@pytest.fixture(scope="module")
def site(shop: Path) -> Iterator[str]:
    with served(shop) as url:
        yield url


def quoted(tab: Visit) -> str:
    """A title of the history that the newest answer gives as a reason."""
    titles = tab.page.locator("#xa-history .xa-what").all_text_contents()
    told = tab.page.inner_text("#xa-live")
    return next(title for title in titles if title[:25] in told)


def test_forget_this_takes_an_event_of_the_shops_data_out_of_history_answers_and_receipts(
    chromium: Any, site: str, regular: str, picture: Any
) -> None:
    tab = Visit(chromium, site, WIDE)
    tab.sign_in(regular)
    tab.say(ASKED)
    tab.page.click("#xa-history-tab-button")
    lines = tab.page.locator("#xa-history li")
    lines.first.wait_for()
    assert tab.page.locator("#xa-history .xa-new").count() == 0, "all of it came with the shop's data"
    assert tab.page.locator("#xa-history [data-op=forget]").count() == lines.count()
    title = quoted(tab)
    while (line := tab.page.locator("#xa-history li", has_text=title)).count():
        before = line.count()
        line.first.locator("[data-op=forget]").click()
        tab.told("Forgotten; it no longer counts.")
        tab.page.wait_for_function(
            "([title, n]) => [...document.querySelectorAll('#xa-history .xa-what')]"
            ".filter(one => one.textContent === title).length < n",
            arg=[title, before],
        )
    assert title[:25] not in tab.page.inner_text("#xa-thread"), "what was answered no longer names it"
    picture(tab.page, "forgotten-1280")
    tab.say(ASKED)
    tab.page.locator("#xa-live summary").first.click()
    assert title not in tab.page.inner_html("#xa-live")
    tab.page.reload()
    tab.page.wait_for_selector("#xa-live .xa-card", timeout=60_000)
    assert tab.page.input_value("#xa-shopper input") == regular
    tab.page.click("#xa-history-tab-button")
    tab.page.locator("#xa-history li").first.wait_for()
    assert title not in tab.page.inner_html("#xa-page"), "nor after coming back"
    tab.page.click("#xa-forget")
    tab.page.wait_for_selector("#xa-sure .xa-warning")
    tab.page.click("#xa-forget-yes")
    tab.told("Forgotten. Events:")
    assert title not in tab.page.inner_html("#xa-history"), "forgetting the rest brings nothing back"
    assert tab.complaints == []
    tab.context.close()


def test_an_interest_is_forgotten_with_all_its_events(chromium: Any, site: str, regular: str) -> None:
    tab = Visit(chromium, site, WIDE)
    tab.sign_in(regular)
    tab.page.click("#xa-interests-tab-button")
    row = tab.page.locator("#xa-interests tbody tr").first
    row.wait_for()
    category = row.locator("th").inner_text()
    row.locator("[data-op='forget-aisle']").click()
    tab.told(f"events in {category}; they no longer count.")
    assert category not in tab.page.locator("#xa-interests tbody th").all_inner_texts()
    assert tab.complaints == []
    tab.context.close()
