"""The record of a turn tells all that the log knows, from the stored reply alone, and runs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.memory import Memory
from agent.models.scripted import LIES, ScriptedModel
from agent.schema import Conversation, Profile, Reply
from agent.turn import Assistant
from retrieval.shop import Shop
from tests.shops import ATTACK, copy_of, hostile_shop, sample_shop
from tests.ui.test_cards import assert_harmless
from ui.desk import Desk
from ui.evidence import channel_name
from ui.room import Room
from ui.turn_record import turn_record


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Reply:
    """A turn with a model that replaced a sentence, read back from the log."""
    state = tmp_path_factory.mktemp("state") / "state.sqlite3"
    with Memory.at(state) as memory:
        shop = Shop.open(sample_shop())
        plan = {"act": "recommend", "query": "scented candles", "price_max": "40"}
        model = ScriptedModel([plan], [f"Here is what I found. {LIES['invented price']}"], name="small+adapter")
        done = Assistant(shop, memory, model).reply("scented candles under 40", Conversation(), Profile())
        shop.close()
        return memory.turns(done.conversation.id)[0]


def test_it_tells_plan_time_tokens_channels_and_limits(kept: Reply) -> None:
    read = assert_harmless(turn_record(kept, "scented candles under 40"))
    for told in ("scented candles under 40", "small+adapter", "recommend", "price_max", "1 of 2"):
        assert told in read.text, told
    trace = kept.trace
    for stage in ("understand", "search", "rank", "explain", "what_if", "cards", "total"):
        assert f"{trace.timings_ms[stage]:,.1f}" in read.text, stage
    assert len(trace.tokens) == 4
    assert {"dense+lexical", "popularity"} <= set(trace.channels_ms)
    words = sum(ms for name, ms in trace.channels_ms.items() if name.split("+")[0] == "dense")
    assert f"{channel_name('dense')}{words:,.1f}" in read.text
    for name in trace.channels_ms:
        assert channel_name(name.split("+")[0]) in read.text
    assert LIES["invented price"].split(",")[0] in read.text, "what grounding took out is told"
    assert trace.taken_out[0].reason in read.text
    for count in trace.tokens.values():
        assert f"{count:,}" in read.text
    for digest in trace.prompts.values():
        assert digest[:12] in read.text
    for item in kept.receipt.items:
        assert item.name in read.text
        for said in item.channels:
            assert channel_name(said.channel) in read.text
            assert f"{said.score:.3g}" in read.text
        for check in item.checks:
            assert check.constraint in read.text
    assert f"{len(kept.receipt.items)} of {len(kept.receipt.items)}" in read.text, "every item kept the limit"


def test_a_planner_that_failed_is_told_with_its_problem(kept: Reply) -> None:
    trace = kept.trace.model_copy(update={"planner": "rules", "degraded": True, "problems": ("the model is away",)})
    read = assert_harmless(turn_record(kept.model_copy(update={"trace": trace})))
    assert "the model is away" in read.text


def test_markup_in_words_goods_and_problems_stays_text(tmp_path: Path) -> None:
    with Desk(copy_of(hostile_shop(), tmp_path / "shop"), "sqlite://") as desk:
        room = Room(desk, "<i>eve</i>")
        list(room.say(f"kettle {ATTACK}"))
        assert room.turns[-1].reply is not None
        assert ATTACK[:20] in assert_harmless(room.record()).text


def test_only_who_may_look_as_anybody_gets_it(tmp_path: Path) -> None:
    with Desk(sample_shop(), f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        team, shopper = Room(desk), Room(desk, fixed="anna")
        for room in (team, shopper):
            assert room.record() == ""
            list(room.say("candles"))
        assert "xa-record" in team.record()
        assert shopper.record() == ""
