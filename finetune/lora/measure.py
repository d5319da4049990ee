"""How well a model says the answers it should have said: loss and accuracy per token, by task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.batches import IGNORED, padded
from finetune.lora.records import Lesson

TOKENS = 4096  # of a batch


@dataclass
class Sums:
    """Sums over answers."""

    loss: float = 0.0
    right: int = 0
    tokens: int = 0
    examples: int = 0

    def told(self) -> dict[str, float]:
        """Means per token: `loss` in nats, `accuracy` of the likeliest token, given all before it."""
        tokens = max(self.tokens, 1)
        return {
            "loss": round(self.loss / tokens, 6),
            "accuracy": round(self.right / tokens, 6),
            "tokens": self.tokens,
            "examples": self.examples,
        }


def measure(model: Any, lessons: Sequence[Lesson]) -> dict[str, dict[str, float]]:
    """Loss and accuracy per token of the answers, for each task and for "all"."""
    import torch

    sums: dict[str, Sums] = defaultdict(Sums)
    model.eval()
    for group in _groups(lessons):
        ids, mask, labels = (part.to(model.device) for part in padded([one.tokens for one in group]))
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        for place, lesson in enumerate(group):
            wanted = labels[place, 1:]
            learnt = wanted != IGNORED
            scores = logits[place][learnt].float()
            loss = float(torch.nn.functional.cross_entropy(scores, wanted[learnt], reduction="sum"))
            right = int((scores.argmax(-1) == wanted[learnt]).sum())
            for name in (lesson.example.task, "all"):
                one = sums[name]
                one.loss, one.right = one.loss + loss, one.right + right
                one.tokens, one.examples = one.tokens + int(learnt.sum()), one.examples + 1
    return {name: sums[name].told() for name in sorted(sums)}


def _groups(lessons: Sequence[Lesson]) -> Iterator[list[Lesson]]:
    """Lessons of similar length together, at most `TOKENS` tokens with the padding."""
    group: list[Lesson] = []
    for lesson in sorted(lessons, key=lambda one: one.size):
        if group and (len(group) + 1) * lesson.size > TOKENS:
            yield group
            group = []
        group.append(lesson)
    if group:
        yield group
