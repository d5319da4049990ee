"""From a message to a plan: the language model where there is one, the rules always behind it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agent.planner.question import with_question
from agent.planner.together import Together
from agent.planner.vocabulary import Vocabulary
from agent.schema import Conversation, Plan
from retrieval.errors import ModelError
from retrieval.tracing import span

log = logging.getLogger(__name__)


class Planner(Protocol):
    """Reads a message in its conversation without a model; never fails."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What the shop calls things."""
        ...

    def plan(self, message: str, conversation: Conversation) -> Plan:
        """The plan, with everything carried over from earlier turns."""


class PlannerWithModel(Protocol):
    """Reads a message by one model call; raises `ModelError`."""

    def plan(
        self, message: str, conversation: Conversation, *, deadline: float, history_lines: Sequence[str] = ()
    ) -> Plan:
        """The plan; `deadline` is on `time.monotonic()`'s clock."""


@dataclass(frozen=True)
class Understood:
    """A plan, who made it, and what went wrong on the way ("" if nothing)."""

    plan: Plan
    planner: str
    problem: str = ""


def understand(
    message: str,
    conversation: Conversation,
    rules: Planner,
    model: PlannerWithModel | None = None,
    *,
    seconds: float = 4.0,
    history_lines: Sequence[str] = (),
) -> Understood:
    """Plan a turn: by the model within `seconds` if there is one, else or on any failure of it by the rules.

    Either way a question may stand beside what is shown (see `agent.planner.question`).
    """
    found = _read(message, conversation, rules, model, seconds=seconds, history_lines=history_lines)
    return replace(found, plan=with_question(found.plan, conversation, rules.vocabulary, message))


def _read(
    message: str,
    conversation: Conversation,
    rules: Planner,
    model: PlannerWithModel | None,
    *,
    seconds: float,
    history_lines: Sequence[str],
) -> Understood:
    if model is None:
        return Understood(rules.plan(message, conversation), "rules")
    try:
        deadline = time.monotonic() + seconds
        with span("model", task="plan"):
            if isinstance(model, Together):
                return Understood(*model.read(message, conversation, deadline=deadline))
            plan = model.plan(message, conversation, deadline=deadline, history_lines=history_lines)
        return Understood(plan, "model")
    except ModelError as error:
        log.warning("planning by rules: %s", error)
        return Understood(rules.plan(message, conversation), "rules", str(error))
