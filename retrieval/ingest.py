"""From a feed to a shop folder: `ingest(source, into)`.

The new generation grows beside the old one, which serves meanwhile, and takes its place in one step. A killed run is
continued by running it again: the folder's content is then the same as after an undisturbed run. See
`retrieval/build.py` for the folder, `retrieval/build_stages.py` for the stages.
"""

from __future__ import annotations

import errno
import hashlib
import logging
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl

from retrieval.build import Building, Json, discard, identity, locked, publish, read_json, serving, sha256, write_json
from retrieval.build_stages import Job, drop_store, fill, open_store, run
from retrieval.channels.registry import CHANNELS, EVERY
from retrieval.encode import weights_sha256
from retrieval.errors import ShopError
from retrieval.feeds import Feed, open_feed
from retrieval.progress import Progress, silent
from retrieval.ranker.items import ItemRanker

SHOP_FORMAT = 1
BATCH_SIZE = 1_000
_VERSIONED = ("crossaisle", "chromadb", "lightgbm", "model2vec", "numpy", "polars", "tokenizers")
_HASHED = ("catalogue.parquet", "events.parquet", "rejects.jsonl", "signals/vectors.npy", "signals/terms.npz")
_LEARNING = (
    "*.py",
    "aisles/**/*.py",
    "channels/**/*.py",
    "cleaning/**/*.py",
    "feeds/**/*.py",
    "ranker/**/*.py",
)
_log = logging.getLogger(__name__)


def ingest(
    source: Path,
    into: Path,
    *,
    format: str | None = None,  # noqa: A002 (the command line's word)
    encoder: str = "static",
    batch_size: int = BATCH_SIZE,
    chroma_url: str | None = None,
    train: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Json:
    """Build the shop folder `into` from a feed, or do nothing if it holds just that build already.

    Args:
        source: a file or folder of purchase data.
        into: the shop's folder; made if it is missing.
        format: the feed's format, None to detect it.
        encoder: `static`, `minilm`, or a sentence-transformers model (see `retrieval/encode.py`).
        batch_size: items encoded at a time; progress is kept after each batch.
        chroma_url: a `chroma run` server to hold the vectors, None to hold them in the folder.
        train: learn the neural models too (see `registry.TRAINED`): minutes more, twice.
        force: build anew even if this build is there or half done.
        progress: told how far it is.

    Returns:
        The manifest. It depends on the source, the options and the installed versions only.

    Raises:
        FeedError: the source is no feed.
        EncoderError: the encoder can't be loaded.
        ShopError: the folder can't be written or is in use, or Chroma fails.
    """
    if batch_size < 1:
        raise ShopError(f"a batch of {batch_size} items can't be encoded", "give --batch-size a number from 1 up")
    feed = open_feed(source, format)
    try:
        plan = _plan(feed, encoder, batch_size, "embedded" if chroma_url is None else "server", train=train)
        with locked(into):
            return _ingest(feed, into, plan, chroma_url, progress or silent, force=force)
    except OSError as error:
        raise _told(error, into) from error


def _ingest(feed: Feed, into: Path, plan: Json, chroma_url: str | None, progress: Progress, *, force: bool) -> Json:
    build, finished = str(plan["id"]), _finished(into, str(plan["id"]))
    if finished is not None and not force:
        _log.info("build %s is in %s already: nothing to do", finished.name, into)
        if chroma_url is not None:
            _refill(finished, build, chroma_url, progress)
        publish(into, None, finished.name)
        return _manifest(finished)
    if force:
        discard(into, into / "building")
    building = Building.open(into, plan)
    run(Job(building, feed, chroma_url, progress))
    manifest = _describe(building, feed)
    write_json(building.folder / "manifest.json", manifest)
    for gone in publish(into, building, _unused(into, build)):
        if chroma_url is not None and gone.split(".")[0] != build:
            drop_store(chroma_url, gone.split(".")[0])
    return manifest


def _plan(feed: Feed, encoder: str, batch_size: int, chroma: str, *, train: bool) -> Json:
    """Everything that the content depends on, its hash as `id`, and the moment after which nothing has happened."""
    facts: Json = {
        "shop_format": SHOP_FORMAT,
        "format": feed.name,
        "sources": [
            {"name": source.path.name, "bytes": source.path.stat().st_size, "sha256": sha256(source.path)}
            for source in sorted(feed.sources, key=lambda source: source.path.name)
        ],
        "encoder": encoder,
        "encoder_sha256": weights_sha256(encoder),
        "batch_size": batch_size,
        "train": train,
        "chroma": chroma,
        "versions": {name: version(name) for name in _VERSIONED},
        "code_sha256": _code(),
    }
    return facts | {"id": identity(facts), "now": datetime.now(UTC).isoformat(timespec="seconds")}


@cache
def _code() -> str:
    """The hash of the code that reads, cleans and learns: signals of other code are other signals."""
    here = Path(__file__).parent
    found = (path for part in _LEARNING for path in sorted(here.glob(part)))
    return hashlib.sha256(b"".join(path.read_bytes() for path in found)).hexdigest()


def _describe(building: Building, feed: Feed) -> Json:
    """The manifest of a generation whose stages are all finished."""
    cleaned, vectors = building.done("clean") or {}, building.done("vectors") or {}
    plan = building.plan
    facts = {name: value for name, value in plan.items() if name not in {"id", "now", "encoder_sha256"}}
    return facts | {
        "build": plan["id"],
        "clock": feed.clock,
        "counts": cleaned,
        "encoder": {"name": plan["encoder"], "dim": vectors.get("dim"), "sha256": plan["encoder_sha256"]},
        "chroma": {"kind": plan["chroma"], "collection": (building.done("chroma") or {}).get("collection")},
        "signals": sorted([*(EVERY if plan["train"] else CHANNELS), ItemRanker.name]),
        "content": {name: sha256(building.folder / name) for name in _HASHED},
    }


def _finished(into: Path, build: str) -> Path | None:
    """The folder of a finished generation of this build, the serving one first."""
    found = sorted((into / "builds").glob(f"{build}*"), key=lambda folder: (folder.name != serving(into), folder.name))
    return next((folder for folder in found if (folder / "manifest.json").is_file()), None)


def _unused(into: Path, build: str) -> str:
    """A name for a generation: the build's id, with a number where a forced build finds it taken."""
    names = (build if number == 1 else f"{build}.{number}" for number in count(1))
    return next(name for name in names if not (into / "builds" / name).exists())


def _refill(finished: Path, build: str, url: str, progress: Progress) -> None:
    """Bring the vectors to a server that lacks them: it may be another one than the shop was built with."""
    vectors = np.load(finished / "signals" / "vectors.npy", mmap_mode="r")
    ids = pl.read_parquet(finished / "catalogue.parquet", columns=["item"])["item"].to_list()
    store = open_store(finished / "chroma", url, build, len(ids))
    if store.count() != len(ids):
        fill(store, ids, vectors, 0, lambda rows: progress("filling Chroma", rows, len(ids)))
    store.close()


def _manifest(folder: Path) -> Json:
    manifest = read_json(folder / "manifest.json")
    if manifest is None:
        raise ShopError(f"{folder} lost its manifest", "run crossaisle ingest --force")
    return manifest


def _told(error: OSError, into: Path) -> ShopError:
    """What the operating system refused, as cause and remedy."""
    place = error.filename or into
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ShopError(
            f"the disk is full at {place}", "free some space and run it again: it goes on where it stopped"
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return ShopError(f"{place} can't be written", "give a folder that you may write to")
    if error.errno in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}:
        return ShopError(f"{place} is in the way", "give another folder for the shop")
    return ShopError(
        f"{place}: {error.strerror or error}", "correct that and run it again: it goes on where it stopped"
    )
