"""Sessions to replay: what a shopper said, when, what was known of them by then, and what they took afterwards.

A file of sessions has one JSON object a line, as every lab folder's `sessions.jsonl` has:

    {"key": "s1", "shopper": "ada", "at": "2026-05-01T10:00:00Z",
     "turns": [{"text": "a head torch", "act": "recommend"}], "took": {"plaza:1": 1.0}}

`act` says what the assistant should do, where somebody labelled it (a recorded turn is labelled in the lab page);
`took` what the shopper took later, with gains.
A transcript (`agent/transcript.py`) is read as one session of its shopper's words; it tells neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from agent import transcript
from agent.memory import Memory
from agent.schema import Act, Consent
from eval.files import fault, kind_of, objects
from eval.simulate.goals import Goal
from retrieval.errors import EvaluationError
from retrieval.schema import Event, EventKind, Frozen

TAKEN = frozenset({EventKind.PURCHASE, EventKind.CART, EventKind.FAVOURITE})
MOST_TURNS = 50
Source = Literal["recorded", "file", "simulated"]


class Said(Frozen):
    """One message of a shopper; `act` is what should be done about it, None where nobody says."""

    text: str
    act: Act | None = None


class Session(Frozen):
    """One conversation to replay.

    Attributes:
        key: without white space, unique in a run.
        at: when it began; nothing later is known to anybody in the replay.
        took: what the shopper took later, with gains above 0; empty where that isn't known.
        events: the shopper's events recorded in the state database before `at`.
        consent: what the shopper allows at the time of replaying.
        style: of a simulated shopper.
        goal: what a simulated shopper is after, None for people.
    """

    key: Annotated[str, Field(pattern=r"^\S{1,200}$")]
    source: Source = "file"
    shopper: str | None = None
    at: datetime
    turns: Annotated[tuple[Said, ...], Field(min_length=1, max_length=MOST_TURNS)]
    took: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    events: tuple[Event, ...] = ()
    consent: Consent = Consent()
    style: str = ""
    goal: Goal | None = None


def recorded(memory: Memory, most: int, days: float) -> list[Session]:
    """The latest conversations of a state database, oldest first.

    Args:
        memory: the state database.
        most: how many.
        days: what was put into the cart, liked or bought within so many days after the beginning counts as taken.
    """
    found = []
    for record in memory.recorded(most):
        texts = [message.text for message in record.conversation.messages if message.role == "user"]
        if not any(text.strip() for text in texts):
            continue
        shopper, labels = record.conversation.shopper, memory.judged.of(record.conversation.id)
        events = memory.events_of(shopper) if shopper else []
        until = record.started + timedelta(days=days)
        took = {e.item: 1.0 for e in events if e.kind in TAKEN and record.started <= e.at <= until}
        session = Session(
            key=re.sub(r"\s", "_", record.conversation.id),
            source="recorded",
            shopper=shopper,
            at=record.started,
            turns=tuple(Said(text=text, act=labels.get(place)) for place, text in enumerate(texts[:MOST_TURNS])),
            took=took,
            events=tuple(event for event in events if event.at < record.started),
            consent=memory.consent(shopper) if shopper else Consent(),
        )
        found.append(session)
    return found


def read_sessions(path: Path, now: np.datetime64) -> list[Session]:
    """Read a file of sessions, or a transcript as one session.

    Args:
        path: of the file.
        now: when a transcript, which tells no time, is taken to have begun.

    Raises:
        EvaluationError: the file is missing or of neither form; names file and line.
        TranscriptError: it is a damaged transcript.
    """
    if kind_of(path) == "jsonl":
        first = next((found for _, found in objects(path)), {})
        if "turns" in first:
            return [_session(path, line, found) for line, found in objects(path)]
    conversation = transcript.read(path)
    texts = [message.text for message in conversation.messages if message.role == "user"]
    if not texts:
        raise fault(path, "nobody says anything in it", "give sessions or a transcript with a shopper's words")
    said = tuple(Said(text=text) for text in texts[:MOST_TURNS])
    at = now.astype("datetime64[us]").item().replace(tzinfo=UTC)
    key = re.sub(r"\s", "_", conversation.id or path.stem)
    return [Session(key=key, shopper=conversation.shopper, at=at, turns=said)]


def distinct(sessions: Iterable[Session]) -> list[Session]:
    """The sessions, checked. Raises `EvaluationError` where there is none, or two have one key."""
    found: dict[str, Session] = {}
    for session in sessions:
        if session.key in found:
            raise EvaluationError(f"two sessions are called {session.key!r}", "give every session a key of its own")
        found[session.key] = session
    if not found:
        raise EvaluationError("there are no sessions to replay", "record some, give files, or simulate them")
    return list(found.values())


def write_sessions(path: Path, sessions: Iterable[Session]) -> None:
    """Write a file of sessions, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    lines = (json.dumps(one.model_dump(mode="json"), ensure_ascii=False) + "\n" for one in sessions)
    beside.write_text("".join(lines), encoding="utf-8")
    beside.replace(path)


def _session(path: Path, line: int, found: object) -> Session:
    try:
        session = Session.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        remedy = "see the documentation of eval.lab.sessions for the form"
        raise fault(path, f"{key}: {first['msg']}", remedy, line=line) from None
    return session if session.at.tzinfo else session.model_copy(update={"at": session.at.replace(tzinfo=UTC)})
