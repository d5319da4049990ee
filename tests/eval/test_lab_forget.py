"""Who is forgotten leaves the lab's folders: what they said, every answer to it, every figure."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.act import event_now
from agent.memory import Memory
from agent.schema import Profile
from agent.turn import Assistant
from eval.lab.export import recomputed
from eval.lab.folder import LAB, Folder, noted
from eval.lab.forget import forget
from eval.lab.grid import Grid, checked
from eval.lab.run import CancelledError, run
from retrieval.errors import EvaluationError
from retrieval.history import digest
from retrieval.schema import EventKind
from retrieval.shop import Shop
from tests.eval.lab_helpers import opened
from tests.shops import sample_shop

SAID = {"ann": "scented candles for Anneliese", "bob": "mugs for Robert"}
NOTE = "Sessions that were removed because their shoppers were forgotten: 1"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    found = Shop.open(sample_shop())
    yield found
    found.close()


@pytest.fixture
def memory(shop: Shop, tmp_path: Path) -> Iterator[Memory]:
    """Two shoppers have talked."""
    with Memory.at(tmp_path / "state.sqlite3") as found:
        for shopper, words in SAID.items():
            Assistant(shop, found).reply(words, found.open_conversation(shopper), Profile(shopper=shopper))
        yield found


def grid() -> Grid:
    return checked(
        {"shop": str(sample_shop()), "sessions": {"recorded": 5}, "retrieval": {"default": {}, "few": {"cards": 3}}},
        "a test",
    )


def said_in(folder: Path) -> set[str]:
    """Whose words any file of a folder holds."""
    whole = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return {
        shopper
        for shopper, words in SAID.items()
        if words.split()[-1].encode() in whole or shopper.encode() + b'"' in whole
    }


def test_one_leaves_a_finished_run_and_the_table_is_made_again(shop: Shop, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "labs"
    before = run(grid(), root / "both", opened(shop, memory))
    assert said_in(root / "both") == {"ann", "bob"}
    assert forget(root, memory.hidden) == [], "nobody was forgotten yet"
    memory.forget("ann")
    assert forget(root, memory.hidden) == ["both"]
    assert said_in(root / "both") == {"bob"}
    after, equal = recomputed(root / "both")
    assert equal
    assert (before.n, after.n) == (2, 1)
    assert NOTE in after.notes
    assert noted(root / "both")["told"]["sessions"] == {"recorded": 1}
    assert forget(root, memory.hidden) == [], "once"
    memory.forget("bob")
    assert forget(root, memory.hidden) == ["both"]
    assert not (root / "both").exists(), "nobody is left in it"


def test_one_who_is_forgotten_while_it_runs_is_not_in_what_it_finds(shop: Shop, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "labs"

    def forgotten(stage: str, done: int, total: int | None) -> None:
        if stage == "turns" and done == 2:
            memory.forget("ann")
            assert forget(root, memory.hidden) == [], "it is left to the run"

    results = run(grid(), root / "both", opened(shop, memory), forgotten)
    assert results.n == 1
    assert NOTE in results.notes
    assert said_in(root / "both") == {"bob"}
    assert recomputed(root / "both")[1]


def test_one_who_is_forgotten_while_it_rests_is_not_gone_on_with(shop: Shop, memory: Memory, tmp_path: Path) -> None:
    cancel, root = threading.Event(), tmp_path / "labs"

    def stop(stage: str, done: int, total: int | None) -> None:
        if stage == "turns" and done == 3:
            cancel.set()

    with pytest.raises(CancelledError):
        run(grid(), root / "both", opened(shop, memory), stop, cancel)
    with next((root / "both" / "turns").iterdir()).open("ab") as file:
        file.write(b'{"cell": "half a li')
    memory.forget("ann")
    assert forget(root, memory.hidden) == ["both"]
    assert said_in(root / "both") == {"bob"}
    results = run(grid(), root / "both", opened(shop, memory))
    assert results.n == 1
    assert NOTE in results.notes
    memory.forget("bob")
    with pytest.raises(EvaluationError, match="everybody whose sessions it held was forgotten"):
        run(grid(), root / "both", opened(shop, memory))


def test_one_forgotten_event_takes_the_answers_along_that_may_name_it(
    shop: Shop, memory: Memory, tmp_path: Path
) -> None:
    root = tmp_path / "labs"
    run(grid(), root / "both", opened(shop, memory))
    memory.hidden.hide("ann", [digest("ann", shop.catalogue.ids[0], "view", datetime.now(UTC))])
    assert forget(root, memory.hidden, "eve") == [], "no folder is of hers"
    assert forget(root, memory.hidden, "ann") == ["both"]
    assert said_in(root / "both") == {"bob"}
    assert recomputed(root / "both")[1]
    assert run(grid(), root / "later", opened(shop, memory)).n == 2, "what begins later knows nothing of the event"
    assert forget(root, memory.hidden) == []


def test_an_event_that_no_session_knows_of_takes_none_along(shop: Shop, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "labs"
    run(grid(), root / "both", opened(shop, memory))
    for shopper, item in (("ann", 0), ("bob", 1)):
        memory.record(event_now(shop, shopper, shop.catalogue.ids[item], EventKind.FAVOURITE))
    run(grid(), root / "after", opened(shop, memory))  # in it, both took something
    for shopper in ("ann", "bob"):
        (number,) = [number for number, _ in memory.numbered_events(shopper)]
        assert memory.forget_event(shopper, number)
    assert forget(root, memory.hidden) == ["after"]
    assert (root / "both").exists()
    assert not (root / "after").exists()


def test_who_talks_again_afterwards_is_in_a_new_run(shop: Shop, memory: Memory, tmp_path: Path) -> None:
    memory.forget("ann")
    Assistant(shop, memory).reply("towels", memory.open_conversation("ann"), Profile(shopper="ann"))
    assert run(grid(), tmp_path / "labs" / "both", opened(shop, memory)).n == 2


def test_a_damaged_folder_keeps_nobody_else_in_theirs(
    shop: Shop, memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "labs"
    for name in ("broken", "older", "whole"):
        run(grid(), root / name, opened(shop, memory))
    (root / "broken" / "sessions.jsonl").write_text("no JSON\n", encoding="utf-8")
    told = noted(root / "older")
    del told["told"]
    (root / "older" / LAB).write_text(json.dumps(told), encoding="utf-8")
    memory.forget("ann")
    assert forget(root, memory.hidden) == ["whole"]
    assert "may still be in" in caplog.text
    with Folder.opened(root / "broken"):
        assert forget(root, memory.hidden) == []
