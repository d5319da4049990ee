"""Small data that a tiny model can learn: a letter is named, and answered as often as is asked."""

from __future__ import annotations

import random
from pathlib import Path

from agent.models.base import ChatMessage
from finetune.example import SPLITS, Example, Split, write_jsonl

COUNTS: dict[Split, int] = {"train": 32, "valid": 8, "test": 8}


def lesson(split: Split, rng: random.Random) -> Example:
    """One example; prompts and answers are of very different lengths."""
    letter, times = rng.choice("ABC"), rng.choice((1, 1, 1, 12))
    prompt = (ChatMessage("system", "You answer."), ChatMessage("user", f"{'so ' * rng.randint(0, 30)}{letter}"))
    return Example("choose", split, prompt, letter * times, rejected="Q", about={"act": "recommend"})


def lora_data(folder: Path, *, valid_as_train: bool = True) -> Path:
    """Write supervised and preference data of every split; `valid_as_train=False` contradicts in validation."""
    folder.mkdir(parents=True)
    rng = random.Random(3)
    for split in SPLITS:
        found = [lesson(split, rng) for _ in range(COUNTS[split])]
        if split == "valid" and not valid_as_train:
            found = [Example(e.task, e.split, e.prompt, "Q", rejected=e.answer) for e in found]
        write_jsonl(folder / f"{split}.jsonl", (example.record() for example in found))
        write_jsonl(folder / f"preference-{split}.jsonl", (example.preference() for example in found))
    return folder
