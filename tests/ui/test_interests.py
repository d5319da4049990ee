"""Interests by category over time: the figures, and the same in plot and table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.schema import Consent
from retrieval.history import KINDS, History
from retrieval.schema import EventKind
from tests.shops import copy_of, hostile_shop, sample_shop
from tests.ui.test_cards import assert_harmless
from ui.desk import Desk
from ui.interests import PERIODS, Interest, Interests, interests, interests_panel
from ui.room import Room

AT = datetime(2026, 7, 1, tzinfo=UTC)


def history(catalogue, *events: tuple[str, EventKind, str], now: str = "2026-12-31") -> History:
    rows = catalogue.rows([item for item, _, _ in events])
    kinds = np.array([KINDS.index(kind.value) for _, kind, _ in events], dtype=np.int8)
    at = np.array([day for _, _, day in events], dtype="datetime64[us]")
    return History(rows, kinds, at, np.datetime64(now, "us"))


def of_category(catalogue, place: int) -> tuple[str, str]:
    code = catalogue.category.codes[place]
    return catalogue.ids[place], catalogue.category.names[code]


def test_a_year_falls_into_twelve_periods_and_lately_leads() -> None:
    with Desk(sample_shop(), "sqlite://") as desk:
        catalogue = desk.shop.catalogue
        old, old_name = of_category(catalogue, 0)
        place = next(row for row in range(len(catalogue)) if of_category(catalogue, row)[1] != old_name)
        new, new_name = of_category(catalogue, place)
        found = interests(
            history(
                catalogue,
                (old, EventKind.PURCHASE, "2026-01-01"),
                (old, EventKind.PURCHASE, "2026-01-02"),
                (new, EventKind.VIEW, "2026-12-20"),
                (new, EventKind.PURCHASE, "2026-12-30"),
                (old, EventKind.DISMISS, "2026-12-30"),
            ),
            catalogue,
        )
        assert found is not None
        assert [row.category for row in found.rows] == [new_name, old_name]
        assert found.rows[0].weights == (*[0.0] * (PERIODS - 1), pytest.approx(1.4))
        assert found.rows[1].weights == (2.0, *[0.0] * (PERIODS - 1))
        assert [row.trend for row in found.rows] == [1, -1]
        assert [row.events for row in found.rows] == [2, 2], "a dismissal is no interest"
        assert interests(history(catalogue, (old, EventKind.DISMISS, "2026-12-30")), catalogue) is None


def test_plot_and_table_tell_the_same_and_markup_stays_text() -> None:
    hostile = "<script>x</script>"
    rows = (Interest(hostile, (*[0.0] * 11, 2.0), 2, AT), Interest("Tea", (1.0, *[0.0] * 11), 1, AT))
    html = interests_panel(Interests(AT, AT, rows), steering=True)
    read = assert_harmless(html)
    assert read.text.count(hostile) == 2
    assert read.tags.count("rect") == 2 + 2, "a base line for each category, a bar for each period with events"
    assert "rising" in read.text
    assert "1 Jul 2026" in read.text
    assert ("role", "img") in read.attributes
    assert "Nothing is known" in interests_panel(None, steering=True)


def test_a_like_shows_in_the_panel_and_consent_is_told(tmp_path: Path) -> None:
    with Desk(copy_of(hostile_shop(), tmp_path / "shop"), "sqlite://") as desk:
        room = Room(desk, "anna")
        assert desk.interests("anna") is None
        room.act("favourite", desk.shop.catalogue.ids[0])
        found = desk.interests("anna")
        assert found is not None
        assert found.rows[0].category == desk.shop.catalogue.item(0).category
        room.allow(Consent(personalise=False))
        assert desk.interests("anna") == found, "one's own page shows one's own history"
        assert "switched this off" in interests_panel(found, steering=False)
