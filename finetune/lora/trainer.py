"""TRL's trainers as a run needs them: paced by `Pace`, silent to the outside, gone on with after a kill.

Batches are of examples of about the same length. Examples are packed one behind the other only under flash
attention: without it they would either see each other or pay for a mask over the whole pack, while sorted by length
they leave little padding.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from finetune.lora.base import Base, adapted
from finetune.lora.records import Lesson, rows
from finetune.lora.settings import Settings
from finetune.lora.store import need_space
from retrieval.errors import TuneError
from retrieval.progress import Progress

NEVER = 10**9  # steps: checks are asked for by `Pace`
LINES = 200  # of the log, over a run
KEPT = 2  # checkpoints, beside the best


def trainer_of(
    settings: Settings, base: Base, those: tuple[list[Lesson], list[Lesson]], run: Path, progress: Progress
) -> tuple[Any, Any]:
    """TRL's trainer for the method, and what paces it.

    Args:
        settings: of the run.
        base: to adapt.
        those: what to train on and what to check on.
        run: folder of checkpoints.
        progress: told of every step.
    """
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl import DPOTrainer, SFTTrainer

    from finetune.lora.answers import AnswersTrainer
    from finetune.lora.pace import Pace

    train, valid = (Dataset.from_list(rows(part, settings.method, base.tokenizer)) for part in those)
    model, lora = adapted(base, settings)
    pace = Pace(settings.peak, settings.minutes and 60 * settings.minutes, progress)
    arguments = _arguments(settings, base, len(train), run)
    supervised = AnswersTrainer if arguments.use_cpu else SFTTrainer
    trainer = {"sft": supervised, "dpo": DPOTrainer}[settings.method](
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=valid,
        processing_class=base.tokenizer,
        peft_config=lora,
        callbacks=[pace, EarlyStoppingCallback(settings.patience)],
    )
    # Losses come normalised over all batches of a step; accelerate would divide their gradients once more.
    trainer.accelerator.gradient_accumulation_steps = 1
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    return trainer, pace


def _need_gpu_that_fits() -> bool:
    """Whether there is a GPU to train on. Raises `TuneError` where it can't be used as it is."""
    import torch

    if not torch.cuda.is_available():
        return False
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        raise TuneError(
            f"{torch.cuda.get_device_name(0)} doesn't compute in bfloat16",
            "use a GPU of 2020 or later, or tune on the CPU with CUDA_VISIBLE_DEVICES= set to nothing",
        )
    count = torch.cuda.device_count()
    if count > 1 and "LOCAL_RANK" not in os.environ:
        raise TuneError(
            f"{count} GPUs are visible to one process",
            "start it with accelerate launch -m finetune.lora, or show it one by CUDA_VISIBLE_DEVICES=0",
        )
    return True


def _arguments(settings: Settings, base: Base, examples: int, run: Path) -> Any:
    from trl import DPOConfig, SFTConfig

    gpu = _need_gpu_that_fits()
    steps = math.ceil(examples * settings.epochs / (settings.batch * settings.accumulate))
    sft = settings.method == "sft"
    own: dict[str, Any] = {"packing": base.flash, "eval_packing": False} if sft else {"beta": settings.beta}
    return (SFTConfig if sft else DPOConfig)(
        output_dir=str(run),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulate,
        num_train_epochs=settings.epochs,
        learning_rate=settings.peak,
        lr_scheduler_type="constant",  # `Pace` sets the rate
        max_length=min(settings.context, base.context or settings.context),
        train_sampling_strategy="group_by_length" if sft else "random",
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
        **own,
    )


def quiet() -> None:
    """Keep the libraries from telling others that something is tuned here, and stdout for the result."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from datasets import disable_progress_bars
    from huggingface_hub import constants
    from transformers.utils import logging

    constants.HF_HUB_DISABLE_TELEMETRY = True  # read at import, which may have been earlier
    disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def fit(trainer: Any, pace: Any, run: Path, settings: Settings) -> int:
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
