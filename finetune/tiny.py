"""A tiny but real model and adapters on disk, made without a model hub, for smoke tests of everything that loads one.

It is a Qwen3 causal LM with random weights and a byte-level BPE tokenizer of its own. It has nothing to say, which is
the point: whatever comes out well-formed is the grammar's doing. transformers, peft and vLLM load it as they load a
large one.

    make_tiny_model(Path("tiny"))
    make_tiny_adapter(Path("tiny"), Path("winter"), seed=1)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

HIDDEN, LAYERS, HEADS, CONTEXT = 64, 4, 2, 8192  # heads of 32: the smallest that vLLM computes on a CPU

TEXTS = (
    "You plan what a shop looks for. Answer with one JSON object and nothing else.",
    "You explain what a shop shows, from the facts given and from nothing else.",
    '{"act":"recommend","query":"trail shoes","include":["waterproof"],"exclude":["leather"],"price_min":null,'
    '"price_max":8000,"brands":[],"not_brands":[],"categories":["Shoes"],"platforms":[],"in_stock":false,'
    '"recipient":null,"targets":[],"cart_op":null,"quantity":1,"ask":null}',
    "I am looking for a head torch under 50, no wait, 80, and nothing made of leather, for my sister.",
    "Something cheaper, please. Which of these two is lighter? Put the second one into my cart. Thank you!",
    "Here is what I found: blister plasters, dried food and a rain jacket, all in stock.",
    "我想买一双徒步鞋，预算五百元以内，不要皮的。这些商品都有货。",
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tiny_model(folder: Path, *, texts: Sequence[str] = TEXTS, seed: int = 0) -> Path:
    """Write a model and its tokenizer into a folder; the same arguments give the same weights.

    Args:
        folder: made if it doesn't exist.
        texts: what the tokenizer's merges are learnt from.
        seed: of the weights.

    Returns:
        The folder, in the layout of the hub (`config.json`, `model.safetensors`, `tokenizer.json`).
    """
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer(texts)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=4 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        head_dim=HIDDEN // HEADS,
        max_position_embeddings=CONTEXT,
        initializer_range=0.2,  # ten times the usual: flat logits would be decided by rounding
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_adapter(model: Path, folder: Path, *, seed: int = 1, rank: int = 8) -> Path:
    """Write a LoRA adapter (Hu et al., 2021) with random weights, strong enough to change what the model says.

    Args:
        model: folder of the model that it is for.
        folder: where it goes, in peft's layout.
        seed: adapters of different seeds say different things.
        rank: LoRA rank r.

    Returns:
        The adapter's folder.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(
        r=rank,
        lora_alpha=4 * rank,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        init_lora_weights=False,  # both factors random; as usual the second would be zero and change nothing
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(model),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model, local_files_only=True), config)
    adapted.save_pretrained(folder)
    return folder


def _tokenizer(texts: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|endoftext|>",  # noqa: S106 (a token of text, no secret)
        eos_token="<|im_end|>",  # noqa: S106
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
