"""The vector store: the same tests against Chroma in a folder and against a real `chroma run` server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import ShopError
from retrieval.vectors import VectorStore

Open = Callable[[], VectorStore]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server on 127.0.0.1."""
    port, folder = free_port(), tmp_path_factory.mktemp("chroma-server")
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            else:
                pytest.fail((folder / "log").read_text())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "embedded":
        opened = VectorStore.embedded(tmp_path / "chroma", create=True)
    else:
        opened = VectorStore.server(request.getfixturevalue("chroma_server"), f"test-{tmp_path.name}", create=True)
    yield opened
    opened.close()


def sphere(count: int, dim: int = 32, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_was_added_is_found_with_its_inner_product(store):
    vectors = sphere(500)
    ids = [f"shop:{row}" for row in range(500)]
    store.add(ids, vectors)
    assert store.count() == 500
    found, similarities = store.query(vectors[7], 10)
    exact = np.argsort(-(vectors @ vectors[7]))[:10]
    assert found == [ids[row] for row in exact]
    np.testing.assert_allclose(similarities, (vectors @ vectors[7])[exact], atol=1e-5)


def test_adding_again_changes_nothing_and_new_vectors_replace_old_ones(store):
    vectors = sphere(60)
    ids = [f"i{row:02d}" for row in range(60)]
    store.add(ids, vectors)
    store.add(ids[:30], vectors[:30])
    assert store.count() == 60
    store.add(ids[:1], vectors[59:])
    np.testing.assert_allclose(store.get(["i00"])["i00"], vectors[59], atol=1e-6)
    found, similarities = store.query(vectors[59], 2)
    assert found == ["i00", "i59"]  # equally near: by id
    np.testing.assert_allclose(similarities, 1, atol=1e-5)


def test_a_query_among_some_ids_finds_the_nearest_of_these(store):
    vectors = sphere(400)
    ids = [f"i{row:03d}" for row in range(400)]
    store.add(ids, vectors)
    some = ids[100:140]
    found, _ = store.query(vectors[3], 5, ids=some)
    best = 100 + np.argsort(-(vectors[100:140] @ vectors[3]))[:5]
    assert found == [ids[row] for row in best]
    assert store.query(vectors[3], 5, ids=[])[0] == []


def test_asking_for_more_than_there_is_gives_what_there_is(store):
    store.add(["a", "b"], sphere(2))
    assert sorted(store.query(sphere(1)[0], 50)[0]) == ["a", "b"]
    assert store.query(sphere(1)[0], 0)[0] == []


def test_ids_with_any_letters_come_back_as_they_were(store):
    ids = ["amazon:B07 'x'", "größe:7", "店:1", "a" * 300]
    store.add(ids, sphere(4), [{"row": row} for row in range(4)])
    assert sorted(store.query(sphere(1)[0], 4)[0]) == sorted(ids)


def test_a_dropped_collection_is_gone(store):
    store.add(["a"], sphere(1))
    store.drop()
    with pytest.raises(ShopError, match=r"no such collection|failed"):
        store.count()


def test_a_sealed_store_opens_with_everything_in_it(tmp_path):
    vectors = sphere(3000)
    store = VectorStore.embedded(tmp_path / "c", create=True, expect=3000)
    store.add([f"i{row:04d}" for row in range(3000)], vectors)
    assert not list((tmp_path / "c").rglob("data_level0.bin")) or (
        max(f.stat().st_size for f in (tmp_path / "c").rglob("data_level0.bin")) < 3000 * 32 * 4
    ), "the graph is written while the store is filled, where a kill would tear it"
    store.seal(3000, 32)
    assert max(f.stat().st_size for f in (tmp_path / "c").rglob("data_level0.bin")) > 3000 * 32 * 4
    (tmp_path / "c").rename(tmp_path / "moved")  # a store doesn't know where it stands
    again = VectorStore.embedded(tmp_path / "moved")
    assert again.count() == 3000
    assert again.query(vectors[2999], 1)[0] == ["i2999"]
    again.close()


def test_a_store_that_holds_less_than_was_expected_is_sealed_all_the_same(tmp_path):
    vectors = sphere(500)
    store = VectorStore.embedded(tmp_path / "c", create=True, expect=100_000)
    store.add([f"i{row:03d}" for row in range(500)], vectors)
    store.seal(500, 32)
    assert max(f.stat().st_size for f in (tmp_path / "c").rglob("data_level0.bin")) > 500 * 32 * 4
    again = VectorStore.embedded(tmp_path / "c")
    assert again.count() == 500
    assert again.query(vectors[499], 1)[0] == ["i499"]
    again.close()


def test_nearly_all_of_the_exact_first_hundred_are_found(tmp_path):
    centres = sphere(60, 64, seed=1)
    chance = np.random.default_rng(2)
    vectors = centres[chance.integers(0, 60, 12_000)] + 0.6 * sphere(12_000, 64, seed=3)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = [str(row) for row in range(len(vectors))]
    store = VectorStore.embedded(tmp_path / "c", create=True, expect=len(ids))
    store.add(ids, vectors)
    store.seal(*vectors.shape)
    store = VectorStore.embedded(tmp_path / "c")
    shares = []
    for query in vectors[:50]:
        exact = set(np.argsort(-(vectors @ query))[:100].astype(str))
        shares.append(len(exact & set(store.query(query, 100)[0])) / 100)
    store.close()
    assert np.mean(shares) >= 0.95


def test_errors_name_the_place_and_the_remedy(tmp_path, chroma_server):
    with pytest.raises(ShopError, match="holds no Chroma database"):
        VectorStore.embedded(tmp_path / "nothing")
    with pytest.raises(ShopError, match="no address of a Chroma server"):
        VectorStore.server("127.0.0.1:8000")
    with pytest.raises(ShopError, match=r"can't be reached.*chroma run"):
        VectorStore.server(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ShopError, match="no such collection"):
        VectorStore.server(chroma_server, "not-there")


def test_a_store_that_may_only_be_read_answers_and_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chroma"
    filled = VectorStore.embedded(folder, create=True, expect=60)
    filled.add([f"shop:{row}" for row in range(60)], sphere(60))
    filled.close()
    kept = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.rglob("*") if file.is_file()}
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: allowed(path, mode) and not str(path).startswith(str(folder)))
    read = VectorStore.embedded(folder)
    assert read.query(sphere(60)[7], 1)[0] == ["shop:7"]
    read.close()
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.rglob("*") if file.is_file()} == kept
