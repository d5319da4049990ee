"""Examples as tensors: answers are learnt, prompts only read; batches hold a number of tokens, not of examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.models.base import ChatMessage
from finetune.example import Example

IGNORED = -100
POOL = 64  # batches that are drawn together and sorted by length, so that little is padded


@dataclass(frozen=True)
class Encoded:
    """Token ids (t,) and labels (t,), -100 where nothing is to be learnt."""

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]


def encode(example: Example, tokenizer: Any) -> Encoded:
    """An example in the tokenizer's chat form.

    Args:
        example: prompt and answer.
        tokenizer: with a chat template.
    """
    prompt = _chat(example.prompt, tokenizer)
    answer: list[int] = [*tokenizer.encode(example.answer, add_special_tokens=False), tokenizer.eos_token_id]
    ids = np.array([*prompt, *answer])
    labels = ids.copy()
    labels[: len(prompt)] = IGNORED
    return Encoded(ids, labels)


def encode_text(text: str, tokenizer: Any, context: int) -> Iterator[Encoded]:
    """Running text in pieces of at most `context` tokens, all of it to be learnt."""
    ids = np.array([*tokenizer.encode(text, add_special_tokens=False), tokenizer.pad_token_id])
    for start in range(0, len(ids), context):
        piece = ids[start : start + context]
        if len(piece) > 1:
            yield Encoded(piece, piece)


def batches(stream: Iterable[Encoded], tokens: int, context: int) -> Iterator[tuple[Any, Any, Any]]:
    """Batches of about `tokens` tokens: ids, attention mask and labels, each (b, t) int64 torch tensors.

    Examples above `context` tokens are left out: cut in half they would teach to stop early.
    """
    source = (encoded for encoded in stream if len(encoded.ids) <= context)
    while True:
        pool = list(islice(source, POOL * max(1, tokens // 128)))
        if not pool:
            return
        pool.sort(key=lambda encoded: len(encoded.ids))
        groups: list[list[Encoded]] = [[]]
        for encoded in pool:
            if groups[-1] and (len(groups[-1]) + 1) * len(encoded.ids) > tokens:
                groups.append([])
            groups[-1].append(encoded)
        order = np.random.default_rng(len(pool) + len(pool[0].ids)).permutation(len(groups))
        for number in order.tolist():
            yield padded(groups[number])


def padded(group: Sequence[Encoded]) -> tuple[Any, Any, Any]:
    """One batch of examples, padded on the right."""
    import torch

    longest = max(len(encoded.ids) for encoded in group)
    ids = torch.zeros((len(group), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for place, encoded in enumerate(group):
        size = len(encoded.ids)
        ids[place, :size] = torch.from_numpy(encoded.ids)
        labels[place, :size] = torch.from_numpy(encoded.labels)
        mask[place, :size] = 1
    return ids, mask, labels


def prompt_text(messages: Sequence[ChatMessage], tokenizer: Any) -> str:
    """A prompt in the tokenizer's chat form, up to where the answer begins."""
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text: str = tokenizer.apply_chat_template(
        turns,
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,  # as serving asks; templates that know no such thing pass over it
    )
    return text


def _chat(messages: Sequence[ChatMessage], tokenizer: Any) -> list[int]:
    ids: list[int] = tokenizer.encode(prompt_text(messages, tokenizer), add_special_tokens=False)
    return ids


def answers(model: Any, ids: Any, mask: Any, labels: Any) -> tuple[Any, Any]:
    """Logits of the tokens to be learnt, and these; computed from the first such place of the batch on.

    Args:
        model: a causal LM.
        ids: token ids, (b, t).
        mask: 1 where there is a token, (b, t).
        labels: the ids to learn, -100 where nothing is to be learnt, (b, t).

    Returns:
        (b, s, v) logits in float32 and the (b, s) labels that they foretell.
    """
    first = int((labels != IGNORED).nonzero()[:, 1].min())
    kept = labels.shape[1] - max(first, 1) + 1
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=kept).logits[:, :-1].float()
    return logits, labels[:, 1 - kept :]
