"""The tiny model is made without a hub, the same every time, and loads as any other."""

from __future__ import annotations

import hashlib

import pytest

from finetune.tiny import make_tiny_adapter, make_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_same_arguments_same_files_and_another_seed_other_weights(tiny, tmp_path):
    again, other = make_tiny_model(tmp_path / "again"), make_tiny_model(tmp_path / "other", seed=7)
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert digest(tiny / name) == digest(again / name), name
    assert digest(tiny / "model.safetensors") != digest(other / "model.safetensors")
    first, second, third = (
        make_tiny_adapter(tiny, tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    weights = "adapter_model.safetensors"
    assert digest(first / weights) == digest(second / weights) != digest(third / weights)


def test_is_small_and_takes_long_prompts(tiny):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny)
    assert type(model).__name__ == "Qwen3ForCausalLM"
    assert model.num_parameters() < 3_000_000
    assert model.config.max_position_embeddings >= 8192
    assert sum(file.stat().st_size for file in tiny.iterdir()) < 12_000_000


def test_tokenizer_gives_every_text_back(tiny):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    for text in ("head torch, 49.99 €", "我想买头灯", '🧗‍♀️ <b>"x"</b>\n\t', "naïve Straße"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True
    )
    assert chat == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert len(tokenizer.encode("<|im_start|>")) == 1
