"""Who goes first where many turns share few cores."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agent.cards_first import CardsFirst
from agent.memory import Memory
from agent.schema import Profile
from agent.turn import Assistant
from retrieval.shop import Shop
from tests.shops import sample_shop

LONG, SHORT = 30.0, 0.05


class Later:
    """Afterwork in a thread of its own."""

    def __init__(self, order: CardsFirst, seconds: float) -> None:
        self.began, self.leave = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._work, args=(order, seconds))
        self.thread.start()

    def _work(self, order: CardsFirst, seconds: float) -> None:
        with order.late(seconds):
            self.began.set()
            self.leave.wait(LONG)

    def end(self) -> None:
        self.leave.set()
        self.thread.join(LONG)
        assert not self.thread.is_alive()


def test_afterwork_waits_until_nobody_waits_for_cards() -> None:
    order = CardsFirst()
    with order.early():
        with order.early():
            later = Later(order, LONG)
            assert not later.began.wait(SHORT)
        assert not later.began.wait(SHORT), "another still waits"
    assert later.began.wait(LONG)
    later.end()


def test_afterwork_is_done_one_at_a_time() -> None:
    order = CardsFirst()
    one = Later(order, LONG)
    assert one.began.wait(LONG)
    other = Later(order, LONG)
    assert not other.began.wait(SHORT)
    one.end()
    assert other.began.wait(LONG)
    other.end()


def test_afterwork_is_never_put_off_for_ever() -> None:
    order = CardsFirst()
    one = Later(order, LONG)
    assert one.began.wait(LONG)
    with order.early():
        hurried = Later(order, SHORT)
        assert hurried.began.wait(LONG), "though shoppers wait and other afterwork is being done"
    hurried.end()
    one.end()


def test_a_turn_that_failed_holds_nobody_up() -> None:
    order = CardsFirst()
    for way in (order.early(), order.late(LONG)):
        with pytest.raises(ZeroDivisionError), way:
            raise ZeroDivisionError
    last = Later(order, LONG)
    assert last.began.wait(LONG)
    last.end()


def test_a_turn_works_after_its_cards_only_when_nobody_waits_for_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    with Memory.at(tmp_path / "state.sqlite3") as memory:
        assistant = Assistant(Shop.open(sample_shop()), memory)
        order = assistant._order
        early, late = order.early, order.late
        monkeypatch.setattr(order, "early", lambda: (asked.append("early"), early())[1])
        monkeypatch.setattr(order, "late", lambda seconds: (asked.append("late"), late(seconds))[1])
        assistant.reply("scented candles", memory.open_conversation("ann"), Profile(shopper="ann"))
    assert asked == ["early", "early", "late"]
