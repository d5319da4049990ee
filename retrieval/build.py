"""The folder of a shop while it is built: one lock, checkpoints, and a swap that is whole or hasn't happened.

    DIR/building/shop/       the generation in work; `../plan.json` says which, `../done/STAGE.json` what is finished
    DIR/builds/BUILD/        finished generations, the one that serves and the one before it
    DIR/current              -> builds/BUILD, swapped by rename(2) of a fresh link
    DIR/manifest.json, ...   -> current/..., so that a shop reads like a plain folder

Every state on the way is one that `Building.open` or `publish` continues from.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ShopError

LINKS = ("manifest.json", "catalogue.parquet", "events.parquet", "rejects.jsonl", "chroma", "signals")
_OURS = {*LINKS, "current", "builds", "building", "source", "sensitive.toml", ".lock"}
Json = dict[str, Any]


def identity(facts: Json) -> str:
    """A short name for everything that a build's content depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Make `root` and be the only build in it; the lock goes with the process, however it ends.

    Raises:
        ShopError: another process builds there, or `root` is something else than a shop.
    """
    if root.exists() and not root.is_dir():
        raise ShopError(f"{root} is a file, not a folder", "give another folder for the shop")
    root.mkdir(parents=True, exist_ok=True)
    foreign = sorted(name for name in os.listdir(root) if not _belongs(name))
    if foreign and not (root / "builds").is_dir():
        raise ShopError(
            f"{root} holds other things, such as {foreign[0]!r}", "give an empty or new folder for the shop"
        )
    with (root / ".lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ShopError(
                f"process {file.read().strip() or 'unknown'} is building {root} already",
                "wait until it is done, or end it; a build goes on where it stopped",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _belongs(name: str) -> bool:
    return name in _OURS or name.startswith(("state.sqlite3", ".trash-", ".current-", "."))


class Building:
    """The generation in work.

    Args:
        place: `DIR/building`.
        plan: what was decided when it began, and must stay so when it is continued.

    Attributes:
        folder: the generation itself.
        state: notes on how far it is, which are no part of it.
    """

    def __init__(self, place: Path, plan: Json) -> None:
        self.place, self.plan = place, plan
        self.folder, self.state = place / "shop", place / "done"
        self.folder.mkdir(exist_ok=True)
        self.state.mkdir(exist_ok=True)

    @classmethod
    def open(cls, root: Path, plan: Json) -> Building:
        """Continue the build in `root/building` if it has the same `id` and its plan, else begin afresh."""
        place = root / "building"
        known = read_json(place / "plan.json")
        if known is None or known.get("id") != plan["id"]:
            discard(root, place)
            place.mkdir()
            write_json(place / "plan.json", plan)
            known = plan
        return cls(place, known)

    def done(self, stage: str) -> Json | None:
        """What a finished stage noted, None while it isn't finished."""
        return read_json(self.state / f"{stage}.json")

    def finish(self, stage: str, note: Json) -> Json:
        """Note that a stage is finished, after what it wrote has reached the disk."""
        write_json(self.state / f"{stage}.json", note)
        return note

    def forget(self, stage: str) -> None:
        """Take a note back."""
        (self.state / f"{stage}.json").unlink(missing_ok=True)

    def fresh(self, name: str) -> Path:
        """An empty folder in the build, whatever an earlier attempt left there."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def publish(root: Path, building: Building | None, build: str) -> list[str]:
    """Let `builds/BUILD` serve, after moving a finished `building` there.

    Returns:
        The names of older generations that were deleted; the one that served before is kept.
    """
    builds = root / "builds"
    builds.mkdir(exist_ok=True)
    if building is not None:
        sync_tree(building.folder)
        building.folder.rename(builds / build)
        sync(builds)
        discard(root, building.place)
    before = serving(root)
    for name in LINKS:
        link(root / name, Path("current") / name)
    link(root / "current", Path("builds") / build)
    sync(root)
    if before == build:
        return []
    old = [folder for folder in builds.iterdir() if folder.name not in {build, before}]
    for folder in old:
        discard(root, folder)
    return [folder.name for folder in old]


def serving(root: Path) -> str | None:
    """The build that `current` points to, None where there is none."""
    try:
        return Path(os.readlink(root / "current")).name
    except OSError:
        return None


def link(path: Path, target: Path) -> None:
    """Make `path` a link to `target` in one step."""
    if path.is_symlink() and Path(os.readlink(path)) == target:
        return
    if path.exists() and not path.is_symlink():
        raise ShopError(f"{path} is not a link as a shop's folder has it", "give another folder for the shop")
    fresh = path.with_name(f".current-{path.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def discard(root: Path, folder: Path) -> None:
    """Delete a folder so that half of it is never taken for the whole: first its name goes, then its content."""
    if folder.exists():
        folder.rename(root / f".trash-{folder.name}-{os.getpid()}")
    for trash in root.glob(".trash-*"):
        shutil.rmtree(trash, ignore_errors=True)


def read_json(path: Path) -> Json | None:
    """A JSON object, None where there is no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ShopError(f"{path} is damaged ({error})", "delete it and run crossaisle ingest again") from error
    if not isinstance(value, dict):
        raise ShopError(f"{path} holds no JSON object", "delete it and run crossaisle ingest again")
    return value


def write_json(path: Path, value: Json) -> None:
    """Write an object so that readers see the old content or the new, never a part."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Let a file's content or a folder's names reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Let everything under a folder reach the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place) / name)
        sync(Path(place))
