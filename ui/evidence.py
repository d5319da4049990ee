"""The evidence ledger of one card: event, what it suggests, how often shoppers walk that way; then the checks.

Everything is written from the card's `ItemReceipt` and escaped here; no other source is read.
"""

from __future__ import annotations

from html import escape

from agent.reason import did, walk
from agent.schema import Check, ItemReceipt, WhatIf
from retrieval.schema import Edge, Evidence
from retrieval.text import label, short_name

CHANNELS = {
    "dense": "Meaning of your words",
    "lexical": "Your very words",
    "copurchase": "Bought after what you have",
    "association": "Ways between aisles",
    "ease": "Shoppers with a basket like yours",
    "popularity": "Popular in this season",
    "new_items": "New, and reads like what you know",
    "replenishment": "Runs out about now",
    "habit": "Aisles that you walk",
}
_FACTS = {
    "similarity": "closeness",
    "place": "place among the most bought",
    "days_since": "days since you bought it",
    "usual_gap": "usual days between purchases",
    "times_bought": "times you bought it",
    "repeat_rate": "share who buy it again",
    "source_shoppers": "shoppers in the first aisle",
    "target_shoppers": "in the second",
    "times": "times you were in this aisle",
}
_INNER = frozenset({"score", "shown_part", "recent"})
"""Facts on a channel's own scale, which say nothing to people; scores stand in the table of channels."""


def ledger(entry: ItemReceipt) -> str:
    """The whole ledger as HTML: path, channels, checks, what-if."""
    parts = [_path(entry), _channels(entry), _checks(entry.checks), _what_if(entry.what_if)]
    return f'<div class="xa-ledger">{"".join(part for part in parts if part)}</div>'


def channel_name(channel: str) -> str:
    """A channel's name for people."""
    return CHANNELS.get(channel, label(channel.replace("_", " ")))


def _path(entry: ItemReceipt) -> str:
    walks = [_walk(evidence) for evidence in _distinct(entry)]
    items = "".join(f"<li>{steps}</li>" for steps in walks if steps)
    if not items:
        items = "<li><p>No event of yours was used: this answers your words alone.</p></li>"
    return f'<section><h5>How it got here</h5><ul class="xa-paths">{items}</ul></section>'


def _distinct(entry: ItemReceipt) -> list[Evidence]:
    found: list[Evidence] = []
    for evidence in (*entry.evidence, *entry.need.evidence):
        if evidence not in found:
            found.append(evidence)
    return found[:8]


def _walk(evidence: Evidence) -> str:
    """One way: what you did, where that leads, how often; or the words and numbers that speak for the item."""
    steps = [_step("You did", f"{did(event)}.") for event in evidence.events[:3]]
    if evidence.edge is not None:
        steps += [_step("It suggests", _suggestion(evidence.edge)), _step("How often", _frequency(evidence.edge))]
    if evidence.terms:
        steps.append(_step("It mentions", ", ".join(f"“{term}”" for term in evidence.terms[:8])))
    facts = [(name, value) for name, value in evidence.facts.items() if name not in _INNER]
    if facts:
        told = ", ".join(f"{_FACTS.get(name, name.replace('_', ' '))}: {value:,.4g}" for name, value in facts)
        steps.append(_step("In numbers", told))
    if not steps:
        return ""
    return f'<p class="xa-channel">{escape(channel_name(evidence.channel))}</p><dl>{"".join(steps)}</dl>'


def _suggestion(edge: Edge) -> str:
    if edge.kind == "category":
        return f"{label(edge.source)} → {label(edge.target)}"
    return "this item, which others took after it"


def _frequency(edge: Edge) -> str:
    days = "" if edge.days is None else f" Usually after {_days(edge.days)}."
    return f"{walk(edge)}.{days}"


def _days(days: float) -> str:
    if days < 1:
        return "less than a day"
    return "1 day" if round(days) == 1 else f"{days:,.0f} days"


def _step(name: str, told: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>"


def _channels(entry: ItemReceipt) -> str:
    if not entry.channels:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(channel_name(said.channel))}</th>"
        f"<td>{said.rank}</td><td>{said.score:.3g}</td></tr>"
        for said in sorted(entry.channels, key=lambda said: (said.rank, said.channel))
    )
    head = "<thead><tr><th scope='col'>Found by</th><th scope='col'>Place</th><th scope='col'>Score</th></tr></thead>"
    return f"<section><h5>Who proposed it</h5><table>{head}<tbody>{rows}</tbody></table></section>"


def _checks(checks: tuple[Check, ...]) -> str:
    if not checks:
        return ""
    lines = "".join(
        f'<li class="{"xa-kept" if check.passed else "xa-broken"}"><b>{escape(check.constraint)}</b> '
        f"asked {escape(check.asked)}; found {escape(check.found)}: {'kept' if check.passed else 'not kept'}</li>"
        for check in checks
    )
    return f'<section><h5>Your limits, checked</h5><ul class="xa-checks">{lines}</ul></section>'


def _what_if(what_if: tuple[WhatIf, ...]) -> str:
    if not what_if:
        return ""
    lines = "".join(f"<li>{escape(_forgotten(case))}</li>" for case in what_if)
    return f'<section><h5>If that were forgotten</h5><ul class="xa-whatif">{lines}</ul></section>'


def _forgotten(case: WhatIf) -> str:
    event = f"Without “{short_name(case.event, 80)}”"
    if case.rank_without is None:
        return f"{event} it would not be shown (now number {case.rank})."
    if case.rank_without == case.rank:
        return f"{event} it would stay number {case.rank}."
    return f"{event} it would be number {case.rank_without} instead of {case.rank}."
