"""A lab folder: what was compared, on which sessions, and every turn as it was made; a kill loses at most one turn.

    lab.json               the grid as it was resolved
    sessions.jsonl         what was replayed, the same for every cell
    turns/CELL.jsonl       one line a turn, written as the turn ends
    prompts/HASH.md        the prompts that were compared
    past/                  what channels had learnt before simulated shoppers' goals
    runs/, qrels.qrels     what was ranked and what was right (`eval/lab/export.py`)
    results.json, report.html

The folder holds what shoppers said: it is readable for its owner alone, and they leave it when they are forgotten
(`eval/lab/forget.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.schema import Act, Reply
from agent.storable import to_json
from eval.files import fault
from eval.lab.cells import Cell
from retrieval.errors import EvaluationError
from retrieval.schema import Frozen

LAB, SESSIONS = "lab.json", "sessions.jsonl"


class BusyError(EvaluationError):
    """Another process is writing to the lab folder."""


class Turn(Frozen):
    """One turn of one session in one cell.

    Attributes:
        cell: the cell's hash.
        turn: from 0.
        label: what should have been done, None where nobody says.
        last: whether the session ends with it.
    """

    cell: str
    session: str
    turn: int
    words: str
    label: Act | None = None
    last: bool = False
    reply: Reply


class Folder:
    """A lab folder open for writing; one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Folder]:
        """Make or enter the folder.

        Raises:
            BusyError: another process writes to it.
            EvaluationError: it can't be made.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (path / "turns").mkdir(exist_ok=True)
            (path / "prompts").mkdir(exist_ok=True)
            descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise fault(path, f"the lab folder can't be made ({error.strerror})", "choose another folder") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{path}: another lab run is writing to this folder", "wait for it, or end it") from None
        else:
            yield cls(path)
        finally:
            os.close(descriptor)

    def note(self, told: dict[str, Any]) -> None:
        """Write `lab.json`, whole or not at all."""
        beside = self.path / (LAB + ".new")
        beside.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.path / LAB)

    def keep_prompts(self, cells: list[Cell]) -> None:
        """Keep the text of every prompt that is compared."""
        for version in (version for cell in cells for version in cell.prompts.values()):
            (self.path / "prompts" / f"{version.hash}.md").write_text(version.text, encoding="utf-8")

    def turns(self, cell: str) -> list[Turn]:
        """The turns so far of the cell of that hash. A line that a kill cut short is removed from the file."""
        path = self._file(cell)
        if not path.exists():
            return []
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        return [_turn(path, number, line) for number, line in enumerate(whole.splitlines(), start=1)]

    def add(self, cell: Cell, turn: Turn) -> None:
        """Add a turn; it is on disk when this returns."""
        line = f"{to_json(turn)}\n".encode()
        with self._lock, self._file(cell.hash).open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def strike(self, gone: Collection[str]) -> None:
        """Remove sessions by their keys, with their turns; whole files or not at all, what names the keys last."""
        for path in (self.path / "turns").glob("*.jsonl"):
            _strike(path, "session", gone)
        for path in sorted(self.path.glob("*.jsonl"), key=lambda path: path.name == SESSIONS):
            _strike(path, "key", gone)

    def _file(self, cell: str) -> Path:
        return self.path / "turns" / f"{cell[:16]}.jsonl"


def noted(path: Path) -> dict[str, Any]:
    """What a lab folder says of itself. Raises `EvaluationError` where it is none."""
    try:
        found = json.loads((path / LAB).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise fault(path, f"this is no lab folder ({error})", "name the --into folder of crossaisle lab run") from None
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise EvaluationError(f"{path / LAB} is damaged", "run the lab again into another folder")
    return found


def _strike(path: Path, key: str, gone: Collection[str]) -> None:
    data = path.read_bytes()
    kept = b""
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(keepends=True), start=1):
        try:
            kept += b"" if json.loads(line)[key] in gone else line
        except (ValueError, TypeError, KeyError):
            raise fault(path, "the line is damaged", "delete the folder, or repair the line", line=number) from None
    beside = path.with_suffix(".new")
    beside.write_bytes(kept)
    beside.replace(path)


def _turn(path: Path, line: int, text: bytes) -> Turn:
    try:
        return Turn.model_validate_json(text)
    except ValidationError as error:
        cause = f"the turn can't be read ({error.error_count()} faults)"
        raise fault(path, cause, "run the lab again into another folder", line=line) from None
