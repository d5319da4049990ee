"""Running a grid: every cell over the same sessions, turn by turn into a folder that a killed run goes on with.

    lab = run(read_grid(Path("grid.toml")), Path("runs/prompts"))

Sessions are taken one after the other, and each by all cells in turn, so that whatever slows the machine slows every
cell alike.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.memory import Memory
from agent.models.base import ChatModel
from agent.versions import Versions
from eval.files import fault
from eval.lab.cells import Cell, cells_of
from eval.lab.configuration import Configured
from eval.lab.export import conclude
from eval.lab.folder import LAB, Folder, Turn, noted
from eval.lab.forget import without_forgotten
from eval.lab.gather import Gathered, gather
from eval.lab.grid import Grid, ModelSpec
from eval.lab.measure import measured
from eval.lab.models import open_model
from eval.lab.replay import Replay
from eval.lab.sessions import Session
from eval.results import Results
from eval.simulate.past import channels_at
from retrieval.errors import EvaluationError
from retrieval.progress import Progress, silent
from retrieval.shop import Shop

Opener = Callable[[ModelSpec | None, str], ChatModel | None]
STAGE = "turns"
_BUSY = "Times were measured with {n} sessions at once: they tell cells apart, not what a shopper waits."


class CancelledError(EvaluationError):
    """The run was told to stop; what is done is kept."""


@dataclass(frozen=True)
class Opened:
    """What a run works on; made by `opened`, or by a front door from what it has open already."""

    shop: Shop
    memory: Memory
    open_model: Opener = open_model


@contextmanager
def opened(grid: Grid) -> Iterator[Opened]:
    """Open the grid's shop and state database, for as long as the run takes."""
    shop = Shop.open(grid.shop)
    try:
        with Memory(grid.state) if grid.state else Memory.at(grid.shop / "state.sqlite3") as memory:
            yield Opened(shop, memory)
    finally:
        shop.close()


def run(
    grid: Grid,
    into: Path,
    on: Opened,
    progress: Progress = silent,
    cancel: threading.Event | None = None,
) -> Results:
    """Replay every session in every cell, and compare.

    Args:
        grid: what is compared.
        into: the lab folder; one that an interrupted run left is gone on with.
        on: the shop, its state database, and who opens models.
        progress: told how many turns are done of those that are known to come.
        cancel: set it to stop; what is done is kept.

    Returns:
        The table, which is also written to the folder.

    Raises:
        CancelledError: it was stopped.
        EvaluationError: the grid or the folder isn't what it should be.
    """
    cancel = cancel or threading.Event()
    versions = Versions.of(on.memory.prompts)
    cells = cells_of(grid, on.shop, versions)
    with Folder.opened(into) as folder:
        before = noted(into) if (into / LAB).exists() else None
        gathered = _remembered(folder, gather(grid, on.shop, on.memory, into, before), on)
        folder.note(_notes(grid, on, cells, gathered))
        folder.keep_prompts(cells)
        replays = _replays(grid, on, cells, _early(on.shop, gathered, into, stopping(progress, cancel, into)))
        work = _Work(folder, gathered.sessions, replays, {cell.hash: folder.turns(cell.hash) for cell in cells})
        work.do(grid, progress, cancel)
        if cancel.is_set():
            raise _stopped(into)
        progress("comparing", 0, None)
        gathered = _remembered(folder, gathered, on)
        folder.note(_notes(grid, on, cells, gathered))
        turns = {cell.name: work.turns_of(cell, gathered.sessions) for cell in cells}
        return conclude(into, measured(turns, gathered.sessions))


def stopping(progress: Progress, cancel: threading.Event, into: Path) -> Progress:
    """A `progress` that raises `CancelledError` once `cancel` is set: learning the past can only stop between steps."""

    def told(stage: str, done: int, total: int | None) -> None:
        if cancel.is_set():
            raise _stopped(into)
        progress(stage, done, total)

    return told


def _stopped(into: Path) -> CancelledError:
    return CancelledError(f"the run was stopped; {into} keeps what is done", "run it again to go on")


class _Work:
    """What is done and what is still to do."""

    def __init__(
        self,
        folder: Folder,
        sessions: Sequence[Session],
        replays: Mapping[str, tuple[Replay, Replay]],
        done: Mapping[str, Sequence[Turn]],
    ) -> None:
        self._folder, self._sessions, self._replays = folder, sessions, replays
        self._done: dict[tuple[str, str], list[Turn]] = {}
        for cell, turns in done.items():
            for turn in turns:
                self._done.setdefault((cell, turn.session), []).append(turn)
        self._lock = threading.Lock()

    def turns_of(self, cell: Cell, sessions: Iterable[Session]) -> list[Turn]:
        """The cell's turns in these sessions."""
        return [turn for session in sessions for turn in self._done.get((cell.hash, session.key), [])]

    def do(self, grid: Grid, progress: Progress, cancel: threading.Event) -> None:
        """Make the turns that are missing, some sessions at once."""
        simulated = grid.sessions.simulated
        answers = simulated is not None and simulated.answers
        total = len(self._replays) * sum(len(session.turns) for session in self._sessions)

        def tell() -> None:
            done = sum(map(len, self._done.values()))
            progress(STAGE, min(done, total), total)

        def one(session: Session, replay: Replay) -> None:
            have = self._done.setdefault((replay.cell.hash, session.key), [])
            if have and have[-1].last:
                return
            for turn in replay.replay(session, tuple(have), cancel, answers):
                self._folder.add(replay.cell, turn)
                with self._lock:
                    have.append(turn)
                    tell()

        tell()
        with ThreadPoolExecutor(grid.concurrency, thread_name_prefix="lab") as pool:
            running: set[Future[None]] = set()
            try:
                for session, replay in self._order():
                    if len(running) >= grid.concurrency:
                        ended, running = wait(running, return_when=FIRST_COMPLETED)
                        for future in ended:
                            future.result()
                    if cancel.is_set():
                        break
                    running.add(pool.submit(one, session, replay))
                for future in running:
                    future.result()
            except BaseException:
                cancel.set()
                raise

    def _order(self) -> Iterator[tuple[Session, Replay]]:
        """Each session by all cells; which cell comes first goes round."""
        replays = list(self._replays.values())
        for number, session in enumerate(self._sessions):
            for place in range(len(replays)):
                now, past = replays[(number + place) % len(replays)]
                yield session, past if session.source == "simulated" else now


def _remembered(folder: Folder, gathered: Gathered, on: Opened) -> Gathered:
    """Without those who were forgotten meanwhile."""
    left = without_forgotten(folder, gathered, on.memory.hidden)
    if not left.sessions:
        raise fault(folder.path, "everybody whose sessions it held was forgotten", "delete the folder, and begin anew")
    return left


def _early(shop: Shop, gathered: Gathered, into: Path, progress: Progress) -> Shop:
    """The shop as simulated sessions may know it."""
    if gathered.cut is None:
        return shop
    return Configured(shop, channels_at(shop, gathered.cut, into / "past", progress))


def _replays(grid: Grid, on: Opened, cells: Sequence[Cell], early: Shop) -> dict[str, tuple[Replay, Replay]]:
    """For each cell, who answers people's sessions, and simulated ones with what was known before their goals."""
    models = {adapter: on.open_model(grid.model, adapter) for adapter in {cell.adapter for cell in cells}}
    shop = on.shop
    found = {}
    for cell in cells:
        seen = (Configured(shop, cell.retrieval.channels_of(one)) for one in (shop, early))
        now, then = (Replay(one, cell, models[cell.adapter], on.memory.hidden) for one in seen)
        found[cell.hash] = (now, then)
    return found


def _notes(grid: Grid, on: Opened, cells: Sequence[Cell], gathered: Gathered) -> dict[str, Any]:
    """What `lab.json` says."""
    told = dict(gathered.told)
    told["cells"] = {cell.name: cell.hash for cell in cells}
    told["data"] = on.shop.name
    busy = _BUSY.format(n=grid.concurrency)
    kept = [note for note in told.get("notes", []) if not note.startswith(_BUSY[:25])]
    told["notes"] = [*kept, *([busy] if grid.concurrency > 1 else [])]
    noting: dict[str, Any] = {
        "lab": 1,
        "grid": grid.model_dump(mode="json"),
        "shop": str(on.shop.manifest["build"]),
        "sessions": grid.sessions.model_dump(mode="json"),
        "cut": gathered.cut.isoformat() if gathered.cut else None,
        "gathered": gathered.at.isoformat() if gathered.at else None,
        "seed": grid.seed,
        "cells": [
            {
                "name": cell.name,
                "hash": cell.hash,
                "adapter": cell.adapter,
                "prompts": {task: version.hash for task, version in cell.prompts.items()},
                "retrieval": cell.retrieval.model_dump(mode="json"),
            }
            for cell in cells
        ],
        "told": told,
    }
    return json.loads(json.dumps(noting))  # type: ignore[no-any-return]
