"""Cases by the thousand without their masks in memory, and everybody's history as slices of a few arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.problem import Case
from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.channels.log import TAKEN
from retrieval.history import KINDS, LIKED, History

NOBODY: Mapping[str, str] = {}


class Cases(Sequence[Case]):
    """Cases that are made when they are looked at.

    Args:
        shoppers: whose cases these are, in order.
        make: makes the case of one of them.
    """

    def __init__(self, shoppers: Sequence[str], make: Callable[[str], Case]) -> None:
        self._shoppers, self._make = tuple(shoppers), make

    def __len__(self) -> int:
        return len(self._shoppers)

    @overload
    def __getitem__(self, index: int) -> Case: ...

    @overload
    def __getitem__(self, index: slice) -> Cases: ...

    def __getitem__(self, index: int | slice) -> Case | Cases:
        if isinstance(index, slice):
            return Cases(self._shoppers[index], self._make)
        return self._make(self._shoppers[index])


class Histories:
    """Everybody's events over rows of a catalogue.

    Args:
        events: in `EVENT_SCHEMA`, in any order of shoppers, each one's by time; ties keep their order.
        catalogue: whose rows are meant; events on other items are left out.
        now: shopper -> the moment of recommending, where it is not that of the last event here.
    """

    def __init__(
        self, events: pl.DataFrame, catalogue: Catalogue, now: Mapping[str, np.datetime64] | None = None
    ) -> None:
        items = pl.DataFrame({"item": catalogue.frame["item"], "row": np.arange(len(catalogue), dtype=np.int32)})
        kinds = pl.DataFrame({"kind": KINDS, "code": np.arange(len(KINDS), dtype=np.int8)})
        frame = (
            events.select("shopper", "item", "kind", "at")
            .join(items, on="item", how="inner", maintain_order="left")
            .join(kinds, on="kind", how="inner", maintain_order="left")
            .sort("shopper", "at", maintain_order=True)
        )
        self._rows: Rows = frame["row"].to_numpy().astype(np.int32)
        self._kinds: NDArray[np.int8] = frame["code"].to_numpy().astype(np.int8)
        self._at = frame["at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        runs = frame["shopper"].rle().struct.unnest()
        ends = runs["len"].cum_sum().to_list()
        spans = zip(runs["value"].to_list(), ends, runs["len"].to_list(), strict=True)
        self._spans = {shopper: (end - length, end) for shopper, end, length in spans}
        self._now = now or {}

    def of(self, shopper: str) -> History:
        """One shopper's events; `now` is the time of the last one."""
        start, end = self._spans.get(shopper, (0, 0))
        now = self._now.get(shopper)
        if now is None:
            now = self._at[end - 1] if end > start else np.datetime64(0, "us")
        part = slice(start, end)
        return History(self._rows[part], self._kinds[part], self._at[part], now)

    def moments(self) -> dict[str, np.datetime64]:
        """Each shopper's last time."""
        return {shopper: self._at[end - 1] for shopper, (_, end) in self._spans.items()}


def taken_kinds(events: pl.DataFrame) -> tuple[str, ...]:
    """The kinds that say a shopper took something: purchases and reviews, or every liking one where there are none."""
    strong = tuple(kind.value for kind in TAKEN)
    seen = set(events["kind"].unique())
    return strong if seen & set(strong) else tuple(sorted(kind.value for kind in LIKED))


def rows_of(history: History, kinds: Sequence[str]) -> Rows:
    """Distinct rows of a history's events of some kinds, ascending."""
    wanted = np.isin(history.kinds, [KINDS.index(kind) for kind in kinds])
    return np.unique(history.rows[wanted]).astype(np.int32)


def all_but(size: int, rows: Rows) -> Mask:
    """(size,) true everywhere but in `rows`."""
    mask = np.ones(size, dtype=np.bool_)
    mask[rows] = False
    return mask


def only(size: int, rows: Rows) -> Mask:
    """(size,) true in `rows` alone."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask


def token(text: str) -> str:
    """A name that can stand in a run file: white space and % are written as %XX of their UTF-8 bytes."""
    return "".join(
        "".join(f"%{byte:02X}" for byte in char.encode()) if char.isspace() or char == "%" else char for char in text
    )
