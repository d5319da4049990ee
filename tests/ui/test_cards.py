"""Cards and their ledgers: everything shown comes from the receipt, and nothing from outside becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bundle import Along
from agent.memory import ConversationSummary
from retrieval.schema import EventRef
from tests.shops import ATTACK
from tests.ui.goods import SHOES, entry, item, reply
from ui import cards, panels, welcome
from ui.desk import Seen
from ui.evidence import ledger
from ui.tiles import initials, picture, tile

ALLOWED = {"article", "header", "section", "div", "span", "p", "br", "b", "strong", "time", "h1", "h2", "h3", "h4", "a"}
ALLOWED |= {"ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "button"}
ALLOWED |= {"svg", "g", "path", "rect", "text", "label", "input"}


class Reader(HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Reader:
    read = Reader(html)
    assert set(read.tags) <= ALLOWED
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in {"src", "srcdoc", "formaction"}]
    assert all(value.startswith(("http://", "https://")) for name, value in read.attributes if name == "href")
    return read


def test_a_card_tells_title_price_platform_stock_and_its_time_promotion_reason_and_aisle() -> None:
    read = assert_harmless(cards.card(entry(), "t1"))
    for told in (
        "Merino hiking socks, 3 pairs",
        "€24.90",
        "Plaza",
        "Hiking socks",
        "in stock as of 1 Jul 2026",
        "20% off until 30 Jul 2026",
        "You bought Ridge 4 trail shoes in July 2026.",
        "From another aisle",
    ):
        assert told in read.text


def test_a_ledger_tells_event_suggestion_frequency_places_checks_and_what_forgetting_would_do() -> None:
    text = Reader(ledger(entry())).text
    for told in (
        "You bought Ridge 4 trail shoes in July 2026",
        "Trail shoes → Hiking socks",
        "3.2 times as often",
        "61 shoppers",
        "after 12 days",
        "up to €30.00",
        "kept",
        "it would not be shown (now number 1)",
    ):
        assert told in text
    assert re.search(r"Ways between aisles\s*2", text)
    assert "1.25" not in text, "a channel's own score says nothing to a shopper"


def test_events_whose_forgetting_was_not_tried_out_are_told_as_such() -> None:
    untried = entry().model_copy(update={"what_if": ()})
    assert "What forgetting them would change was not worked out" in Reader(ledger(untried)).text


def test_without_events_the_ledger_says_that_none_was_used() -> None:
    bare = entry().model_copy(update={"evidence": (), "what_if": ()})
    assert "No event of yours was used" in Reader(ledger(bare)).text


def test_unknown_price_and_stock_are_told_as_unknown() -> None:
    text = Reader(cards.card(entry(price_minor=None, availability="unknown", as_of=None), "t")).text
    assert "price unknown" in text
    assert "stock unknown" in text
    assert "unknown as of" not in text


@pytest.mark.parametrize(
    "hostile", [ATTACK, '"><svg/onload=alert(1)>', "</p></article><script>x</script>", "' onclick='x"]
)
def test_markup_from_outside_is_shown_as_text(hostile: str) -> None:
    goods = entry(
        id=hostile, title=hostile, category=hostile, platform=hostile, promotion=hostile, url="javascript:alert(1)"
    )
    goods = goods.model_copy(update={"name": hostile, "reason": hostile})
    read = assert_harmless(cards.card(goods, "t1"))
    assert read.text.count(hostile) >= 3
    assert "a" not in read.tags
    seen = Seen(EventRef(item=hostile, title=hostile, category=hostile, kind=SHOES.kind, at=SHOES.at), hostile)
    for html in (
        cards.bubble(hostile),
        cards.prose(hostile, [hostile]),
        cards.problem(hostile),
        panels.cart_panel([(item(id=hostile, title=hostile), 2)]),
        panels.cart_panel([(item(), 1)], [Along(goods.item, goods.evidence[0])]),
        panels.talks_panel([ConversationSummary(id=hostile, started=SHOES.at, first=hostile, turns=1)], "c"),
        panels.history_panel([seen], 3),
        welcome.header(hostile, hostile),
        welcome.status(hostile),
    ):
        assert hostile[:8] in assert_harmless(html).text


@given(st.text(max_size=80), st.text(max_size=40))
def test_no_text_at_all_becomes_markup(words: str, name: str) -> None:
    assert_harmless(cards.prose(words, [name]))
    assert_harmless(tile(words))
    assert len(initials(words)) <= 8  # two letters; some letters have capitals of several


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://plaza.example/1?a=1&b=2", True),
        ("http://plaza.example", True),
        ("javascript:alert(1)", False),
        (" JaVaScRiPt:alert(1)", False),
        ("data:text/html,x", False),
        ("//plaza.example", False),
        ("https://", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(url: str, kept: bool) -> None:
    assert (cards.link(url) is not None) is kept


def test_names_stand_out_in_prose_also_where_one_is_within_another() -> None:
    html = cards.prose("Foot balm and Foot balm & more.", ["Foot balm", "Foot balm & more"])
    assert "<strong>Foot balm</strong> and <strong>Foot balm &amp; more</strong>." in html


def test_marks_show_on_the_buttons() -> None:
    plain, marked = cards.card(entry(), "t"), cards.card(entry(), "t", {"favourite", "dismiss"})
    assert plain.count('aria-pressed="false"') == 3
    assert marked.count('aria-pressed="true"') == 2
    assert "Liked" in marked
    assert "xa-dismissed" in marked


def test_cards_of_a_turn_are_in_order_and_nothing_shown_is_nothing_drawn() -> None:
    html = cards.cards(reply().receipt, "t", {})
    assert html.index("Merino") < html.index("Foot balm")
    assert cards.cards(reply().receipt.model_copy(update={"items": ()}), "t", {}) == ""


def test_a_cart_counts_units_and_keeps_currencies_apart() -> None:
    goods = [(item(), 2), (item(id="b", price_minor=500, currency="JPY"), 1), (item(id="c", price_minor=None), 1)]
    text = Reader(panels.cart_panel(goods)).text
    assert "€49.80 + ¥500" in text
    assert "1 without a known price" in text


def test_a_picture_is_shown_only_where_the_feed_itself_holds_it() -> None:
    inside = "data:image/png;base64,iVBORw0KGgo="
    assert f'src="{inside}"' in picture(item(image=inside))
    for image in (
        "",
        "https://plaza.example/1.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        'data:image/png;base64,A" onerror="x',
        "data:image/png;base64," + "A" * 300_000,
    ):
        assert picture(item(image=image)) == tile("HIKING_SOCKS")


def test_a_tile_is_the_same_for_the_same_category_and_another_for_another() -> None:
    assert tile("Trail shoes") == tile("Trail shoes")
    assert tile("Trail shoes") != tile("Tea")
    assert (initials("TRAIL_SHOES"), initials("Tea"), initials("")) == ("TS", "TE", "·")
