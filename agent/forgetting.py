"""What is known of a shopper, and forgetting parts of it, wherever it came from: recorded here, or the shop's own data.

What is forgotten guides no later turn, and leaves the receipts and words of earlier ones as well.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from agent.memory import Memory
from agent.redact import without
from agent.schema import Reply
from retrieval.history import History, digest
from retrieval.schema import Event, EventKind, EventRef
from retrieval.shop import Shop

_SHOP = "shop:"  # what the key of an event of the shop's own data begins with; that of a recorded one is its number


@dataclass(frozen=True)
class Known:
    """An event of a shopper; `key` names it to `forget`."""

    event: Event
    key: str

    @property
    def recorded(self) -> bool:
        """Whether it was recorded here, not in the shop's own data."""
        return not self.key.startswith(_SHOP)


def history_of(shop: Shop, memory: Memory, shopper: str, *, personalise: bool = True) -> History:
    """What may count of a shopper's past: of the shop's data what isn't forgotten, and what was recorded since."""
    if not personalise:
        return shop.history(shopper, personalise=False)
    return shop.history(shopper, extra=memory.events_of(shopper), hidden=memory.hidden.of(shopper))


def known(shop: Shop, memory: Memory, shopper: str, latest: int | None = None) -> list[Known]:
    """The shopper's events that aren't forgotten, oldest first.

    Args:
        shop: with its own events.
        memory: with those recorded since.
        shopper: whose.
        latest: only so many of the shop's own, the latest.
    """
    frame = shop.events_of(shopper, memory.hidden.of(shopper)).sort("at", maintain_order=True)
    rows = (frame if latest is None else frame.tail(latest)).iter_rows(named=True)
    fields = ("shopper", "item", "kind", "at")
    own = [Event(**{name: row[name] for name in fields}) for row in rows]
    here = [Known(event, str(number)) for number, event in memory.numbered_events(shopper)]
    return sorted((*(Known(event, _key(event)) for event in own), *here), key=lambda one: one.event.at)


def count_known(shop: Shop, memory: Memory, shopper: str) -> int:
    """How many events of the shopper aren't forgotten."""
    return len(shop.events_of(shopper, memory.hidden.of(shopper))) + len(memory.numbered_events(shopper))


def forget(shop: Shop, memory: Memory, shopper: str, keys: Collection[str]) -> int:
    """Forget events by their keys: those recorded here are removed, those of the shop's own data hidden.

    Returns:
        How many were forgotten now; keys of nobody's or somebody else's events count for nothing.
    """
    chosen = [one for one in known(shop, memory, shopper) if one.key in set(keys)]
    if not chosen:
        return 0
    recorded = [int(one.key) for one in chosen if one.recorded]
    hidden = [one.key.removeprefix(_SHOP) for one in chosen if not one.recorded]
    count = memory.forget_events(shopper, recorded) + memory.hidden.hide(shopper, hidden)
    gone = {(one.event.item, one.event.kind, one.event.at) for one in chosen}
    rows = shop.catalogue.row_of
    titles = {shop.catalogue.titles[rows[item]] for item, _, _ in gone if item in rows}

    def redacted(reply: Reply) -> Reply:
        return without(reply, lambda event: _place(event) in gone, titles)

    memory.rewrite_turns(shopper, redacted)
    return count


def forget_category(shop: Shop, memory: Memory, shopper: str, category: str) -> int:
    """Forget all that a shopper did in one category. Returns how many events that were."""
    column, rows = shop.catalogue.category, shop.catalogue.row_of
    code = column.code_of.get(category, -1)
    mine = (one for one in known(shop, memory, shopper) if one.event.item in rows)
    return forget(shop, memory, shopper, [one.key for one in mine if column.codes[rows[one.event.item]] == code])


def _key(event: Event) -> str:
    return _SHOP + digest(event.shopper, event.item, event.kind.value, event.at)


def _place(event: EventRef) -> tuple[str, EventKind, object]:
    return event.item, event.kind, event.at
