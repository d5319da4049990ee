"""Whole turns on the sample market, with a real Chroma, a real SQLite and models that misbehave on request."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from agent.act import event_now
from agent.memory import Memory
from agent.models.scripted import LIES, ScriptedModel
from agent.schema import Act, Consent, Conversation, Reply
from agent.turn import Assistant, CardsReady, Settings, TextDelta, TurnDone
from retrieval.ingest import ingest
from retrieval.schema import EventKind
from retrieval.shop import Shop


def turn(
    assistant: Assistant, message: str, shopper: str | None = None, before: Conversation | None = None
) -> TurnDone:
    return assistant.reply(message, before or Conversation(), assistant.profile(shopper))


def all_told(reply: Reply) -> bool:
    return all(item.name in reply.text for item in reply.receipt.items)


def test_cards_come_before_prose_and_all_parts_agree(shop: Shop, memory: Memory, regular: str) -> None:
    assistant = Assistant(shop, memory)
    events = list(assistant.turn("trail shoes", Conversation(), assistant.profile(regular)))
    assert isinstance(events[0], CardsReady)
    assert isinstance(events[-1], TurnDone)
    assert all(isinstance(event, TextDelta) for event in events[1:-1])
    done = events[-1]
    shown = [item.item.id for item in events[0].receipt.items]
    assert len(shown) == 6
    assert shown == [item.item.id for item in done.reply.receipt.items]
    assert shown == [item.id for item in done.conversation.shown]
    assert memory.turns(done.conversation.id) == [done.reply]
    assert all_told(done.reply)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == done.reply.text
    assert done.reply.trace.planner == "rules"
    assert not done.reply.trace.degraded
    assert done.reply.trace.model_calls == 0


def test_a_question_in_words_brings_what_was_asked_and_other_aisles_with_evidence(shop: Shop, memory: Memory) -> None:
    reply = turn(Assistant(shop, memory), "trail shoes").reply
    aisles = {item.aisle for item in reply.receipt.items}
    assert aisles == {"asked", "across"}
    asked = [item for item in reply.receipt.items if item.aisle == "asked"]
    assert "trail" in asked[0].item.title.lower() + asked[0].item.category.lower()
    for item in reply.receipt.items:
        assert item.reason
        if item.aisle == "across":
            edges = [evidence.edge for evidence in item.evidence if evidence.edge is not None]
            assert edges
            assert edges[0].target == item.item.category
            assert edges[0].support >= 3


def test_every_card_that_names_events_says_what_forgetting_one_would_change(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    named = 0
    for shopper in shop.shoppers()[:8]:
        reply = assistant.reply("scented candles", Conversation(), assistant.profile(shopper)).reply
        for item in reply.receipt.items:
            if any(evidence.events for evidence in (*item.evidence, *item.need.evidence)):
                named += 1
                assert item.what_if, (shopper, item.name)
    assert named > 8


def test_hard_limits_hold_over_turns(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "a warm blanket under 50, no wait, 80")
    assert done.reply.receipt.plan.price_max == 8000
    done = turn(assistant, "not wool", before=done.conversation)
    done = turn(assistant, "cheaper", before=done.conversation)
    plan = done.reply.receipt.plan
    assert plan.price_max is not None
    assert plan.price_max < 8000
    assert done.reply.receipt.items
    for item in done.reply.receipt.items:
        assert item.item.price_minor is not None
        assert item.item.price_minor <= plan.price_max
        assert "wool" not in f"{item.item.title} {item.item.description}".lower().split()
        assert {check.constraint for check in item.checks} >= {"price", "unwanted"}
        assert all(check.passed for check in item.checks)


def test_what_is_recorded_now_changes_the_next_turn(shop: Shop, memory: Memory, regular: str) -> None:
    assistant = Assistant(shop, memory)
    first = turn(assistant, "any ideas for me?", regular).reply.receipt.items
    memory.record(event_now(shop, regular, first[0].item.id, EventKind.DISMISS))
    second = turn(assistant, "any ideas for me?", regular).reply.receipt.items
    assert first[0].item.id not in {item.item.id for item in second}
    memory.record(event_now(shop, regular, second[0].item.id, EventKind.PURCHASE))
    third = turn(assistant, "any ideas for me?", regular).reply.receipt.items
    assert second[0].item.id not in {item.item.id for item in third if item.aisle != "repeat"}


def test_a_visitor_and_an_unknown_shopper_get_ideas(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    for shopper in (None, "nobody-has-this-name"):
        reply = turn(assistant, "what should I get?", shopper).reply
        assert len(reply.receipt.items) == 6
        assert all_told(reply)


def prompts(model: ScriptedModel) -> str:
    return "\n".join(message.content for asked in model.asked for message in asked.messages)


def test_history_enters_a_prompt_only_with_consent(shop: Shop, memory: Memory, regular: str) -> None:
    bought = {title for title in _titles(shop, regular)}
    for allowed in (False, True):
        memory.set_consent(regular, Consent(prompt=allowed))
        model = ScriptedModel(plans=[{"act": "recommend", "query": ""}], texts=["Have a look."])
        assistant = Assistant(shop, memory, model)
        reply = turn(assistant, "any ideas for me?", regular).reply
        assert reply.trace.model_calls == 2
        asked = prompts(model)
        shown = {item.item.title for item in reply.receipt.items}
        assert any(title[:60] in asked for title in bought - shown) is allowed
        memory.forget(regular)


def test_without_consent_to_personalise_history_counts_for_nothing(shop: Shop, memory: Memory, regular: str) -> None:
    assistant = Assistant(shop, memory)
    memory.set_consent(regular, Consent(personalise=False))
    mine = turn(assistant, "any ideas for me?", regular).reply.receipt.items
    visitor = turn(assistant, "any ideas for me?").reply.receipt.items
    assert [item.item.id for item in mine] == [item.item.id for item in visitor]


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_model_never_fails_a_turn_and_no_lie_gets_out(shop: Shop, memory: Memory, lie: str) -> None:
    model = ScriptedModel(plans=[LIES[lie]], texts=[LIES[lie]])
    done = turn(Assistant(shop, memory, model), "trail shoes under 120")
    reply = done.reply
    assert reply.receipt.plan.price_max == 12000
    assert reply.receipt.items
    assert all_told(reply)
    for word in ("Hoverboard", "1.23", "999", "wheelchair", "98", "evil", "script", "eighty"):
        assert word not in reply.text
    assert len(model.asked) <= 2
    assert reply.trace.planner == "rules" or reply.receipt.plan.act is not Act.COMPARE


@pytest.mark.parametrize(
    "model",
    [
        ScriptedModel.dead(),
        ScriptedModel(plans=["{}"], texts=["x"], delay=5),
        ScriptedModel(plans=["{}"], fail_after=0),
    ],
    ids=["dead", "slow", "breaks"],
)
def test_a_model_out_of_order_costs_time_but_no_turn(shop: Shop, memory: Memory, model: ScriptedModel) -> None:
    assistant = Assistant(shop, memory, model, Settings(plan_seconds=0.3, explain_seconds=0.3))
    started = time.monotonic()
    reply = turn(assistant, "trail shoes").reply
    assert time.monotonic() - started < 4
    assert reply.receipt.items
    assert all_told(reply)
    assert reply.trace.degraded
    assert reply.trace.planner == "rules"
    assert reply.trace.problems


def test_a_model_that_breaks_off_is_finished_by_the_template(shop: Shop, memory: Memory) -> None:
    first = turn(Assistant(shop, memory), "trail shoes").reply.receipt.items[0]
    model = ScriptedModel(
        plans=[{"act": "recommend", "query": "trail shoes"}],
        texts=[f"{first.name} is on {first.item.platform}. And"],
        drip=0.05,
    )
    cancel = threading.Event()
    assistant = Assistant(shop, memory, model)
    events = assistant.turn("trail shoes", Conversation(), assistant.profile(None), cancel)
    told = []
    for event in events:
        if isinstance(event, TextDelta):
            told.append(event.text)
            cancel.set()
        if isinstance(event, TurnDone):
            assert all_told(event.reply)
            assert event.reply.text == "".join(told)


def test_what_a_model_tells_truly_is_kept(shop: Shop, memory: Memory) -> None:
    items = turn(Assistant(shop, memory), "trail shoes").reply.receipt.items
    story = " ".join(f"I suggest {item.name}, on {item.item.platform}." for item in items)
    asked = "About how much would you like to spend?"
    model = ScriptedModel(plans=[{"act": "recommend", "query": "trail shoes"}], texts=[story])
    reply = turn(Assistant(shop, memory, model), "trail shoes").reply
    assert reply.trace.explainer == "model"
    assert reply.trace.replaced == 0
    assert reply.text.replace("\n", " ") == f"{story} {asked}"


def test_why_this_answers_from_the_receipt_of_the_turn_that_showed_it(shop: Shop, memory: Memory, regular: str) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "any ideas for me?", regular)
    across = next(item for item in done.reply.receipt.items if item.aisle == "across")
    done = turn(assistant, f"why number {across.rank}?", regular, done.conversation)
    assert done.reply.receipt.plan.act is Act.EXPLAIN
    assert [item.item.id for item in done.reply.receipt.items] == [across.item.id]
    assert across.reason in done.reply.text


def test_an_unknown_property_is_said_to_be_unknown(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "trail shoes")
    reply = turn(assistant, "does the first one come with a bluetooth antenna?", before=done.conversation).reply
    assert "says nothing about" in reply.text
    assert all_told(reply)


def test_the_cart_fills_and_empties(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "trail shoes", "mia-new")
    second = done.conversation.shown[1]
    done = turn(assistant, "add the second one to my cart", "mia-new", done.conversation)
    assert [line.item for line in memory.cart("mia-new")] == [second.id]
    assert [event.kind for event in memory.events_of("mia-new")] == [EventKind.CART]
    done = turn(assistant, "what is in my cart?", "mia-new", done.conversation)
    assert second.name in done.reply.text
    done = turn(assistant, f"remove the {second.name} from my cart", "mia-new", done.conversation)
    assert memory.cart("mia-new") == []


def test_when_nothing_fits_the_limit_in_the_way_is_named(shop: Shop, memory: Memory) -> None:
    reply = turn(Assistant(shop, memory), "trail shoes under 1 cent").reply
    if reply.receipt.plan.price_max is None:
        reply = turn(Assistant(shop, memory), "trail shoes under $0.01").reply
    assert reply.receipt.items == ()
    assert "price" in reply.text
    reply = turn(Assistant(shop, memory), "trail shoes over 300 and under 20").reply
    assert reply.receipt.items == ()


def test_sensitive_goods_come_only_when_asked_for(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    row = next(row for row in range(len(shop.catalogue)) if shop.sensitive.mask[row])
    sensitive = shop.catalogue.item(row)
    for _ in range(3):
        memory.record(event_now(shop, "quiet", sensitive.id, EventKind.PURCHASE))
    for message in ("any ideas for me?", "a gift", "something healthy", "trail shoes"):
        reply = turn(assistant, message, "quiet").reply
        for item in reply.receipt.items:
            assert not shop.sensitive.mask[shop.catalogue.row(item.item.id)]
            assert sensitive.id not in {event.item for evidence in item.evidence for event in evidence.events}
    named = turn(assistant, sensitive.category, "quiet").reply
    assert any(shop.sensitive.mask[shop.catalogue.row(item.item.id)] for item in named.receipt.items)


def _titles(shop: Shop, shopper: str) -> list[str]:
    items = shop.events_of(shopper)["item"].to_list()[-8:]
    return [shop.catalogue.item(shop.catalogue.row(item)).title for item in items]


def test_limits_that_a_shop_can_not_check_are_told_and_hide_nothing(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item,title\na:1,Steel kettle\na:2,Glass kettle\n", encoding="utf-8")
    ingest(tmp_path / "items.csv", tmp_path / "shop")
    done = turn(Assistant(Shop.open(tmp_path / "shop"), memory), "a kettle that is in stock, under 40 euros")
    assert len(done.reply.receipt.items) == 2
    assert "tells no stock" in done.reply.text
    assert "tells no prices" in done.reply.text
    assert not done.reply.receipt.plan.in_stock
