"""A model as a ranker of the last few things: one pass over a prompt that gives each a letter.

Method: single-token reranking by the logits of identifiers (FIRST; Gangi Reddy et al., 2024).
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.models.base import ChatMessage, ChatModel
from agent.past import brief, brief_lines, past_lines
from agent.prompting import Prompt
from agent.wording import money
from retrieval.catalogue import Catalogue
from retrieval.history import History
from retrieval.text import label, short_name

MOST = 20  # things in a prompt
LETTERS = "ABCDEFGHIJKLMNOPQRST"


def letters_messages(
    prompt: Prompt, history: History, catalogue: Catalogue, rows: Sequence[int], request: str = ""
) -> list[ChatMessage]:
    """The prompt of task "choose", filled in: with prices and whole titles, or briefly, as its variables ask."""
    whole = "things" in prompt.variables
    things = _lettered([_line(catalogue, row) if whole else brief(catalogue, row) for row in rows])
    if whole:
        return prompt.messages(history=past_lines(history, catalogue), request=request, things=things)
    return prompt.messages(past=brief_lines(history, catalogue), names=things)


def choose(
    model: ChatModel,
    prompt: Prompt,
    history: History,
    catalogue: Catalogue,
    rows: Sequence[int],
    *,
    request: str = "",
    deadline: float,
) -> list[float]:
    """How likely a model thinks each thing is taken next.

    Args:
        model: any chat model.
        prompt: of task "choose".
        history: what it may know.
        catalogue: of the rows.
        rows: at most `MOST` things.
        request: what the shopper asks for, "" for nothing; brief prompts don't tell it.
        deadline: on `time.monotonic()`'s clock.

    Returns:
        Natural logarithms of probabilities over the rows.

    Raises:
        ModelError: the model can't be reached or is too slow.
    """
    messages = letters_messages(prompt, history, catalogue, rows, request)
    return model.choose(messages, LETTERS[: len(rows)], deadline=deadline)


def _lettered(things: Sequence[str]) -> list[str]:
    return [f"{letter}. {thing}" for letter, thing in zip(LETTERS, things, strict=False)]


def _line(catalogue: Catalogue, row: int) -> str:
    item = catalogue.item(row)
    parts = (short_name(item.title), money(item.price_minor, item.currency), item.platform, label(item.category))
    return " | ".join(part for part in parts if part)
