"""What a shopper forgets of the shop's own data is gone from history, receipts, words and log, and stays gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.forgetting import Known, count_known, forget, forget_category, history_of, known
from agent.memory import Memory
from agent.schema import Conversation, ItemReceipt, Reply
from agent.turn import Assistant
from retrieval.history import digest
from retrieval.schema import Event, EventKind
from retrieval.shop import Shop
from tests.postgres import Postgres, postgres  # noqa: F401 - a fixture
from tests.shops import copy_of, sample_shop

WANTED = "what might I need next?"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    opened = Shop.open(sample_shop()).warm()
    yield opened
    opened.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


def named(reply: Reply) -> tuple[ItemReceipt, str]:
    """A shown item whose reason quotes an event, and that event's title."""
    for item in reply.receipt.items:
        for evidence in (*item.evidence, *item.need.evidence):
            for event in evidence.events:
                if event.title[:20] in item.reason:
                    return item, event.title
    raise AssertionError("no reason quotes an event")


def keys_of(shop: Shop, memory: Memory, shopper: str, title: str) -> list[str]:
    titles, rows = shop.catalogue.titles, shop.catalogue.row_of
    return [one.key for one in known(shop, memory, shopper) if titles[rows[one.event.item]] == title]


def talker(shop: Shop) -> str:
    return max(shop.shoppers(), key=lambda shopper: len(shop.events_of(shopper)))


def test_an_event_of_the_shops_data_is_forgotten_from_the_next_turn_on_and_after_a_restart(
    shop: Shop, state: Path
) -> None:
    shopper = talker(shop)
    with Memory.at(state) as memory:
        assistant = Assistant(shop, memory)
        profile = assistant.profile(shopper)
        before = count_known(shop, memory, shopper)
        done = assistant.reply(WANTED, Conversation(), profile)
        _, title = named(done.reply)
        keys = keys_of(shop, memory, shopper, title)
        assert keys
        assert all(key.startswith("shop:") for key in keys)
        assert forget(shop, memory, shopper, keys) == len(keys)
        assert forget(shop, memory, shopper, keys) == 0, "forgotten already"
        again = assistant.reply(WANTED, Conversation(), profile).reply
        assert title not in again.model_dump_json(exclude={"receipt": {"items": {"__all__": {"item"}}}})
    with Memory.at(state) as memory:  # another process, later
        assert count_known(shop, memory, shopper) == before - len(keys)
        assert title not in [shop.catalogue.titles[row] for row in history_of(shop, memory, shopper).rows]
        later = Assistant(shop, memory).reply(WANTED, Conversation(), profile).reply
        assert not any(
            event.title == title
            for item in later.receipt.items
            for evidence in (*item.evidence, *item.need.evidence)
            for event in evidence.events
        )


def test_it_leaves_what_was_answered_before_and_explaining_it_again(shop: Shop, state: Path) -> None:
    shopper = talker(shop)
    with Memory.at(state) as memory:
        assistant = Assistant(shop, memory)
        profile = assistant.profile(shopper)
        done = assistant.reply(WANTED, Conversation(), profile)
        item, title = named(done.reply)
        assert title[:20] in done.reply.text
        forget(shop, memory, shopper, keys_of(shop, memory, shopper, title))
        kept = memory.turns(done.conversation.id)[0]
        assert [entry.item.id for entry in kept.receipt.items] == [e.item.id for e in done.reply.receipt.items]
        assert title[:20] not in kept.text
        assert title[:20] not in kept.receipt.items[item.rank - 1].reason
        said = memory.conversation(done.conversation.id)
        assert said.messages[-1].text == kept.text
        why = assistant.reply(f"why number {item.rank}?", said, profile).reply
        assert title[:20] not in why.text
    for file in state.parent.iterdir():
        assert title.encode() not in file.read_bytes(), "not even in the file's free space"


def test_others_keep_theirs_and_foreign_keys_are_nothing(shop: Shop, state: Path) -> None:
    first, other = shop.shoppers()[:2]
    with Memory.at(state) as memory:
        theirs = known(shop, memory, other)[0]
        assert forget(shop, memory, first, [theirs.key, "77", "shop:", "shop:0"]) == 0
        assert count_known(shop, memory, other) == len(shop.events_of(other))
        assert memory.hidden.audit() == []


def test_a_category_is_forgotten_with_what_was_recorded_here(shop: Shop, state: Path) -> None:
    shopper = talker(shop)
    column = shop.catalogue.category
    with Memory.at(state) as memory:
        row = int(history_of(shop, memory, shopper).rows[-1])
        category = column.names[column.codes[row]]
        at = known(shop, memory, shopper)[-1].event.at
        memory.record(Event(shopper=shopper, item=shop.catalogue.ids[row], kind=EventKind.VIEW, at=at))
        mine = [int(r) for r in history_of(shop, memory, shopper).rows if column.codes[r] == column.codes[row]]
        assert forget_category(shop, memory, shopper, category) >= len(mine) > 1
        assert memory.events_of(shopper) == []
        left = history_of(shop, memory, shopper)
        assert len(left)
        assert column.codes[row] not in column.codes[left.rows]


def test_the_audit_tells_what_was_forgotten_and_nobody_reads_a_name_from_it(shop: Shop, state: Path) -> None:
    shopper = talker(shop)
    with Memory.at(state) as memory:
        chosen = known(shop, memory, shopper)[:2]
        memory.record(chosen[0].event)
        forget(shop, memory, shopper, [one.key for one in chosen])
        memory.forget_event(shopper, chosen[0].event)
        told = memory.hidden.audit(shopper)
        assert [(line.action, line.count) for line in told] == [("shop events", 2), ("recorded events", 1)]
        assert memory.hidden.audit("somebody else") == []
    assert shopper.encode() not in state.read_bytes()
    assert chosen[0].event.item.encode() not in state.read_bytes()


def test_forgetting_everything_recorded_brings_nothing_back(shop: Shop, state: Path) -> None:
    shopper = talker(shop)
    with Memory.at(state) as memory:
        one: Known = known(shop, memory, shopper)[0]
        forget(shop, memory, shopper, [one.key])
        memory.record(one.event.model_copy(update={"kind": EventKind.VIEW}))
        memory.forget(shopper)
        assert one.key not in {other.key for other in known(shop, memory, shopper)}
        assert [line.action for line in memory.hidden.audit(shopper)] == ["shop events", "everything"]


def test_it_holds_when_the_shop_is_built_anew(state: Path, tmp_path: Path) -> None:
    from retrieval.ingest import ingest

    folder = copy_of(sample_shop(), tmp_path / "shop")
    old = Shop.open(folder)
    shopper = talker(old)
    with Memory.at(state) as memory:
        one = known(old, memory, shopper)[-1]
        forget(old, memory, shopper, [one.key])
        old.close()
        ingest(folder / "source", folder, force=True)
        new = Shop.open(folder)
        assert new.stale() is False
        assert count_known(new, memory, shopper) == len(new.events_of(shopper)) - 1
        new.close()


@pytest.mark.postgres
def test_it_is_alike_in_postgresql(shop: Shop, postgres: Postgres) -> None:  # noqa: F811
    shopper, url = talker(shop), postgres.new_database()
    with Memory(url) as memory:
        chosen = known(shop, memory, shopper)[:3]
        assert forget(shop, memory, shopper, [one.key for one in chosen]) == 3
    with Memory(url) as memory:
        assert count_known(shop, memory, shopper) == len(shop.events_of(shopper)) - 3
        assert memory.hidden.audit(shopper)[0].count == 3


def test_a_digest_is_the_same_for_one_event_only() -> None:
    at = datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=UTC)
    whole = digest("s", "plaza:1", "view", at)
    assert len(whole) == 40
    assert digest("s", "plaza:1", "view", at.astimezone(timezone(timedelta(hours=3)))) == whole
    assert digest("s", "plaza:1", "view", at.replace(tzinfo=None)) == whole
    others = {
        digest("t", "plaza:1", "view", at),
        digest("s", "plaza:2", "view", at),
        digest("s", "plaza:1", "cart", at),
        digest("s", "plaza:1", "view", at + timedelta(microseconds=1)),
    }
    assert len(others | {whole}) == 5
