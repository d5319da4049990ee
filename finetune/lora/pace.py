"""How fast a run learns, when it looks at the validation split, and when it ends: by steps, or by the clock if earlier.

The learning rate rises over the first 3% of the run and then falls as a cosine to zero. How far the run is, is the
larger of the share of its steps and the share of its minutes, so that the rate has fallen when the time is over.
Where minutes are counted, checks get a fifth of them at most, beside the last one.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from retrieval.progress import Progress, silent

WARM_UP = 0.03
CHECKS = 10  # looks at the validation split and checkpoints, evenly over the run
SHARE = 0.2  # of the minutes for checks
MARK = "pace.json"  # written last into a checkpoint: one without it was cut off


class Pace(TrainerCallback):
    """Sets the rate before each step, and asks for checks and the end after it.

    Args:
        peak: the highest learning rate.
        seconds: to train for at most, checks included; None for no limit.
        progress: told of every step.
    """

    def __init__(self, peak: float, seconds: float | None, progress: Progress = silent) -> None:
        self._peak, self._seconds, self._progress = peak, seconds, progress
        self._checks, self._before, self._started, self._begun = 0, 0.0, 0.0, 0.0
        self._checking, self._last_check = 0.0, 0.0
        self.working = 0.0
        """Seconds spent in steps by this process, without the checks."""
        self.loaded_at = 0
        """The step that this process began after."""

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, those before a kill included."""
        return self._before + time.monotonic() - self._started

    def resume(self, checkpoint: Path) -> None:
        """Go on with the clock and the checks of a checkpoint."""
        found = json.loads((checkpoint / MARK).read_text(encoding="utf-8"))
        self._before, self._checks = float(found["elapsed"]), int(found["checks"])

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Start the clock."""
        self._started, self.loaded_at = time.monotonic(), state.global_step

    def on_step_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Set the rate of the step."""
        self._begun = time.monotonic()
        for group in others["optimizer"].param_groups:
            group["lr"] = self._peak * shape(self._passed(args, state))

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Ask for a check where one is due, and for the end."""
        self.working += time.monotonic() - self._begun
        self._progress("tuning", state.global_step, state.max_steps)
        passed = self._passed(args, state)
        due = int(passed * CHECKS)
        control.should_training_stop = control.should_training_stop or passed >= 1
        control.should_evaluate = control.should_save = passed >= 1 or (due > self._checks and self._affordable(args))
        self._checks = max(due, self._checks)
        self._begun = time.monotonic()

    def on_evaluate(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Note what the check took."""
        self._last_check = time.monotonic() - self._begun
        self._checking += self._last_check

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Mark the checkpoint as whole."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            told = json.dumps({"elapsed": self.elapsed, "checks": self._checks})
            (folder / MARK).write_text(told, encoding="utf-8")

    def _affordable(self, args: Any) -> bool:
        """Whether another check like the last one leaves the steps their share of the time."""
        if self._seconds is None:
            return True
        elapsed, checking, last = self._times(args)
        return checking + last <= SHARE * elapsed

    def _passed(self, args: Any, state: Any) -> float:
        """How far the run is, 0 to 1."""
        steps = float(state.global_step / max(state.max_steps, 1))
        if self._seconds is None:
            return steps
        elapsed, _, last = self._times(args)
        return min(1.0, max(steps, (elapsed + last) / self._seconds))  # one more check is still to come

    def _times(self, args: Any) -> tuple[float, float, float]:
        """Seconds in all, of checks, and of the last check: the first process's, or they'd wait for each other."""
        times = (self.elapsed, self._checking, self._last_check)
        if args.world_size > 1:
            import torch

            shared = torch.tensor(times, dtype=torch.float64, device=args.device)
            torch.distributed.broadcast(shared, src=0)
            times = (float(shared[0]), float(shared[1]), float(shared[2]))
        return times


def shape(passed: float) -> float:
    """The rate as a share of its peak, by the share of the run that has passed."""
    if passed < WARM_UP:
        return (passed + WARM_UP / 10) / (WARM_UP * 1.1)
    return 0.5 * (1 + math.cos(math.pi * (passed - WARM_UP) / (1 - WARM_UP)))


def last_whole(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end, if there is one."""
    whole = [mark.parent for mark in folder.glob(f"checkpoint-*/{MARK}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
