"""What scripts read: the JSON objects that `crossaisle chat`, `recommend` and `record` print.

Keys are stable: a release may add some, never rename or drop one. Prices are integers in the currency's minor unit, or
null where the shop doesn't know them; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.schema import Consent, ItemReceipt, Reply, Shown
from retrieval.schema import Event, Item

Json = dict[str, Any]


def item_json(item: Item) -> Json:
    """One catalogue item: every field that was shown, and its path in the shop's tree."""
    return item.model_dump(mode="json")


def shown_json(entry: ItemReceipt) -> Json:
    """One shown item: the catalogue's fields, and how it was shown (`rank`, `name`, `aisle`, `reason`)."""
    return item_json(entry.item) | {
        "rank": entry.rank,
        "name": entry.name,
        "aisle": entry.aisle,
        "score": entry.score,
        "reason": entry.reason,
    }


def receipts_json(entries: Iterable[ItemReceipt]) -> list[Json]:
    """The receipts behind shown items, in the order shown; `ItemReceipt.model_validate` reads each back."""
    return [entry.model_dump(mode="json") for entry in entries]


def cart_json(cart: Iterable[Shown]) -> list[Json]:
    """The shopper's cart after the turn."""
    return [line.model_dump(mode="json") for line in cart]


def chat_json(reply: Reply, conversation: str = "") -> Json:
    """One whole turn, as `crossaisle chat --json` prints it."""
    receipt, trace = reply.receipt, reply.trace
    return {
        "text": reply.text,
        "act": receipt.plan.act.value,
        "plan": receipt.plan.model_dump(mode="json"),
        "items": [shown_json(entry) for entry in receipt.items],
        "receipts": receipts_json(receipt.items),
        "notes": list(receipt.notes),
        "cart": cart_json(reply.cart),
        "shop": receipt.shop,
        "shopper": receipt.shopper,
        "conversation": conversation,
        "planner": trace.planner,
        "explainer": trace.explainer,
        "model": trace.model,
        "prompts": dict(trace.prompts),
        "degraded": trace.degraded,
        "problems": list(trace.problems),
        "model_calls": trace.model_calls,
        "grounding": {"sentences": trace.sentences, "replaced": trace.replaced},
        "timings_ms": _timings(trace.timings_ms),
    }


def recommend_json(shop: str, shopper: str | None, entries: tuple[ItemReceipt, ...], known: bool) -> Json:
    """Suggestions without words, as `crossaisle recommend --json` prints them."""
    return {
        "shop": shop,
        "shopper": shopper,
        "known": known,
        "items": [shown_json(entry) for entry in entries],
        "receipts": receipts_json(entries),
    }


def record_json(event: Event) -> Json:
    """An event that was recorded, as `crossaisle record --json` prints it."""
    return {"recorded": event.model_dump(mode="json")}


def consent_json(shopper: str, consent: Consent) -> Json:
    """What a shopper allows, as `crossaisle consent --json` prints it."""
    return {"shopper": shopper, "personalise": consent.personalise, "prompt": consent.prompt}


def _timings(measured: dict[str, float]) -> dict[str, float]:
    rounded = {stage: round(value, 3) for stage, value in measured.items()}
    return {"cards": rounded.pop("cards", 0.0), "total": rounded.pop("total", 0.0), **rounded}
