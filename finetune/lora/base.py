"""The model that an adapter is for, loaded for training: float32 on a CPU, bfloat16 on a GPU."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from agent.models.adapter import verify
from finetune.lora.settings import Settings, is_path
from retrieval.errors import TuneError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Base:
    """A loaded base.

    Attributes:
        model: a causal LM of transformers, without an adapter.
        tokenizer: with a chat template, an end token and a padding token.
        context: tokens it reads, or None if its configuration doesn't say.
        flash: whether it attends by flash attention, which alone keeps packed examples apart at no cost.
    """

    model: Any
    tokenizer: Any
    context: int | None
    flash: bool


def load(name: str, *, exact: bool = False) -> Base:
    """Load a base from a folder, or by its name on a hub where no such folder exists.

    Args:
        name: folder or name.
        exact: in float32 whatever the machine, to compute with the weights rather than to train.

    Raises:
        TuneError: there is none, it can't be loaded, or its tokenizer has no chat template or end token.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import is_flash_attn_2_available

    where = _where(name)
    gpu = torch.cuda.is_available() and not exact
    flash = gpu and is_flash_attn_2_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **where)
        model = AutoModelForCausalLM.from_pretrained(
            name,
            dtype=torch.bfloat16 if gpu else torch.float32,
            attn_implementation="flash_attention_2" if flash else "sdpa",
            **where,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise TuneError(
            f"no base model can be loaded from {name} ({_first_line(error)})",
            "give a folder in transformers' layout (config.json, model.safetensors, tokenizer.json)",
        ) from error
    if not tokenizer.chat_template:
        raise TuneError(f"the tokenizer of {name} has no chat template", "give an instruct model")
    if tokenizer.eos_token_id is None:
        raise TuneError(f"the tokenizer of {name} has no end token", "set eos_token in its tokenizer_config.json")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Base(model, tokenizer, getattr(model.config, "max_position_embeddings", None), flash)


def adapted(base: Base, settings: Settings) -> tuple[Any, Any]:
    """The model to train and, for a fresh adapter, the LoRA settings that the trainer wraps it with.

    Every linear layer but the output gets an adapter, as the QLoRA paper found best (Dettmers et al., 2023).

    Raises:
        TuneError: the adapter to begin with can't be loaded onto this base.
        ModelUnavailableError: there is none, or its weights are not those that its name promises.
    """
    from peft import LoraConfig

    if settings.adapter is None:
        config = LoraConfig(
            r=settings.rank, lora_alpha=settings.scale, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        return base.model, config
    verify(settings.adapter)
    return put_on(base, settings.adapter, settings.base, trainable=True), None


def put_on(base: Base, adapter: Path, name: str, *, trainable: bool = False) -> Any:
    """A base with an adapter on it. Raises `TuneError` where the two don't fit."""
    from peft import PeftModel

    try:
        model = PeftModel.from_pretrained(base.model, str(adapter), is_trainable=trainable, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise TuneError(
            f"adapter {adapter} can't be put onto {name} ({_first_line(error)})",
            "give a PEFT folder that was tuned on this very base",
        ) from error
    model.peft_config["default"].base_model_name_or_path = name  # or saving asks the hub for the short name
    return model


def context_of(name: str) -> int | None:
    """Tokens that a base reads, by its configuration alone; None where that can't be told."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name, **_where(name))
    except (OSError, ValueError, KeyError):
        return None  # `load` will say what is wrong
    found = getattr(config, "max_position_embeddings", None)
    return int(found) if found else None


def precision_of(name: str) -> Any:
    """The torch dtype that a base is stored in; None where its configuration doesn't say."""
    from transformers import AutoConfig

    return getattr(AutoConfig.from_pretrained(name, **_where(name)), "dtype", None)


def _where(name: str) -> dict[str, bool]:
    """Whether only this machine is asked."""
    return {"local_files_only": True} if is_path(name) else {}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
