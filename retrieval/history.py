"""What a shopper did, as arrays over catalogue rows, oldest first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.schema import EventKind, EventRef

EVENT_SCHEMA: dict[str, pl.DataType] = {
    "shopper": pl.String(),
    "item": pl.String(),
    "kind": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "value_minor": pl.Int64(),
    "currency": pl.String(),
    "quantity": pl.Float64(),
    "platform": pl.String(),
}
KINDS: tuple[str, ...] = tuple(kind.value for kind in EventKind)
LIKED = frozenset({EventKind.VIEW, EventKind.CART, EventKind.FAVOURITE, EventKind.PURCHASE, EventKind.REVIEW})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def digest(shopper: str, item: str, kind: str, at: datetime) -> str:
    """A name for an event from which none of its parts can be read: 40 hexadecimal digits of its SHA-256.

    The same event gets the same name when the shop is built anew. A time without zone is taken as UTC.
    """
    moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    whole = "\x1f".join((shopper, item, kind, str((moment - _EPOCH) // timedelta(microseconds=1))))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:40]


@dataclass(frozen=True)
class History:
    """One shopper's events on items that the catalogue holds.

    Attributes:
        rows: (m,) int32 catalogue rows, oldest event first.
        kinds: (m,) int8 index into `KINDS`.
        at: (m,) datetime64[us], UTC.
        now: the moment of recommending; events after it don't exist for anybody.
    """

    rows: Rows
    kinds: NDArray[np.int8]
    at: NDArray[np.datetime64]
    now: np.datetime64

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def empty(cls, now: np.datetime64) -> History:
        """The history of somebody who has done nothing yet."""
        none = np.empty(0)
        return cls(none.astype(np.int32), none.astype(np.int8), none.astype("datetime64[us]"), now)

    @classmethod
    def of(cls, events: pl.DataFrame, catalogue: Catalogue, now: np.datetime64 | None = None) -> History:
        """Build from event rows in `EVENT_SCHEMA` (any order; ties keep theirs); unknown items are left out.

        Without `now`, the last event's time is taken, or today for an empty history.
        """
        events = events.sort("at", maintain_order=True)
        rows = catalogue.rows(events["item"].to_list())
        kinds = np.fromiter((KINDS.index(kind) for kind in events["kind"]), dtype=np.int8, count=len(events))
        at = events["at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        if now is None:
            now = at[-1] if len(at) else np.datetime64("now", "us")
        keep = (rows >= 0) & (at <= now)
        return cls(rows[keep], kinds[keep], at[keep], now)

    def select(self, keep: Mask) -> History:
        """The events where `keep` (m,) is true."""
        return History(self.rows[keep], self.kinds[keep], self.at[keep], self.now)

    def of_kind(self, *kinds: EventKind) -> History:
        """Only events of these kinds."""
        return self.select(_wanted(kinds)[self.kinds])

    def liked(self) -> History:
        """Only events that speak for an item: everything but dismissals and returns of it."""
        return self._liked

    @cached_property
    def _liked(self) -> History:
        """Every channel asks for it, so it is picked out once."""
        return self.of_kind(*LIKED)

    def without(self, index: int) -> History:
        """The same shopper, had event `index` not happened."""
        keep = np.ones(len(self), dtype=np.bool_)
        keep[index] = False
        return self.select(keep)

    def days_ago(self) -> NDArray[np.float64]:
        """(m,) days between each event and now."""
        return (self.now - self.at) / np.timedelta64(1, "D")

    def ref(self, index: int, catalogue: Catalogue) -> EventRef:
        """Event `index` as evidence."""
        row = int(self.rows[index])
        return EventRef(
            item=catalogue.ids[row],
            title=catalogue.titles[row],
            category=catalogue.category.names[catalogue.category.codes[row]],
            kind=EventKind(KINDS[self.kinds[index]]),
            at=self.at[index].astype("datetime64[us]").item().replace(tzinfo=UTC),
        )


@cache
def _wanted(kinds: tuple[EventKind, ...]) -> Mask:
    """(len(KINDS),) true at these kinds; read only."""
    wanted = np.isin(KINDS, [kind.value for kind in kinds])
    wanted.flags.writeable = False
    return wanted
