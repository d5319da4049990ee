"""What a model's folder, or an adapter's, says that it is for: `{"tasks": ["change"], "label": "compact, offline"}`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import ModelUnavailableError

NAME = "crossaisle.json"


@dataclass(frozen=True)
class About:
    """What a model is for.

    Attributes:
        tasks: the only tasks that it was made for, by the names of their prompts; empty if any.
        label: how it is called in pages; "" for its name.
    """

    tasks: frozenset[str] = frozenset()
    label: str = ""

    def also(self, tasks: frozenset[str]) -> About:
        """After tuning on further tasks; a model that takes any still does."""
        return About(self.tasks | tasks if self.tasks else self.tasks, self.label)

    def write(self, folder: Path) -> None:
        """Say it in a folder; nothing is written of a model that takes any task and goes by its name."""
        told = {"tasks": sorted(self.tasks)} | ({"label": self.label} if self.label else {})
        if self.tasks or self.label:
            (folder / NAME).write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")


def about(folder: Path, adapter: Path | None = None) -> About:
    """What a model's folder says; with an adapter, the adapter's word on the tasks goes before the model's.

    Raises:
        ModelUnavailableError: it can't be read. Where there is none, the model takes any task and has no label.
    """
    base = _read(folder)
    return About(_read(adapter).tasks or base.tasks, base.label) if adapter is not None else base


def _read(folder: Path) -> About:
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return About(frozenset(map(str, told.get("tasks", ()))), str(told.get("label", "")))
    except FileNotFoundError:
        return About()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelUnavailableError(f"{folder / NAME} can't be read ({error})", "copy the model anew") from error
