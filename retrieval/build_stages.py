"""The stages of a build, in order: clean, vectors, terms, chroma, one for each channel, then the learned order.

Each stage may be killed at any moment and is called again until it has noted that it is finished. What it writes
depends on the plan alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from retrieval.build import Building, Json, discard, sync, sync_tree
from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel, LearntChannel
from retrieval.channels.interests import Interests
from retrieval.channels.registry import CHANNELS, EVERY
from retrieval.clean import clean_feed
from retrieval.encode import Encoder, StaticEncoder, Vectors, load_encoder
from retrieval.errors import EncoderError
from retrieval.progress import Progress
from retrieval.ranker.items import ItemRanker, config_for
from retrieval.terms import TermIndex
from retrieval.text import label
from retrieval.vectors import BATCH, VectorStore, spare

if TYPE_CHECKING:
    from retrieval.feeds.base import Feed

_SENTENCE = re.compile(r"(?<=[.!?])\s")


@dataclass
class Job:
    """One build: what to read, where to write, and whom to tell. Options are in `building.plan`."""

    building: Building
    feed: Feed
    chroma_url: str | None
    progress: Progress

    @property
    def folder(self) -> Path:
        """Where the new generation grows."""
        return self.building.folder

    @property
    def signals(self) -> Path:
        """Its folder of everything that was computed."""
        return self.folder / "signals"

    def rows(self, stage: str) -> int:
        """How many rows an unfinished stage has done for good."""
        note = self.building.done(f"{stage}-rows")
        return 0 if note is None else int(note["rows"])

    def note_rows(self, stage: str, rows: int) -> None:
        """Note that this many rows are done for good."""
        self.building.finish(f"{stage}-rows", {"rows": rows})

    @property
    def channels(self) -> dict[str, type[LearntChannel]]:
        """The kinds of channels to learn, by name."""
        return EVERY if self.building.plan["train"] else CHANNELS

    @cached_property
    def catalogue(self) -> Catalogue:
        """The cleaned items, with their words where these are indexed already."""
        return Catalogue.open(self.folder)

    @cached_property
    def events(self) -> pl.DataFrame:
        """The cleaned events."""
        return pl.read_parquet(self.folder / "events.parquet")


def run(job: Job) -> None:
    """Do every stage that is not finished yet."""
    for stage, work in (("clean", clean), ("vectors", vectors), ("terms", terms), ("chroma", chroma)):
        if job.building.done(stage) is None:
            job.building.finish(stage, work(job))
    for number, (name, channel) in enumerate(job.channels.items()):
        job.progress("learning signals", number, len(job.channels))
        if job.building.done(f"signal-{name}") is None:
            folder = job.building.fresh(f"signals/{name}")
            channel.fit(job.events, job.catalogue).save(folder)
            sync_tree(folder)
            job.building.finish(f"signal-{name}", {})
    job.progress("learning signals", len(job.channels), len(job.channels))
    if job.building.done("signal-ranker") is None:
        job.building.finish("signal-ranker", order(job))


def order(job: Job) -> Json:
    """Learn the order of items on one slice of time earlier, with the channels as they were saved."""
    vectors = np.load(job.signals / "vectors.npy", mmap_mode="r", allow_pickle=False)
    channels: dict[str, Channel] = {Interests.name: Interests(job.catalogue, vectors)}
    for name, channel in job.channels.items():
        channels[name] = channel.load(job.signals / name, job.catalogue)
    folder = job.building.fresh(f"signals/{ItemRanker.name}")
    config = config_for(job.feed.clock)
    found = ItemRanker.fit(job.events, job.catalogue, vectors, channels, config=config, progress=job.progress)
    found.save(folder)
    sync_tree(folder)
    return {"learnt": bool(found.rankers)}


def clean(job: Job) -> Json:
    """Read and clean the feed into catalogue, events and rejects."""
    work = job.building.fresh("work")
    result = clean_feed(job.feed, work, datetime.fromisoformat(job.building.plan["now"]), job.progress)
    for path in (result.catalogue, result.events, result.rejects):
        sync(path)
        path.replace(job.folder / path.name)
    shutil.rmtree(work)
    return result.counts


def vectors(job: Job) -> Json:
    """Encode every item, batch by batch, into one memory-mapped array; goes on after the last batch noted."""
    encoder = _encoder(job)
    frame, size = job.catalogue.frame, int(job.building.plan["batch_size"])
    path = job.signals / "vectors.npy"
    done = job.rows("vectors") if path.exists() else 0
    if done:
        array = np.lib.format.open_memmap(path, "r+")
    else:
        array = np.lib.format.open_memmap(path, "w+", np.float32, (len(frame), encoder.dim))
    for start in range(done, len(frame), size):
        part = frame.slice(start, size)
        array[start : start + len(part)] = encoder.encode(list(texts(part)))
        array.flush()
        job.note_rows("vectors", start + len(part))
        job.progress("encoding items", start + len(part), len(frame))
    return {"dim": encoder.dim, "encoder": encoder.name}


def _encoder(job: Job) -> Encoder:
    """The plan's encoder; a static one comes from the copy in the build, so that a resumed build uses the same."""
    name = str(job.building.plan["encoder"])
    if name != "static":
        job.signals.mkdir(exist_ok=True)
        return load_encoder(name)
    folder = job.signals / "encoder"
    if job.building.done("encoder") is None:
        fresh = job.building.fresh("signals/encoder")
        job.progress("preparing the encoder", 0, None)
        source = load_encoder(name)
        if not isinstance(source, StaticEncoder):
            raise EncoderError("the static encoder is of another kind", "reinstall crossaisle")
        source.save(fresh)
        sync_tree(fresh)
        job.building.finish("encoder", {})
    return StaticEncoder(folder)


def texts(frame: pl.DataFrame) -> Iterator[str]:
    """What is encoded of each item: title, brand where the title lacks it, category, first sentence of the description.

    On graded searches over a whole catalogue, the category added to the title found 1 to 2 points more of the right
    items among the first 100. An item that is called by its id, as in feeds without titles, says nothing: publishers
    number goods in the order in which shoppers took them, so that ids alike would foretell who takes what.
    """
    columns = ("item", "title", "brand", "category", "description")
    for item, title, brand, category, description in frame.select(columns).iter_rows():
        said = title if title and title != item.partition(":")[2] else ""
        extra = brand if brand and brand.casefold() not in said.casefold() else ""
        first = _SENTENCE.split((description or "")[:400], maxsplit=1)[0][:160]
        yield " ".join(part for part in (said, extra, label(category or ""), first) if part)


def terms(job: Job) -> Json:
    """Index every word of every item."""
    path = job.signals / "terms.npz"
    fresh = path.with_name(".terms.npz")
    TermIndex.build(job.catalogue.frame).save(fresh)
    sync(fresh)
    fresh.replace(path)
    job.__dict__.pop("catalogue", None)  # opened again, with the index
    return {}


def chroma(job: Job) -> Json:
    """Write every vector into Chroma; goes on after the last batch noted, and a repeated batch changes nothing."""
    ids, array = job.catalogue.ids, np.load(job.signals / "vectors.npy", mmap_mode="r")
    folder, done, starts = job.folder / "chroma", job.rows("chroma"), job.rows("chroma-starts")
    torn = job.building.done("chroma-sealing") is not None or (starts - 1) * BATCH >= spare(len(ids))
    if job.chroma_url is None and (not done or torn):
        # Killed while Chroma made its tables or, maybe, wrote its graph: what may be torn is made again.
        discard(job.building.place.parent, folder)
        job.note_rows("chroma", 0)
        job.building.forget("chroma-sealing")
        done = starts = 0
    job.note_rows("chroma-starts", starts + 1)
    folder.mkdir(exist_ok=True)
    store = open_store(folder, job.chroma_url, str(job.building.plan["id"]), len(ids))
    if job.chroma_url is not None:  # it may be another server than when the build began
        done = min(done, store.count())

    def note(rows: int) -> None:
        job.note_rows("chroma", rows)
        job.progress("filling Chroma", rows, len(ids))

    fill(store, ids, array, done, note)
    job.building.finish("chroma-sealing", {})
    store.seal(*array.shape)
    sync_tree(folder)
    return {"collection": store.collection}


def fill(store: VectorStore, ids: list[str], array: Vectors, done: int, note: Callable[[int], None]) -> None:
    """Add the rows from `done` on, batch by batch, noting each time how many are there."""
    for start in range(done, len(ids), BATCH):
        part = slice(start, start + BATCH)
        store.add(ids[part], array[part])
        note(min(start + BATCH, len(ids)))


def open_store(folder: Path, url: str | None, build: str, count: int) -> VectorStore:
    """The store that a build fills with `count` vectors: in its folder, or its own collection on the server."""
    if url is None:
        return VectorStore.embedded(folder, create=True, expect=count)
    return VectorStore.server(url, collection(build), create=True)


def drop_store(url: str, build: str) -> None:
    """Delete a build's collection from the server, if it is there."""
    VectorStore.server(url, collection(build), create=True).drop()


def collection(build: str) -> str:
    """The name of a build's collection on a Chroma server."""
    return f"crossaisle-{build}"
