"""The compact model that comes with the project: it says what a message changes, offline and without a GPU.

    python -m finetune.compact.train --into agent/compact --minutes 90

makes it anew; `agent/compact/README.md` is its card.
"""

from __future__ import annotations

from pathlib import Path

from agent.models.local import LocalModel

FOLDER = Path(__file__).resolve().parent.parent / "compact"


def compact_model() -> LocalModel:
    """Load it. Raises `ModelUnavailableError` where its files are missing or damaged."""
    return LocalModel(FOLDER)
