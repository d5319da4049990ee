"""Base and adapter as models to measure: folders in this process, or names on a server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agent.models.base import ChatMessage, ChatModel
from eval.adapters.compare import Subject
from retrieval.errors import ModelUnavailableError


def local(base: Path, adapter: Path) -> list[Subject]:
    """A model's folder without and with an adapter's, on a GPU where there is one.

    Raises:
        ModelUnavailableError: the base's tokenizer or configuration can't be read.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        config = AutoConfig.from_pretrained(base, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelUnavailableError(f"no model can be loaded from {base} ({error})", "name a model's folder") from error
    reads = getattr(config, "max_position_embeddings", None)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def fits(messages: Sequence[ChatMessage], more: int) -> bool:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        return reads is None or tokens(text) + more <= reads

    def opened(folder: Path | None) -> ChatModel:
        from agent.models.local import LocalModel

        return LocalModel(base, folder, device=device)

    return [
        Subject("base", lambda: opened(None), tokens, fits),
        Subject(adapter.name, lambda: opened(adapter), tokens, fits),
    ]


def served(url: str, base: str, adapter: str) -> list[Subject]:
    """A server's base and one of its adapters, by name."""
    from agent.models.openai_server import OpenAIServer

    key = os.environ.get("CROSSAISLE_API_KEY")
    return [
        Subject(label, lambda name=name: OpenAIServer(url, name, api_key=key))  # type: ignore[misc]
        for label, name in (("base", base), (adapter, adapter))
    ]
