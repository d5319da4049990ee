"""A shopper's history as arrays: oldest first, nothing unknown, nothing from the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catalogue import Catalogue
from retrieval.history import EVENT_SCHEMA, KINDS, LIKED, History
from retrieval.schema import EventKind
from tests.retrieval.small_shop import frame

DAY = datetime(2024, 5, 1, tzinfo=UTC)
CATALOGUE = Catalogue(frame([{"title": f"thing {row}", "category": "Things"} for row in range(5)]))


def events(*rows: tuple[str, EventKind, int]) -> pl.DataFrame:
    """Events of one shopper: item, kind, days after `DAY`."""
    return pl.DataFrame(
        [
            {"shopper": "u", "item": item, "kind": kind.value, "at": DAY + timedelta(days=day), "quantity": 1.0}
            for item, kind, day in rows
        ],
        schema=EVENT_SCHEMA,
    )


EVENT = st.tuples(
    st.sampled_from(["p:0000", "p:0001", "p:0004", "gone"]), st.sampled_from(list(EventKind)), st.integers(0, 9)
)


@settings(deadline=None)
@given(st.lists(EVENT, max_size=12), st.integers(0, 9))
def test_a_history_is_the_known_events_up_to_now_in_order(rows, now):
    at = np.datetime64((DAY + timedelta(days=now)).replace(tzinfo=None), "us")
    history = History.of(events(*rows), CATALOGUE, at)
    expected = sorted((r for r in rows if r[0] != "gone" and r[2] <= now), key=lambda r: r[2])
    assert [(CATALOGUE.ids[row], KINDS[kind]) for row, kind in zip(history.rows, history.kinds, strict=True)] == [
        (item, kind.value) for item, kind, _ in expected
    ]
    assert (history.days_ago() == [now - day for _, _, day in expected]).all()
    assert {KINDS[kind] for kind in history.liked().kinds} <= {kind.value for kind in LIKED}
    assert len(history.liked()) == sum(kind in LIKED for _, kind, _ in expected)
    for index in range(len(history)):
        kept = [row for place, row in enumerate(expected) if place != index]
        assert history.without(index).rows.tolist() == [CATALOGUE.row(item) for item, _, _ in kept]


def test_without_a_moment_the_last_event_is_the_present():
    history = History.of(events(("p:0001", EventKind.VIEW, 3), ("p:0002", EventKind.PURCHASE, 1)), CATALOGUE)
    assert history.now == np.datetime64("2024-05-04")
    assert history.rows.tolist() == [2, 1]


def test_dismissals_and_returns_do_not_speak_for_an_item():
    history = History.of(
        events(("p:0001", EventKind.DISMISS, 0), ("p:0002", EventKind.RETURN, 1), ("p:0003", EventKind.CART, 2)),
        CATALOGUE,
    )
    assert history.liked().rows.tolist() == [3]
    assert history.of_kind(EventKind.DISMISS).rows.tolist() == [1]


def test_an_event_is_shown_with_title_category_and_moment():
    history = History.of(events(("p:0003", EventKind.PURCHASE, 2)), CATALOGUE)
    ref = history.ref(0, CATALOGUE)
    assert (ref.item, ref.title, ref.category, ref.kind) == ("p:0003", "thing 3", "Things", EventKind.PURCHASE)
    assert ref.at.replace(tzinfo=UTC) == DAY + timedelta(days=2)


def test_nobody_has_an_empty_history():
    history = History.empty(np.datetime64("2024-01-01", "us"))
    assert len(history) == 0
    assert len(history.liked().days_ago()) == 0
