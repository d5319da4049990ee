"""Item vectors in Chroma: embedded in the shop's folder, or on a `chroma run` server, behind one small class.

The collection holds ids and unit vectors under the inner product, nothing else: prices, stock and brands are filtered
in memory (see `retrieval/catalogue.py`), because Chroma's metadata filter scans its database on every query.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ShopError

Vectors = NDArray[np.float32]

COLLECTION = "items"
BATCH = 2_000
# Measured on 147,705 items: with ef_search 200, 400, 800, of the exact first 100 results 92, 96, 98% are found for
# titles as queries (98, 99, 99% for short ones) in 2.0, 2.3, 3.6 ms of processor time.
_HNSW = {"space": "ip", "max_neighbors": 16, "ef_construction": 100, "ef_search": 800}
# Chroma writes its graph to files in place after every so many records; a kill in between tears them, while its log in
# SQLite survives any. So a store that is filled gets a threshold a little above what it will hold, and `seal` goes
# beyond it once everything is in.
_SPARE = 3
_SERVING = {"batch_size": 2, "sync_threshold": 2}


class VectorStore:
    """Ids and vectors in one Chroma collection; safe to read from many threads.

    Build one with `embedded` or `server`. Every method raises `ShopError` where Chroma can't be reached or read.
    """

    def __init__(
        self, client: Any, collection: str, place: str, *, create: dict[str, object] | None, folder: Path | None = None
    ) -> None:
        self._client, self._place, self.collection, self._folder = client, place, collection, folder
        with self._told():
            if create is None:
                self._items = client.get_collection(collection, embedding_function=None)
            else:
                self._items = client.get_or_create_collection(
                    collection, configuration={"hnsw": create}, embedding_function=None
                )

    @classmethod
    def embedded(
        cls, folder: Path, collection: str = COLLECTION, *, create: bool = False, expect: int = 0
    ) -> VectorStore:
        """Open the collection in a folder.

        Args:
            folder: Chroma's own.
            collection: its name.
            create: make folder and collection where they are missing.
            expect: of a new collection, how many vectors it will hold; until that many were added (and `spare` more),
                nothing is written that a kill could tear.
        """
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        elif not (folder / "chroma.sqlite3").exists():
            raise ShopError(f"{folder} holds no Chroma database", _REBUILD)
        else:
            folder = _own(folder)
        import chromadb

        settings = chromadb.Settings(anonymized_telemetry=False, is_persistent=True)
        with _told(str(folder)):
            client = chromadb.PersistentClient(str(folder), settings=settings)
        hnsw = _HNSW | {"sync_threshold": max(expect + spare(expect), 100)}
        return cls(client, collection, str(folder), create=hnsw if create else None, folder=folder)

    @classmethod
    def server(cls, url: str, collection: str = COLLECTION, *, create: bool = False) -> VectorStore:
        """Connect to `chroma run` at `http://host:port`."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ShopError(f"{url!r} is no address of a Chroma server", "give one like http://127.0.0.1:8000")
        import chromadb

        port = parts.port or (443 if parts.scheme == "https" else 8000)
        settings = chromadb.Settings(anonymized_telemetry=False)
        with _told(url):
            client = chromadb.HttpClient(parts.hostname, port, ssl=parts.scheme == "https", settings=settings)
        return cls(client, collection, url, create=_HNSW if create else None)

    def add(
        self, ids: Sequence[str], vectors: Vectors, metadatas: Sequence[Mapping[str, str | int | float]] | None = None
    ) -> None:
        """Write (m, d) unit vectors; ids that are there already are overwritten, so a repeated call changes nothing."""
        with self._told():
            step = int(self._client.get_max_batch_size())
            for start in range(0, len(ids), step):
                part = slice(start, start + step)
                self._items.upsert(
                    ids=list(ids[part]),
                    embeddings=np.ascontiguousarray(vectors[part], dtype=np.float32),
                    metadatas=None if metadatas is None else [dict(m) for m in metadatas[part]],
                )

    def count(self) -> int:
        """How many vectors there are."""
        with self._told():
            return int(self._items.count())

    def query(self, vector: Vectors, k: int, ids: Sequence[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """The approximate nearest `k`, best first; equal similarities in the order of ids.

        Args:
            vector: (d,) of unit norm.
            k: how many at most.
            ids: search among these only (for a few thousand at most; beyond that, exact search is faster).

        Returns:
            Ids and their similarities (inner products), of equal length.
        """
        if k < 1 or (ids is not None and not ids):
            return [], np.empty(0, dtype=np.float32)
        with self._told():
            answer = self._items.query(
                query_embeddings=np.asarray(vector, dtype=np.float32)[None],
                n_results=k,
                ids=None if ids is None else list(ids),
                include=["distances"],
            )
        found, distances = answer["ids"][0], answer["distances"][0]
        pairs = sorted(zip(distances, found, strict=True))
        return [item for _, item in pairs], 1 - np.asarray([distance for distance, _ in pairs], dtype=np.float32)

    def get(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of those ids that exist."""
        with self._told():
            answer = self._items.get(ids=list(ids), include=["embeddings"])
        return {
            item: np.asarray(v, dtype=np.float32) for item, v in zip(answer["ids"], answer["embeddings"], strict=True)
        }

    def seal(self, count: int, dim: int) -> None:
        """Write the graph of an embedded store to its files, so that the next `embedded` opens without building it.

        Not safe against a kill while it runs: then delete the folder and fill it again. On a server there is nothing
        to do. The store can't be used afterwards, and should not have been read before: Chroma then builds the graph
        of everything unwritten a second time, which is much slower than the first.

        Args:
            count: how many vectors were added.
            dim: their dimensions.
        """
        if self._folder is None or count == 0:
            self.close()
            return
        # Records that delete nothing lengthen the log up to the threshold at no cost.
        nothing = [f"nothing-{number}" for number in range(min(count, BATCH))]
        for _ in range(_SPARE + 1):
            if self._written(count * dim):
                break
            with self._told():
                self._items.delete(ids=nothing)
        else:  # the log is shorter than thought: open it again, with a threshold of next to nothing
            with self._told():
                self._items.modify(configuration={"hnsw": _SERVING})
            self.close()
            again = VectorStore.embedded(self._folder, self.collection)
            self._client, self._items = again._client, again._items
            with self._told():
                self._items.delete(ids=nothing[:1])
                self._items.delete(ids=nothing[:1])
        self.close()
        # What Chroma's log held while the store was filled is free space now, nine tenths of the database.
        with contextlib.closing(sqlite3.connect(self._folder / "chroma.sqlite3")) as database, self._told():
            database.execute("VACUUM")

    def _written(self, numbers: int) -> bool:
        """Whether a graph with this many numbers in it is in the files."""
        files = [] if self._folder is None else self._folder.rglob("data_level0.bin")
        return any(file.stat().st_size >= 4 * numbers for file in files)

    def drop(self) -> None:
        """Delete the whole collection."""
        with self._told():
            self._client.delete_collection(self.collection)

    def close(self) -> None:
        """Write everything out and let go of files and connections; the store can't be used afterwards."""
        self._client.close()

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _told(f"{self._place}, collection {self.collection!r}")


def spare(expect: int) -> int:
    """How many records beyond `expect` may be added again, after kills, before Chroma writes its graph."""
    return _SPARE * min(max(expect, 1), BATCH)


_REBUILD = "build the shop again with crossaisle ingest, or name the Chroma server that holds it"


def _own(folder: Path) -> Path:
    """The folder, or a copy for this process where it may only be read: Chroma writes even to look something up."""
    database = folder / "chroma.sqlite3"
    if os.access(folder, os.W_OK) and os.access(database, os.W_OK):
        return folder
    try:
        copy = Path(tempfile.mkdtemp(prefix="crossaisle-chroma-"))
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        for file in folder.rglob("*"):
            if file.is_file():
                (copy / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy / file.relative_to(folder))  # its content alone, not that it is read-only
    except OSError as error:
        raise ShopError(
            f"{folder} may only be read, and can't be copied ({error.strerror})", "let it be written to, or free space"
        ) from error
    return copy


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """Turn what Chroma and its transport raise into one error with place and remedy."""
    import httpx
    from chromadb.errors import ChromaError, NotFoundError

    try:
        yield
    except NotFoundError as error:
        raise ShopError(f"Chroma at {place} has no such collection", _REBUILD) from error
    except (httpx.HTTPError, ConnectionError) as error:
        raise ShopError(f"Chroma at {place} can't be reached ({_line(error)})", "start it with chroma run") from error
    except (ChromaError, sqlite3.Error) as error:
        raise ShopError(
            f"Chroma at {place} failed ({_line(error)})", "check the disk's free space and the folder's permissions"
        ) from error
    except ValueError as error:
        if re.search(r"connect to (a )?chroma", str(error), re.IGNORECASE):
            raise ShopError(f"Chroma at {place} can't be reached", "start it with chroma run") from error
        raise


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
