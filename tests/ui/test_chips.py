"""Quick criticism: what is offered leads somewhere, and does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median_high

import pytest

from agent.models.compact import compact_model
from agent.planner.rules import RulesPlanner
from agent.schema import Act, ItemReceipt
from retrieval.schema import Constraints, EventKind
from tests.shops import hostile_shop
from tests.ui.goods import entry, reply
from ui.chips import chips, offered
from ui.desk import Desk
from ui.room import Room


@pytest.fixture
def desk(shop: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        yield desk


def say(room: Room, words: str) -> list[ItemReceipt]:
    for _ in room.say(words):
        pass
    receipt = room.turns[-1].receipt
    assert receipt is not None
    return list(receipt.items)


def words_of(room: Room) -> dict[str, str]:
    receipt = room.turns[-1].receipt
    assert receipt is not None
    return dict(offered(room.desk.shop, receipt))


def test_cheaper_goes_below_the_middle_price(desk: Desk) -> None:
    room = Room(desk)
    before = say(room, "scented candles")
    after = say(room, words_of(room)["Cheaper"])
    asked = [item for item in before if item.aisle == "asked"]  # suggestions from other aisles don't count
    bar = median_high([item.item.price_minor or 0 for item in asked])
    assert len(asked) < len(before)
    assert after
    assert all((item.item.price_minor or 0) < bar for item in after)


def test_another_brand_leaves_the_best_shown_brands(desk: Desk) -> None:
    room = Room(desk)
    before = say(room, "coffee beans")
    after = say(room, words_of(room)["Another brand"])
    asked = [item.item for item in after if item.aisle == "asked"]
    assert asked
    assert not {item.item.brand for item in before if item.aisle == "asked"} & {item.brand for item in asked}


def test_another_brand_of_a_thing_is_still_that_thing_or_said_to_be_near(desk: Desk) -> None:
    for words in ("trail shoes under 120", "coffee beans under 30 euros"):
        room = Room(desk)
        aisles = {item.item.category for item in say(room, words) if item.aisle == "asked"}
        after = say(room, words_of(room)["Another brand"])
        shown = {item.item.category for item in after if item.aisle == "asked"}
        assert shown <= aisles or "these are the nearest" in room.turns[-1].text
        assert len(after) == 6, "what other aisles have fills the list"


def test_with_the_compact_model_as_well_a_chip_does_what_it_says(shop: Path, tmp_path: Path) -> None:
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3", model=compact_model()) as desk:
        rules = RulesPlanner(desk.assistant.vocabulary)
        for words in ("trail shoes under 120", "scented candles", "a warm blanket under 60, not wool"):
            room = Room(desk)
            say(room, words)
            for chip in words_of(room).values():
                wanted = rules.plan(chip, room.conversation)
                say(room, chip)
                receipt = room.turns[-1].receipt
                assert receipt is not None
                for field in ("act", "query", "price_max", "not_brands", "not_items", "in_stock"):
                    assert getattr(receipt.plan, field) == getattr(wanted, field), (words, chip, field)


def test_another_aisle_goes_on_without_the_query_and_what_was_shown(desk: Desk) -> None:
    room = Room(desk)
    before = say(room, "scented candles")
    after = say(room, words_of(room)["Another aisle"])
    assert len({item.item.category for item in after} - {item.item.category for item in before}) >= 3
    assert not {item.item.id for item in after} & {item.item.id for item in before}


def test_only_in_stock_is_offered_where_something_shown_is_not(desk: Desk) -> None:
    stocked, late = entry(availability="in_stock"), entry(availability="preorder")
    category = desk.shop.catalogue.category.names[1]
    receipt = reply().receipt.model_copy(update={"constraints": Constraints()})

    def names(one: ItemReceipt) -> list[str]:
        item = one.item.model_copy(update={"category": category})
        items = (one.model_copy(update={"item": item}),)
        return [name for name, _ in offered(desk.shop, receipt.model_copy(update={"items": items}))]

    assert "Only in stock" in names(late)
    assert "Only in stock" not in names(stocked)


def test_what_leads_nowhere_is_not_offered() -> None:
    with Desk(hostile_shop(), "sqlite://") as desk:  # one brand, four goods an aisle
        room = Room(desk)
        say(room, "kettle")
        receipt = room.turns[-1].receipt
        assert receipt is not None
        names = set(words_of(room))
        assert "Another brand" not in names
        assert "Only in stock" not in names
        dear = receipt.model_copy(update={"constraints": Constraints(price_max=1), "items": receipt.items[:1]})
        unpriced = receipt.items[0].item.model_copy(update={"price_minor": None})
        dear = dear.model_copy(update={"items": (receipt.items[0].model_copy(update={"item": unpriced}),)})
        assert "Cheaper" not in dict(offered(desk.shop, dear))
        assert "<svg onload" not in chips(room)


def test_another_brand_is_offered_where_the_goods_asked_for_have_one_whatever_stands_beside_them(desk: Desk) -> None:
    room = Room(desk)
    shown = say(room, "headphones")
    asked = [entry.item for entry in shown if entry.aisle == "asked"]
    brands = desk.shop.catalogue.frame.filter(category=asked[0].category)["brand"].unique()
    assert {item.brand for item in asked} == set(brands), "all that there are"
    assert {entry.aisle for entry in shown} == {"asked", "across"}
    assert "Another brand" not in words_of(room)
    say(room, "coffee beans")
    assert "Another brand" in words_of(room)


def test_more_like_this_finds_that_kind_without_the_item_and_counts_as_a_look(desk: Desk) -> None:
    room = Room(desk, "anna")
    shown = say(room, "scented candles")
    chosen = shown[1].item
    message, plan = room.more_like(chosen.id)
    assert plan.categories == (chosen.category,)
    for _ in room.say(message, plan):
        pass
    turn = room.turns[-1]
    assert turn.reply is not None
    assert turn.reply.trace.planner == "button"
    assert chosen.title in turn.message or shown[1].name in turn.message
    found = [item.item for item in turn.reply.receipt.items]
    assert chosen.id not in {item.id for item in found}
    assert found[0].category == chosen.category
    assert all(entry.aisle == "across" or entry.item.category == chosen.category for entry in turn.reply.receipt.items)
    looked = [(event.item, event.kind) for event in desk.memory.events_of("anna")]
    assert looked == [(chosen.id, EventKind.VIEW)]
    history = desk.assistant.history(room.profile)
    assert desk.shop.catalogue.ids[history.rows[-1]] == chosen.id, "it counts in the next turn"


def test_more_like_a_suggestion_leaves_budget_and_brands_of_what_was_asked_behind(desk: Desk) -> None:
    room = Room(desk, "anna")
    say(room, "scented candles under 25, nothing from Tarnwick")
    shown = say(room, "another brand")
    suggestion = next(entry.item for entry in shown if entry.aisle == "across")
    asked = next(entry.item for entry in shown if entry.aisle != "across")
    limits = room.conversation.plan
    assert limits is not None
    assert set(limits.not_brands) > {"Tarnwick"}
    _, near = room.more_like(asked.id)
    assert (near.price_max, near.not_brands) == (2500, limits.not_brands)
    _, far = room.more_like(suggestion.id)
    assert (far.price_max, far.not_brands, far.categories) == (None, ("Tarnwick",), (suggestion.category,))


def test_ticked_items_are_compared_from_any_turn(desk: Desk) -> None:
    room = Room(desk, "anna")
    first = say(room, "scented candles")[0].item.id
    second = say(room, "blister plasters")[0].item.id
    assert "compare" not in chips(room)
    assert "Tick another" in room.tick(first)
    assert "No longer" in room.tick(first)
    room.tick(first)
    room.tick(second)
    assert 'data-op="compare"' in chips(room)
    message, plan = room.compare()
    for _ in room.say(message, plan):
        pass
    reply = room.turns[-1].reply
    assert reply is not None
    assert reply.receipt.plan.act is Act.COMPARE
    assert [item.item.id for item in reply.receipt.items] == [first, second]
    assert "Compared with each other" in reply.text
    assert room.ticked == []
    assert [event.kind for event in desk.memory.events_of("anna")] == [EventKind.VIEW] * 2


def test_no_more_than_four_are_ticked(desk: Desk) -> None:
    room = Room(desk)
    ids = desk.shop.catalogue.ids
    for item in ids[:5]:
        told = room.tick(item)
    assert room.ticked == ids[:4]
    assert "At most 4" in told
