"""Test cases of the three tasks that can be scored exactly, read from the data that adapters are tuned on."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.models.base import ChatMessage
from retrieval.errors import EvaluationError

TASKS = ("infer", "choose", "plan", "change")
_LETTERED = re.compile(r"> ([A-Z])\. ")


@dataclass(frozen=True)
class Case:
    """A prompt as serving sends it, and what was right.

    Attributes:
        task: one of `TASKS`.
        messages: system and user.
        answer: the right one, as text.
        options: what the answer may name: letters to choose among, aisles to infer.
        right: the options that were right; for plans the plan itself.
    """

    task: str
    messages: tuple[ChatMessage, ...]
    answer: str
    options: tuple[str, ...]
    right: Any


def read_cases(folder: Path, count: int, tasks: Sequence[str] = TASKS, seed: int = 0) -> list[Case]:
    """Cases of the later-time test split, at most `count` a task.

    Args:
        folder: with `test.jsonl`, as `crossaisle finetune data` writes it.
        count: of each task; drawn by the seed.
        tasks: which.
        seed: of the draw.

    Raises:
        EvaluationError: there is no such file, a line is not of the form, or there is nothing to score.
    """
    path = folder / "test.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"{path} can't be read ({error})", f"run crossaisle finetune data --shop DIR --into {folder}"
        ) from error
    found: dict[str, list[Case]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                case = _case(json.loads(line))
            except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                raise EvaluationError(
                    f"{path}, line {number}: {type(error).__name__}: {error}",
                    "write lines as crossaisle finetune data does",
                ) from error
            if case is not None and case.task in tasks:
                found[case.task].append(case)
    if not found:
        raise EvaluationError(f"{path} holds nothing of {', '.join(tasks)}", "make data of these tasks")
    rng = random.Random(seed)  # noqa: S311 (no secret)
    return [case for task in TASKS for case in rng.sample(found[task], min(count, len(found[task])))]


def _case(record: Mapping[str, Any]) -> Case | None:
    """One record as a case; None for tasks that have no single right answer."""
    task = record.get("task", "")
    if task not in TASKS:
        return None
    *prompt, answer = [ChatMessage(m["role"], m["content"]) for m in record["messages"]]
    listed = _last_block(prompt[-1].content)
    options: tuple[str, ...] = ()
    right: Any = answer.content
    if task == "choose":
        options = tuple(letter[1] for line in listed if (letter := _LETTERED.match(line)))
    elif task == "infer":
        options = tuple(line.removeprefix("> ") for line in listed)
        right = tuple(need["category"] for need in json.loads(answer.content)["needs"])
    else:
        right = json.loads(answer.content)
    if task == "choose" and right not in options:
        raise ValueError(f"the answer {right!r} is none of the things listed")
    return Case(task, tuple(prompt), answer.content, options, right)


def _last_block(text: str) -> list[str]:
    """The quoted lines at the end of a message."""
    block: list[str] = []
    for line in reversed(text.rstrip().split("\n")):
        if not line.startswith("> "):
            break
        block.append(line)
    return block[::-1]
