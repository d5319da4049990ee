"""Turns beside the search: what a cart comes to, what goes with it, what was bought before, and returns."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from agent.checks import checkable
from agent.forgetting import forget, history_of, known
from agent.memory import Memory
from agent.schema import Act, Consent, Plan
from agent.turn import Assistant
from agent.wording import money, offer
from retrieval.catalogue import Catalogue
from retrieval.schema import EventKind
from retrieval.shop import Shop
from retrieval.text import running
from tests.agent.test_turn import turn


def test_a_cart_of_several_tells_what_they_cost_together(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "trail shoes")
    first, second = done.conversation.shown[:2]
    done = turn(assistant, "add the first one to my cart", None, done.conversation)
    assert "Together" not in done.reply.text
    done = turn(assistant, "and 2 of the second one", None, done.conversation)
    total = money((first.price_minor or 0) + 2 * (second.price_minor or 0), first.currency)
    assert done.reply.text.splitlines()[-1] == f"Together: {total}."
    assert turn(assistant, "how much is it altogether?", None, done.conversation).reply.text.endswith(f"{total}.")


def test_what_goes_with_it_is_of_other_aisles_and_the_only_thing_in_a_cart_needs_no_name(
    shop: Shop, memory: Memory
) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "trail shoes")
    assert any(item.aisle == "asked" for item in done.reply.receipt.items)
    done = turn(assistant, "add the first one to my cart", None, done.conversation)
    done = turn(assistant, "what else goes with it?", None, done.conversation)
    assert {item.aisle for item in done.reply.receipt.items} == {"across"}
    assert len({item.item.category for item in done.reply.receipt.items}) > 1
    done = turn(assistant, "remove it from my cart", None, done.conversation)
    assert done.reply.text.endswith("Your cart is empty.")


def test_what_was_bought_is_told_to_who_bought_it_and_what_is_forgotten_is_not(
    shop: Shop, memory: Memory, regular: str
) -> None:
    assistant = Assistant(shop, memory)
    assert turn(assistant, "what did I buy last time?").reply.text == "I know of nothing that you bought here."
    memory.set_consent(regular, Consent(personalise=False, prompt=False))
    bought = history_of(shop, memory, regular).of_kind(EventKind.PURCHASE)
    last = bought.ref(len(bought) - 1, shop.catalogue)
    done = turn(assistant, "show me my purchase history", regular)
    lines = done.reply.text.splitlines()[1:]
    assert last.title[:40] in lines[0]
    assert 2 < len(lines) <= 6
    assert all(line.startswith("You bought ") for line in lines)
    keys = [one.key for one in known(shop, memory, regular) if one.event.item == last.item]
    assert forget(shop, memory, regular, keys)
    (kept,) = memory.turns(done.conversation.id)
    assert last.title[:40] not in kept.model_dump_json()
    assert kept.text.splitlines()[1:] == [line for line in lines if last.title[:40] not in line]
    assert last.title[:40] not in turn(assistant, "what did I buy last time?", regular).reply.text


def test_the_shops_service_is_said_to_be_somebody_elses(shop: Shop, memory: Memory) -> None:
    for question in ("how do I return something", "can I get a refund?"):
        reply = turn(Assistant(shop, memory), question).reply
        assert "returns and payment are for the shop itself" in reply.text
        assert not reply.receipt.items


def test_a_limit_in_a_foreign_currency_is_asked_for_beside_goods_of_any_price(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "a wool blanket under 60 dollars")
    assert done.reply.receipt.items
    assert "I do not convert USD. What is your limit?" in done.reply.text
    assert done.reply.receipt.constraints.price_max is None
    done = turn(assistant, "100", None, done.conversation)
    assert (done.reply.receipt.plan.query, done.reply.receipt.plan.price_max) == ("wool blanket", 10000)
    assert all((item.item.price_minor or 0) <= 10000 for item in done.reply.receipt.items)


def test_a_chinese_word_that_the_shop_has_no_word_for_is_named_and_nothing_is_made_up(
    shop: Shop, memory: Memory
) -> None:
    assistant = Assistant(shop, memory)
    known = turn(assistant, "雨衣").reply.receipt
    assert {item.item.category for item in known.items if item.aisle == "asked"} == {"Rain jackets"}
    done = turn(assistant, "飞碟")
    assert "“飞碟”" in done.reply.text
    assert not done.reply.receipt.items


def test_what_is_wanted_on_offer_is_on_offer_and_says_so(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "trail shoes")
    assert not all(item.item.promotion for item in done.reply.receipt.items)
    done = turn(assistant, "only things on sale", None, done.conversation)
    asked = [item for item in done.reply.receipt.items if item.aisle == "asked"]
    assert {item.item.category for item in asked} == {"Trail shoes"}
    for item in done.reply.receipt.items:
        assert running(item.item.promotion, item.item.as_of)
        check = next(check for check in item.checks if check.constraint == "offer")
        assert check.passed
        assert check.found == offer(item.item.promotion)
    assert "“trail shoes”, on offer, this is what I found" in done.reply.text
    done = turn(assistant, "guitar strings under 1 on sale")
    assert "on offer" in done.reply.text


def test_where_no_offers_are_told_a_wish_for_one_is_named_and_hides_nothing(shop: Shop, memory: Memory) -> None:
    plain = Catalogue(shop.catalogue.frame.with_columns(promotion=pl.lit("")))
    plan, notes = checkable(Plan(query="tents", include=("promotion", "green")), plain)
    assert plan.include == ("green",)
    assert notes == ["This shop's data tells no offers, so what is on offer could not be checked."]


def test_a_quality_that_nothing_tells_of_is_said_to_be_untold(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "wool blanket")
    softest = turn(assistant, "which is softest?", None, done.conversation).reply
    assert "The shop's data doesn't say in so many words which is softest" in softest.text
    for question in (
        "which one is largest?",
        "which is the cheapest?",
        "which has the most wool?",
        "which do you suggest?",
    ):
        assert "in so many words" not in turn(assistant, question, None, done.conversation).reply.text


def test_an_offer_runs_on_the_days_that_it_names() -> None:
    at = datetime(2026, 11, 15, 9, tzinfo=UTC)
    for text in ("20% off until 2026-11-15", "2 for 1 from 2026-11-14 to 2026-12-01", "20% off"):
        assert running(text, at)
    for text in ("20% off until 2026-11-14", "2 for 1 from 2026-11-16 to 2026-12-01", ""):
        assert not running(text, at)


def test_chinese_is_read_as_far_as_goods_have_its_words(shop: Shop, memory: Memory) -> None:
    assistant = Assistant(shop, memory)
    done = turn(assistant, "打折的帐篷")
    assert done.reply.receipt.plan.query == "tent"
    assert done.reply.receipt.constraints.on_offer
    assert turn(assistant, "有没有狗粮").reply.receipt.plan.query == "dog food"
    assert turn(assistant, "推荐一些好东西").reply.receipt.items
    assert turn(assistant, "零食，我对花生过敏").reply.receipt.plan.exclude == ("peanut",)
    talked = turn(assistant, "飞碟", None, done.conversation)
    assert talked.reply.receipt.plan.query == "tent", "what was talked of before stays"
    assert turn(assistant, "哪个最轻", None, done.conversation).reply.receipt.plan.act is Act.COMPARE
