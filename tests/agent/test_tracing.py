"""Traces reach a real collector with every stage of a turn, carry no shopper's words, and cost a turn nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.memory import Memory
from agent.models.scripted import LIES, ScriptedModel
from agent.schema import Consent, Conversation, Profile
from agent.turn import Assistant, CardsReady, TurnDone
from retrieval import tracing
from retrieval.errors import TraceError
from retrieval.shop import Shop
from tests.collector import Collector, collector
from tests.conftest import ROOT
from tests.shops import sample_shop

SECRET = "scented candles for my zyxquvian neighbour"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    opened = Shop.open(sample_shop()).warm()
    yield opened
    opened.close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory.at(tmp_path / "state.sqlite3") as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Collector]:
    with collector() as found:
        yield found
        tracing.stop()


def regular(shop: Shop) -> str:
    return max(shop.shoppers(), key=lambda shopper: len(shop.events_of(shopper)))


def send(receiver: Collector, *, content: bool = False) -> None:
    where = tracing.endpoint(receiver.url)
    assert where is not None
    tracing.start(where, content=content, delay=0.05)


def test_a_turn_without_a_model_is_told_stage_by_stage(shop: Shop, memory: Memory, receiver: Collector) -> None:
    assistant = Assistant(shop, memory)
    send(receiver)
    reply = assistant.reply("scented candles", Conversation(), assistant.profile(regular(shop))).reply
    turn = receiver.wait("turn")[0]
    assert receiver.paths == {"/v1/traces"}
    assert receiver.resource["service.name"] == "crossaisle"
    assert turn.parent == b""
    assert turn.facts["crossaisle.act"] == "recommend"
    assert turn.facts["crossaisle.planner"] == "rules"
    assert turn.facts["crossaisle.explainer"] == "template"
    assert turn.facts["crossaisle.items"] == len(reply.receipt.items) > 0
    assert 0 < turn.facts["crossaisle.cards_ms"] <= turn.facts["crossaisle.total_ms"] <= turn.ms
    stages = {span.name: span for span in receiver.spans if span.parent == turn.id}
    assert set(stages) == {"understand", "act", "explain", "what_if", "remember"}
    acting = receiver.under(stages["act"])
    channels = {span.facts["crossaisle.channel"]: span for span in acting if span.name == "channel"}
    assert {"dense+lexical", "copurchase", "popularity", "association"} <= set(channels)
    assert channels["dense+lexical"].facts["crossaisle.candidates"] > 0
    searches = [span for span in acting if span.name == "search"]
    assert searches[0].facts["crossaisle.mode"] == "words"
    assert searches[0].facts["crossaisle.candidates"] > 0
    ranked = [span for span in acting if span.name == "rank"]
    assert [span.facts["crossaisle.items"] for span in ranked] == [6]
    assert {"search", "rank", "act", "explain", "what_if", "understand"} <= set(reply.trace.timings_ms)


def test_model_calls_are_told_with_tokens_model_and_prompt(shop: Shop, memory: Memory, receiver: Collector) -> None:
    assistant = Assistant(shop, memory)
    named = assistant.reply("candles", Conversation(), Profile()).reply.receipt.items[0].name
    model = ScriptedModel(
        [{"act": "recommend", "query": "candles"}], [f"{named}. {LIES['invented price']}"], name="m+a"
    )
    send(receiver)
    reply = Assistant(shop, memory, model).reply("candles", Conversation(), Profile()).reply
    turn = receiver.wait("turn")[0]
    stages = {span.name: span for span in receiver.spans if span.parent == turn.id}
    for stage, task in (("understand", "plan"), ("explain", "explain")):
        facts = stages[stage].facts
        assert facts["gen_ai.request.model"] == "m+a" == reply.trace.model
        assert facts["crossaisle.prompt"] == reply.trace.prompts[task]
        assert facts["gen_ai.usage.input_tokens"] == reply.trace.tokens[f"{task}_prompt"] > 20
        assert facts["gen_ai.usage.output_tokens"] == reply.trace.tokens[f"{task}_completion"] > 1
    checked = [span for span in receiver.under(stages["explain"]) if span.name == "ground"]
    assert [span.facts["crossaisle.grounded"] for span in checked] == [True, False]
    assert turn.facts["crossaisle.replaced"] == 1


def test_no_words_titles_or_ids_leave_by_default(shop: Shop, memory: Memory, receiver: Collector) -> None:
    shopper = regular(shop)
    lying = ScriptedModel([{"act": "recommend", "query": "qqwzzy"}], ["Take it."])  # refused, and quoted
    send(receiver)
    talk = Assistant(shop, memory, lying)
    profile = Profile(shopper=shopper, consent=Consent(personalise=True, prompt=True))
    done = talk.reply(SECRET, Conversation(), profile)
    talk.reply("why the first one?", done.conversation, profile)
    turns = receiver.wait("turn", 2)
    tracing.stop()
    sent = b"".join(receiver.raw).decode("utf-8", "replace")
    assert shopper not in sent
    assert any("qqwzzy" in problem for problem in done.reply.trace.problems), "the log quotes it, the span doesn't"
    assert "qqwzzy" not in sent
    assert "zyxquvian" not in sent
    assert "candles" not in sent
    assert done.conversation.id not in sent
    for item in done.reply.receipt.items:
        assert item.item.id not in sent
        assert item.item.title not in sent
        assert item.name not in sent
    assert len({turn.facts["crossaisle.shopper"] for turn in turns}) == 1, "one shopper has one pseudonym"
    assert len(turns[0].facts["crossaisle.shopper"]) == 16
    failed = [span for span in receiver.spans if span.name == "model"]
    assert failed[0].facts["error.type"] == "ModelOutputError"


def test_words_and_titles_leave_where_that_was_allowed(shop: Shop, memory: Memory, receiver: Collector) -> None:
    send(receiver, content=True)
    talk, shopper = Assistant(shop, memory), regular(shop)
    reply = talk.reply(SECRET, Conversation(), talk.profile(shopper)).reply
    turn = receiver.wait("turn")[0]
    assert turn.facts["crossaisle.message"] == SECRET
    assert reply.receipt.items[0].item.title in turn.facts["crossaisle.titles"]
    tracing.stop()
    assert shopper not in b"".join(receiver.raw).decode("utf-8", "replace").replace(reply.text, "")


def test_a_turn_that_is_left_or_runs_in_several_threads_is_one_trace(
    shop: Shop, memory: Memory, receiver: Collector
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    send(receiver)
    assistant = Assistant(shop, memory)
    left = assistant.turn("candles", Conversation(), Profile())
    assert isinstance(next(left), CardsReady)
    left.close()
    del left
    receiver.wait("turn")
    steps = assistant.turn("socks", Conversation(), Profile())
    step = None
    with ThreadPoolExecutor(4) as pool:
        while not isinstance(step, TurnDone):
            step = pool.submit(next, steps).result()
    whole = receiver.wait("turn", 2)[1]
    names = {span.name for span in receiver.spans if span.parent == whole.id}
    assert names == {"understand", "act", "explain", "what_if", "remember"}


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_collector_that_is_away_slows_and_fails_nothing(shop: Shop, memory: Memory, kind: str) -> None:
    assistant = Assistant(shop, memory)
    assistant.reply("candles", Conversation(), Profile())
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if kind == "silent":
            held.listen()  # accepts in the kernel, never answers
        tracing.start(f"http://127.0.0.1:{held.getsockname()[1]}/v1/traces", delay=0.01)
        try:
            started = time.perf_counter()
            for number in range(4):
                reply = assistant.reply(f"candles {number}", Conversation(), Profile()).reply
                assert reply.receipt.items
                assert not reply.trace.degraded
                time.sleep(0.02)
            assert time.perf_counter() - started < 5.0
        finally:
            started = time.perf_counter()
            tracing.stop()
        assert time.perf_counter() - started < 8.0


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1:4318", "127.0.0.1:4318", "http://", "http://127.0.0.1:port"])
def test_a_wrong_address_is_told_with_its_remedy(url: str) -> None:
    with pytest.raises(TraceError, match=r"--traces.*such as http"):
        tracing.endpoint(url)


def test_addresses_come_from_the_standards_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    monkeypatch.delenv(tracing.TRACES_ENDPOINT, raising=False)
    assert tracing.endpoint() is None
    monkeypatch.setenv(tracing.ENDPOINT, "http://127.0.0.1:4318/")
    assert tracing.endpoint() == "http://127.0.0.1:4318/v1/traces"
    monkeypatch.setenv(tracing.TRACES_ENDPOINT, "https://one.example/own/path")
    assert tracing.endpoint() == "https://one.example/own/path"
    assert tracing.endpoint("http://127.0.0.1:9/v1/traces") == "http://127.0.0.1:9/v1/traces"


def test_tracing_switched_off_imports_nothing_of_opentelemetry() -> None:
    script = (
        "import sys; import retrieval.tracing as t\nwith t.span('a', b=1) as s: s.set(c=2)\n"
        "assert list(t.through(t.begin('x'), iter('ab'))) == ['a', 'b']\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_the_command_sends_its_turn(receiver: Collector) -> None:
    call = [sys.executable, "-c", "from ui.cli import main; main()", "chat", SECRET, "--shop", str(sample_shop())]
    state = ["--state", "sqlite://", "--json"]
    done = subprocess.run([*call, *state, "--traces", receiver.url], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert receiver.wait("turn")
    refused = subprocess.run([*call, *state, "--traces", "nowhere"], cwd=ROOT, capture_output=True, check=False)
    assert refused.returncode == 1
    assert b"such as http://127.0.0.1:4318" in refused.stderr
