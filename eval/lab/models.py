"""The language models of a grid, opened once each."""

from __future__ import annotations

import os
from pathlib import Path

from agent.models.base import ChatModel
from eval.lab.grid import ModelSpec

KEY = "CROSSAISLE_API_KEY"
"""Environment variable with a server's key, so that it stands in no file."""


def open_model(spec: ModelSpec | None, adapter: str) -> ChatModel | None:
    """The model with an adapter, "" being none; None where the grid names no model.

    Raises:
        ModelUnavailableError: a folder can't be loaded. Servers are asked later.
    """
    if spec is None:
        return None
    if spec.path is not None:
        from agent.models.local import LocalModel

        return LocalModel(spec.path, Path(adapter) if adapter else None)
    from agent.models.openai_server import OpenAIServer

    name, key = adapter or spec.name or "", os.environ.get(KEY)
    if not spec.remote:
        from agent.models.labelled import LabelledServer

        return LabelledServer(Path(spec.url or ""), name, api_key=key)
    return OpenAIServer(spec.url or "", name, api_key=key)
