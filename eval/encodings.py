"""Encoded texts, kept: several systems of a run, and the next run, read the same catalogue with the same slow encoder.

What a transformer took minutes for is kept in the user's cache by the hash of encoder and texts, the latest few files;
the static encoder is faster than that. Delete the folder `vectors` there at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.distil import cache_root
from retrieval.encode import Encoder, StaticEncoder, Vectors

KEPT = 6  # files
LEAST = 2_000  # texts that are worth a file
_log = logging.getLogger(__name__)


def encoded(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """(n, d) float32 unit norm, from the cache where it holds them; a cache that can't be written is done without."""
    if isinstance(encoder, StaticEncoder) or len(texts) < LEAST:
        return encoder.encode(texts)
    told = hashlib.sha256("\0".join((encoder.name, *texts)).encode("utf-8", "surrogatepass")).hexdigest()
    path = cache_root() / "vectors" / f"{told[:32]}.npy"
    with contextlib.suppress(OSError, ValueError):
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(texts), encoder.dim):
            return np.asarray(kept, dtype=np.float32)
    vectors = encoder.encode(texts)
    try:
        _keep(path, vectors)
    except OSError as error:
        _log.info("vectors are not kept (%s)", error)
    return vectors


def _keep(path: Path, vectors: Vectors) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, vectors)
    part.replace(path)
    files = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)
