"""The command line as scripts and people use it: one JSON object, exit statuses, conversations, feedback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.schema import ItemReceipt, Plan
from tests.shops import sample_shop
from tests.ui.conftest import ROOT, crossaisle

ITEM_KEYS = {"id", "title", "price_minor", "currency", "platform", "availability", "category"}


def test_chat_prints_the_contract(shop: Path, regular: str) -> None:
    done = crossaisle(
        "chat", "--shop", shop, "--shopper", regular, "warm socks under 30 euros", "--model", "none", "--json"
    )
    told = done.json
    assert told["act"] == "recommend"
    assert told["plan"]["price_max"] == 3000
    assert told["plan"]["currency"] == "EUR"
    for key in ("query", "include", "exclude", "price_min", "brands", "categories", "recipient"):
        assert key in told["plan"]
    Plan.model_validate(told["plan"])
    assert told["items"]
    assert all(set(item) >= ITEM_KEYS for item in told["items"])
    assert all(item["price_minor"] <= 3000 for item in told["items"])
    receipts = [ItemReceipt.model_validate(receipt) for receipt in told["receipts"]]
    assert [receipt.item.id for receipt in receipts] == [item["id"] for item in told["items"]]
    assert all(item["name"] in told["text"] for item in told["items"])
    assert (told["planner"], told["degraded"]) == ("rules", False)
    assert 0 < told["timings_ms"]["cards"] <= told["timings_ms"]["total"]
    assert "note:" not in done.err


def test_several_calls_with_one_transcript_are_one_conversation(shop: Path, regular: str, tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    say = ("chat", "--shop", shop, "--shopper", regular, "--conversation", file, "--json")
    first = crossaisle(*say, "a scented candle under 40 euros").json
    second = crossaisle(*say, "cheaper").json
    assert "candle" in second["plan"]["query"]
    assert second["plan"]["price_max"] < 4000
    assert second["conversation"] == first["conversation"]
    roles = [line["role"] for line in map(json.loads, file.read_text().splitlines()) if "role" in line]
    assert roles == ["user", "assistant"] * 2
    other = crossaisle(*say[:4], "somebody else", *say[5:], "hello")
    assert other.status == 1, "a transcript belongs to one shopper"
    assert other.out == ""


def test_a_dismissal_counts_in_the_next_answer(shop: Path, regular: str) -> None:
    ask = ("recommend", "--shop", shop, "--shopper", regular, "-k", "5", "--json")
    before = crossaisle(*ask).json
    assert len(before["items"]) == 5
    assert len(before["receipts"]) == 5
    unwanted = before["items"][0]["id"]
    fed = crossaisle("record", "--shop", shop, "--shopper", regular, "--item", unwanted, "--kind", "dismiss", "--json")
    assert fed.json["recorded"]["kind"] == "dismiss"
    after = crossaisle(*ask).json
    assert unwanted not in [item["id"] for item in after["items"]]


def test_consent_off_leaves_no_event_in_any_receipt(shop: Path, regular: str) -> None:
    ask = ("recommend", "--shop", shop, "--shopper", regular, "-k", "8", "--json")
    assert any(e["events"] for r in crossaisle(*ask).json["receipts"] for e in r["evidence"])
    told = crossaisle("consent", "--shop", shop, "--shopper", regular, "--personalise", "off", "--json").json
    assert told == {"shopper": regular, "personalise": False, "prompt": False}
    assert not any(e["events"] for r in crossaisle(*ask).json["receipts"] for e in r["evidence"])
    crossaisle("consent", "--shop", shop, "--shopper", regular, "--personalise", "on")


def test_an_unknown_shopper_is_new_and_told_so_on_stderr(shop: Path) -> None:
    done = crossaisle("recommend", "--shop", shop, "--shopper", "nobody yet", "-k", "3", "--json")
    assert len(done.json["items"]) == 3
    assert done.json["known"] is False
    assert "nobody yet" in done.err


@pytest.mark.parametrize("message", ["", "\x01\x1b[31m", "'; DROP TABLE events; --", "你好 🙂"])
def test_any_message_is_answered(shop: Path, message: str) -> None:
    told = crossaisle("chat", "--shop", shop, message, "--json").json
    assert told["text"]


def test_any_terminal_gets_utf_8_json_and_cards_without_a_crash(shop: Path) -> None:
    latin = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = crossaisle("chat", "--shop", shop, "caf\udce9 tea", "--json", env=latin)
    assert "€" in done.json["text"]
    assert crossaisle("chat", "--shop", shop, "tea", env=latin).status == 0


def test_without_json_people_get_cards_then_words(shop: Path) -> None:
    done = crossaisle("chat", "--shop", shop, "scented candles")
    assert done.status == 0
    assert done.out.index(" 1. ") < done.out.index("this is what I found")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recommend", "--shopper", "x", "-k", "0", "--shop", "here"], "-k"),
        (["recommend", "--shopper", "x", "-k", "101", "--shop", "here"], "-k"),
        (["recommend", "--shop", "here"], "--shopper"),
        (["record", "--shop", "here", "--shopper", "x", "--item", "y", "--kind", "steal"], "--kind"),
        (["consent", "--shop", "here", "--shopper", "x", "--prompt", "maybe"], "--prompt"),
        (["chat", "--shop", "here", "hi", "--model-url", "http://127.0.0.1:9/v1"], "--model"),
        (["chat", "--shop", "here", "hi", "--adapter", "there"], "--model-path"),
        (["shop", "--shop", "here", "--port", "70000"], "--port"),
        (["dance"], "dance"),
    ],
)
def test_bad_usage_exits_2_and_says_which_option(words: list[str], said: str) -> None:
    done = crossaisle(*words)
    assert done.status == 2, done.err
    assert said in done.err
    assert done.out == ""


def test_failures_exit_1_with_a_remedy_and_nothing_on_stdout(shop: Path, tmp_path: Path) -> None:
    cases = [
        (["chat", "--shop", tmp_path / "none", "hi", "--json"], "crossaisle ingest"),
        (["recommend", "--shop", tmp_path, "--shopper", "x", "--json"], "crossaisle ingest"),
        (["record", "--shop", shop, "--shopper", "x", "--item", "no:such", "--kind", "view", "--json"], "no:such"),
        (["chat", "--shop", shop, "--conversation", tmp_path, "hi", "--json"], "folder"),
        (["chat", "--shop", shop, "--state", "oracle://x", "hi", "--json"], "sqlite"),
        (["chat", "--shop", shop, "--model-path", tmp_path, "hi", "--json"], "model"),
        (["ingest", tmp_path / "none.csv", "--into", tmp_path / "shop", "--json"], "none.csv"),
    ]
    for words, said in cases:
        done = crossaisle(*words)
        assert done.status == 1, (words, done.err)
        assert said in done.err, (words, done.err)
        assert "Traceback" not in done.err
        assert done.out == ""


def test_a_dead_model_server_costs_the_model_only(shop: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        done = crossaisle("chat", "--shop", shop, "wool socks", "--model-url", dead, "--model", "m", "--json")
    assert done.json["degraded"] is True
    assert done.json["planner"] == "rules"
    assert done.json["items"]


def test_ingest_prints_the_manifest_and_only_that(tmp_path: Path) -> None:
    done = crossaisle("ingest", sample_shop() / "source", "--into", tmp_path / "shop", "--format", "generic", "--json")
    assert done.json["counts"]["result"]["items"] > 1500
    assert done.json == json.loads((tmp_path / "shop" / "manifest.json").read_text())
    again = crossaisle("ingest", sample_shop() / "source", "--into", tmp_path / "shop", "--format", "generic", "--json")
    assert again.json == done.json


def test_a_busy_port_is_told_with_a_remedy(shop: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = crossaisle("shop", "--shop", shop, "--port", str(taken.getsockname()[1]))
    assert done.status == 1
    assert "--port" in done.err
    assert "Traceback" not in done.err


def test_an_interruption_exits_130_without_a_word(shop: Path) -> None:
    code = "import os, signal; from ui import desk, cli\n"
    code += "desk.Desk.__enter__ = lambda self: os.kill(os.getpid(), signal.SIGINT) or self\ncli.main()"
    call = [sys.executable, "-c", code, "recommend", "--shop", str(shop), "--shopper", "x"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_help_tells_of_every_command() -> None:
    done = crossaisle("--help")
    assert done.status == 0
    for name in ("chat", "shop", "ingest", "sample", "eval", "finetune", "lab", "bench", "serve"):
        assert name in done.out, name


def test_help_loads_no_heavy_library_and_little_else() -> None:
    heavy = ("torch", "chromadb", "gradio", "polars", "numpy")
    code = f"import sys, ui.cli; print([m for m in {heavy} if m in sys.modules], len(sys.modules) < 300)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_kinds_on_the_command_line_are_the_kinds_of_events() -> None:
    from typing import get_args

    from retrieval.schema import EventKind
    from ui.cli import Kind

    assert set(get_args(Kind)) == {kind.value for kind in EventKind}
