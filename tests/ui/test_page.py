"""The chat page in a real Chromium: cards before prose, evidence, feedback, consent, phones, attacks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shops import ATTACK, copy_of, hostile_shop
from tests.ui.conftest import served

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 380, "height": 780}
# Notes when the first card and the first word of prose of the newest turn were put on the page.
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const turns = document.querySelectorAll('[data-turn]');
    const turn = turns[turns.length - 1];
    if (!turn) return;
    const cards = turn.querySelectorAll('.xa-card').length;
    const prose = (turn.querySelector('.xa-prose')?.textContent || '').trim().length;
    const last = window.seen[window.seen.length - 1];
    if (!last || last.cards !== cards || last.prose !== prose || last.turn !== turn.dataset.turn)
      window.seen.push({ turn: turn.dataset.turn, cards, prose });
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def site(shop: Path) -> Iterator[str]:
    with served(shop) as url:
        yield url


class Visit:
    """One tab, and everything that it asked for or complained about."""

    def __init__(self, chromium: Any, url: str, size: dict[str, int], scheme: str = "light") -> None:
        self.context = chromium.new_context(viewport=size, color_scheme=scheme)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector(".xa-hello", timeout=60_000)

    def say(self, words: str) -> None:
        before = self.page.locator("[data-turn]").count()
        self.page.fill("#xa-words textarea", words)
        self.page.press("#xa-words textarea", "Enter")
        self.settle(before + 1)

    def settle(self, turns: int) -> None:
        """Wait until so many turns stand there and the newest is told to its end."""
        self.page.wait_for_function(
            "n => document.querySelectorAll('[data-turn]').length === n "
            "&& document.querySelectorAll('[data-turn] .xa-note').length === n",
            arg=turns,
            timeout=60_000,
        )
        self.page.wait_for_selector("#xa-send:not([disabled])")

    def sign_in(self, shopper: str) -> None:
        self.page.fill("#xa-shopper input", shopper)
        self.page.press("#xa-shopper input", "Enter")
        self.told(f"Signed in as {shopper}")

    def told(self, words: str) -> None:
        """Wait for the line that confirms."""
        self.page.wait_for_selector(f".xa-status:has-text('{words}')", timeout=60_000)

    def items(self) -> list[str]:
        """Ids of the newest turn's cards."""
        cards = self.page.locator("#xa-live .xa-card")
        return [cards.nth(index).get_attribute("data-item") for index in range(cards.count())]

    def press(self, kind: str, place: int = 0) -> None:
        self.page.locator(f"#xa-live .xa-act-{kind}").nth(place).click()


@pytest.fixture
def visit(chromium: Any, site: str) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def enter(size: dict[str, int] = WIDE, scheme: str = "light", url: str = site) -> Visit:
        visits.append(Visit(chromium, url, size, scheme))
        return visits[-1]

    yield enter
    for one in visits:
        outside = [url for url in one.requests if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
        assert outside == [], "the page asks for nothing from elsewhere"
        assert one.complaints == []
        one.context.close()


def test_an_empty_box_is_no_turn(visit: Callable[..., Visit]) -> None:
    tab = visit()
    for nothing in ("", "   "):
        tab.page.fill("#xa-words textarea", nothing)
        tab.page.press("#xa-words textarea", "Enter")
        tab.told("Write what you are looking for, then send it.")
    assert tab.page.locator("[data-turn]").count() == 0


def test_cards_come_before_prose_and_the_model_in_use_is_named(visit: Callable[..., Visit], picture: Any) -> None:
    tab = visit()
    assert "compact, offline" in tab.page.inner_text(".xa-model")
    picture(tab.page, "hello-1280")
    tab.page.evaluate(WATCH)
    tab.say("scented candles under 40 euros")
    seen = tab.page.evaluate("window.seen")
    first_cards = next(index for index, state in enumerate(seen) if state["cards"])
    first_prose = next(index for index, state in enumerate(seen) if state["prose"])
    assert first_cards < first_prose, seen
    assert seen[first_cards]["prose"] == 0
    assert "€" in tab.page.locator("#xa-live .xa-price").first.inner_text()
    picture(tab.page, "turn-1280")


def test_why_this_opens_by_keyboard_and_stays_open_while_the_page_changes(
    visit: Callable[..., Visit], regular: str, picture: Any
) -> None:
    tab = visit()
    tab.sign_in(regular)
    tab.say("what might I need next?")
    card = tab.page.locator("#xa-live .xa-card:has(.xa-across)").first
    card.locator("summary").focus()
    tab.page.keyboard.press("Enter")
    ledger = card.locator(".xa-ledger")
    ledger.wait_for(state="visible")
    for heading in ("How it got here", "Who proposed it", "You did", "It suggests", "How often"):
        assert heading in ledger.inner_text()
    picture(tab.page, "why-1280")
    card.locator(".xa-act-favourite").click()
    tab.told("Liked:")
    assert ledger.is_visible(), "a fold stays as it was left"
    tab.say("cheaper")
    assert tab.page.locator("#xa-past .xa-ledger:visible").count() == 1


def test_feedback_is_confirmed_recorded_counted_and_taken_back(
    visit: Callable[..., Visit], regular: str, picture: Any
) -> None:
    tab = visit()
    tab.sign_in(regular)
    tab.say("what might I need next?")
    unwanted, wanted = tab.items()[0], tab.items()[1]
    tab.press("dismiss", 0)
    tab.told("Noted: no more")
    tab.press("cart", 1)
    tab.told("In your cart:")
    assert tab.page.locator("#xa-live .xa-act-cart").nth(1).get_attribute("aria-pressed") == "true"
    assert tab.page.locator("#xa-cart .xa-list").first.locator("li").count() == 1  # below it, what goes with it
    tab.page.click("#xa-history-tab-button")
    tab.page.locator("#xa-history .xa-new").first.wait_for()
    assert tab.page.locator("#xa-history .xa-new").count() == 2
    picture(tab.page, "feedback-1280")
    tab.say("what might I need next?")
    assert unwanted not in tab.items()
    tab.page.click("#xa-cart-tab-button")
    tab.page.click("#xa-cart [data-op=uncart]")
    tab.told("Out of your cart:")
    assert tab.page.locator("#xa-cart li").count() == 0
    tab.page.click("#xa-history-tab-button")
    tab.page.click("#xa-history [data-op=forget]")
    tab.told("Forgotten")
    assert wanted
    tab.page.click("#xa-forget")
    tab.page.wait_for_selector("#xa-sure .xa-warning")
    assert "What the shop itself knows you bought stays" in tab.page.inner_text("#xa-sure")
    tab.page.click("#xa-forget-no")
    tab.page.wait_for_selector("#xa-sure", state="hidden")
    assert tab.page.locator("#xa-live .xa-card").count() > 0, "nothing is forgotten before it is confirmed"
    tab.page.click("#xa-forget")
    tab.page.wait_for_selector("#xa-sure .xa-warning")
    tab.page.click("#xa-live [data-op=favourite] >> nth=0")
    tab.page.wait_for_selector("#xa-sure", state="hidden")  # the question is over with anything else that is done
    tab.page.click("#xa-forget")
    tab.page.wait_for_selector("#xa-sure .xa-warning")
    tab.page.click("#xa-forget-yes")
    tab.told("Forgotten. Events:")
    assert tab.page.locator("#xa-history .xa-new").count() == 0


def test_consent_switches_hold_for_the_next_turn_and_over_a_reload(visit: Callable[..., Visit], regular: str) -> None:
    tab = visit()
    tab.sign_in(regular)
    assert tab.page.is_checked("#xa-personalise input")
    assert not tab.page.is_checked("#xa-prompt input")
    tab.page.click("#xa-personalise input")
    tab.told("does not steer suggestions")
    tab.say("what might I need next?")
    assert "You bought" not in tab.page.inner_text("#xa-live")
    tab.page.reload()
    tab.page.wait_for_selector("#xa-live .xa-card", timeout=60_000)
    assert tab.page.input_value("#xa-shopper input") == regular
    assert not tab.page.is_checked("#xa-personalise input")
    tab.page.click("#xa-personalise input")
    tab.told("history steers suggestions")
    tab.say("what might I need next?")
    assert "You " in tab.page.inner_text("#xa-live .xa-cards")
    tab.page.click("#xa-anew")
    tab.page.wait_for_selector(".xa-hello")
    assert tab.page.locator("[data-turn]").count() == 0


def test_walking_over_the_shopper_by_keyboard_or_mouse_keeps_the_conversation(
    visit: Callable[..., Visit], regular: str
) -> None:
    for shopper in ("", regular):
        tab = visit()
        if shopper:
            tab.sign_in(shopper)
        tab.say("scented candles")
        tab.page.focus("#xa-shopper input")
        tab.page.keyboard.press("Tab")
        tab.page.click("#xa-shopper input")
        tab.page.click("#xa-words textarea")
        tab.say("cheaper")
        assert tab.page.locator("[data-turn]").count() == 2


def test_chips_talk_and_one_conversation_goes_on(visit: Callable[..., Visit]) -> None:
    tab = visit()
    tab.page.locator("#xa-live .xa-chip").nth(1).click()
    tab.settle(1)
    tab.page.click("#xa-chips .xa-chip:has-text('Cheaper')")
    tab.settle(2)
    assert tab.page.locator(".xa-said").nth(1).inner_text() == "cheaper"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(visit: Callable[..., Visit], picture: Any, scheme: str) -> None:
    tab = visit(NARROW, scheme)
    picture(tab.page, f"hello-380-{scheme}")
    tab.say("a gift for my sister under 50 euros")
    tab.say("candles")
    picture(tab.page, f"turn-380-{scheme}")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for part in ("#xa-thread", "#xa-send", "#xa-words", "#xa-who", "#xa-panels"):
        box = tab.page.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"], part
    tab.page.locator("#xa-live summary").first.click()
    tab.page.locator("#xa-live .xa-ledger").first.wait_for(state="visible")
    picture(tab.page, f"why-380-{scheme}")


def test_two_tabs_are_two_shoppers(visit: Callable[..., Visit], regular: str) -> None:
    one, other = visit(), visit()
    one.sign_in(regular)
    one.say("candles")
    other.say("socks")
    assert one.page.locator("[data-turn]").count() == 1
    assert "socks" in other.page.inner_text(".xa-said")
    assert other.page.input_value("#xa-shopper input").startswith("Visitor")


def test_stored_markup_is_text_and_runs_nothing(chromium: Any, tmp_path: Path, picture: Any) -> None:
    with served(copy_of(hostile_shop(), tmp_path / "shop")) as url:
        tab = Visit(chromium, url, WIDE)
        tab.sign_in("<i>eve</i>")
        tab.say(f"kettle {ATTACK}")
        assert ATTACK[:28] in tab.page.inner_text("#xa-live .xa-title >> nth=0")
        tab.press("cart")
        tab.told("In your cart:")
        tab.page.click("#xa-history-tab-button")
        tab.page.locator("#xa-history .xa-new").first.wait_for()
        time.sleep(0.5)
        picture(tab.page, "attack-1280")
        assert tab.page.evaluate("window.hacked") is None
        assert tab.page.locator("#xa-page :is(script, iframe, img, i)").count() == 0
        assert tab.page.locator("#xa-page a").count() == 0
        assert not [request for request in tab.requests if re.search(r"/x$", request)]
        tab.context.close()


def test_card_actions_by_keyboard_keep_the_focus_and_screen_readers_hear_the_answer(
    visit: Callable[..., Visit],
) -> None:
    tab = visit()
    tab.say("candles")
    told = tab.page.inner_text("#xa-live .xa-prose")
    assert tab.page.text_content("#xa-log").split() == told.split(), "each sentence is told once"
    focused = "document.activeElement.dataset.op + ' ' + document.activeElement.dataset.item"
    first, second = tab.items()[:2]
    tab.page.locator("#xa-live .xa-act-favourite").first.focus()
    tab.page.keyboard.press("Enter")
    tab.told("Liked:")
    tab.page.wait_for_function(f"{focused} === 'favourite {first}'")
    for _ in range(4):
        tab.page.keyboard.press("Tab")
    assert tab.page.evaluate(focused) == f"tick {first}", "actions follow each other in the order of the card"
    tab.page.keyboard.press("Space")
    tab.told("Ticked:")
    tab.page.wait_for_function(f"{focused} === 'tick {first}'")
    tab.page.locator("#xa-live .xa-tick input").nth(1).check()
    tab.page.click("#xa-chips button[data-op='compare']")
    tab.settle(2)
    assert tab.items() == [first, second]
    assert tab.page.locator("#xa-live input:checked").count() == 0
    tab.press("more")
    tab.settle(3)
    assert first not in tab.items()
    assert tab.page.locator(".xa-said").nth(2).inner_text().startswith("More like")


def test_the_page_speaks_chinese_where_the_browser_or_the_shopper_says_so(
    chromium: Any, site: str, picture: Any
) -> None:
    context = chromium.new_context(viewport=WIDE, locale="zh-CN")
    try:
        page = context.new_page()
        page.goto(site)
        page.wait_for_selector(".xa-hello:has-text('您想找什么')", timeout=60_000)
        page.wait_for_selector("#xa-send:has-text('发送')")
        assert page.evaluate("document.documentElement.lang") == "zh"
        page.locator("#xa-live .xa-chip").first.click()
        page.wait_for_selector("[data-turn] .xa-note", timeout=60_000)
        assert page.locator("#xa-live .xa-act-favourite").first.inner_text() == "喜欢"
        assert "为什么推荐" in page.inner_text("#xa-live summary >> nth=0")
        assert "有货" in page.inner_text("#xa-live .xa-prose")
        picture(page, "turn-zh-1280")
        page.check("#xa-language input[value='en']")
        page.wait_for_selector("#xa-send:has-text('Send')")
        assert page.locator("#xa-live .xa-act-favourite").first.inner_text() == "Like"
        page.reload()
        page.wait_for_selector("#xa-live .xa-act-favourite:has-text('Like')", timeout=60_000)
        assert page.evaluate("document.documentElement.lang") == "en"
    finally:
        context.close()
