"""A model with an adapter merged into its weights: `crossaisle finetune merge`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from agent.models.about import about
from agent.models.adapter import WEIGHTS, digest, verify
from finetune.lora.base import load, precision_of, put_on
from finetune.lora.store import disk, readable
from retrieval.errors import TuneError

ORIGIN = "merged.json"


PROBE = "Something warm for a rainy camping trip, under 60, for my sister; nothing made of leather."


def merge(base: str, adapter: Path, into: Path, *, full: bool = False) -> dict[str, Any]:
    """Write base plus adapter as one model in transformers' layout; W + alpha/r * B A replaces each W.

    Added up in float32, stored in the precision of the base. Of a base in bfloat16 the rounding can be felt: how far
    the logits of a probe are from those of base and adapter is told.

    Args:
        base: folder of the model, or its name on a hub.
        adapter: a PEFT folder for it, whose name, if it carries a hash, must be that of its weights.
        into: the new folder; it must not exist or be empty.
        full: store in float32 whatever the base.

    Returns:
        `base`, `adapter`, `sha256` (of the adapter's weights), `dtype`, `largest_difference` and `mean_difference` of
        the probe's logits, and `into`.

    Raises:
        TuneError: something can't be loaded, the adapter isn't for this base, or the folder is taken.
        ModelUnavailableError: there is no adapter, or its weights are not those that its name promises.
    """
    import torch

    name = verify(adapter)
    if into.exists() and any(into.iterdir()):
        raise TuneError(f"{into} is not empty", "give a new folder")
    loaded = load(base, exact=True)
    both = put_on(loaded, adapter, base)
    expected = _logits(both, loaded.tokenizer)
    model = both.merge_and_unload().to(torch.float32 if full else precision_of(base))
    apart = (_logits(model, loaded.tokenizer) - expected).abs()
    told = {
        "base": Path(base).name,
        "adapter": name,
        "sha256": digest(adapter / WEIGHTS),
        "dtype": str(model.dtype).removeprefix("torch."),
        "largest_difference": round(float(apart.max()), 6),
        "mean_difference": round(float(apart.mean()), 6),
    }
    work = into.parent / f".{into.name}-making"
    with disk(into):
        shutil.rmtree(work, ignore_errors=True)
        model.save_pretrained(work)
        readable(work)
        loaded.tokenizer.save_pretrained(work)
        about(Path(base), adapter).write(work)
        (work / ORIGIN).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if into.exists():
            into.rmdir()
        work.rename(into)
    return {**told, "into": str(into)}


def _logits(model: Any, tokenizer: Any) -> Any:
    """(t, vocabulary) float32 logits of the probe."""
    import torch

    ids = torch.tensor([tokenizer.encode(PROBE, add_special_tokens=False)], device=model.device)
    with torch.inference_mode():
        return model.eval()(input_ids=ids).logits[0].float()
