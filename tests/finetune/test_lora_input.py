"""What can be wrong with a base, data, settings or the disk is named, with what to do about it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.lora import settings as settings_module
from finetune.lora.__main__ import settings_of
from finetune.lora.settings import Settings
from finetune.lora.train import tune
from finetune.tiny import make_tiny_model
from retrieval.errors import TuneError
from tests.finetune.lora_data import lora_data
from tests.shops import hostile_shop
from ui.cli import app


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("input")
    make_tiny_model(root / "tiny")
    lora_data(root / "data")
    return root


@pytest.fixture
def good(root: Path, tmp_path: Path) -> Settings:
    data = Path(shutil.copytree(root / "data", tmp_path / "data"))
    return Settings(base=str(root / "tiny"), data=data, into=tmp_path / "into", epochs=1, rank=2)


def refused(settings: Settings, cause: str) -> str:
    with pytest.raises(TuneError, match=cause) as caught:
        tune(settings)
    return str(caught.value)


def test_base(good: Settings, tmp_path: Path) -> None:
    assert "layout" in refused(replace(good, base=str(tmp_path / "none")), "there is no base model")
    (tmp_path / "empty").mkdir()
    refused(replace(good, base=str(tmp_path / "empty")), "no base model can be loaded")


def test_base_without_a_chat_template(good: Settings, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(good.base, tmp_path / "bare"))
    (bare / "chat_template.jinja").unlink()
    assert "instruct model" in refused(replace(good, base=str(bare)), "no chat template")


def test_data(good: Settings) -> None:
    assert "crossaisle finetune data" in refused(replace(good, data=good.data / "none"), "there is no .*train.jsonl")
    assert "there is choose" in refused(replace(good, tasks=("infer",)), "nothing to learn of infer")
    (good.data / "train.jsonl").write_text("\n\n")
    refused(good, "holds nothing to learn")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "line 3: Expecting"),
        ("[]", "line 3: "),
        ('{"messages": []}', "line 3: a list of messages is missing"),
        ('{"task": "plan"}', "line 3: KeyError: 'messages'"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "line 3: .*not a prompt and an answer"),
        (
            '{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": 5}]}',
            "line 3: .*has no role",
        ),
    ],
)
def test_a_line_that_is_not_of_the_form_is_named(good: Settings, line: str, cause: str) -> None:
    path = good.data / "train.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]))
    refused(good, cause)


def test_line_ends_inside_texts_are_no_line_ends(good: Settings) -> None:
    path = good.data / "train.jsonl"
    first, *rest = path.read_text().split("\n")
    record = json.loads(first)
    record["messages"][1]["content"] = "a\u2028b\u0085c"
    path.write_text("\n".join([json.dumps(record, ensure_ascii=False), *rest]))
    assert tune(good)["adapter"].is_dir()


def test_examples_that_are_all_too_long(good: Settings) -> None:
    assert "--change" in refused(replace(good, context=8), "every example has more than 8 tokens")


def test_settings(good: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(replace(good, rank=0), "--rank is 0")
    refused(replace(good, minutes=-1.0), "--minutes is -1")
    refused(replace(good, name="Über/alles"), "no name for an adapter")
    monkeypatch.setattr(settings_module, "find_spec", lambda name: None if name == "trl" else object())
    assert "pip install 'crossaisle[tune]'" in refused(good, "tuning needs trl, which is not installed")


def test_disk(good: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    refused(replace(good, into=tmp_path / "file" / "into"), "can't be written")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 1000))
    assert "another disk" in refused(good, "MB free, checkpoints need")


def test_a_rate_that_is_far_too_high(good: Settings) -> None:
    assert "--rate" in refused(replace(good, rate=1e30, epochs=3, patience=100), "diverged")


def test_an_adapter_of_another_base(good: Settings, tmp_path: Path) -> None:
    from finetune.tiny import make_tiny_adapter

    adapter = make_tiny_adapter(Path(good.base), tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "r": 16}))
    assert "this very base" in refused(replace(good, adapter=adapter), "can't be put onto")


def test_the_module_takes_every_setting() -> None:
    line = "dpo --base b --data d --into i --tasks plan,infer --minutes 2 --rank 4"
    found = settings_of(shlex.split(line))
    assert found == Settings("b", Path("d"), Path("i"), "dpo", tasks=("plan", "infer"), minutes=2.0, rank=4)


def test_the_command_makes_data_of_a_shop_and_tunes(good: Settings) -> None:
    args = ["finetune", "sft", "--base", good.base, "--shop", str(hostile_shop()), "--into", str(good.into)]
    more = ["--examples", "16", "--tasks", "change", "--rank", "2", "--epochs", "1", "--assume-consent", "--json"]
    done = CliRunner().invoke(app, [*args, *more])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert Path(told["adapter"]).is_dir()
    assert told["data"]["tasks"] == ["change"]
    assert told["data"]["examples"] + told["data"]["too_long"] == 16


def test_the_command_says_what_is_wrong(good: Settings) -> None:
    done = CliRunner().invoke(app, ["finetune", "sft", "--base", "none", "--data", str(good.data), "--into", "x"])
    assert done.exit_code == 1
    assert "there is no base model at none" in done.stderr
    assert CliRunner().invoke(app, ["finetune", "sft", "--base", good.base, "--into", "x"]).exit_code == 2


def test_without_a_test_split_the_validation_split_is_measured_and_a_bad_one_is_told_before(good: Settings) -> None:
    (good.data / "test.jsonl").write_text("{")
    refused(good, "test.jsonl, line 1")
    assert not good.into.exists()
    (good.data / "test.jsonl").write_text("")
    assert tune(good)["evaluation"]["split"] == "valid"


def test_gpus_that_can_not_be_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU is at hand where these run: what the driver would say is set."""
    import torch

    from finetune.lora.trainer import _need_gpu_that_fits

    monkeypatch.delenv("LOCAL_RANK", raising=False)
    told = {"is_available": True, "is_bf16_supported": False, "device_count": 4, "get_device_name": "an old one"}
    for name, value in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda *a, value=value, **k: value)
    with pytest.raises(TuneError, match="an old one doesn't compute in bfloat16"):
        _need_gpu_that_fits()
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **k: True)
    with pytest.raises(TuneError, match="4 GPUs are visible to one process"):
        _need_gpu_that_fits()
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert _need_gpu_that_fits()
