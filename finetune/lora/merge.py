"""A model with an adapter merged into its weights: `crossaisle finetune merge`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from finetune.lora.base import load, precision_of, put_on
from finetune.lora.settings import digest
from finetune.lora.store import WEIGHTS, disk, verify
from retrieval.errors import TuneError

ORIGIN = "merged.json"


def merge(base: str, adapter: Path, into: Path) -> dict[str, str]:
    """Write base plus adapter as one model in transformers' layout; W + alpha/r * B A replaces each W.

    Added up in float32, stored in the precision of the base; its logits are those of base and adapter up to rounding.

    Args:
        base: folder of the model, or its name on a hub.
        adapter: a PEFT folder for it, whose name, if it carries a hash, must be that of its weights.
        into: the new folder; it must not exist or be empty.

    Returns:
        `base`, `adapter`, `sha256` (of the adapter's weights) and `into`.

    Raises:
        TuneError: something can't be loaded, the adapter isn't for this base, or the folder is taken.
    """
    name = verify(adapter)
    if into.exists() and any(into.iterdir()):
        raise TuneError(f"{into} is not empty", "give a new folder")
    loaded = load(base, exact=True)
    model = put_on(loaded, adapter, base).merge_and_unload().to(precision_of(base))
    told = {"base": Path(base).name, "adapter": name, "sha256": digest(adapter / WEIGHTS)}
    work = into.parent / f".{into.name}-making"
    with disk(into):
        shutil.rmtree(work, ignore_errors=True)
        model.save_pretrained(work)
        loaded.tokenizer.save_pretrained(work)
        (work / ORIGIN).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if into.exists():
            into.rmdir()
        work.rename(into)
    return {**told, "into": str(into)}
