"""The folder of a LoRA adapter in peft's layout, whose name may end in the beginning of its weights' SHA-256."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from retrieval.errors import ModelUnavailableError

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PREFIX = 12  # hex digits of the hash in a name


def digest(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path) -> str:
    """The name of an adapter, its hash, if it carries one, checked against its weights.

    Raises:
        ModelUnavailableError: there is no adapter, or its weights are not those that its name promises.
    """
    if not (folder / WEIGHTS).is_file() or not (folder / CONFIG).is_file():
        raise ModelUnavailableError(
            f"there is no adapter in {folder}", f"give a PEFT folder with {WEIGHTS} and {CONFIG}"
        )
    name = folder.resolve().name
    promised = re.search(rf"-([0-9a-f]{{{PREFIX}}})$", name)
    found = digest(folder / WEIGHTS)
    if promised and not found.startswith(promised[1]):
        raise ModelUnavailableError(
            f"the weights in {folder} have SHA-256 {found[:PREFIX]}..., not {promised[1]}",
            "restore the folder from where it was made, or tune again",
        )
    return name


def merged(model: Any, folder: Path) -> Any:
    """A model of transformers with a verified adapter merged into its weights; peft's errors, and `verify`'s."""
    from peft import PeftModel

    verify(folder)
    return PeftModel.from_pretrained(model, str(folder), local_files_only=True).merge_and_unload()
