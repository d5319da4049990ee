"""Tune a LoRA adapter: read, train, measure, save. `crossaisle finetune sft` and `dpo` call it.

On several GPUs, each with a copy of the base: `accelerate launch -m finetune.lora sft --base ... --data ...`.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agent.models.about import about
from agent.models.adapter import digest
from finetune.example import Split
from finetune.lora.base import Base, load
from finetune.lora.card import card
from finetune.lora.curves import draw, points
from finetune.lora.measure import measure
from finetune.lora.records import FILES, Lesson, lessons, read, sample
from finetune.lora.settings import Settings, fingerprint
from finetune.lora.store import checked_name, disk, publish, save_weights
from finetune.lora.trainer import fit, quiet, trainer_of
from retrieval.errors import TuneError
from retrieval.progress import Progress, silent

Json = dict[str, Any]


def tune(settings: Settings, progress: Progress = silent) -> Json:
    """Train an adapter and write its folder.

    Args:
        settings: what to do.
        progress: told of every step.

    Returns:
        `adapter` (its folder; None on all but the first process), `evaluation` as in `evaluation.json`.

    Raises:
        TuneError: a library, the base, the data or the disk is not as it must be, or training diverged.
    """
    settings.check()
    quiet()
    name = checked_name(settings.name or f"{Path(settings.base).name}-{settings.method}".casefold())
    found = {split: read(settings.data, split, settings.method, settings.tasks) for split in ("train", "valid")}
    base = load(settings.base)
    context = min(settings.context, base.context or settings.context)
    train, too_long = lessons(found["train"], base.tokenizer, context)
    valid, _ = lessons(sample(found["valid"], settings.checked, settings.seed), base.tokenizer, context)
    if not train or not valid:
        raise TuneError(
            f"every example has more than {context} tokens",
            "raise --context, tune a base that reads more, or make data for small models (finetune data --change)",
        )
    split, tested = _tested(settings, base, context)  # before training, so that a bad line is told before
    run = settings.into / settings.key(_content(settings))
    with disk(settings.into):
        run.mkdir(parents=True, exist_ok=True)
        trainer, pace = trainer_of(settings, base, (train, valid), run, progress)
        resumed = fit(trainer, pace, run, settings)
    if not trainer.is_world_process_zero():
        return {"adapter": None, "evaluation": {}}
    evaluation = {
        "base": Path(settings.base).name,
        "split": split,
        "scores": _scores(trainer.model, tested),
        "data": _data(settings, train, too_long),
        "settings": _told(settings, base, trainer.model, context),
        "run": _run(trainer, pace, resumed),
        "versions": {library: version(library) for library in ("torch", "transformers", "peft", "trl")},
        "history": trainer.state.log_history,
    }
    with disk(settings.into):
        save_weights(trainer.model, run / "adapter", settings.base)
        about(Path(settings.base)).also(frozenset(evaluation["data"]["tasks"])).write(run / "adapter")
        text = card(Path(settings.base).name, settings.licence, evaluation)
        curves = _curves(trainer.state.log_history)
        folder = publish(run / "adapter", settings.into, name, evaluation=evaluation, card=text, curves=curves)
        shutil.rmtree(run)
    return {"adapter": folder, "evaluation": evaluation}


def _content(settings: Settings) -> str:
    """What the run learns from: data, base and the adapter it begins with."""
    files = [settings.data / FILES[settings.method].format(split) for split in ("train", "valid")]
    folders = [Path(name) for name in (settings.base, settings.adapter) if name and Path(name).is_dir()]
    hub = [] if Path(settings.base).is_dir() else [settings.base]
    return " ".join([*map(digest, files), *map(fingerprint, folders), *hub])


def _tested(settings: Settings, base: Base, context: int) -> tuple[Split, list[Lesson]]:
    """What to measure on: the test split where it has something that fits, else the validation split."""
    for split in ("test", "valid"):
        found = read(settings.data, split, settings.method, settings.tasks, needed=False)
        kept, _ = lessons(sample(found, settings.checked, settings.seed), base.tokenizer, context)
        if kept:
            break
    return split, kept


def _scores(model: Any, tested: list[Lesson]) -> Json:
    """Loss and accuracy of the base and of the adapted model on the same answers."""
    with model.disable_adapter():
        before = measure(model, tested)
    return {"base": before, "adapter": measure(model, tested)}


def _data(settings: Settings, train: list[Lesson], too_long: int) -> Json:
    files = [settings.data / FILES[settings.method].format(split) for split in ("train", "valid")]
    return {
        "files": {file.name: digest(file) for file in files},
        "tasks": sorted({lesson.example.task for lesson in train}),
        "examples": len(train),
        "too_long": too_long,
        "tokens": sum(lesson.size for lesson in train),
    }


def _told(settings: Settings, base: Base, model: Any, context: int) -> Json:
    told = {name: value for name, value in asdict(settings).items() if not isinstance(value, Path)}
    told |= {"base": Path(settings.base).name, "rate": settings.peak, "context": context, "packing": base.flash}
    lora = model.peft_config["default"]  # an adapter to begin with brings its own rank
    return told | {"rank": lora.r, "alpha": lora.lora_alpha, "adapter": settings.adapter and settings.adapter.name}


def _run(trainer: Any, pace: Any, resumed: int) -> Json:
    """What the run came to; tokens per second are of this process's steps, all processes' tokens counted."""
    history = trainer.state.log_history
    told = [entry["num_tokens"] for entry in history if "num_tokens" in entry and entry["step"] > resumed]
    return {
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        "best_valid_loss": trainer.state.best_metric,
        "resumed_after": resumed,
        "seconds": round(pace.elapsed, 1),
        "tokens_per_second": round(max(told, default=0) / max(pace.working, 1e-9), 1),
        "trained_weights": sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad),
        "device": str(trainer.args.device),
        "peak_memory": _peak_memory(),
        "processes": trainer.args.world_size,
    }


def _peak_memory() -> int | None:
    """Bytes that torch held at most on this process's GPU; None without one."""
    import torch

    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None


def _curves(history: list[dict[str, float]]) -> str:
    """Loss and token accuracy over the steps, of training and of validation."""
    return draw(
        {
            title: {"training": points(history, name), "validation": points(history, f"eval_{name}")}
            for title, name in (("Loss per token", "loss"), ("Token accuracy", "mean_token_accuracy"))
        }
    )
