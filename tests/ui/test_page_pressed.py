"""Pressing things on the page as people do: twice, too quickly, by keyboard, or after their session ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.memory.users import Users
from tests.ui.conftest import served
from tests.ui.test_page import NARROW, WIDE, Visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SECRET = "a long secret"


@pytest.fixture(scope="module")
def site(shop: Path) -> Iterator[str]:
    with served(shop) as url:
        yield url


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "380"])
def test_what_forgetting_asks_stands_where_it_can_be_read_and_answered(
    chromium: Any, site: str, size: dict[str, int]
) -> None:
    tab = Visit(chromium, site, size)
    tab.page.click("#xa-forget")
    for part in ("#xa-sure .xa-warning", "#xa-forget-yes", "#xa-forget-no"):
        tab.page.wait_for_selector(part)
    tab.page.wait_for_function("document.querySelector('.xa-warning').getBoundingClientRect().bottom <= innerHeight")
    for part in ("#xa-sure .xa-warning", "#xa-forget-yes", "#xa-forget-no"):
        box = tab.page.locator(part).bounding_box()
        assert box["x"] >= 0, (part, box)
        assert box["x"] + box["width"] <= size["width"], (part, box)
    tab.context.close()


def test_a_double_click_is_one_press(chromium: Any, site: str) -> None:
    tab = Visit(chromium, site, WIDE)
    tab.say("scented candles")
    for place in range(3):
        tab.page.locator("#xa-live [data-op='cart']").nth(place).dblclick()
        tab.page.wait_for_function(
            "n => document.querySelectorAll('#xa-cart [data-op=uncart]').length === n", arg=place + 1
        )
    lines = tab.page.locator("#xa-cart .xa-list").first.locator("li").all_inner_texts()
    assert len(lines) == 3
    assert not [line for line in lines if "×" in line.split("\n")[0][:4]], lines
    tab.page.locator("#xa-live [data-op='favourite']").first.dblclick()
    tab.page.wait_for_selector("#xa-live [data-op='favourite'][aria-pressed='true']")
    tab.page.wait_for_timeout(1000)  # nothing takes it back
    assert tab.page.locator("#xa-live [data-op='favourite']").first.get_attribute("aria-pressed") == "true"
    tab.context.close()


def test_a_message_sent_too_soon_is_not_lost(chromium: Any, site: str) -> None:
    tab = Visit(chromium, site, WIDE)
    said = ["scented candles", "coffee beans", "trail shoes"]
    answered = "n => document.querySelectorAll('[data-turn] .xa-note').length === n"
    for number, words in enumerate(said):
        tab.page.fill("#xa-words textarea", words)
        tab.page.press("#xa-words textarea", "Enter")
        for _ in range(100):  # it is answered, or it comes back
            tab.page.wait_for_timeout(50)
            if tab.page.input_value("#xa-words textarea") == words:
                tab.told("One moment")
                tab.page.wait_for_function(answered, arg=number)
                tab.page.press("#xa-words textarea", "Enter")
            if tab.page.locator("[data-turn]").count() > number:
                break
    tab.settle(len(said))
    assert [told.strip() for told in tab.page.locator(".xa-said").all_inner_texts()] == said
    tab.context.close()


def test_the_keyboards_place_is_seen(chromium: Any, site: str) -> None:
    tab = Visit(chromium, site, WIDE)
    seen = set()
    for _ in range(12):
        tab.page.keyboard.press("Tab")
        told = tab.page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.tagName + e.type, e === document.body, s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        if not told[1]:
            seen.add(told[0])
            assert told[2] == "solid", told
            assert told[3] >= 2, told
    assert {"TEXTAREAtextarea", "INPUTradio", "INPUTcheckbox"} <= seen
    tab.context.close()


def test_a_turn_begun_by_keyboard_leaves_the_keyboard_at_the_box(chromium: Any, site: str) -> None:
    tab = Visit(chromium, site, WIDE)
    tab.say("scented candles")
    tab.page.locator("#xa-live [data-op='more']").first.focus()
    tab.page.keyboard.press("Enter")
    tab.settle(2)
    assert tab.page.evaluate("document.activeElement.closest('#xa-words') !== null")
    tab.context.close()


def test_whoever_is_signed_out_meanwhile_is_led_to_sign_in(
    chromium: Any, shop: Path, regulars: list[str], tmp_path: Path
) -> None:
    state = f"sqlite:///{tmp_path}/state.sqlite3"
    users = Users.of(shop, state)
    users.add("zoe", SECRET, shopper=regulars[0])
    users.close()
    with served(shop, "--sign-in", "--state", state) as url:
        context = chromium.new_context(viewport=WIDE)
        page = context.new_page()
        page.goto(url)
        page.locator("input").nth(0).fill("zoe")
        page.locator("input").nth(1).fill(SECRET)
        page.locator("button").first.click()
        page.wait_for_selector(".xa-hello", timeout=60_000)
        context.clear_cookies()
        page.fill("#xa-words textarea", "scented candles")
        page.press("#xa-words textarea", "Enter")
        page.wait_for_selector("input[type='password']", timeout=30_000)
        context.close()
