"""Lab runs behind the page: one at a time, in a thread of its own, each in a folder of the shop's `lab` folder."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.models.base import ChatModel
from agent.models.compact import FOLDER
from eval.lab.folder import LAB, noted
from eval.lab.grid import Grid, ModelSpec, checked
from eval.lab.models import open_model
from eval.lab.run import STAGE, CancelledError, Opened, run
from retrieval.errors import CrossAisleError, EvaluationError
from ui.desk import LABS, Desk
from ui.options import ModelOptions

log = logging.getLogger(__name__)


@dataclass
class Job:
    """A run that was started here; `told` says how it stands, `problem` why it ended without results."""

    name: str
    cancel: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    total: int = 0
    told: str = "starting"
    problem: str = ""
    over: bool = False


class Jobs:
    """Starts, stops and resumes runs over an open shop.

    Args:
        desk: the shop; its model answers, so that it is in memory once.
        options: which model that is, None without one.
    """

    def __init__(self, desk: Desk, options: ModelOptions | None) -> None:
        self._desk, self._options = desk, options
        self.folder = desk.shop.folder / LABS
        self.job: Job | None = None
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The runs of this shop, the latest first."""
        found = [path.parent for path in self.folder.glob(f"*/{LAB}")]
        return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)]

    def path(self, name: str) -> Path:
        """The folder of a run. Raises `EvaluationError` for what can't be a run's name."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", name or ""):
            raise EvaluationError(f"{name!r} is no name for a run", "use letters, digits, dashes and dots")
        return self.folder / name

    def model(self, adapters: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """The `[model]` of a grid: what serves, and adapters beside it."""
        options = self._options
        if options is None or self._desk.model is None:
            return None
        served = str(options.adapter) if options.adapter else ""
        spec: dict[str, Any] = {"adapters": tuple(dict.fromkeys((served, *adapters)))}
        if options.url:
            return spec | {"url": options.url, "name": options.name}
        return spec | {"path": options.path or FOLDER}

    def start(self, name: str, given: dict[str, Any]) -> Job:
        """Begin a run, or go on with the one of that name.

        Raises:
            EvaluationError: another one is running, or the grid makes no sense.
        """
        grid = checked({"shop": str(self._desk.shop.folder), **given}, "the run")
        return self._begin(name, grid)

    def resume(self, name: str) -> Job:
        """Go on with a run that was ended. Raises `EvaluationError`."""
        return self._begin(name, Grid.model_validate(noted(self.path(name))["grid"]))

    def stop(self) -> None:
        """Tell the run to stop; what is done is kept."""
        if self.job is not None:
            self.job.cancel.set()

    def _begin(self, name: str, grid: Grid) -> Job:
        into = self.path(name)
        with self._lock:
            if self.job is not None and not self.job.over:
                raise EvaluationError(f"the run {self.job.name} is still under way", "wait for it, or cancel it")
            job = self.job = Job(name)
        threading.Thread(target=self._work, args=(job, grid, into), name="lab-run", daemon=True).start()
        return job

    def _work(self, job: Job, grid: Grid, into: Path) -> None:
        def tell(stage: str, done: int, total: int | None) -> None:
            job.told = "replaying" if stage == STAGE else stage
            if stage == STAGE:
                job.done, job.total = done, total or 0

        try:
            run(grid, into, Opened(self._desk.shop, self._desk.memory, self._opener()), tell, job.cancel)
            job.told = "finished"
        except CancelledError:
            job.told = "cancelled; resume it to go on"
        except CrossAisleError as error:
            job.told, job.problem = "failed", str(error)
        except Exception:  # the edge of the page: shown there, logged with its trace
            log.exception("a lab run failed")
            job.told, job.problem = "failed", "Something went wrong here, and it was logged."
        finally:
            job.over = True

    def _opener(self) -> Callable[[ModelSpec | None, str], ChatModel | None]:
        served = str(self._options.adapter) if self._options and self._options.adapter else ""

        def opener(spec: ModelSpec | None, adapter: str) -> ChatModel | None:
            return self._desk.model if spec is not None and adapter == served else open_model(spec, adapter)

        return opener
