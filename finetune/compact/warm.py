"""A causal decoder that begins with the sentence encoder's weights instead of noise.

all-MiniLM-L6-v2 (Wang et al., "MiniLM", 2020) is a BERT with the layer norms behind the blocks; OPT (Zhang et al.,
2022) with `do_layer_norm_before=False` is the same computation under a causal mask, and both transformers and vLLM
load it. Tokens are the encoder's word pieces, and the embeddings' layer norm, which OPT lacks, is folded into each of
them as well as a constant scale can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.compact.tokenizer import encoder_folder, encoder_pieces

LAYERS, HIDDEN, HEADS, INNER = 6, 384, 12, 1536
OFFSET = 2  # of OPT's learnt positions
_PARTS = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}


def warm_start(tokenizer: Any, context: int, *, seed: int = 0) -> Any:
    """A fresh `OPTForCausalLM` for a tokenizer, with the encoder's knowledge of words and sentences.

    Args:
        tokenizer: from `encoder_tokenizer`.
        context: positions; beyond the encoder's 512 they begin as copies of the last ones.
        seed: of what has no counterpart in the encoder.
    """
    import torch
    from transformers import OPTConfig, OPTForCausalLM

    config = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        word_embed_proj_dim=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        ffn_dim=INNER,
        max_position_embeddings=context,
        do_layer_norm_before=False,
        activation_function="gelu",
        dropout=0.0,
        attention_dropout=0.0,
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = OPTForCausalLM(config)
    weights = encoder_weights()
    with torch.no_grad():
        _fill_layers(model, weights)
        _fill_embeddings(model, weights, tokenizer, context)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = None
    return model


def encoder_weights() -> dict[str, Any]:
    """The encoder's tensors by name."""
    from safetensors.torch import load_file

    return {
        name.removeprefix("bert."): tensor for name, tensor in load_file(encoder_folder() / "model.safetensors").items()
    }


def _fill_layers(model: Any, weights: dict[str, Any]) -> None:
    for number, layer in enumerate(model.model.decoder.layers):
        for theirs, ours in _PARTS.items():
            module = layer.get_submodule(ours)
            module.weight.copy_(weights[f"encoder.layer.{number}.{theirs}.weight"])
            module.bias.copy_(weights[f"encoder.layer.{number}.{theirs}.bias"])


def _fill_embeddings(model: Any, weights: dict[str, Any], tokenizer: Any, context: int) -> None:
    """Words and positions, each normed as if it stood alone with the average of the other."""
    import torch

    words = weights["embeddings.word_embeddings.weight"]
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    gain, shift = weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"]
    scale = (words + places[:64].mean(0)).std(dim=1, keepdim=True)
    words = (words - words.mean(dim=1, keepdim=True)) / scale * gain + shift
    places = (places - places.mean(dim=1, keepdim=True)) / scale.mean() * gain
    number_of = {piece: number for number, piece in enumerate(encoder_pieces())}
    table = model.model.decoder.embed_tokens.weight
    for token in range(len(tokenizer)):
        spelled = tokenizer.convert_ids_to_tokens(token)
        found = pieces_of(tokenizer.backend_tokenizer.decoder.decode([spelled]), number_of)
        if found:
            table[token] = words[torch.tensor(found)].mean(0)
    positions = model.model.decoder.embed_positions.weight
    index = torch.arange(context).clamp(max=len(places) - 1)
    positions[OFFSET : OFFSET + context] = places[index]


def pieces_of(text: str, number_of: Mapping[str, int]) -> list[int]:
    """Numbers of the encoder's pieces that a token's text is made of; empty where it knows nothing like it.

    Args:
        text: of one token; a word begins with a space.
        number_of: the encoder's pieces, those inside a word beginning with "##".
    """
    bare = text.strip()
    names = (bare, f"##{bare}") if text.startswith(" ") or not bare.isalnum() else (f"##{bare}", bare)
    for name in names:
        if name in number_of:
            return [number_of[name]]
    return [number_of[mark] for mark in bare if mark in number_of]
