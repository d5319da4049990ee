"""How channels are saved: one memory-mapped .npy file an array, and one JSON file with config and fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from retrieval.catalogue import Catalogue
from retrieval.errors import ShopError
from retrieval.schema import Frozen

ConfigT = TypeVar("ConfigT", bound=Frozen)
Array = NDArray[Any]


def fingerprint(catalogue: Catalogue) -> str:
    """A hash of the item ids in order: rows learnt for one catalogue mean nothing in another."""
    return hashlib.sha256("\n".join(catalogue.ids).encode()).hexdigest()


def save(folder: Path, config: Frozen, catalogue: Catalogue, arrays: Mapping[str, Array]) -> None:
    """Write a channel into an existing folder; the same content always gives the same bytes."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
    record = {"config": config.model_dump(mode="json"), "catalogue": fingerprint(catalogue), "arrays": sorted(arrays)}
    (folder / "channel.json").write_text(json.dumps(record, sort_keys=True, indent=1), encoding="utf-8")


def load(
    folder: Path, config_type: type[ConfigT], catalogue: Catalogue, names: Collection[str]
) -> tuple[ConfigT, dict[str, Array]]:
    """Read what `save` wrote: the config and the arrays of these names, exactly.

    Raises:
        ShopError: the folder is missing, damaged, of another version, or of another catalogue.
    """
    try:
        record = json.loads((folder / "channel.json").read_text(encoding="utf-8"))
        config = config_type(**record["config"])
        arrays = {name: _open(folder / f"{name}.npy") for name in record["arrays"]}
        known = record["catalogue"]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise ShopError(f"the signal in {folder} can't be read ({error})", "run crossaisle ingest again") from error
    if set(arrays) != set(names):
        raise ShopError(f"the signal in {folder} was learnt by another version", "run crossaisle ingest again")
    if known != fingerprint(catalogue):
        raise ShopError(f"the signal in {folder} was learnt on another catalogue", "run crossaisle ingest again")
    return config, arrays


def _open(path: Path) -> Array:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)  # a plain view of the mapped file: slicing a memmap object is slower
