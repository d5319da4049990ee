"""The same runs as `crossaisle finetune`, for launchers that start a module on every GPU.

accelerate launch --num_processes 2 -m finetune.lora sft --base MODEL --data FOLDER --into FOLDER
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from finetune.lora.settings import RATES, Settings
from finetune.lora.train import tune
from retrieval.errors import CrossAisleError

_KINDS: dict[str, Any] = {
    "int": int,
    "int | None": int,
    "float": float,
    "str": str,
    "Path": Path,
    "float | None": float,
    "Path | None": Path,
    "tuple[str, ...]": lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
    "bool": lambda text: text.casefold() not in ("0", "no", "false"),
}


def settings_of(arguments: list[str] | None = None) -> Settings:
    """Settings from a command line; every attribute of `Settings` is an option."""
    parser = argparse.ArgumentParser(prog="python -m finetune.lora", description="Tune a LoRA adapter.")
    parser.add_argument("method", choices=list(RATES))
    for field in fields(Settings):
        if field.name != "method":
            required = field.default is MISSING
            default = None if required else field.default
            kind = _KINDS[str(field.type)]
            parser.add_argument(f"--{field.name}", type=kind, default=default, required=required)
    return Settings(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run, and print the adapter's folder and its scores as JSON, once."""
    try:
        report = tune(settings_of())
    except CrossAisleError as error:
        sys.exit(str(error))
    if report["adapter"] is not None:
        told = {"adapter": str(report["adapter"]), "scores": report["evaluation"]["scores"]}
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
