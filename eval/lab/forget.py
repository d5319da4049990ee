"""Shoppers who had everything forgotten leave lab folders as well: what they said, and every answer to it.

A run leaves them out by itself when it begins, is gone on with, and ends. `forget` sees to the runs that rest.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.memory.hidden import Hidden
from eval.files import objects
from eval.lab.export import RESULTS, conclude
from eval.lab.folder import LAB, SESSIONS, BusyError, Folder, noted
from eval.lab.gather import Gathered
from eval.lab.measure import measured
from eval.lab.sessions import Session
from retrieval.errors import EvaluationError

log = logging.getLogger(__name__)

_NOTE = "Sessions that were removed because their shoppers were forgotten: "


def forget(root: Path, hidden: Hidden) -> list[str]:
    """Remove forgotten shoppers from the lab folders right below `root`, and make the tables again without them.

    A folder in which nobody is left is deleted. One that a run is writing to is passed over, since the run ends with
    this; a damaged one as well, and the log says so.

    Returns:
        The names of the folders that were changed or deleted.
    """
    return [path.parent.name for path in sorted(root.glob(f"*/{LAB}")) if _changed(path.parent, hidden)]


def without_forgotten(folder: Folder, gathered: Gathered, hidden: Hidden) -> Gathered:
    """The sessions, perhaps none, whose shoppers were not forgotten since they began; the others leave the folder.

    Simulated shoppers stay: people said nothing of it, and of a shop's own data events are hidden one by one.

    Args:
        folder: of the run, open.
        gathered: what it holds.
        hidden: of the state database in which the shoppers are forgotten.
    """
    said = [one for one in gathered.sessions if one.source != "simulated"]
    last = {shopper: _last_forgotten(shopper, hidden) for shopper in {one.shopper for one in said if one.shopper}}
    gone = {one.key for one in said if (at := last.get(one.shopper or "")) is not None and at >= one.at}
    if not gone:
        return gathered
    folder.strike(gone)
    kept = tuple(one for one in gathered.sessions if one.key not in gone)
    return replace(gathered, sessions=kept, told=_told(gathered.told, kept, len(gone)))


def _changed(path: Path, hidden: Hidden) -> bool:
    try:
        with Folder.opened(path) as folder:
            return _left(folder, noted(path), hidden)
    except BusyError:
        return False
    except (EvaluationError, ValueError, LookupError, TypeError, OSError) as error:  # whatever a damaged file raises
        log.warning("what forgotten shoppers said may still be in %s: %s", path, error)
        return False


def _left(folder: Folder, told: dict[str, Any], hidden: Hidden) -> bool:
    path = folder.path
    before = Gathered(
        tuple(Session.model_validate(row) for _, row in objects(path / SESSIONS)), told=dict(told["told"])
    )
    left = without_forgotten(folder, before, hidden)
    if left is before:
        return False
    if not left.sessions:
        shutil.rmtree(path)
        return True
    folder.note(told | {"told": left.told})
    if (path / RESULTS).exists():
        turns = {cell["name"]: folder.turns(cell["hash"]) for cell in told["cells"]}
        conclude(path, measured(turns, left.sessions))
    return True


def _last_forgotten(shopper: str, hidden: Hidden) -> datetime | None:
    """When everything of a shopper was forgotten, the last time."""
    return max((line.at for line in hidden.audit(shopper) if line.action == "everything"), default=None)


def _told(told: dict[str, Any], kept: Collection[Session], gone: int) -> dict[str, Any]:
    """What the run says of itself, without them."""
    notes = [str(note) for note in told.get("notes", [])]
    gone += sum(int(note.removeprefix(_NOTE)) for note in notes if note.startswith(_NOTE))
    notes = [note for note in notes if not note.startswith(_NOTE)] + [f"{_NOTE}{gone}"]
    sources = [one.source for one in kept]
    return told | {"notes": notes, "sessions": {source: sources.count(source) for source in dict.fromkeys(sources)}}
