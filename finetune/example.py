"""One training example, in the chat form that Hugging Face's trainers read, and how many of them become a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.models.base import ChatMessage
from retrieval.errors import TuneError

Split = Literal["train", "valid", "test"]
Task = Literal["plan", "change", "infer", "choose", "explain"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Example:
    """A prompt as serving fills it in, and the answer to learn.

    Attributes:
        task: which prompt it is of.
        split: decided by time, or for generated conversations by phrasings and nouns.
        prompt: system and user message.
        answer: what the model should say.
        rejected: an answer that is worse, for preference tuning; "" where there is none.
        about: facts to slice results by, such as the move that a message makes.
    """

    task: Task
    split: Split
    prompt: tuple[ChatMessage, ...]
    answer: str
    rejected: str = ""
    about: dict[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, object]:
        """For supervised tuning: `messages` with roles, and what it is about."""
        said = [*self.prompt, ChatMessage("assistant", self.answer)]
        return {"messages": [{"role": m.role, "content": m.content} for m in said], "task": self.task, **self.about}

    def preference(self) -> dict[str, object]:
        """For preference tuning: `prompt`, `chosen` and `rejected` messages."""
        return {
            "prompt": [{"role": m.role, "content": m.content} for m in self.prompt],
            "chosen": [{"role": "assistant", "content": self.answer}],
            "rejected": [{"role": "assistant", "content": self.rejected}],
            "task": self.task,
            **self.about,
        }


def write_jsonl(path: Path, records: Iterable[dict[str, object]]) -> int:
    """Write one JSON object a line, in a folder that is made if it is missing; returns how many.

    Raises:
        TuneError: the file can't be written.
    """
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                count += 1
    except OSError as error:
        reason = error.strerror or error
        raise TuneError(
            f"{path} can't be written ({reason})", "give a file in a folder that you may write to"
        ) from error
    return count


def compact(value: object) -> str:
    """JSON without white space: every space would be a token to learn and to wait for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
