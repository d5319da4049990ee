"""The evidence ledger of one card: event, what it suggests, how often shoppers walk that way; then the checks.

Everything is written from the card's `ItemReceipt` and escaped here; no other source is read.
"""

from __future__ import annotations

from html import escape

from agent.answer import limit_name
from agent.reason import did, walk
from agent.schema import Check, ItemReceipt, WhatIf
from agent.wording import sentence
from retrieval.schema import Edge, Evidence
from retrieval.text import label, short_name
from ui import shares
from ui.language import marked, say

CHANNELS = {
    "dense": marked("Meaning of your words"),
    "lexical": marked("Your very words"),
    "copurchase": marked("Bought after what you have"),
    "association": marked("Ways between aisles"),
    "ease": marked("Shoppers with a basket like yours"),
    "popularity": marked("Popular in this season"),
    "new_items": marked("New, and reads like what you know"),
    "replenishment": marked("Runs out about now"),
    "habit": marked("Aisles that you walk"),
    "interests": marked("Reads like what you are into"),
    "neighbours": marked("Shoppers who took the same"),
    "transitions": marked("What shoppers take next"),
    "aisles": marked("Aisles that come next for you"),
    "sequence": marked("The order in which you took things"),
    "graph": marked("Goods that hang together"),
    "ranker": marked("What the learned order weighed"),
}
_FACTS = {
    "place": marked("place among what sells now"),
    "days_since": marked("days since you bought it"),
    "usual_gap": marked("usual days between purchases"),
    "times_bought": marked("times you bought it"),
    "repeat_rate": marked("share who buy it again"),
    "source_shoppers": marked("shoppers in the first aisle"),
    "target_shoppers": marked("in the second"),
    "times": marked("times you were in this aisle"),
    "interest": marked("share of what you are into"),
}
_SHARES = frozenset({"repeat_rate", "interest"})
_INNER = frozenset({"score", "shown_part", "recent", "similarity"})
"""Facts on a channel's own scale, which say nothing to people; scores stand in the record of the turn."""


def ledger(entry: ItemReceipt) -> str:
    """The whole ledger as HTML: path, channels, checks, what-if."""
    parts = [_path(entry), _channels(entry), _checks(entry.checks), _what_if(entry)]
    return f'<div class="xa-ledger">{"".join(part for part in parts if part)}</div>'


def channel_name(channel: str) -> str:
    """A channel's name for people."""
    return say(CHANNELS[channel]) if channel in CHANNELS else label(channel.replace("_", " "))


def _path(entry: ItemReceipt) -> str:
    walks = [_walk(evidence) for evidence in _distinct(entry)]
    items = "".join(f"<li>{steps}</li>" for steps in walks if steps)
    if not items:
        told = escape(say("No event of yours was used: this answers your words alone."))
        items = f"<li><p>{told}</p></li>"
    return _section(say("How it got here"), f'<ul class="xa-paths">{items}</ul>')


def _distinct(entry: ItemReceipt) -> list[Evidence]:
    found: list[Evidence] = []
    for evidence in (*entry.evidence, *entry.need.evidence):
        if evidence not in found:
            found.append(evidence)
    return found[:8]


def _walk(evidence: Evidence) -> str:
    """One way: what you did, where that leads, how often; or the words and numbers that speak for the item."""
    events = dict.fromkeys(sentence(did(event)) for event in evidence.events[:3])  # twice in a month reads alike
    steps = [_step(say("You did"), told) for told in events]
    if evidence.edge is not None:
        steps += [
            _step(say("It suggests"), _suggestion(evidence.edge)),
            _step(say("How often"), _frequency(evidence.edge)),
        ]
    if evidence.terms:
        steps.append(_step(say("It mentions"), ", ".join(f"“{term}”" for term in evidence.terms[:8])))
    if evidence.channel == "ranker":
        steps += [_step(heading, text) for heading, text in shares.told(evidence)]
    facts = [(name, value) for name, value in evidence.facts.items() if name not in _INNER]
    if facts and evidence.channel != "ranker":
        told = ", ".join(f"{_fact(name)}: {_figure(name, value)}" for name, value in facts)
        steps.append(_step(say("In numbers"), told))
    if not steps:
        return ""
    return f'<p class="xa-channel">{escape(channel_name(evidence.channel))}</p><dl>{"".join(steps)}</dl>'


def _suggestion(edge: Edge) -> str:
    if edge.kind == "category":
        return f"{label(edge.source)} → {label(edge.target)}"
    return say("this item, which others took after it")


def _frequency(edge: Edge) -> str:
    often = sentence(walk(edge))
    return often if edge.days is None else f"{often} {say('Usually after {days}.', days=_days(edge.days))}"


def _days(days: float) -> str:
    if days < 1:
        return say("less than a day")
    return say("1 day") if round(days) == 1 else say("{count:,.0f} days", count=days)


def _fact(name: str) -> str:
    return say(_FACTS[name]) if name in _FACTS else name.replace("_", " ")


def _figure(name: str, value: float) -> str:
    return f"{value:.0%}" if name in _SHARES else f"{value:,.0f}" if abs(value) >= 1 else f"{value:.2g}"


def _section(heading: str, inside: str) -> str:
    return f"<section><h4>{escape(heading)}</h4>{inside}</section>"


def _step(name: str, told: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>"


def _channels(entry: ItemReceipt) -> str:
    if not entry.channels:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(channel_name(said.channel))}</th><td>{said.rank}</td></tr>"
        for said in sorted(entry.channels, key=lambda said: (said.rank, said.channel))
    )
    names = (say("Found by"), say("Place"))
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _section(say("Who proposed it"), table)


def _checks(checks: tuple[Check, ...]) -> str:
    if not checks:
        return ""
    lines = "".join(
        f'<li class="{"xa-kept" if check.passed else "xa-broken"}">{_check(check)}</li>' for check in checks
    )
    return _section(say("Your limits, checked"), f'<ul class="xa-checks">{lines}</ul>')


def _check(check: Check) -> str:
    told = say("asked {asked}; found {found}: kept", asked=check.asked, found=check.found)
    if not check.passed:
        told = say("asked {asked}; found {found}: not kept", asked=check.asked, found=check.found)
    return f"<b>{escape(limit_name(check.constraint))}</b> {escape(told)}"


def _what_if(entry: ItemReceipt) -> str:
    told = [_forgotten(case) for case in entry.what_if]
    if not told and any(evidence.events for evidence in _distinct(entry)):
        told = [say("What forgetting them would change was not worked out for this item.")]
    if not told:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in told)
    return _section(say("If that were forgotten"), f'<ul class="xa-whatif">{lines}</ul>')


def _forgotten(case: WhatIf) -> str:
    event = short_name(case.event, 80)
    if case.rank_without is None:
        return say("Without “{event}” it would not be shown (now number {rank}).", event=event, rank=case.rank)
    if case.rank_without == case.rank:
        return say("Without “{event}” it would stay number {rank}.", event=event, rank=case.rank)
    return say(
        "Without “{event}” it would be number {then} instead of {rank}.",
        event=event,
        then=case.rank_without,
        rank=case.rank,
    )
