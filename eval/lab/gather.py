"""The sessions of a run: gathered once, then the folder's own, so that a resumed run replays the very same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.memory import Memory
from agent.schema import Consent
from eval.files import fault
from eval.lab.folder import SESSIONS
from eval.lab.grid import Grid, SessionsSpec
from eval.lab.sessions import Said, Session, distinct, read_sessions, recorded, write_sessions
from eval.simulate.check import errors
from eval.simulate.crowd import Simulation, crowd
from retrieval.errors import EvaluationError
from retrieval.shop import Shop

_EXPOSED = "What shoppers took in recorded sessions they chose from what served then: that speaks for `production`."
_ONLY = "ALL sessions are simulated: alone, this is no evidence about people. Replay recorded ones before promoting."


@dataclass(frozen=True)
class Gathered:
    """The sessions of a run.

    Attributes:
        cut: when simulated shoppers' past ends; None without any.
        at: when they were gathered; None in folders of earlier releases.
        told: what a reader has to be told.
    """

    sessions: tuple[Session, ...]
    cut: datetime | None = None
    at: datetime | None = None
    told: dict[str, Any] = field(default_factory=dict)


def gather(grid: Grid, shop: Shop, memory: Memory, into: Path, before: dict[str, Any] | None) -> Gathered:
    """The folder's sessions, or those that the grid names, which then are the folder's.

    Args:
        grid: the comparison.
        shop: opened.
        memory: the shop's state database.
        into: the lab folder.
        before: what `lab.json` said of an earlier run into the folder, None for a new one.

    Raises:
        EvaluationError: there are no sessions, or the folder's are others than the grid's.
    """
    wanted = grid.sessions.model_dump(mode="json")
    if before is not None:
        if before["sessions"] != wanted or before["shop"] != str(shop.manifest["build"]):
            cause = "the folder holds a run over other sessions or another build of the shop"
            raise fault(into, cause, "choose another folder, or the sessions of that run")
        sessions = read_sessions(into / SESSIONS, shop.now)
        return Gathered(tuple(sessions), time_in(before, "cut"), time_in(before, "gathered"), before["told"])
    now = datetime.now(UTC)
    found, told, cut = _fresh(grid.sessions, shop, memory)
    write_sessions(into / SESSIONS, found)
    return Gathered(tuple(found), cut, now, told)


def time_in(told: dict[str, Any], name: str) -> datetime | None:
    """A moment that `lab.json` names, if it does."""
    return datetime.fromisoformat(told[name]) if told.get(name) else None


def _fresh(spec: SessionsSpec, shop: Shop, memory: Memory) -> tuple[list[Session], dict[str, Any], datetime | None]:
    found = recorded(memory, spec.recorded, spec.days) if spec.recorded else []
    if spec.recorded and not found:
        raise EvaluationError(
            f"nobody has talked to {shop.name} yet: {memory.name} holds no conversations",
            "name another state database, or give files or simulated sessions",
        )
    for path in spec.files:
        found += read_sessions(path, shop.now)
    told: dict[str, Any] = {}
    cut = None
    people = len(found)
    if spec.simulated is not None:
        simulations, cut = crowd(shop, spec.simulated)
        simulations = [one for one in simulations if _remembered(one, shop, memory)]
        texts = zip(shop.catalogue.titles, shop.catalogue.frame["category"].to_list(), strict=True)
        told["simulator"] = errors(simulations, [f"{title} {category}" for title, category in texts])
        found += [_simulated(one) for one in simulations]
    found = distinct(found)
    told["notes"] = _notes(found, people, shop, told)
    kept = sum(one.source == "recorded" for one in found)
    if kept < spec.recorded:
        few = f"There are only {kept:,} recorded sessions, not the {spec.recorded:,} that were asked for"
        told["notes"].insert(0, f"{few}: give files or simulated sessions for more.")
    told["sessions"] = {source: sum(one.source == source for one in found) for source in {s.source for s in found}}
    return found, json.loads(json.dumps(told, sort_keys=True)), cut


def _remembered(one: Simulation, shop: Shop, memory: Memory) -> bool:
    """Whether the purchase behind a goal isn't one that its shopper had forgotten."""
    hidden = memory.hidden.of(one.wish.shopper)
    return not hidden or one.wish.goal.item in set(shop.events_of(one.wish.shopper, hidden)["item"])


def _simulated(one: Simulation) -> Session:
    return Session(
        key=one.key,
        source="simulated",
        shopper=one.wish.shopper,
        at=one.wish.at,
        turns=tuple(Said(text=text, act=act) for text, act in one.said),
        took={one.wish.goal.item: 1.0},
        consent=Consent(),
        style=one.style,
        goal=one.wish.goal,
    )


def _notes(found: list[Session], people: int, shop: Shop, told: dict[str, Any]) -> list[str]:
    notes = []
    if "simulator" in told:
        own = told["simulator"]["all"]
        lost, alone, wrong = (own[name] for name in ("unrecoverable", "messages_unrecoverable", "contradictory"))
        notes.append(
            f"Simulated shoppers: {len(found) - people} of {len(found)} sessions. Their own error: in {lost:.1%} of "
            f"theirs the goal can't be told from what is said ({alone:.1%} of messages); {wrong:.1%} contradict it."
        )
        if not people:
            notes.append(_ONLY)
    if any(one.source == "recorded" for one in found):
        notes.append(_EXPOSED)
        now = shop.now.astype("datetime64[us]").item().replace(tzinfo=UTC)
        early = sum(one.at <= now for one in found if one.source == "recorded")
        if early:
            notes.append(
                f"{early} recorded sessions began before the last event that the shop was built with: its channels may "
                "have learnt from what came after them."
            )
    unknown = sum(not one.took for one in found)
    if unknown:
        notes.append(
            f"Of {unknown} of {len(found)} sessions nobody knows what was taken: they are in no ranking figure."
        )
    return notes
