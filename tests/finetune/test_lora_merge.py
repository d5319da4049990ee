"""A merged model says what base and adapter say together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.compact.tokenizer import encoder_tokenizer
from finetune.compact.warm import warm_start
from finetune.lora.base import load, put_on
from finetune.lora.merge import merge
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import ModelUnavailableError, TuneError
from ui.cli import app

torch = pytest.importorskip("torch")


def tiny(root: Path) -> tuple[Path, Path]:
    base = make_tiny_model(root / "tiny")
    return base, make_tiny_adapter(base, root / "adapter")


def compact(root: Path) -> tuple[Path, Path]:
    """A model of the compact one's architecture, and an adapter on all its linear layers."""
    from peft import LoraConfig, get_peft_model

    tokenizer = encoder_tokenizer(6_000, 128)
    model = warm_start(tokenizer, 128)
    model.save_pretrained(root / "compact")
    tokenizer.save_pretrained(root / "compact")
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(root / "adapter")
    return root / "compact", root / "adapter"


@pytest.mark.parametrize("make", [tiny, compact])
def test_logits_are_those_of_base_and_adapter(make, tmp_path: Path) -> None:
    base, adapter = make(tmp_path)
    args = [
        "finetune",
        "merge",
        "--base",
        str(base),
        "--adapter",
        str(adapter),
        "--into",
        str(tmp_path / "one"),
        "--json",
    ]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["base"] == base.name
    plain, merged = load(str(base)), load(str(tmp_path / "one"))
    ids = torch.tensor([plain.tokenizer.encode("I am looking for a head torch under 50.")])
    assert merged.tokenizer.encode("head torch") == plain.tokenizer.encode("head torch")
    with torch.inference_mode():
        alone = plain.model(input_ids=ids).logits
        one = merged.model(input_ids=ids).logits
        both = put_on(plain, adapter, str(base)).eval()(input_ids=ids).logits
    assert torch.allclose(one, both, atol=2e-3, rtol=1e-4)
    assert not torch.allclose(one, alone, atol=0.1)


def test_what_can_not_be_merged(tmp_path: Path) -> None:
    base, adapter = tiny(tmp_path)
    with pytest.raises(ModelUnavailableError, match="no adapter in"):
        merge(str(base), tmp_path, tmp_path / "one")
    with pytest.raises(TuneError, match="is not empty"):
        merge(str(base), adapter, base)


def test_a_merged_model_is_stored_as_precisely_as_its_base(tmp_path: Path) -> None:
    base, adapter = tiny(tmp_path)
    load(str(base)).model.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    for part in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / "half" / part).write_bytes((base / part).read_bytes())
    merge(str(tmp_path / "half"), adapter, tmp_path / "one")
    told = json.loads((tmp_path / "one" / "merged.json").read_text())
    exact = merge(str(tmp_path / "half"), adapter, tmp_path / "full", full=True)
    assert (told["dtype"], exact["dtype"]) == ("bfloat16", "float32")
    assert exact["largest_difference"] < 1e-3 < told["largest_difference"]
    size = (tmp_path / "one" / "model.safetensors").stat().st_size
    assert size < 0.6 * (base / "model.safetensors").stat().st_size
