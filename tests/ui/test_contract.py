"""The JSON that scripts read: keys, prices, order, and that receipts read back."""

from __future__ import annotations

import json

from agent.schema import Consent, ItemReceipt, Plan
from tests.ui.goods import entry, reply
from ui.contract import chat_json, consent_json, recommend_json


def test_a_chat_object_has_every_promised_key_and_is_json() -> None:
    told = json.loads(json.dumps(chat_json(reply(), "c1")))
    promised = {"text", "act", "plan", "items", "receipts", "planner", "degraded", "timings_ms"}
    assert set(told) >= promised
    assert told["plan"] == reply().receipt.plan.model_dump(mode="json")
    assert set(told["plan"]) == set(Plan.model_fields)
    assert told["conversation"] == "c1"
    assert told["timings_ms"] == {"cards": 12.346, "total": 40.0, "plan": 2.0}


def test_prices_are_minor_units_and_unknown_prices_are_null() -> None:
    items = chat_json(reply())["items"]
    assert [item["price_minor"] for item in items] == [2490, None]
    assert [item["currency"] for item in items] == ["EUR", "EUR"]


def test_items_and_receipts_are_in_the_order_shown_and_read_back() -> None:
    told = chat_json(reply())
    assert [item["rank"] for item in told["items"]] == [1, 2]
    read = [ItemReceipt.model_validate_json(json.dumps(receipt)) for receipt in told["receipts"]]
    assert tuple(read) == reply().receipt.items


def test_timings_that_were_not_measured_are_zero_and_not_missing() -> None:
    bare = reply().model_copy(update={"trace": reply().trace.model_copy(update={"timings_ms": {}})})
    assert chat_json(bare)["timings_ms"] == {"cards": 0.0, "total": 0.0}


def test_recommendations_and_consents() -> None:
    told = recommend_json("market", "anna", (entry(1),), known=True)
    assert told["items"][0]["id"] == told["receipts"][0]["item"]["id"]
    assert consent_json("anna", Consent(prompt=True)) == {"shopper": "anna", "personalise": True, "prompt": True}
