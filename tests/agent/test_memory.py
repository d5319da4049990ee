"""Memory's contract, the same on a real SQLite and a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.memory import CartLine, Memory
from agent.schema import Consent, Conversation, ItemReceipt, Message, Plan, Receipt, Reply, Shown, Trace
from agent.storable import storable
from retrieval.errors import StateError
from retrieval.schema import Event, EventKind, Item, Need
from tests.conftest import ROOT
from tests.postgres import postgres  # noqa: F401 - a fixture

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = (
    "🧦👩‍👩‍👧‍👦 émoji ﷽ 中文 עברית",
    "NUL \x00 inside",
    "lone \ud83d surrogate",
    "'; DROP TABLE events; --",
    "<script>alert(1)</script> {{7*7}} %s :name ?",
    "line\nbreak\r\n\ttab \u2028 \x1b[31m",
    "long " * 4000,
    "",
)


def event(shopper: str = "ann", item: str = "plaza:1", at: datetime = NOON, kind: EventKind = EventKind.VIEW) -> Event:
    return Event(shopper=shopper, item=item, kind=kind, at=at)


def reply(shopper: str | None = "ann", text: str = "Look at these.", query: str = "boots", items: int = 2) -> Reply:
    shown = tuple(
        ItemReceipt(
            item=Item(id=f"plaza:{n}", title=f"Trail boots {n}", price_minor=4999, currency="EUR", platform="plaza"),
            rank=n,
            name=f"Boots {n}",
            score=1.0 / n,
            aisle="asked",
            need=Need(text=query),
        )
        for n in range(1, items + 1)
    )
    plan = Plan(query=query, price_max=8000, currency="EUR", exclude=("leather",))
    receipt = Receipt(plan=plan, shop="market", shopper=shopper, at=NOON, items=shown)
    return Reply(text=text, receipt=receipt, trace=Trace(planner="rules", explainer="template"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.sqlite3"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def memory(url: str) -> Iterator[Memory]:
    with Memory(url) as memory:
        yield memory


class TestEvents:
    def test_a_recorded_event_comes_back_equal(self, memory: Memory) -> None:
        bought = Event(
            shopper="ann", item="plaza:7", kind=EventKind.PURCHASE, at=NOON.replace(microsecond=123456),
            value_minor=1999, currency="EUR", quantity=2.5, platform="plaza",
        )  # fmt: skip
        memory.record(bought)
        assert memory.events_of("ann") == [bought]

    def test_events_come_in_time_order_whatever_the_order_of_recording(self, memory: Memory) -> None:
        for days, item in ((2, "c"), (0, "a"), (1, "b"), (1, "b2"), (-4000, "long ago")):
            memory.record(event(item=item, at=NOON + timedelta(days=days)))
        assert [e.item for e in memory.events_of("ann")] == ["long ago", "a", "b", "b2", "c"]

    def test_times_become_utc_and_a_naive_time_is_utc(self, memory: Memory) -> None:
        memory.record(event(at=NOON.astimezone(timezone(timedelta(hours=9)))))
        memory.record(event(at=NOON.replace(tzinfo=None)))
        assert [(e.at, e.at.utcoffset()) for e in memory.events_of("ann")] == [(NOON, timedelta(0))] * 2

    def test_shoppers_do_not_see_each_other(self, memory: Memory) -> None:
        memory.record(event("ann"))
        memory.record(event("Ann"))
        assert [e.shopper for e in memory.events_of("ann")] == ["ann"]
        assert memory.events_of("bob") == []

    def test_forgetting_one_event_by_id_or_content_leaves_the_others(self, memory: Memory) -> None:
        first = memory.record(event(item="a"))
        for item in ("b", "b", "c"):
            memory.record(event(item=item))
        assert memory.forget_event("bob", first) is False
        assert memory.forget_event("ann", first) is True
        assert memory.forget_event("ann", first) is False
        assert memory.forget_event("ann", event(item="b")) is True
        assert memory.forget_event("ann", event(item="z")) is False
        assert [e.item for e in memory.events_of("ann")] == ["b", "c"]

    def test_an_id_is_not_given_twice(self, memory: Memory) -> None:
        first = memory.record(event())
        memory.forget_event("ann", first)
        assert memory.record(event()) > first
        assert [number for number, _ in memory.numbered_events("ann")] != [first]

    def test_a_number_out_of_range_is_refused_and_nothing_is_kept(self, memory: Memory) -> None:
        with pytest.raises(StateError, match="refused"):
            memory.record(event().model_copy(update={"value_minor": 10**30}))
        assert memory.events_of("ann") == []

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        event=st.builds(
            Event,
            shopper=st.text(max_size=20),
            item=st.text(max_size=20),
            kind=st.sampled_from(EventKind),
            at=st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.just(UTC)),
            value_minor=st.none() | st.integers(-(2**63), 2**63 - 1),
            currency=st.text(max_size=3),
            quantity=st.floats(allow_nan=False, allow_infinity=False),
            platform=st.text(max_size=10),
        )
    )
    def test_any_event_comes_back_as_storable(self, memory: Memory, event: Event) -> None:
        number = memory.record(event)
        back = dict(memory.numbered_events(event.shopper))[number]
        texts = {name: storable(getattr(event, name)) for name in ("shopper", "item", "currency", "platform")}
        assert back == event.model_copy(update=texts)


class TestConsent:
    def test_without_a_word_the_defaults_hold(self, memory: Memory) -> None:
        assert memory.consent("ann") == Consent()

    @pytest.mark.parametrize("said", [Consent(personalise=p, prompt=q) for p in (True, False) for q in (True, False)])
    def test_the_last_word_holds(self, memory: Memory, said: Consent) -> None:
        memory.set_consent("ann", Consent(personalise=not said.personalise, prompt=not said.prompt))
        memory.set_consent("ann", said)
        assert memory.consent("ann") == said
        assert memory.consent("bob") == Consent()


class TestCart:
    def test_units_add_up_and_come_out(self, memory: Memory) -> None:
        assert memory.cart_add("ann", "b") == 1
        assert memory.cart_add("ann", "a", 2) == 2
        assert memory.cart_add("ann", "b", 3) == 4
        assert memory.cart("ann") == [CartLine(item="b", quantity=4), CartLine(item="a", quantity=2)]
        assert memory.cart_remove("ann", "b", 1) == 1
        assert memory.cart_remove("ann", "a", 5) == 2
        assert memory.cart("ann") == [CartLine(item="b", quantity=3)]
        assert memory.cart_remove("ann", "b") == 3
        assert memory.cart_remove("ann", "b") == 0
        assert memory.cart("ann") == []

    def test_less_than_one_unit_is_an_error(self, memory: Memory) -> None:
        for move in (memory.cart_add, memory.cart_remove):
            with pytest.raises(ValueError, match="at least 1"):
                move("ann", "a", 0)

    def test_a_visitors_cart_is_no_shopper(self, memory: Memory) -> None:
        memory.cart_add("visitor 3f", "a")
        assert memory.shoppers() == []


class TestConversations:
    def test_turns_come_back_as_they_were_saved(self, memory: Memory) -> None:
        conversation = memory.open_conversation("ann")
        first, second = reply(text="One."), reply(text="Two.", query="socks", items=0)
        conversation = memory.save_turn(conversation, "boots?", first)
        conversation = memory.save_turn(conversation, "and socks", second)
        assert memory.conversation(conversation.id) == conversation
        assert [(m.role, m.text) for m in conversation.messages] == [
            ("user", "boots?"), ("assistant", "One."), ("user", "and socks"), ("assistant", "Two."),
        ]  # fmt: skip
        assert conversation.plan == second.receipt.plan
        assert conversation.shown[1] == Shown(
            id="plaza:2", title="Trail boots 2", name="Boots 2", price_minor=4999, currency="EUR", platform="plaza"
        )
        assert memory.turns(conversation.id) == [first, second]

    def test_a_conversation_without_id_is_started(self, memory: Memory) -> None:
        saved = memory.save_turn(Conversation(), "hello", reply(None))
        assert saved.id
        assert memory.conversation(saved.id) == saved

    def test_opening_an_id_again_goes_on_with_it(self, memory: Memory) -> None:
        saved = memory.save_turn(memory.open_conversation("ann", id="x"), "hello", reply())
        assert memory.open_conversation("ann", id="x") == saved

    def test_a_visitor_who_signs_in_takes_the_conversation_along(self, memory: Memory) -> None:
        opened = memory.open_conversation(None)
        saved = memory.save_turn(memory.save_turn(opened, "hello", reply(None)), "it's me", reply("ann"))
        assert saved.shopper == "ann"
        assert [summary.id for summary in memory.conversations("ann")] == [opened.id]

    def test_another_shoppers_conversation_is_refused(self, memory: Memory) -> None:
        saved = memory.save_turn(memory.open_conversation("ann"), "hello", reply())
        with pytest.raises(StateError, match="another shopper's"):
            memory.open_conversation("bob", id=saved.id)
        with pytest.raises(StateError, match="another shopper's"):
            memory.save_turn(saved, "hello", reply("bob"))
        assert memory.conversation(saved.id) == saved

    def test_an_unknown_id_is_an_error_with_a_remedy(self, memory: Memory) -> None:
        with pytest.raises(StateError, match=r"no conversation 'nope'.*Start a new conversation"):
            memory.conversation("nope")
        with pytest.raises(StateError, match="forgotten"):
            memory.save_turn(Conversation(id="nope"), "hello", reply())

    def test_a_second_tab_follows_what_the_first_one_said(self, memory: Memory) -> None:
        opened = memory.open_conversation("ann")
        memory.save_turn(opened, "tab one", reply())
        both = memory.save_turn(opened, "tab two", reply())
        assert [m.text for m in both.messages if m.role == "user"] == ["tab one", "tab two"]
        assert memory.conversation(opened.id) == both

    def test_messages_read_from_a_file_are_kept_with_the_first_turn(self, memory: Memory) -> None:
        earlier = (Message(role="user", text="hi"), Message(role="assistant", text="Hello.", plan=Plan(query="q")))
        memory.open_conversation("ann", id="file")
        saved = memory.save_turn(Conversation(id="file", shopper="ann", messages=earlier), "boots", reply())
        assert saved.messages[:2] == earlier
        assert memory.conversation("file") == saved

    def test_summaries_are_newest_first_with_first_words_and_turns(self, memory: Memory) -> None:
        one = memory.save_turn(memory.open_conversation("ann"), "  warm\nboots " + "for winter " * 20, reply())
        memory.save_turn(one, "cheaper", reply())
        two = memory.open_conversation("ann")
        memory.open_conversation("bob")
        newest, oldest = memory.conversations("ann")
        assert (newest.id, newest.first, newest.turns) == (two.id, "", 0)
        assert (oldest.id, oldest.turns) == (one.id, 2)
        assert oldest.first.startswith("warm boots for winter")
        assert len(oldest.first) <= 80
        assert oldest.started <= newest.started

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_comes_back(self, memory: Memory, text: str) -> None:
        answer = reply(shopper=None, text=text.replace("\ud83d", ""), query=text)
        saved = memory.save_turn(memory.open_conversation(None), text, answer)
        assert saved.messages[0].text == storable(text)
        assert [m.text for m in memory.conversation(saved.id).messages] == [storable(m.text) for m in saved.messages]
        memory.set_consent(text, Consent(prompt=True))
        memory.cart_add(text, text)
        assert memory.consent(text).prompt
        assert memory.cart(text) == [CartLine(item=storable(text), quantity=1)]


class TestShoppers:
    def test_everybody_known_here_in_order(self, memory: Memory) -> None:
        memory.record(event("cleo"))
        memory.set_consent("bob", Consent())
        memory.open_conversation("ann")
        memory.open_conversation(None)
        memory.record(event("bob"))
        assert memory.shoppers() == ["ann", "bob", "cleo"]

    def test_forgetting_removes_everything_of_one_shopper_and_nothing_else(self, memory: Memory) -> None:
        kept = {}
        for shopper in ("ann", "bob"):
            memory.record(event(shopper))
            memory.record(event(shopper, "plaza:2"))
            memory.set_consent(shopper, Consent(prompt=True))
            memory.cart_add(shopper, "plaza:1")
            kept[shopper] = memory.save_turn(memory.open_conversation(shopper), "hello", reply(shopper))
        gone = memory.forget("ann")
        assert gone.model_dump(exclude={"erased"}) == {
            "events": 2, "consents": 2, "cart": 1, "conversations": 1, "messages": 2, "turns": 1,
        }  # fmt: skip
        assert (memory.events_of("ann"), memory.cart("ann"), memory.conversations("ann")) == ([], [], [])
        assert memory.consent("ann") == Consent()
        assert memory.shoppers() == ["bob"]
        assert memory.turns(kept["ann"].id) == []
        with pytest.raises(StateError, match="forgotten"):
            memory.save_turn(kept["ann"], "still there?", reply())
        assert len(memory.events_of("bob")) == 2
        assert memory.consent("bob").prompt
        assert memory.conversation(kept["bob"].id) == kept["bob"]
        assert memory.turns(kept["bob"].id) == [reply("bob")]
        assert memory.forget("ann").events == 0


class TestLasting:
    def test_everything_is_there_after_opening_again(self, url: str) -> None:
        with Memory(url) as memory:
            memory.record(event())
            memory.cart_add("ann", "a")
            saved = memory.save_turn(memory.open_conversation("ann"), "hello", reply())
        with Memory(url) as memory:
            assert memory.events_of("ann") == [event()]
            assert memory.conversation(saved.id) == saved


PROCESS = """
import sys
from datetime import UTC, datetime
from agent.memory import Memory
from tests.agent.test_memory import event, reply
url, who = sys.argv[1:]
with Memory(url) as memory:
    for n in range(40):
        memory.record(event(who, str(n)))
        memory.record(event("both", f"{who} {n}"))
        memory.cart_add("both", "a")
        memory.save_turn(memory.open_conversation(None, id="shared"), f"{who} {n}", reply(None))
"""


class TestAtOnce:
    def test_eight_threads_lose_nothing(self, memory: Memory) -> None:
        opened = memory.open_conversation("ann")

        def work(thread: int) -> None:
            for n in range(25):
                memory.record(event(item=f"{thread} {n}"))
                memory.cart_add("ann", "a")
                memory.save_turn(opened, f"{thread} {n}", reply(text=f"to {thread} {n}"))
                memory.events_of("ann")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        said = {f"{thread} {n}" for thread in range(8) for n in range(25)}
        assert {e.item for e in memory.events_of("ann")} == said
        assert memory.cart("ann") == [CartLine(item="a", quantity=200)]
        texts = [m.text for m in memory.conversation(opened.id).messages]
        assert set(texts[::2]) == said
        assert texts[1::2] == [f"to {text}" for text in texts[::2]]
        assert len(memory.turns(opened.id)) == 200

    def test_two_processes_create_and_write_the_same_database(self, url: str) -> None:
        command = [sys.executable, "-c", PROCESS, url]
        running = [
            subprocess.Popen([*command, who], cwd=ROOT, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)})
            for who in ("one", "two")
        ]
        errors = [process.communicate(timeout=120)[1].decode() for process in running]
        assert [process.returncode for process in running] == [0, 0], errors
        with Memory(url) as memory:
            assert [len(memory.events_of(who)) for who in ("one", "two", "both")] == [40, 40, 80]
            assert memory.cart("both") == [CartLine(item="a", quantity=80)]
            texts = [m.text for m in memory.conversation("shared").messages if m.role == "user"]
            for who in ("one", "two"):
                assert [text for text in texts if text.startswith(who)] == [f"{who} {n}" for n in range(40)]
            assert len(texts) == len(memory.turns("shared")) == 80
