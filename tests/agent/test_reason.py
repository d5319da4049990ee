"""The reason on a card is the clearest of its evidence, and what-ifs are of the event that it names."""

from __future__ import annotations

from agent.act import _event_index
from agent.memory import Memory
from agent.reason import reason, speaking_for
from agent.schema import Conversation, Profile
from agent.turn import Assistant
from retrieval.shop import Shop
from retrieval.text import short_name
from tests.agent.receipts import torch
from tests.shops import sample_shop


def test_of_several_walks_the_clearest_is_told() -> None:
    item = torch()
    strong = item.evidence[0]
    assert strong.edge is not None
    faint = strong.model_copy(update={"edge": strong.edge.model_copy(update={"source": "Bread flour", "lift": 1.2})})
    both = item.model_copy(update={"evidence": (faint, strong)})
    assert speaking_for(both) == strong
    assert strong.edge.source in reason(both)
    assert reason(item.model_copy(update={"evidence": ()})) == ""


def test_what_would_change_is_told_of_the_event_that_the_reason_names() -> None:
    shop, named = Shop.open(sample_shop()), 0
    with Memory("sqlite://") as memory:
        assistant = Assistant(shop, memory)
        for shopper in shop.shoppers()[:20]:
            profile = Profile(shopper=shopper)
            history = assistant.history(profile)
            receipt = assistant.reply("what might I need next?", Conversation(), profile).reply.receipt
            for item in receipt.items:
                told = speaking_for(item)
                if told is None or not told.events or not item.what_if:
                    continue
                named += 1
                assert item.what_if[0].event in {event.title for event in told.events}, short_name(item.name)
                assert _event_index(item, history, shop) is not None
    assert named > 3
