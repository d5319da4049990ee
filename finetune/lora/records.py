"""The JSON lines that `crossaisle finetune data` writes, read back and made tokens; what is wrong is named by line."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agent.models.base import ChatMessage
from finetune.batches import Encoded, encode, prompt_text
from finetune.example import Example, Split, Task
from finetune.lora.settings import Method
from retrieval.errors import TuneError

ROLES = ("system", "user", "assistant")
FILES: dict[Method, str] = {"sft": "{}.jsonl", "dpo": "preference-{}.jsonl"}


@dataclass(frozen=True)
class Lesson:
    """An example and its tokens; `rejected` are those of the worse answer, of preference tuning only."""

    example: Example
    tokens: Encoded
    rejected: Encoded | None = None

    @property
    def size(self) -> int:
        """Tokens of the longer variant."""
        return max(len(self.tokens.ids), len(self.rejected.ids) if self.rejected else 0)


def read(
    folder: Path, split: Split, method: Method, tasks: Sequence[str] = (), *, needed: bool = True
) -> list[Example]:
    """Examples of one split.

    Args:
        folder: where `train.jsonl` and the others lie.
        split: which file.
        method: pairs are in files of their own.
        tasks: leave out all others; none named leaves out none.
        needed: whether a file that is missing or holds nothing is an error.

    Raises:
        TuneError: the file is missing or holds nothing to learn, or a line is not of the form.
    """
    path = folder / FILES[method].format(split)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # other line ends may stand in texts
    except FileNotFoundError as error:
        if not needed:
            return []
        raise TuneError(f"there is no {path}", f"run crossaisle finetune data --shop DIR --into {folder}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TuneError(f"{path} can't be read ({error})", "give a folder of UTF-8 JSON lines") from error
    make = _example if method == "sft" else _pair
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(make(json.loads(line), split))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                why = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
                raise TuneError(
                    f"{path}, line {number}: {why}", "write lines as crossaisle finetune data does"
                ) from error
    kept = [example for example in found if not tasks or example.task in tasks]
    if not kept and needed:
        there = sorted({example.task for example in found})
        raise TuneError(
            f"{path} holds nothing to learn"
            + (f" of {', '.join(tasks)}; there is {', '.join(there)}" if there else ""),
            "make more data, or name other --tasks",
        )
    return kept


def lessons(examples: Iterable[Example], tokenizer: Any, context: int) -> tuple[list[Lesson], int]:
    """Examples as tokens, and how many were left out for having more than `context`."""
    made = [
        Lesson(
            example,
            encode(example, tokenizer),
            encode(_worse(example), tokenizer) if example.rejected else None,
        )
        for example in examples
    ]
    kept = [lesson for lesson in made if lesson.size <= context]
    return kept, len(made) - len(kept)


def sample(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` examples, each task with an equal share as far as it has them; the same seed, the same ones."""
    by_task: dict[str, list[Example]] = defaultdict(list)
    for example in random.Random(seed).sample(list(examples), len(examples)):  # noqa: S311 (no secret)
        by_task[example.task].append(example)
    found: list[Example] = []
    for place in range(max(map(len, by_task.values()), default=0)):
        found += [those[place] for _, those in sorted(by_task.items()) if place < len(those)]
    return found[:count]


def rows(those: Sequence[Lesson], method: Method, tokenizer: Any) -> list[dict[str, Any]]:
    """What the trainers read: token ids and labels, or prompts and answers as text (preference tuning)."""
    if method == "sft":
        return [{"input_ids": one.tokens.ids.tolist(), "labels": one.tokens.labels.tolist()} for one in those]
    return [
        {
            "prompt": prompt_text(one.example.prompt, tokenizer).removeprefix(_own_start(tokenizer)),
            "chosen": one.example.answer,
            "rejected": one.example.rejected,
        }
        for one in those
    ]


def _own_start(tokenizer: Any) -> str:
    """The start token as text, where the tokenizer sets it itself and the chat template does so too."""
    start = tokenizer.bos_token_id
    sets = start is not None and tokenizer("a")["input_ids"][:1] == [start]
    return str(tokenizer.bos_token) if sets else ""


def _worse(example: Example) -> Example:
    return Example(example.task, example.split, example.prompt, example.rejected)


def _example(record: dict[str, Any], split: Split) -> Example:
    *prompt, answer = _messages(record["messages"])
    return _checked(record, split, prompt, answer)


def _pair(record: dict[str, Any], split: Split) -> Example:
    (chosen,), (rejected,) = _messages(record["chosen"]), _messages(record["rejected"])
    if rejected.content == chosen.content:
        raise ValueError("the chosen and the rejected answer are the same")
    return _checked(record, split, _messages(record["prompt"]), chosen, rejected.content)


def _checked(
    record: dict[str, Any], split: Split, prompt: list[ChatMessage], answer: ChatMessage, rejected: str = ""
) -> Example:
    if not prompt or answer.role != "assistant" or not answer.content:
        raise ValueError("the messages are not a prompt and an answer of the assistant")
    return Example(cast("Task", str(record.get("task", "chat"))), split, tuple(prompt), answer.content, rejected)


def _messages(listed: Any) -> list[ChatMessage]:
    if not isinstance(listed, list) or not listed:
        raise ValueError("a list of messages is missing")
    messages = [ChatMessage(message["role"], message["content"]) for message in listed]
    for message in messages:
        if message.role not in ROLES or not isinstance(message.content, str):
            raise ValueError(f"{message} has no role of {', '.join(ROLES)} and text")
    return messages
