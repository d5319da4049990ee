"""Files that several processes append to and that a kill at any moment leaves whole. Knows nothing of conversations."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.errors import TranscriptError

log = logging.getLogger(__name__)

LIMIT = 20_000_000
"""Bytes of the largest file that is read or written."""
WAIT = 10.0
"""Seconds to wait for another process that is writing the file."""


def read_bytes(path: Path) -> bytes:
    """The file's content, b"" where there is no file yet (but a folder for it).

    Raises:
        TranscriptError: the file is no regular file, too large or not readable, or its folder is missing.
    """
    with told(path):
        try:
            descriptor = _open(path, os.O_RDONLY)
        except FileNotFoundError:
            if not Path(os.path.realpath(path)).parent.is_dir():
                raise
            return b""
        try:
            return content(descriptor, path)
        finally:
            os.close(descriptor)


def content(descriptor: int, path: Path) -> bytes:
    """All bytes of an open file; raises TranscriptError where they are more than `LIMIT`."""
    size = os.fstat(descriptor).st_size
    if size > LIMIT:
        cause = f"{path} has {size / 1e6:.0f} MB; a conversation has at most {LIMIT // 10**6} MB"
        raise TranscriptError(cause, "See that it is the right file, or start a new one")
    pieces: list[bytes] = []
    while piece := os.pread(descriptor, 1 << 20, sum(map(len, pieces))):
        pieces.append(piece)
    return b"".join(pieces)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file, open for reading and writing, made where missing, while nobody else writes it.

    Raises:
        TranscriptError: it can't be opened, or another process keeps it for longer than `WAIT`.
    """
    until = time.monotonic() + WAIT
    with told(path):
        while True:
            descriptor = _open(path, os.O_RDWR | os.O_CREAT)
            try:
                _lock(descriptor, path, until)
                if _same(descriptor, path):  # else it was replaced while this waited
                    yield descriptor
                    return
            finally:
                os.close(descriptor)  # gives the lock back


def extend(descriptor: int, end: int, new: bytes) -> None:
    """Write `new` from byte `end` on, in one call, so that a kill leaves an unfinished piece at the very end only."""
    os.ftruncate(descriptor, end)
    _write(descriptor, new, end)


def replace(path: Path, descriptor: int, new: bytes) -> None:
    """Put a new file in the place of the open one at once, with its permissions."""
    fresh, name = tempfile.mkstemp(prefix=".transcript-", dir=path.parent)
    try:
        os.fchmod(fresh, stat.S_IMODE(os.fstat(descriptor).st_mode))
        _write(fresh, new, 0)
        os.replace(name, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    finally:
        os.close(fresh)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keep(path: Path, suffix: str, data: bytes) -> None:
    """Set `data` aside beside the file, under a name that nothing has yet: FILE.orig, FILE.orig.1, ..."""
    number = 0
    while True:
        beside = path.with_name(f"{path.name}{suffix}{f'.{number}' if number else ''}")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        try:
            _write(descriptor, data, 0)
        finally:
            os.close(descriptor)
        log.warning("%s: %d bytes were set aside to %s", path, len(data), beside)
        return


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the operating system says of `path` into a TranscriptError with a remedy."""
    try:
        yield
    except IsADirectoryError as error:
        raise TranscriptError(f"{path} is a folder", "Give the path of a file for the conversation") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TranscriptError(f"the folder of {path} does not exist", "Make it first, or give another path") from error
    except PermissionError as error:
        cause = f"{path} can't be opened or written: permission denied"
        raise TranscriptError(cause, "Give yourself read and write permission, or give another path") from error
    except OSError as error:
        cause = f"{path} can't be read or written: {error.strerror or error}"
        raise TranscriptError(cause, "Remove the cause, or give another path") from error


def _open(path: Path, flags: int) -> int:
    """Open a regular file; anything else is refused, without waiting for the other end of a pipe."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except ValueError as error:  # a NUL character, or one that the file system's encoding doesn't have
        raise TranscriptError(f"{str(path)!r} is no possible path", "Give another path") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        what = "a folder" if folder else "not a regular file"
        raise TranscriptError(f"{path} is {what}", "Give the path of a file for the conversation")
    return descriptor


def _lock(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                cause = f"{path} was kept locked by another process for {WAIT:.0f} s"
                raise TranscriptError(cause, "Wait until it is done, or give another file") from None
            time.sleep(0.005)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _write(descriptor: int, new: bytes, at: int) -> None:
    left = memoryview(new)
    while left:
        done = os.pwrite(descriptor, left, at)
        left, at = left[done:], at + done
    os.fsync(descriptor)
