"""The opened shop: what it gives, whose past it leaves out, and how it stands swaps, threads and damage."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from retrieval.channels.base import Query
from retrieval.channels.registry import CHANNELS
from retrieval.errors import EncoderError, ShopError
from retrieval.history import EVENT_SCHEMA
from retrieval.ingest import ingest
from retrieval.schema import Event, EventKind, Need
from retrieval.shop import Shop
from tests.retrieval.small_shop import write_feed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop")
    ingest(write_feed(place / "feed", 240, 30, seed=5), place / "corner")
    return place / "corner"


@pytest.fixture(scope="module")
def shop(folder: Path) -> Shop:
    return Shop.open(folder)


@pytest.fixture
def own(tmp_path: Path, folder: Path) -> Path:
    """A copy that a test may harm."""
    shutil.copytree(folder, tmp_path / "own", symlinks=True)
    return tmp_path / "own"


def recorded(shop: Shop, shopper: str, row: int, at: datetime, kind: EventKind = EventKind.VIEW) -> Event:
    return Event(shopper=shopper, item=shop.catalogue.ids[row], kind=kind, at=at)


def test_every_part_is_there_and_fits(shop, folder):
    assert shop.name == "corner"
    assert shop.folder == folder
    assert len(shop.catalogue) == 240
    assert shop.vectors.shape == (240, shop.encoder.dim)
    assert isinstance(shop.vectors, np.memmap)
    assert set(shop.channels) - {"ranker"} == {"dense", "interests", *CHANNELS}
    assert shop.store.count() == 240
    assert not shop.stale()
    assert shop.warm() is shop


def test_a_warm_shop_computes_in_the_thread_that_asks(shop: Shop) -> None:
    with threadpool_limits(2, "blas"):
        shop.warm()
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_queries_are_encoded_as_items_were(shop):
    vector = shop.encoder.encode(["head torch"])[0]
    found = shop.channels["dense"].candidates(Query(Need(text="head torch"), shop.history(None), vector=vector), 10)
    assert {shop.catalogue.item(int(row)).category for row in found.rows} == {"Head torches"}


def test_events_of_gives_exactly_a_shoppers_rows(shop):
    everything = shop.events
    assert shop.shoppers() == sorted(everything["shopper"].unique())
    for shopper in shop.shoppers():
        assert shop.events_of(shopper).equals(everything.filter(pl.col("shopper") == shopper))
    nobody = shop.events_of("nobody")
    assert len(nobody) == 0
    assert dict(nobody.schema) == EVENT_SCHEMA


def test_now_is_the_end_of_the_day_of_the_last_event(shop):
    last = shop.events["at"].max()
    assert str(shop.now) == f"{last:%Y-%m-%d}T23:59:59.999999"


def test_sensitive_events_never_count(shop):
    assert shop.sensitive.categories == {"Vitamins", "Religious books"}
    left_out = 0
    for shopper in shop.shoppers():
        history = shop.history(shopper)
        names = {shop.catalogue.item(int(row)).category for row in history.rows}
        assert not names & shop.sensitive.categories
        left_out += len(shop.events_of(shopper)) - len(history)
    assert left_out > 20


def test_without_consent_or_shopper_the_history_is_empty(shop):
    shopper = shop.shoppers()[0]
    extra = [recorded(shop, shopper, 0, datetime(2025, 1, 1, tzinfo=UTC))]
    assert len(shop.history(shopper, extra)) > 0
    assert len(shop.history(shopper, extra, personalise=False)) == 0
    assert len(shop.history(None, extra)) == 0


def test_what_was_recorded_since_counts_now_and_moves_the_present(shop):
    shopper, at = shop.shoppers()[0], datetime(2025, 3, 1, 12, tzinfo=UTC)
    before = shop.history(shopper)
    sensitive = int(np.flatnonzero(shop.sensitive.mask)[0])
    extra = [
        recorded(shop, shopper, 1, at, EventKind.PURCHASE),
        recorded(shop, shopper, sensitive, at),
        recorded(shop, "somebody else", 3, at + timedelta(days=1)),
    ]
    after = shop.history(shopper, extra)
    assert len(after) == len(before) + 1
    assert after.rows[-1] == 1
    assert after.now == np.datetime64("2025-03-01T12:00:00")
    assert before.now == shop.now
    new = shop.history("newcomer", [recorded(shop, "newcomer", 3, datetime(2020, 1, 1, tzinfo=UTC))])
    assert new.rows.tolist() == [3]
    assert new.now == shop.now


def test_a_shops_own_list_decides_what_is_sensitive(own):
    (own / "sensitive.toml").write_text('[hot]\ncategories = ["tea", "lamp"]\n')
    assert Shop.open(own).sensitive.categories == {"Tea", "Desk lamps"}
    (own / "sensitive.toml").write_text("[hot\n")
    with pytest.raises(ShopError, match=r"can't be parsed.*line 1"):
        Shop.open(own).sensitive  # noqa: B018


def test_a_swap_underneath_does_no_harm(own, tmp_path):
    old = Shop.open(own)
    ingest(write_feed(tmp_path / "next", 60, 6, seed=8), own)
    assert old.stale()
    assert len(old.catalogue) == 240, "read only now, from the generation that was opened"
    assert old.store.count() == 240
    fresh = Shop.open(own)
    assert len(fresh.catalogue) == 60
    assert not fresh.stale()


def test_a_shop_may_be_moved(own, tmp_path):
    own.rename(tmp_path / "elsewhere")
    moved = Shop.open(tmp_path / "elsewhere").warm()
    assert moved.name == "elsewhere"
    assert moved.store.count() == 240


def test_many_threads_read_every_part_once(own):
    shop, seen, gate = Shop.open(own), [], threading.Barrier(8)

    def read() -> None:
        gate.wait()
        seen.append((id(shop.catalogue), id(shop.channels), id(shop.store), id(shop.encoder), id(shop.sensitive)))
        seen.append(seen[-1] if len(shop.history(shop.shoppers()[0])) else None)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 16
    assert len(set(seen)) == 1


def test_opening_and_searching_needs_no_torch(folder):
    code = (
        "import sys; from pathlib import Path; from retrieval.shop import Shop\n"
        f"Shop.open(Path({str(folder)!r})).warm()\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert out.stdout.strip() == "[]"


def test_events_of_and_stale_take_next_to_no_time(shop):
    shopper = shop.shoppers()[3]
    shop.events_of(shopper)
    start = time.process_time()
    for _ in range(200):
        shop.events_of(shopper)
        shop.stale()
    assert (time.process_time() - start) / 200 < 0.002


def test_what_is_no_shop_says_what_to_do(tmp_path, own):
    with pytest.raises(ShopError, match=r"there is no shop.*crossaisle ingest"):
        Shop.open(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ShopError, match="is no shop"):
        Shop.open(tmp_path / "empty")
    (tmp_path / "empty" / "building").mkdir()
    with pytest.raises(ShopError, match="never finished"):
        Shop.open(tmp_path / "empty")


def test_a_shop_of_another_version_or_encoder_is_refused(own):
    path = own / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"encoder": manifest["encoder"] | {"dim": 7}}))
    with pytest.raises(EncoderError, match=r"256 dimensions.*7"):
        Shop.open(own).encoder  # noqa: B018
    path.write_text(json.dumps(manifest | {"shop_format": 99}))
    with pytest.raises(ShopError, match="version 99"):
        Shop.open(own)
    path.write_text("{")
    with pytest.raises(ShopError, match="damaged"):
        Shop.open(own)


def test_a_damaged_part_is_named(own):
    (own / "catalogue.parquet").write_bytes(b"PAR1")
    with pytest.raises(ShopError, match="damaged at"):
        Shop.open(own).catalogue  # noqa: B018
    (own / "signals" / "vectors.npy").unlink()
    with pytest.raises(ShopError, match=r"damaged at vectors\.npy"):
        Shop.open(own).vectors  # noqa: B018
