"""What the learned order weighed, in plain words: what speaks for an item, what against it, and how much."""

from __future__ import annotations

from retrieval.schema import Evidence
from ui.language import marked, say

HEADINGS = {
    "your_habit": marked("how often you take it"),
    "due_again": marked("how long you have had it"),
    "popularity": marked("how many take it"),
    "newness": marked("how long it has been sold"),
    "taken_again": marked("how often people come back for it"),
    "price": marked("its price beside what you pay"),
    "your_aisle": marked("how much you walk its aisle"),
    "aisle_size": marked("how busy its aisle is"),
    "season": marked("the time of year"),
    "brand": marked("its brand"),
    "aisles_ahead": marked("where your aisles lead"),
    "your_past": marked("how much you have bought so far"),
    "reads_alike": marked("how much it reads like what you know"),
    "taken_together": marked("what others took with or after yours"),
}


def told(evidence: Evidence) -> list[tuple[str, str]]:
    """(heading, text) of what raised and what lowered an item's score, the strongest first; shares of all in percent.

    Args:
        evidence: of the learned order; its facts are signed shares by heading.
    """
    whole = sum(abs(share) for share in evidence.facts.values())
    sides = ((say("Speaks for it"), 1), (say("Speaks against it"), -1))
    steps = []
    for heading, sign in sides:
        own = [(name, share) for name, share in evidence.facts.items() if share * sign > 0]
        if own:
            parts = (f"{_name(name)} ({abs(share) / whole:.0%})" for name, share in own)
            steps.append((heading, say(", ").join(parts)))
    return steps


def _name(heading: str) -> str:
    return say(HEADINGS[heading]) if heading in HEADINGS else heading.replace("_", " ")
