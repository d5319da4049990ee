"""What a model makes of a history: which aisles the shopper walks next.

Only with the shopper's consent may a history go into a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from agent.models.base import ChatMessage
from agent.past import brief_lines, past_lines
from agent.prompting import Prompt
from retrieval.catalogue import Catalogue
from retrieval.history import History
from retrieval.text import label

AISLES = 30  # listed in a prompt


@runtime_checkable
class Weighing(Protocol):
    """A model that tells how likely it would begin its answer in each of several ways."""

    def openings(self, messages: Sequence[ChatMessage], answers: Sequence[str], *, deadline: float) -> list[float]:
        """Natural logarithms, one an answer."""
        ...


def listed(catalogue: Catalogue, codes: Sequence[int]) -> dict[str, int]:
    """Aisles as a prompt calls them, with their codes, in an order that tells nothing."""
    names = catalogue.category.names
    return dict(sorted((label(names[code]), code) for code in codes))


def needs_messages(prompt: Prompt, history: History, catalogue: Catalogue, aisles: Sequence[str]) -> list[ChatMessage]:
    """The prompt of task "infer", filled in: with dates and whole titles, or briefly, as its variables ask."""
    told = {"history": past_lines, "past": brief_lines}
    values = {name: tell(history, catalogue) for name, tell in told.items() if name in prompt.variables}
    return prompt.messages(**values, aisles=aisles)


def weigh(model: Weighing, messages: Sequence[ChatMessage], aisles: Sequence[str], *, deadline: float) -> list[float]:
    """How surely a model would name each aisle first, without writing anything: all are read in one pass.

    Args:
        model: in this process.
        messages: of task "infer".
        aisles: as the prompt lists them.
        deadline: on `time.monotonic()`'s clock.

    Returns:
        Natural logarithms of probabilities, one an aisle; they need not sum to 1.

    Raises:
        ModelError: the prompt is too long for the model, or it is too slow.
    """
    answers = [f'{{"needs":[{{"category":{json.dumps(aisle, ensure_ascii=False)}' for aisle in aisles]
    return model.openings(messages, answers, deadline=deadline)
