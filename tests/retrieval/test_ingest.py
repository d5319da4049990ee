"""Ingest: what a shop folder holds, that nothing is built twice, and that no kill can harm it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval import build, build_stages
from retrieval.channels.registry import CHANNELS
from retrieval.errors import CrossAisleError, FeedError, ShopError
from retrieval.ingest import ingest
from retrieval.shop import Shop
from tests.retrieval.small_shop import write_feed
from tests.retrieval.test_vectors import chroma_server  # noqa: F401

CHILD = Path(__file__).with_name("ingest_child.py")
ITEMS = 3000


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_feed(tmp_path_factory.mktemp("feed"), ITEMS, 150, seed=2)


@pytest.fixture(scope="module")
def other_feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_feed(tmp_path_factory.mktemp("other"), 120, 12, seed=3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, feed: Path) -> Path:
    """The shop of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole") / "shop"
    ingest(feed, folder, batch_size=256)
    return folder


def content(folder: Path) -> dict[str, object]:
    """Everything that a shop folder says, without Chroma's files, whose content is asked of Chroma."""
    place = folder / "current"
    files = sorted(p for p in place.resolve().rglob("*") if p.is_file() and "chroma" not in p.parts)
    said: dict[str, object] = {
        str(p.relative_to(place.resolve())): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }
    shop = Shop.open(folder)
    vectors = shop.store.get(shop.catalogue.ids)
    assert sorted(vectors) == sorted(shop.catalogue.ids)
    said["chroma"] = hashlib.sha256(np.vstack([vectors[i] for i in shop.catalogue.ids]).tobytes()).hexdigest()
    assert shop.store.count() == len(shop.catalogue)
    for row in range(0, len(shop.catalogue), 250):  # the graph itself is whole, too
        assert shop.store.query(shop.vectors[row], 1)[1][0] == pytest.approx(1, abs=1e-4)
    shop.close()
    return said


def child(feed: Path, into: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(feed), str(into), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_a_shop_folder_holds_what_the_design_says(whole, feed):
    names = {entry.name for entry in whole.iterdir()}
    assert {*build.LINKS, "current", "builds"} <= names
    assert "building" not in names
    assert all(os.readlink(whole / name) == f"current/{name}" for name in build.LINKS)
    assert not any(os.path.isabs(os.readlink(p)) for p in whole.iterdir() if p.is_symlink())
    catalogue = pl.read_parquet(whole / "catalogue.parquet")
    assert catalogue["item"].to_list() == sorted(catalogue["item"].to_list())
    vectors = np.load(whole / "signals" / "vectors.npy")
    assert vectors.shape == (ITEMS, 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    files = {"vectors.npy", "terms.npz", "encoder", "ranker"}
    assert {p.name for p in (whole / "signals").iterdir()} == {*CHANNELS, *files}


def test_the_manifest_says_what_was_read_and_what_came_of_it(whole, feed):
    manifest = json.loads((whole / "manifest.json").read_text())
    hashes = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in feed.iterdir()}
    assert {source["name"]: source["sha256"] for source in manifest["sources"]} == hashes
    assert manifest["counts"]["result"]["items"] == ITEMS
    assert manifest["counts"]["rows"] == sum(manifest["counts"]["kept"].values()) + sum(
        manifest["counts"]["dropped"].values()
    )
    assert manifest["encoder"]["name"] == "static"
    for name, digest in manifest["content"].items():
        assert hashlib.sha256((whole / name).read_bytes()).hexdigest() == digest


def test_a_second_run_has_nothing_to_do_and_a_forced_one_builds_the_same(tmp_path, other_feed, monkeypatch):
    first = ingest(other_feed, tmp_path / "shop")
    before = content(tmp_path / "shop")
    build_name = os.readlink(tmp_path / "shop" / "current")
    with monkeypatch.context() as patched:
        patched.setattr("retrieval.ingest.run", lambda job: pytest.fail("built again"))
        assert ingest(other_feed, tmp_path / "shop") == first
    assert os.readlink(tmp_path / "shop" / "current") == build_name
    shop = Shop.open(tmp_path / "shop")
    assert ingest(other_feed, tmp_path / "shop", force=True) == first
    assert shop.stale()
    assert content(tmp_path / "shop") == before


def test_the_generation_before_is_kept_and_older_ones_go(tmp_path, other_feed):
    for seed in (10, 11, 12):
        ingest(write_feed(tmp_path / f"feed{seed}", 60, 5, seed), tmp_path / "shop")
    kept = {p.name for p in (tmp_path / "shop" / "builds").iterdir()}
    assert len(kept) == 2
    assert build.serving(tmp_path / "shop") in kept
    assert not list((tmp_path / "shop").glob(".trash-*"))


def test_another_source_option_or_encoder_batch_is_another_build(tmp_path, other_feed):
    one = ingest(other_feed, tmp_path / "shop", batch_size=64)["build"]
    two = ingest(other_feed, tmp_path / "shop", batch_size=65)["build"]
    assert one != two


# ---- killed with SIGKILL, run again -----------------------------------------------------------------------------


POINTS = [
    ("reading rows", 1),
    ("sorting events", 0),
    ("preparing the encoder", 0),
    ("encoding items", 256),
    ("encoding items", 2048),
    ("filling Chroma", 2000),
    ("filling Chroma", ITEMS),
    ("learning signals", 1),
    ("learning signals", len(CHANNELS) - 1),
    ("learning signals", len(CHANNELS)),
    ("looking back", 0),
]


def test_killed_at_every_stage_it_goes_on_and_ends_the_same_while_the_old_shop_serves(
    tmp_path, feed, other_feed, whole
):
    folder = tmp_path / "shop"
    ingest(other_feed, folder)
    old = Shop.open(folder)
    for stage, done in POINTS:
        result = child(feed, folder, "--at", stage, str(done))
        assert result.returncode == -signal.SIGKILL, result.stderr[-2000:]
        again = Shop.open(folder)
        assert again.manifest == old.manifest
        assert again.store.query(again.vectors[5], 1)[0] == [again.catalogue.ids[5]]
        assert not old.stale()
        again.close()
    result = child(feed, folder)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "encoding items 256\n" not in result.stderr, "the vectors were encoded again"
    assert old.stale()
    assert len(old.catalogue) == 120, "the old generation stays readable"
    old.close()
    assert content(folder) == content(whole)


def test_killed_at_any_moment_it_ends_the_same(tmp_path, feed, whole):
    chance, folder, kills = random.Random(7), tmp_path / "shop", 0
    for late in range(6):
        result = child(feed, folder, "--after", f"{0.7 + late * chance.uniform(0.5, 1.5):.2f}")
        kills += result.returncode == -signal.SIGKILL
        if result.returncode == 0:
            break
    assert kills
    assert child(feed, folder).returncode == 0
    assert content(folder) == content(whole)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the product catches it or cleans up after it."""


def test_killed_at_any_step_of_the_swap_one_whole_generation_serves(tmp_path, monkeypatch):
    """Every call that changes names is a place to die; after each, publishing again ends the same."""
    calls = {(Path, "rename"), (Path, "replace"), (Path, "symlink_to"), (Path, "unlink"), (shutil, "rmtree")}
    plan = {"id": "new"}
    step = finished = 0
    while not finished:
        step += 1
        root = tmp_path / str(step)
        for name in ("older", "old"):
            (root / "builds" / name).mkdir(parents=True)
            (root / "builds" / name / "manifest.json").write_text(json.dumps({"name": name}))
            build.publish(root, None, name)
        building = build.Building.open(root, plan)
        (building.folder / "manifest.json").write_text(json.dumps({"name": "new"}))
        left = step

        def counted(real):
            def call(*args, **kwargs):
                nonlocal left
                left -= 1
                if left == 0:
                    raise Killed
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patched:
            for owner, name in calls:
                patched.setattr(owner, name, counted(getattr(owner, name)))
            try:
                build.publish(root, building, "new")
                finished = True
            except Killed:
                pass
        assert json.loads((root / "manifest.json").read_text())["name"] in {"old", "new"}
        if (root / "builds" / "new").exists():
            build.publish(root, None, "new")
        else:
            build.publish(root, build.Building.open(root, plan), "new")
        assert json.loads((root / "manifest.json").read_text()) == {"name": "new"}
        assert (root / "builds" / "old" / "manifest.json").exists()
    assert step > 5


def test_a_kill_while_chroma_writes_its_graph_makes_it_fill_again(tmp_path, other_feed, monkeypatch):
    whole = ingest(other_feed, tmp_path / "whole")
    real = build_stages.VectorStore.seal

    def torn(store, *size):
        real(store, *size)
        for file in (tmp_path / "shop" / "building" / "shop" / "chroma").rglob("*.bin"):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(build_stages.VectorStore, "seal", torn)
        with pytest.raises(Killed):
            ingest(other_feed, tmp_path / "shop")
    assert ingest(other_feed, tmp_path / "shop") == whole
    assert content(tmp_path / "shop") == content(tmp_path / "whole")


# ---- a Chroma server --------------------------------------------------------------------------------------------


def test_with_a_server_the_vectors_go_there_and_nowhere_else(tmp_path, other_feed, chroma_server):  # noqa: F811
    folder = tmp_path / "shop"
    assert child(other_feed, folder, "--url", chroma_server, "--at", "filling Chroma", "1").returncode < 0
    manifest = ingest(other_feed, folder, batch_size=256, chroma_url=chroma_server)
    assert not list((folder / "chroma").iterdir())
    with pytest.raises(ShopError, match="--chroma-url"):
        Shop.open(folder)
    shop = Shop.open(folder, chroma_server)
    assert shop.store.collection == f"crossaisle-{manifest['build']}"
    assert shop.store.count() == 120
    assert shop.store.query(shop.vectors[3], 1)[0] == [shop.catalogue.ids[3]]
    shop.store.drop()
    shop.close()
    with pytest.raises(ShopError, match="no such collection"):
        Shop.open(folder, chroma_server).store  # noqa: B018
    assert ingest(other_feed, folder, batch_size=256, chroma_url=chroma_server) == manifest
    assert Shop.open(folder, chroma_server).store.count() == 120


# ---- what can go wrong ------------------------------------------------------------------------------------------


def test_two_builds_at_once_are_refused_and_the_first_is_named(tmp_path, other_feed):
    (tmp_path / "shop").mkdir()
    with (tmp_path / "shop" / ".lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ShopError, match="process 4711 is building"):
            ingest(other_feed, tmp_path / "shop")
    ingest(other_feed, tmp_path / "shop")  # a lock left behind by a dead process is none


def test_a_file_or_a_foreign_folder_is_never_built_into(tmp_path, other_feed):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ShopError, match="is a file"):
        ingest(other_feed, tmp_path / "file")
    with pytest.raises(ShopError, match=r"in the way|is a file"):
        ingest(other_feed, tmp_path / "file" / "shop")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    with pytest.raises(ShopError, match=r"holds other things.*thesis"):
        ingest(other_feed, tmp_path / "home")
    assert os.listdir(tmp_path / "home") == ["thesis.txt"]


def test_a_shop_keeps_its_state_and_its_own_list_through_builds(tmp_path, other_feed, feed):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "state.sqlite3").write_bytes(b"state")
    (folder / "sensitive.toml").write_text('[own]\ncategories = ["tea"]\n')
    ingest(other_feed, folder)
    ingest(other_feed, folder, force=True)
    assert (folder / "state.sqlite3").read_bytes() == b"state"
    assert Shop.open(folder).sensitive.categories == {"Tea"}


@pytest.mark.parametrize(("number", "said"), [(28, "disk is full"), (13, "can't be written"), (30, "can't be written")])
def test_what_the_system_refuses_is_told_with_a_remedy_and_done_again_later(
    tmp_path, other_feed, monkeypatch, number, said
):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), str(tmp_path / "shop" / "x"))

    with monkeypatch.context() as patched:
        patched.setattr(build_stages.TermIndex, "save", refuse)
        with pytest.raises(ShopError, match=said):
            ingest(other_feed, tmp_path / "shop")
    with pytest.raises(ShopError, match="never finished"):
        Shop.open(tmp_path / "shop")
    assert ingest(other_feed, tmp_path / "shop")["counts"]["result"]["items"] == 120


def test_bad_sources_and_options_leave_no_folder(tmp_path, other_feed):
    (tmp_path / "no.csv").write_text("colour,taste\nred,sweet\n")
    with pytest.raises(FeedError):
        ingest(tmp_path / "no.csv", tmp_path / "shop")
    with pytest.raises(CrossAisleError, match="batch"):
        ingest(other_feed, tmp_path / "shop", batch_size=0)
    with pytest.raises(CrossAisleError, match="no encoder in"):
        ingest(other_feed, tmp_path / "shop", encoder="./nowhere")
    assert not (tmp_path / "shop" / "current").exists()
