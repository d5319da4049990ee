"""What a tuning run is asked to do, checked before anything heavy is loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from agent.models.adapter import digest
from retrieval.errors import TuneError

Method = Literal["sft", "dpo"]
RATES: dict[Method, float] = {"sft": 2e-4, "dpo": 1e-5}
NEEDED = ("trl", "datasets", "peft", "accelerate")
_SILENT = ("into", "base", "data", "adapter", "name", "licence", "resume")


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        base: folder of the model to adapt, or its name on a hub.
        data: folder of `train.jsonl`, `valid.jsonl` and `test.jsonl` (`preference-*.jsonl` for pairs).
        into: folder in which the adapter's own folder is made.
        method: supervised tuning, or direct preference optimisation (Rafailov et al., 2023).
        adapter: an adapter to begin with instead of a fresh one.
        name: of the adapter, before its content hash.
        tasks: which tasks to learn; all of the data's if empty.
        rank: LoRA rank r.
        alpha: LoRA alpha; updates are scaled by alpha / r. None is twice the rank.
        rate: peak learning rate; None takes the method's usual one.
        epochs: passes over the data.
        batch: examples on a device at once.
        accumulate: batches whose gradients make one step.
        context: tokens; longer examples are left out whole. Never more than the base reads.
        beta: how strongly preference tuning is held to the base.
        minutes: stop after so long, the learning rate having fallen by then; None trains all epochs.
        patience: stop after so many checks without a lower validation loss.
        checked: examples of the validation and of the test split that are looked at.
        seed: of everything drawn.
        licence: what the card says the adapter may be used under.
        resume: go on where a killed run with the same settings and data was.
    """

    base: str
    data: Path
    into: Path
    method: Method = "sft"
    adapter: Path | None = None
    name: str = ""
    tasks: tuple[str, ...] = ()
    rank: int = 16
    alpha: int | None = None
    rate: float | None = None
    epochs: float = 2.0
    batch: int = 8
    accumulate: int = 2
    context: int = 2048
    beta: float = 0.1
    minutes: float | None = None
    patience: int = 3
    checked: int = 100
    seed: int = 0
    licence: str = "as the base model's licence and the shop's data allow"
    resume: bool = True

    @property
    def peak(self) -> float:
        """The peak learning rate."""
        return RATES[self.method] if self.rate is None else self.rate

    @property
    def scale(self) -> int:
        """LoRA alpha."""
        return 2 * self.rank if self.alpha is None else self.alpha

    def check(self) -> None:
        """Raise `TuneError` for libraries that are missing and numbers that make no sense."""
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise TuneError(
                f"tuning needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
                "run pip install 'crossaisle[tune]' (in a checkout: make setup-dev)",
            )
        for option in ("rank", "scale", "epochs", "batch", "accumulate", "context", "patience", "checked", "peak"):
            if not getattr(self, option) > 0:
                given = {"scale": "alpha", "peak": "rate"}.get(option, option)
                raise TuneError(f"--{given} is {getattr(self, option)}", "give a number above 0")
        if is_path(self.base) and not Path(self.base).is_dir():
            raise TuneError(
                f"there is no base model at {self.base}", "give a folder in transformers' layout, or a hub's name"
            )
        if self.minutes is not None and not self.minutes > 0:
            raise TuneError(f"--minutes is {self.minutes}", "give a number above 0, or leave it out")

    def key(self, content: str) -> str:
        """Name of this run's folder: the same settings and the same content of base and data give the same name."""
        told = {name: value for name, value in asdict(self).items() if name not in _SILENT}
        text = json.dumps([told, content], sort_keys=True)
        return f".run-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_path(name: str) -> bool:
    """Whether a base's name can only mean a folder: it exists, or it isn't of a hub's form `owner/model`."""
    return Path(name).exists() or name.startswith((".", "/", "~")) or name.count("/") != 1


def fingerprint(folder: Path, names: tuple[str, ...] = ("*.safetensors", "config.json", "tokenizer.json")) -> str:
    """Hex SHA-256 over the files of a folder that make its content."""
    files = sorted({file for name in names for file in folder.glob(name)})
    lines = [f"{file.name} {digest(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
