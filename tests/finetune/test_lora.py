"""Adapters: what is learnt, how steps are counted, what an adapter's folder holds, and that others can load it."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent.models.adapter import WEIGHTS, digest, verify
from agent.models.base import ChatMessage
from agent.models.local import LocalModel
from finetune.lora.base import load, put_on
from finetune.lora.curves import draw
from finetune.lora.measure import measure
from finetune.lora.pace import shape
from finetune.lora.records import lessons, read, rows, sample
from finetune.lora.settings import Settings
from finetune.lora.store import publish
from finetune.lora.train import tune
from finetune.tiny import make_tiny_model
from retrieval.errors import ModelUnavailableError, TuneError
from tests.finetune.lora_data import COUNTS, lora_data


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("lora")
    return Settings(
        base=str(make_tiny_model(root / "tiny")),
        data=lora_data(root / "data"),
        into=root / "adapters",
        rank=4,
        rate=1e-2,
        epochs=4,
        batch=8,
        accumulate=1,
    )


@pytest.fixture(scope="module")
def tuned(settings: Settings):
    return tune(settings)


def losses(report, name: str = "loss") -> list[float]:
    return [entry[name] for entry in report["evaluation"]["history"] if "loss" in entry]


def test_a_batch_of_8_and_8_batches_of_1_learn_the_same(settings: Settings, tuned) -> None:
    ones = tune(replace(settings, name="ones", batch=1, accumulate=8))
    assert len(losses(tuned)) == 4 * COUNTS["train"] // 8
    assert losses(ones) == pytest.approx(losses(tuned), rel=1e-4)
    assert losses(ones, "grad_norm") == pytest.approx(losses(tuned, "grad_norm"), rel=1e-3)
    pairs = [replace(settings, method="dpo", epochs=1, batch=b, accumulate=8 // b) for b in (8, 1)]
    whole, ones = (losses(tune(one), "grad_norm") for one in pairs)
    assert ones == pytest.approx(whole, rel=1e-3)


def test_the_loss_is_that_of_the_answers_tokens_alone(settings: Settings) -> None:
    whole = replace(settings, name="whole", batch=8, accumulate=4, epochs=1, rate=1e-9)
    base = load(settings.base)
    train, _ = lessons(read(settings.data, "train", "sft"), base.tokenizer, 2048)
    expected = measure(base.model, train)["all"]
    assert expected["tokens"] == sum(len(one.example.answer) + 1 for one in train)  # a letter is a token; and the end
    assert losses(tune(whole)) == [pytest.approx(expected["loss"], rel=1e-4)]


def test_it_learns_and_says_so(tuned) -> None:
    scores = tuned["evaluation"]["scores"]
    assert scores["adapter"]["all"]["loss"] < 0.7 * scores["base"]["all"]["loss"]
    assert tuned["evaluation"]["run"]["tokens_per_second"] > 0


def test_the_folder_is_named_by_its_weights_and_tells_all(settings: Settings, tuned) -> None:
    folder: Path = tuned["adapter"]
    assert folder.name == f"tiny-sft-{digest(folder / WEIGHTS)[:12]}" == verify(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    for part in (
        folder.name,
        '"rank": 4',
        digest(settings.data / "train.jsonl"),
        "## Licence",
        "## Limits",
        "| choose |",
    ):
        assert part in card
    assert json.loads((folder / "evaluation.json").read_text())["scores"] == tuned["evaluation"]["scores"]
    curves = (folder / "curves.svg").read_text()
    assert curves.count("<polyline") == 4
    assert str(settings.into.parent) not in (folder / "adapter_config.json").read_text()
    assert not list(settings.into.glob(".run-*"))


def test_weights_that_were_changed_are_told(settings: Settings, tuned, tmp_path: Path) -> None:
    copy = tmp_path / tuned["adapter"].name
    copy.mkdir()
    for file in tuned["adapter"].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with (copy / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    with pytest.raises(ModelUnavailableError, match="SHA-256"):
        verify(copy)
    with pytest.raises(ModelUnavailableError, match="SHA-256"):
        LocalModel(Path(settings.base), copy)


def test_an_adapter_cut_short_is_told_by_cause_and_remedy(settings: Settings, tuned, tmp_path: Path) -> None:
    copy = tmp_path / "cut"
    shutil.copytree(tuned["adapter"], copy)
    weights = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelUnavailableError, match="no model can be loaded"):
        LocalModel(Path(settings.base), copy)
    with pytest.raises(TuneError, match="can't be put onto"):
        put_on(load(settings.base), copy, settings.base)


def test_a_name_is_never_used_for_another_adapter(tuned, tmp_path: Path) -> None:
    def work(rank: str) -> Path:
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / WEIGHTS).write_bytes(b"weights")
        (folder / "adapter_config.json").write_text(rank)
        return folder

    told = {"evaluation": {}, "card": "{adapter}", "curves": ""}
    first = publish(work("8"), tmp_path, "mine", **told)
    assert publish(work("8"), tmp_path, "mine", **told) == first
    with pytest.raises(TuneError, match="another adapter of that name"):
        publish(work("16"), tmp_path, "mine", **told)


def test_serving_loads_it_and_it_changes_what_is_chosen(settings: Settings, tuned) -> None:
    plain, ours = LocalModel(Path(settings.base), threads=1), LocalModel(Path(settings.base), tuned["adapter"])
    ask = [ChatMessage("system", "You answer."), ChatMessage("user", "so so B")]
    found = [model.choose(ask, ["A", "B", "C", "Q"], deadline=time.monotonic() + 60) for model in (plain, ours)]
    assert math.exp(found[1][3]) < 0.1 < math.exp(max(found[1]))
    assert found[0] != found[1]


def test_the_clock_ends_a_run_that_steps_would_not(settings: Settings) -> None:
    report = tune(replace(settings, name="short", epochs=100_000, minutes=0.05, patience=1000))
    run = report["evaluation"]["run"]
    assert 2.5 < run["seconds"] < 20
    assert run["steps"] < 10_000


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [shape(n / 1000) for n in range(1001)]
    assert 0 < rates[0] < 0.2
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) <= 31
    assert rates[1000] == pytest.approx(0.0, abs=1e-9)


def test_it_stops_when_validation_gets_worse_and_keeps_the_best(settings: Settings, tmp_path: Path) -> None:
    data = lora_data(tmp_path / "contrary", valid_as_train=False)
    report = tune(replace(settings, data=data, name="early", epochs=12, patience=2))
    run = report["evaluation"]["run"]
    assert run["steps"] < 12 * COUNTS["train"] // 8
    checks = {e["step"]: e["eval_loss"] for e in report["evaluation"]["history"] if "eval_loss" in e}
    assert run["best_valid_loss"] == checks[run["best_step"]] == min(checks.values())


def test_preferences_are_learnt_and_begin_with_an_adapter(settings: Settings, tuned) -> None:
    report = tune(replace(settings, method="dpo", adapter=tuned["adapter"], rate=1e-3, alpha=99))
    checks = [e for e in report["evaluation"]["history"] if "eval_loss" in e]
    assert checks[-1]["eval_loss"] < math.log(2)  # where it begins
    assert checks[-1]["eval_rewards/accuracies"] == 1.0
    assert report["evaluation"]["settings"]["alpha"] == 8  # the first adapter's own
    assert re.fullmatch(r"tiny-dpo-[0-9a-f]{12}", report["adapter"].name)
    assert not (report["adapter"] / "ref").exists()


def test_pairs_hold_the_prompt_as_serving_sends_it(settings: Settings) -> None:
    tokenizer = load(settings.base).tokenizer
    those, _ = lessons(read(settings.data, "train", "dpo"), tokenizer, 2048)
    for lesson, row in zip(those, rows(those, "dpo", tokenizer), strict=True):
        ids = tokenizer.encode(row["prompt"] + row["chosen"] + tokenizer.eos_token)
        assert ids == lesson.tokens.ids.tolist()


def test_a_sample_has_every_task_alike() -> None:
    from finetune.example import Example

    many = [Example(task, "test", (), "x") for task in ("plan",) * 50 + ("choose",) * 5]
    found = sample(many, 20, 0)
    assert [e.task for e in found].count("choose") == 5
    assert sample(many, 20, 0) == found


def test_a_curve_of_one_point_is_drawn() -> None:
    assert "NaN" not in draw({"Loss": {"training": [(1, 2.0)], "validation": []}})
