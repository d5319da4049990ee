"""An adapter on disk: a PEFT folder whose name carries the SHA-256 of its weights, with a card and its figures.

A server keeps what it computed under an adapter's name, so one name must never mean two things. The folder is
written beside its place and moved there by one rename; a name that is taken is the same adapter or an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.models.adapter import CONFIG, PREFIX, WEIGHTS, digest
from retrieval.errors import TuneError

EVALUATION, CARD, CURVES = "evaluation.json", "README.md", "curves.svg"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")


def checked_name(name: str) -> str:
    """A name that a folder, a server and a shell all take; raises `TuneError` for another."""
    if not _NAME.fullmatch(name):
        raise TuneError(
            f"{name!r} is no name for an adapter", "use small letters, figures, dots and hyphens, 60 at most"
        )
    return name


@contextmanager
def disk(into: Path) -> Iterator[None]:
    """Turn what a full or locked disk raises into a `TuneError` that names the folder."""
    try:
        yield
    except OSError as error:
        raise TuneError(
            f"{into} can't be written ({error.strerror or error})", "give a folder with space that you may write to"
        ) from error
    except Exception as error:
        # torch and safetensors tell of a full disk by errors of their own
        if "No space left" in str(error) or "PytorchStreamWriter" in str(error):
            raise TuneError(f"{into} can't be written ({error})", "free disk space, then run the same again") from error
        raise


def need_space(folder: Path, size: int) -> None:
    """Raise `TuneError` unless a folder's disk has `size` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise TuneError(
            f"{folder} has {free / 1e6:,.0f} MB free, checkpoints need about {size / 1e6:,.0f} MB",
            "free disk space, or give --into on another disk",
        )


def save_weights(model: Any, folder: Path, base: str) -> None:
    """Write the adapter of a PEFT model; the same adapter gives the same files, and no path of this machine."""
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, selected_adapters=["default"])
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = Path(base).name if Path(base).exists() else base
    if isinstance(config.get("target_modules"), list):
        config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    readable(folder)


def readable(folder: Path) -> None:
    """Let everybody read the weights in a folder: a server may run as somebody else."""
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)


def publish(work: Path, into: Path, name: str, *, evaluation: Mapping[str, Any], card: str, curves: str) -> Path:
    """Add card, figures and curves to the weights in `work`, and move them to `into/NAME-HASH`.

    Returns:
        The adapter's folder; the one that is there already if it holds the very same adapter.

    Raises:
        TuneError: the name is taken by an adapter with the same weights and other settings.
    """
    final = into / f"{checked_name(name)}-{digest(work / WEIGHTS)[:PREFIX]}"
    if final.exists():
        if any(digest(final / part) != digest(work / part) for part in (WEIGHTS, CONFIG)):
            raise TuneError(
                f"{final} holds another adapter of that name", "give another --name; names stay as they are"
            )
        shutil.rmtree(work)
        return final
    told = {"adapter": final.name, **evaluation}
    (work / EVALUATION).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (work / CARD).write_text(card.replace("{adapter}", final.name), encoding="utf-8")
    (work / CURVES).write_text(curves, encoding="utf-8")
    os.rename(work, final)
    return final
