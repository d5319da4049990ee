"""`transformers.generate` on the prompts that serving asks, as the yardstick of `crossaisle bench model`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.models.base import ChatMessage
from retrieval.errors import ModelUnavailableError

WARM = 2  # batches before the clock runs


class Generator:
    """A model of transformers as its documentation has it generate: greedy, in batches padded on the left.

    Attributes:
        device: `cuda`, in the precision of its weights, or `cpu`, in float32.

    Args:
        folder: a model in transformers' layout, with a chat template.

    Raises:
        ModelUnavailableError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype="auto" if self.device == "cuda" else "float32"
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelUnavailableError(
                f"no model can be loaded from {folder} ({error})", "name a folder that transformers can load"
            ) from error
        self._model = model.to(self.device).eval()
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def seconds(self, prompts: Sequence[Sequence[ChatMessage]], lengths: Sequence[int], batch: int) -> float:
        """Seconds to answer prompts in batches, in their order.

        Args:
            prompts: chats, one an answer.
            lengths: (n,) tokens to write for each; a batch writes as many as its longest, as it does in earnest.
            batch: prompts at once.
        """
        batches = [
            (list(prompts[start : start + batch]), max(lengths[start : start + batch]))
            for start in range(0, len(prompts), batch)
        ]
        for chats, tokens in batches[:WARM]:
            self._generate(chats, tokens)
        began = time.perf_counter()
        for chats, tokens in batches:
            self._generate(chats, tokens)
        return time.perf_counter() - began

    def _generate(self, chats: Sequence[Sequence[ChatMessage]], tokens: int) -> list[list[int]]:
        import torch

        texts = [
            self._tokenizer.apply_chat_template(
                [{"role": message.role, "content": message.content} for message in chat],
                add_generation_prompt=True,
                tokenize=False,
                enable_thinking=False,
            )
            for chat in chats
        ]
        read = self._tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(self.device)
        read.pop("token_type_ids", None)
        with torch.inference_mode():
            written = self._model.generate(
                **read,
                do_sample=False,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        fresh: list[list[int]] = written[:, read["input_ids"].shape[1] :].tolist()
        self._tokenizer.batch_decode(fresh)
        return fresh
