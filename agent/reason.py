"""The one line that says why an item is shown, written from its evidence alone."""

from __future__ import annotations

from collections.abc import Callable

from agent.schema import ItemReceipt
from agent.wording import either, month
from retrieval.schema import Edge, EventKind, EventRef, Evidence
from retrieval.text import label, short_name

QUOTED = 60  # characters of a bought item's title that a reason quotes
_DID = {
    EventKind.PURCHASE: "bought",
    EventKind.CART: "put in your cart",
    EventKind.FAVOURITE: "liked",
    EventKind.VIEW: "looked at",
    EventKind.REVIEW: "reviewed",
}


def reason(item: ItemReceipt) -> str:
    """The strongest true sentence about why; "" if no evidence makes one."""
    order = _ORDER[item.aisle]
    by_channel = {evidence.channel: evidence for evidence in reversed(item.evidence)}
    for channel in order:
        if channel in by_channel:
            sentence = _SENTENCES[channel](by_channel[channel])
            if sentence:
                return sentence
    return ""


def did(event: EventRef) -> str:
    """What the shopper did, to them: "You bought Trail Runner 5 in May 2022"."""
    return f"You {_DID.get(event.kind, 'looked at')} {short_name(event.title, QUOTED)} in {month(event.at)}"


def times(lift: float) -> str:
    """A lift as people say it: 3.24 -> "3.2 times"."""
    return f"{lift:.1f} times"


def walk(edge: Edge) -> str:
    """An edge as a sentence about other shoppers."""
    if edge.kind == "category":
        source, target = label(edge.source), label(edge.target)
        return f"Shoppers of {source} go on to {target} {times(edge.lift)} as often as others ({edge.support} shoppers)"
    return f"{edge.support} shoppers went on to it, {times(edge.lift)} as often as by chance"


def telling(edge: Edge | None) -> bool:
    """Whether an edge is worth telling: several shoppers walked it, more often than by chance."""
    return edge is not None and edge.support >= 2 and edge.lift >= 1.15


def _walked(evidence: Evidence) -> str:
    if evidence.edge is None or not telling(evidence.edge):
        return ""
    if evidence.events:
        story = walk(evidence.edge)
        return f"{did(evidence.events[0])}. {story}."
    return f"{walk(evidence.edge)}."


def _matched(evidence: Evidence) -> str:
    return f"It mentions {either([f'“{term}”' for term in evidence.terms[:4]], 'and')}." if evidence.terms else ""


def _habit(evidence: Evidence) -> str:
    times_walked = evidence.facts.get("times", 0)
    if not evidence.events or not times_walked:
        return ""
    return f"{did(evidence.events[0])}; this is from the same aisle, {label(evidence.events[0].category)}."


def _due(evidence: Evidence) -> str:
    since, gap = evidence.facts.get("days_since"), evidence.facts.get("usual_gap")
    if since is None or gap is None:
        return ""
    return f"You last bought it {since:.0f} days ago; the usual gap is {gap:.0f} days."


def _popular(evidence: Evidence) -> str:
    place = evidence.facts.get("place", 0)
    return f"It is number {place:.0f} among what is bought most here." if 1 <= place <= 500 else ""


def _similar(evidence: Evidence) -> str:
    return f"{did(evidence.events[0])}; this reads like it." if evidence.events else ""


def _together(evidence: Evidence) -> str:
    return f"{did(evidence.events[0])}; shoppers who did often visit this aisle too." if evidence.events else ""


def _close(evidence: Evidence) -> str:
    return "Its description is close to your words." if evidence.facts.get("similarity", 0) > 0 else ""


_SENTENCES: dict[str, Callable[[Evidence], str]] = {
    "lexical": _matched,
    "dense": _close,
    "association": _walked,
    "ease": _together,
    "copurchase": _walked,
    "habit": _habit,
    "replenishment": _due,
    "popularity": _popular,
    "new_items": _similar,
}
_ORDER: dict[str, tuple[str, ...]] = {
    "asked": ("lexical", "copurchase", "dense", "new_items", "association", "popularity"),
    "across": ("association", "copurchase", "ease", "new_items", "popularity"),
    "usual": ("copurchase", "habit", "new_items", "popularity"),
    "idea": ("copurchase", "new_items", "ease", "association", "dense", "popularity"),
    "repeat": ("replenishment", "copurchase", "popularity"),
}
