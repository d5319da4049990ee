"""The one line that says why an item is shown, written from its evidence alone."""

from __future__ import annotations

import math
from collections.abc import Callable

from agent.language import marked, say
from agent.schema import ItemReceipt
from agent.wording import both, month, sentence
from retrieval.schema import Edge, EventKind, EventRef, Evidence
from retrieval.text import label, short_name

QUOTED = 60  # characters of a bought item's title that a reason quotes
_DID = {
    EventKind.PURCHASE: marked("You bought {title} in {month}"),
    EventKind.CART: marked("You put in your cart {title} in {month}"),
    EventKind.FAVOURITE: marked("You liked {title} in {month}"),
    EventKind.VIEW: marked("You looked at {title} in {month}"),
    EventKind.REVIEW: marked("You reviewed {title} in {month}"),
}


def reason(item: ItemReceipt) -> str:
    """The strongest true sentence about why; "" if no evidence makes one."""
    found = speaking_for(item)
    return _SENTENCES[found.channel](found) if found is not None else ""


def speaking_for(item: ItemReceipt) -> Evidence | None:
    """The evidence that `reason` tells: the clearest of the first channel that has a sentence; None if none has."""
    for channel in _ORDER[item.aisle]:
        own = [evidence for evidence in item.evidence if evidence.channel == channel and _SENTENCES[channel](evidence)]
        if own:
            return max(own, key=_clear)  # the first of equals, as the channel orders them
    return None


def _clear(evidence: Evidence) -> float:
    """How far a walk is from chance: the log of its lift, over that log's standard error up to a factor."""
    edge = evidence.edge
    return 0.0 if edge is None or edge.lift <= 0 else math.log(edge.lift) * math.sqrt(edge.support)


def did(event: EventRef) -> str:
    """What the shopper did, to them: "You bought Trail Runner 5 in May 2022"."""
    told = _DID.get(event.kind, _DID[EventKind.VIEW])
    return say(told, title=short_name(event.title, QUOTED), month=month(event.at))


def times(lift: float) -> str:
    """A lift as people say it: 3.24 -> "3.2 times"."""
    return say("{lift:.1f} times", lift=lift)


def walk(edge: Edge) -> str:
    """An edge as a sentence about other shoppers."""
    if edge.kind == "category":
        source, target = label(edge.source), label(edge.target)
        return say(
            "Shoppers of {source} go on to {target} {times} as often as others ({count} shoppers)",
            source=source,
            target=target,
            times=times(edge.lift),
            count=edge.support,
        )
    if edge.support == 1:
        return say("1 shopper went on to it, {times} as often as by chance", times=times(edge.lift))
    return say(
        "{count} shoppers went on to it, {times} as often as by chance", count=edge.support, times=times(edge.lift)
    )


def telling(edge: Edge | None) -> bool:
    """Whether an edge is worth telling: several shoppers walked it, more often than by chance."""
    return edge is not None and edge.support >= 2 and edge.lift >= 1.15


def _walked(evidence: Evidence) -> str:
    if evidence.edge is None or not telling(evidence.edge):
        return ""
    if evidence.events:
        story = walk(evidence.edge)
        return f"{sentence(did(evidence.events[0]))} {sentence(story)}"
    return sentence(walk(evidence.edge))


def _matched(evidence: Evidence) -> str:
    if not evidence.terms:
        return ""
    return say("It mentions {terms}.", terms=both([f"“{term}”" for term in evidence.terms[:4]]))


def _habit(evidence: Evidence) -> str:
    times_walked = evidence.facts.get("times", 0)
    if not evidence.events or not times_walked:
        return ""
    aisle = label(evidence.events[0].category)
    return say("{did}; this is from the same aisle, {aisle}.", did=did(evidence.events[0]), aisle=aisle)


def _due(evidence: Evidence) -> str:
    since, gap = evidence.facts.get("days_since"), evidence.facts.get("usual_gap")
    if since is None or gap is None:
        return ""
    return say("You last bought it {since:.0f} days ago; the usual gap is {gap:.0f} days.", since=since, gap=gap)


def _popular(evidence: Evidence) -> str:
    place = evidence.facts.get("place", 0)
    return say("It is number {place:.0f} among what is bought most here.", place=place) if 1 <= place <= 500 else ""


def _similar(evidence: Evidence) -> str:
    return say("{did}; this reads like it.", did=did(evidence.events[0])) if evidence.events else ""


def _together(evidence: Evidence) -> str:
    if not evidence.events:
        return ""
    return say("{did}; shoppers who did often visit this aisle too.", did=did(evidence.events[0]))


def _close(evidence: Evidence) -> str:
    return say("Its description is close to your words.") if evidence.facts.get("similarity", 0) > 0 else ""


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
