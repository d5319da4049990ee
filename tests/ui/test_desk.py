"""The desk and the room behind the page, over a real shop and a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from agent.models.scripted import ScriptedModel
from agent.schema import Consent
from eval.lab.grid import checked
from eval.lab.run import Opened, run
from retrieval.errors import UnknownItemError
from retrieval.ingest import ingest
from retrieval.schema import EventKind
from tests.shops import copy_of, hostile_shop
from ui import panels
from ui.desk import LABS, Desk
from ui.room import Room
from ui.rooms import Rooms


@pytest.fixture
def desk(shop: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        yield desk


def say(room: Room, words: str) -> list[str]:
    """Everything that the page would draw, step by step."""
    return [room.latest() for _ in room.say(words)]


def test_cards_are_drawn_whole_before_the_first_word_of_prose(shop: Path, tmp_path: Path) -> None:
    model = ScriptedModel(plans=['{"act": "recommend", "query": "tea"}'], texts=["Tea it is. " * 3])
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3", model=model) as desk:
        drawn = say(Room(desk, "anna"), "tea")
    first = next(step for step in drawn if "xa-card" in step)
    assert '<div class="xa-prose xa-writing"><p></p></div>' in first
    assert "xa-writing" not in drawn[-1]
    assert "xa-note" in drawn[-1]


def test_what_has_to_be_known_of_the_cards_stands_above_them_and_only_there(desk: Desk) -> None:
    room = Room(desk, "anna")
    drawn = say(room, "inflatable hovercraft")
    (note,) = [note for note in room.turns[-1].reply.receipt.notes if "nearest" in note]  # type: ignore[union-attr]
    first = next(step for step in drawn if "xa-card" in step)
    assert first.index("xa-notes") < first.index("xa-card")
    assert unescape(drawn[-1]).count(note) == 1
    assert "Close to your words" in drawn[-1]
    assert "What you asked for" not in drawn[-1]
    plain = say(room, "tea")[-1]
    assert "What you asked for" in plain


def test_marks_are_made_and_taken_back(desk: Desk) -> None:
    room = Room(desk, "anna")
    item = desk.shop.catalogue.ids[0]
    for kind in ("favourite", "dismiss", "cart"):
        room.act(kind, item)
        assert kind in room.marks[item]
    kinds = [event.kind for event in desk.memory.events_of("anna")]
    assert kinds == [EventKind.FAVOURITE, EventKind.DISMISS, EventKind.CART]
    assert [(goods.id, units) for goods, units in desk.cart("anna")] == [(item, 1)]
    for kind in ("favourite", "dismiss", "cart"):
        room.act(kind, item)
    assert room.marks == {}
    assert desk.memory.events_of("anna") == []
    assert desk.cart("anna") == []
    with pytest.raises(UnknownItemError):
        room.act("favourite", "no:such")


def test_a_visitor_has_likes_and_a_cart_for_the_visit_and_no_name(desk: Desk) -> None:
    room, other = Room(desk), Room(desk)
    assert room.is_visitor
    assert room.shopper != other.shopper
    room.act("cart", desk.shop.catalogue.ids[0])
    assert room.marks
    assert not other.marks


def test_a_shopper_goes_back_to_a_talk_of_their_own_and_to_nobody_elses(desk: Desk) -> None:
    room, other = Room(desk, "anna"), Room(desk, "ben")
    say(room, "green tea")
    first = room.conversation
    room.begin()
    say(room, "hiking socks")
    html = panels.talks_panel(desk.memory.conversations("anna"), room.conversation.id)
    assert html.count("<li") == 2
    assert html.index("hiking socks") < html.index("green tea"), "newest first"
    assert html.count('data-op="back"') == 1
    assert "Going on" in room.go_back(first.id)
    assert (room.conversation, room.turns[0].message) == (first, "green tea")
    assert "not there" in other.go_back(first.id)
    assert other.turns == []


def test_a_cart_is_completed_with_evidence_and_taking_it_counts(desk: Desk, regular: str) -> None:
    room = Room(desk, regular)
    bought = desk.shop.events_of(regular)["item"].to_list()[-1]
    room.act("cart", bought)
    along = desk.along(regular)
    assert along
    html = panels.cart_panel(desk.cart(regular), along)
    assert html.count('data-op="cart"') == len(along)
    assert "shoppers" in html
    room.act("cart", along[0].item.id)
    assert along[0].item.id not in {one.item.id for one in desk.along(regular)}
    assert desk.memory.events_of(regular)[-1].kind is EventKind.CART


def test_a_reload_goes_on_and_somebody_else_does_not(desk: Desk) -> None:
    room = Room(desk, "anna")
    say(room, "tea under 20 euros")
    again, other = Room(desk), Room(desk)
    again.resume("anna", room.conversation.id)
    assert again.conversation == room.conversation
    assert again.turns[0].receipt == room.turns[0].receipt
    other.resume("ben", room.conversation.id)
    assert (other.shopper, other.turns) == ("ben", [])
    other.resume("ben", "no-such-conversation")
    assert other.turns == []


def test_forgetting_leaves_nothing_recorded(desk: Desk) -> None:
    room = Room(desk, "anna")
    room.act("favourite", desk.shop.catalogue.ids[0])
    room.allow(Consent(personalise=False, prompt=True))
    say(room, "tea")
    assert "Events: 1," in room.forget()
    assert desk.memory.shoppers() == []
    assert desk.profile("anna").consent == Consent()


def test_who_is_forgotten_leaves_the_lab_runs_of_the_page(desk: Desk) -> None:
    room = Room(desk, "anna")
    say(room, "tea for Anneliese")
    grid = checked({"shop": str(desk.shop.folder), "sessions": {"recorded": 9}}, "a test")
    run(grid, desk.shop.folder / LABS / "teas", Opened(desk.shop, desk.memory))
    room.forget()
    left = [
        file for file in (desk.shop.folder / LABS).rglob("*") if file.is_file() and b"Anneliese" in file.read_bytes()
    ]
    assert left == []


def test_who_forgets_an_event_or_an_interest_leaves_them_too(desk: Desk, regular: str) -> None:
    grid = checked({"shop": str(desk.shop.folder), "sessions": {"recorded": 9}}, "a test")
    room = Room(desk, regular)
    for name, forgets in (
        ("event", lambda: room.forget_event(desk.history(regular)[0][0].key)),
        ("interest", lambda: desk.forget_interest(regular, desk.history(regular)[0][0].event.category)),
    ):
        say(room, "tea for Anneliese")
        folder = desk.shop.folder / LABS / name
        run(grid, folder, Opened(desk.shop, desk.memory))
        assert any(b"Anneliese" in file.read_bytes() for file in folder.rglob("*") if file.is_file())
        forgets()
        assert not [file for file in folder.rglob("*") if file.is_file() and b"Anneliese" in file.read_bytes()]


def test_history_is_newest_first_and_tells_what_was_recorded_here(desk: Desk, regular: str) -> None:
    desk.record(regular, desk.shop.catalogue.ids[0], EventKind.VIEW)
    seen, older = desk.history(regular, limit=10)
    assert len(seen) == 10
    assert [one.event.at for one in seen] == sorted((one.event.at for one in seen), reverse=True)
    assert [one.recorded for one in seen] == [True] + [False] * 9
    assert older == len(desk.shop.events_of(regular)) + 1 - 10
    assert Room(desk, regular).forget_event(seen[0].key).startswith("Forgotten")
    assert desk.memory.events_of(regular) == []


def test_a_new_build_serves_from_the_next_turn_on(tmp_path: Path) -> None:
    folder = copy_of(hostile_shop(), tmp_path / "shop")
    with Desk(folder, f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        before, shop = desk.assistant, desk.shop
        assert desk.assistant is before
        ingest(folder / "source", folder, force=True)
        assert desk.assistant is not before
        assert desk.shop is not shop
        assert not desk.shop.stale()


def test_one_turn_at_a_time_and_leaving_stops_the_model(shop: Path, tmp_path: Path) -> None:
    model = ScriptedModel(plans=['{"act": "recommend", "query": "tea"}'], texts=["word " * 200], drip=0.05)
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3", model=model) as desk:
        rooms = Rooms(desk)
        room = rooms.of("tab")
        assert rooms.of("tab") is room
        done = threading.Event()
        steps = room.say("tea")
        next(steps)
        worker = threading.Thread(target=lambda: (list(steps), done.set()))
        worker.start()
        rooms.close("tab")
        assert done.wait(8), "the model was not told to stop"
        assert room.turns[0].reply is not None
        assert rooms.of("tab") is not room
