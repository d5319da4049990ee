"""An opened shop: one generation of a shop folder, ready to be searched.

`Shop.open` looks up once which generation serves and stays with it, so a swap underneath does no harm; `stale` tells
that a newer one is there. Large parts are read or mapped when they are first used, each once, from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from retrieval.build import Json, read_json, serving
from retrieval.build_stages import collection
from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.dense import Dense
from retrieval.channels.interests import Interests
from retrieval.channels.registry import EVERY
from retrieval.encode import Encoder, StaticEncoder, Vectors, load_encoder
from retrieval.errors import EncoderError, ShopError
from retrieval.history import EVENT_SCHEMA, History, digest
from retrieval.ingest import SHOP_FORMAT
from retrieval.ranker.items import ItemRanker
from retrieval.schema import Event
from retrieval.sensitive import Sensitive
from retrieval.threads import one_blas_thread
from retrieval.vectors import VectorStore

Part = TypeVar("Part")
_AGAIN = "build it again with crossaisle ingest"


class Shop:
    """One generation of a shop; read-only and safe to use from many threads. Made by `Shop.open`.

    Attributes:
        folder: the shop's folder, which later generations share.
        name: the folder's name.
        manifest: what the shop was built from, and how.
    """

    def __init__(self, folder: Path, generation: Path, manifest: Json, chroma_url: str | None) -> None:
        self.folder, self.manifest = folder, manifest
        self.name = folder.resolve().name
        self._generation, self._chroma_url = generation, chroma_url
        self._parts: dict[str, object] = {}
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path, chroma_url: str | None = None) -> Shop:
        """Open the generation that serves now.

        Args:
            folder: as `crossaisle ingest --into` was given it.
            chroma_url: the Chroma server that holds the vectors of a shop built with one.

        Raises:
            ShopError: the folder is no shop, unfinished, of another version, or was built for a Chroma server and no
                server is named.
        """
        build = serving(folder)
        manifest = None if build is None else read_json(folder / "builds" / build / "manifest.json")
        if build is None or manifest is None:
            raise _missing(folder)
        if manifest.get("shop_format") != SHOP_FORMAT:
            found = manifest.get("shop_format")
            raise ShopError(f"the shop {folder} is of version {found}, this program reads {SHOP_FORMAT}", _AGAIN)
        if manifest["chroma"]["kind"] == "server" and chroma_url is None:
            raise ShopError(f"the vectors of {folder} are on a Chroma server", "name the server with --chroma-url")
        return cls(folder, (folder / "builds" / build).resolve(), manifest, chroma_url)

    def stale(self) -> bool:
        """Whether a newer generation serves by now; costs one system call."""
        return serving(self.folder) != self._generation.name

    def warm(self) -> Shop:
        """Read everything now that would be read at first use, so that the first turn is as fast as the others.

        From then on BLAS computes in one thread, in the whole process.
        """
        self.encoder.encode(["warm"])
        for channel in self.channels:
            self.channels[channel]
        if len(self.catalogue):
            self.store.query(self.vectors[0], 1)
        self.history(None)
        columns = self.catalogue
        _ = (columns.category, columns.brand, columns.platform, columns.availability, columns.currency, columns.price)
        one_blas_thread()
        return self

    @property
    def catalogue(self) -> Catalogue:
        """All items."""
        return self._once("catalogue", lambda: self._read(Catalogue.open, self._generation))

    @property
    def encoder(self) -> Encoder:
        """What the items were encoded with. Raises `EncoderError` where it is not to be had."""
        return self._once("encoder", self._load_encoder)

    @property
    def vectors(self) -> Vectors:
        """(n, d) float32 of unit norm by catalogue row, memory-mapped."""
        path = self._generation / "signals" / "vectors.npy"
        return self._once("vectors", lambda: self._read(lambda p: np.load(p, mmap_mode="r", allow_pickle=False), path))

    @property
    def store(self) -> VectorStore:
        """The same vectors in Chroma."""
        return self._once("store", self._open_store)

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel by name: `dense` and `interests`, those learnt from events, and the learned order `ranker`."""
        return self._once("channels", self._load_channels)

    @property
    def sensitive(self) -> Sensitive:
        """Which goods are never inferred from and never suggested unasked, by the shop's own list if it has one."""
        return self._once("sensitive", lambda: Sensitive.of(self.catalogue, self.folder))

    @property
    def events(self) -> pl.DataFrame:
        """Every event the shop was built with, by shopper, then time."""
        return self._once("events", lambda: self._read(pl.read_parquet, self._generation / "events.parquet"))

    @property
    def now(self) -> np.datetime64:
        """The end of the day of the shop's last event: its present, as long as nothing newer is recorded."""
        return self._once("now", self._find_now)

    def shoppers(self) -> list[str]:
        """Everybody with an event, sorted."""
        return list(self._spans)

    def events_of(self, shopper: str, hidden: Collection[str] = ()) -> pl.DataFrame:
        """A shopper's events in `EVENT_SCHEMA`, oldest first; none for somebody unknown.

        `hidden` are digests (`retrieval.history.digest`) of events that the shopper forgot: these are left out.
        """
        start, length = self._spans.get(shopper, (0, 0))
        frame = self.events.slice(start, length)
        if not hidden or not length:
            return frame
        known = zip(frame["item"], frame["kind"], frame["at"], strict=True)
        return frame.filter(pl.Series([digest(shopper, *event) not in hidden for event in known], dtype=pl.Boolean))

    def history(
        self,
        shopper: str | None,
        extra: Sequence[Event] = (),
        personalise: bool = True,
        hidden: Collection[str] = (),
    ) -> History:
        """What may count of a shopper's past: nothing sensitive ever, and nothing at all without consent.

        Args:
            shopper: None for a visitor without history.
            extra: events recorded since the shop was built; those of other shoppers are left out.
            personalise: the shopper's consent to use own events.
            hidden: as for `events_of`.

        Returns:
            The events, with `now` at the shop's present or the last extra event, whichever is later.
        """
        if not personalise or shopper is None:
            return History.empty(self.now)
        own = [event for event in extra if event.shopper == shopper]
        frame, now = self.events_of(shopper, hidden), self.now
        if own:
            records = [event.model_dump() | {"kind": event.kind.value} for event in own]
            frame = pl.concat([frame, pl.DataFrame(records, schema=EVENT_SCHEMA)])
            now = max(now, _us(max(event.at for event in own).astimezone(UTC).replace(tzinfo=None)))
        history = History.of(frame, self.catalogue, now)
        return history.select(~self.sensitive.mask[history.rows])

    def close(self) -> None:
        """Let go of the vector store's files and connections."""
        with self._lock:
            store = self._parts.pop("store", None)
            self._parts.pop("channels", None)
        if isinstance(store, VectorStore):
            store.close()

    @property
    def _spans(self) -> dict[str, tuple[int, int]]:
        """Shopper -> first row and number of rows in `events`."""
        return self._once("spans", self._find_spans)

    def _find_spans(self) -> dict[str, tuple[int, int]]:
        runs = self.events["shopper"].rle().struct.unnest()
        ends = runs["len"].cum_sum().to_list()
        spans = zip(runs["value"].to_list(), ends, runs["len"].to_list(), strict=True)
        return {shopper: (end - length, length) for shopper, end, length in spans}

    def _find_now(self) -> np.datetime64:
        frame = self.catalogue.frame
        for column in (self.events["at"], frame["as_of"], frame["listed_at"]):
            last = column.dt.replace_time_zone(None).max()
            if isinstance(last, datetime):
                return _us(last.replace(hour=23, minute=59, second=59, microsecond=999_999))
        return _us(datetime.now(UTC).replace(tzinfo=None))

    def _load_encoder(self) -> Encoder:
        told = self.manifest["encoder"]
        folder = self._generation / "signals" / "encoder"
        encoder: Encoder = StaticEncoder(folder) if told["name"] == "static" else load_encoder(told["name"])
        if encoder.dim != told["dim"]:
            raise EncoderError(
                f"the encoder {told['name']!r} has {encoder.dim} dimensions, the shop {self.folder} was built with "
                f"{told['dim']}",
                _AGAIN,
            )
        return encoder

    def _open_store(self) -> VectorStore:
        if self.manifest["chroma"]["kind"] == "embedded":
            return VectorStore.embedded(self._generation / "chroma")
        store = VectorStore.server(self._chroma_url or "", collection(self.manifest["build"]))
        if store.count() != len(self.catalogue):  # a server is its own master: it may be another one, or be filling yet
            raise ShopError(
                f"the Chroma server holds {store.count()} vectors of the shop {self.folder}, not {len(self.catalogue)}",
                "run crossaisle ingest again with the same options: it fills in what is missing",
            )
        return store

    def _load_channels(self) -> dict[str, Channel]:
        channels: dict[str, Channel] = {Dense.name: Dense(self.catalogue, self.vectors, self.store)}
        channels[Interests.name] = Interests(self.catalogue, self.vectors)
        signals = self._generation / "signals"
        for name in self.manifest["signals"]:  # a shop built before a channel was thought of serves without it
            if name in EVERY:
                channels[name] = EVERY[name].load(signals / name, self.catalogue)
        if ItemRanker.name in self.manifest["signals"]:
            ranker = ItemRanker.load(signals / ItemRanker.name, self.catalogue, self.vectors, channels)
            channels |= {} if ranker is None else {ItemRanker.name: ranker}
        return channels

    def _once(self, name: str, make: Callable[[], Part]) -> Part:
        found = self._parts.get(name)
        if found is None:
            with self._lock:
                found = self._parts.get(name)
                if found is None:
                    found = self._parts[name] = make()
        return found  # type: ignore[return-value]

    def _read(self, read: Callable[[Path], Part], path: Path) -> Part:
        try:
            return read(path)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ShopError(f"the shop {self.folder} is damaged at {path.name} ({error})", _AGAIN) from error


def _us(moment: datetime) -> np.datetime64:
    return np.datetime64(moment, "us")


def _missing(folder: Path) -> ShopError:
    if not folder.is_dir():
        return ShopError(f"there is no shop at {folder}", "build one with crossaisle ingest SOURCE --into DIR")
    if (folder / "building").is_dir():
        return ShopError(f"the shop {folder} was never finished", "run its crossaisle ingest again: it goes on")
    return ShopError(f"{folder} is no shop", "build one with crossaisle ingest SOURCE --into DIR")
