"""Tune a LoRA adapter: read, train, measure, save. `crossaisle finetune sft` and `dpo` call it.

On several GPUs, each with a copy of the base: `accelerate launch -m finetune.lora sft --base ... --data ...`.

Batches are of examples of about the same length. Examples are packed one behind the other only under flash
attention: without it they would either see each other or pay for a mask over the whole pack, while sorted by length
they leave little padding.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from finetune.lora.base import Base, adapted, load
from finetune.lora.card import card
from finetune.lora.curves import draw, points
from finetune.lora.measure import measure
from finetune.lora.records import FILES, Lesson, lessons, read, rows, sample
from finetune.lora.settings import Settings, digest, fingerprint
from finetune.lora.store import checked_name, disk, need_space, publish, save_weights
from retrieval.errors import TuneError
from retrieval.progress import Progress, silent

NEVER = 10**9  # steps: checks are asked for by `Pace`
LINES = 200  # of the log, over a run
KEPT = 2  # checkpoints, beside the best
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
    _quiet()
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
    run = settings.into / settings.key(_content(settings))
    with disk(settings.into):
        run.mkdir(parents=True, exist_ok=True)
        trainer, pace = _trainer(settings, base, (train, valid), run, progress)
        resumed = _fit(trainer, pace, run, settings)
    if not trainer.is_world_process_zero():
        return {"adapter": None, "evaluation": {}}
    split, tested = _tested(settings, base, context)
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


def _trainer(
    settings: Settings, base: Base, those: tuple[list[Lesson], list[Lesson]], run: Path, progress: Progress
) -> tuple[Any, Any]:
    """TRL's trainer for the method, and what paces it."""
    import torch
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from finetune.lora.pace import Pace

    config_of, trainer_of = {"sft": (SFTConfig, SFTTrainer), "dpo": (DPOConfig, DPOTrainer)}[settings.method]
    sets = [Dataset.from_list(rows(part, settings.method, base.tokenizer)) for part in those]
    model, lora = adapted(base, settings)
    gpu = torch.cuda.is_available()
    steps = math.ceil(len(those[0]) * settings.epochs / (settings.batch * settings.accumulate))
    own: Json = {"beta": settings.beta} if settings.method == "dpo" else {"packing": base.flash, "eval_packing": False}
    config = config_of(
        output_dir=str(run),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulate,
        num_train_epochs=settings.epochs,
        learning_rate=settings.peak,
        lr_scheduler_type="constant",  # `Pace` sets the rate
        max_length=min(settings.context, base.context or settings.context),
        train_sampling_strategy="group_by_length" if settings.method == "sft" else "random",
        bf16=gpu,
        use_cpu=not gpu,
        gradient_checkpointing=gpu,  # a GPU's memory is dear, a CPU's time
        logging_steps=max(1, steps // LINES),
        logging_nan_inf_filter=False,  # a run that diverges shall say so
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=NEVER,
        save_steps=NEVER,
        save_total_limit=KEPT,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        seed=settings.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        **own,
    )
    pace = Pace(settings.peak, settings.minutes and 60 * settings.minutes, progress)
    trainer = trainer_of(
        model=model,
        args=config,
        train_dataset=sets[0],
        eval_dataset=sets[1],
        processing_class=base.tokenizer,
        peft_config=lora,
        callbacks=[pace, EarlyStoppingCallback(settings.patience)],
    )
    # Losses come normalised over all batches of a step; accelerate would divide their gradients once more.
    trainer.accelerator.gradient_accumulation_steps = 1
    for told in ("PrinterCallback", "ProgressCallback"):
        for callback in [c for c in trainer.callback_handler.callbacks if type(c).__name__ == told]:
            trainer.remove_callback(callback)
    return trainer, pace


def _quiet() -> None:
    """Keep the libraries from telling others that something is tuned here, and stdout for the result."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from datasets import disable_progress_bars
    from huggingface_hub import constants
    from transformers.utils import logging

    constants.HF_HUB_DISABLE_TELEMETRY = True  # read at import, which may have been earlier
    disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _fit(trainer: Any, pace: Any, run: Path, settings: Settings) -> int:
    """Train to the end; returns the step that a killed run is gone on with after, 0 for a fresh one."""
    import torch

    from finetune.lora.pace import last_whole

    trained = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
    need_space(run, trained * 4 * 3 * (KEPT + 2))  # weights and two moments in each checkpoint, and one in the making
    checkpoint = last_whole(run) if settings.resume else None
    if checkpoint is not None:
        pace.resume(checkpoint)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        raise TuneError(
            f"the GPU's memory is too small for batches of {settings.batch} ({str(error).splitlines()[0]})",
            "halve --batch and double --accumulate, which learns the same, or lower --context",
        ) from error
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    if losses and not math.isfinite(losses[-1]):
        raise TuneError(f"training diverged (loss {losses[-1]})", f"lower --rate, which was {settings.peak:g}")
    return int(pace.loaded_at)


def _tested(settings: Settings, base: Base, context: int) -> tuple[str, list[Lesson]]:
    """What to measure on: the test split where there is one with something to read, else the validation split."""
    for split in ("test", "valid"):
        if (settings.data / FILES[settings.method].format(split)).is_file():
            found = sample(read(settings.data, split, settings.method, settings.tasks), settings.checked, settings.seed)
            kept, _ = lessons(found, base.tokenizer, context)
            if kept:
                return split, kept
    raise TuneError(f"nothing in {settings.data} can be measured on", "make more data")


def _scores(model: Any, tested: list[Lesson]) -> Json:
    """Loss and accuracy of the base and of the adapted model on the same answers."""
    with model.disable_adapter():
        base = measure(model, tested)
    return {"base": base, "adapter": measure(model, tested)}


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
        "processes": trainer.args.world_size,
    }


def _curves(history: list[dict[str, float]]) -> str:
    """Loss and token accuracy over the steps, of training and of validation."""
    return draw(
        {
            title: {"training": points(history, name), "validation": points(history, f"eval_{name}")}
            for title, name in (("Loss per token", "loss"), ("Token accuracy", "mean_token_accuracy"))
        }
    )
