"""A turn that was answered, without the events that its shopper has since forgotten.

Evidence that goes back to such an event leaves the receipt; reasons are written again from what is left, and so is the
prose, by the template: a model's words can't be trusted to have kept to what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from agent.explain import reply_lines
from agent.planner.acts import PAST
from agent.reason import QUOTED, reason
from agent.schema import Act, ItemReceipt, Receipt, Reply
from retrieval.schema import EventRef, Evidence, Need
from retrieval.text import short_name

Gone = Callable[[EventRef], bool]


def without(reply: Reply, gone: Gone, titles: Collection[str]) -> Reply:
    """The reply as it may still be shown and kept.

    Args:
        reply: a turn as it was answered.
        gone: whether an event was forgotten.
        titles: of the items whose events were forgotten.

    Returns:
        The same reply where nothing in it goes back to such an event.
    """
    receipt = reply.receipt
    items = tuple(_item(item, gone, titles) for item in receipt.items)
    needs = tuple(_need(need, gone) for need in receipt.needs)
    fresh = receipt.model_copy(update={"items": items, "needs": needs, "notes": _untold(receipt, titles)})
    if fresh == receipt:
        return reply
    fresh = fresh.model_copy(update={"notes": _notes(fresh, receipt)})
    trace = reply.trace.model_copy(update={"taken_out": ()})
    return reply.model_copy(update={"receipt": fresh, "text": "\n".join(reply_lines(fresh)), "trace": trace})


def _untold(receipt: Receipt, titles: Collection[str]) -> tuple[str, ...]:
    """The notes; a list of purchases, the only ones that name events without evidence, without the forgotten ones."""
    if receipt.plan.question != PAST:
        return receipt.notes
    names = [short_name(title, QUOTED) for title in titles]
    return tuple(note for note in receipt.notes if not any(name in note for name in names))


def _item(item: ItemReceipt, gone: Gone, titles: Collection[str]) -> ItemReceipt:
    evidence, need = _kept(item.evidence, gone), _need(item.need, gone)
    what_if = tuple(case for case in item.what_if if case.event not in titles)
    if evidence == item.evidence and need == item.need and what_if == item.what_if:
        return item
    fresh = item.model_copy(update={"evidence": evidence, "need": need, "what_if": what_if})
    return fresh.model_copy(update={"reason": reason(fresh)}) if item.reason else fresh


def _need(need: Need, gone: Gone) -> Need:
    evidence = _kept(need.evidence, gone)
    return need if evidence == need.evidence else need.model_copy(update={"evidence": evidence})


def _kept(several: tuple[Evidence, ...], gone: Gone) -> tuple[Evidence, ...]:
    return tuple(evidence for evidence in several if not any(map(gone, evidence.events)))


def _notes(fresh: Receipt, old: Receipt) -> tuple[str, ...]:
    """Notes of an explanation tell the reasons of before: they are told anew."""
    if old.plan.act is not Act.EXPLAIN:
        return fresh.notes
    return tuple(f"{item.name}: {item.reason}" if item.reason else item.name for item in fresh.items)
