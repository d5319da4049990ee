"""Shoppers who had anything forgotten leave lab folders as well: what they said, and every answer to it.

An answer may name an event, so whoever forgets one leaves the runs that were gathered before; a run that begins after
that knows nothing of it, and has them again.

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

from agent.memory.hidden import Audited, Hidden
from agent.storable import to_json
from eval.files import objects
from eval.lab.export import RESULTS, conclude
from eval.lab.folder import LAB, SESSIONS, BusyError, Folder, noted
from eval.lab.gather import Gathered, time_in
from eval.lab.measure import measured
from eval.lab.sessions import Session
from retrieval.errors import EvaluationError

log = logging.getLogger(__name__)

_NOTE = "Sessions that were removed because their shoppers were forgotten: "


def forget(root: Path, hidden: Hidden, shopper: str | None = None) -> list[str]:
    """Remove forgotten shoppers from the lab folders right below `root`, and make the tables again without them.

    A folder in which nobody is left is deleted. One that a run is writing to is passed over, since the run ends with
    this; a damaged one as well, and the log says so.

    Args:
        root: folder of lab folders; there may be none.
        hidden: of the state database in which shoppers forget.
        shopper: whose sessions to look for, in the folders that name them; None for everybody's.

    Returns:
        The names of the folders that were changed or deleted.
    """
    paths = [path.parent for path in sorted(root.glob(f"*/{LAB}"))]
    named = paths if shopper is None else [path for path in paths if _names(path, shopper)]
    return [path.name for path in named if _changed(path, hidden)]


def without_forgotten(folder: Folder, gathered: Gathered, hidden: Hidden) -> Gathered:
    """The sessions, perhaps none, of which nothing was forgotten since; the others leave the folder.

    Simulated shoppers stay where a person had everything forgotten that was said here: people said nothing of it. An
    event of the shop's own data that somebody forgets takes them along.

    Args:
        folder: of the run, open.
        gathered: what it holds.
        hidden: of the state database in which the shoppers are forgotten.
    """
    lines = {shopper: hidden.audit(shopper) for shopper in {one.shopper for one in gathered.sessions} if shopper}
    gone = {
        one.key
        for one in gathered.sessions
        if any(_concerns(line, one, gathered.at) for line in lines.get(one.shopper or "", ()))
    }
    if not gone:
        return gathered
    folder.strike(gone)
    kept = tuple(one for one in gathered.sessions if one.key not in gone)
    return replace(gathered, sessions=kept, told=_told(gathered.told, kept, len(gone)))


def _names(path: Path, shopper: str) -> bool:
    """Whether a folder's sessions may be the shopper's."""
    try:
        return to_json(shopper).encode() in (path / SESSIONS).read_bytes()
    except OSError:
        return False


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
        tuple(Session.model_validate(row) for _, row in objects(path / SESSIONS)),
        at=time_in(told, "gathered"),
        told=dict(told["told"]),
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


def _concerns(line: Audited, one: Session, gathered: datetime | None) -> bool:
    """Whether what a shopper had forgotten may stand in their session, or in an answer to it."""
    if line.action == "everything":
        return one.source != "simulated" and line.at >= one.at
    known = line.action == "shop events" or bool(one.events or one.took)
    return known and line.at >= (gathered or one.at)


def _told(told: dict[str, Any], kept: Collection[Session], gone: int) -> dict[str, Any]:
    """What the run says of itself, without them."""
    notes = [str(note) for note in told.get("notes", [])]
    gone += sum(int(note.removeprefix(_NOTE)) for note in notes if note.startswith(_NOTE))
    notes = [note for note in notes if not note.startswith(_NOTE)] + [f"{_NOTE}{gone}"]
    sources = [one.source for one in kept]
    return told | {"notes": notes, "sessions": {source: sources.count(source) for source in dict.fromkeys(sources)}}
