"""The compact model: a decoder with the encoder's weights, and a tokenizer whose every byte a grammar can hold."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

from agent.prompting import load_prompt
from finetune.batches import IGNORED, Encoded, batches, encode, encode_text
from finetune.compact.tokenizer import encoder_tokenizer
from finetune.compact.train import freeze_words
from finetune.compact.warm import HIDDEN, encoder_weights, warm_start
from finetune.plans import plan_examples

torch = pytest.importorskip("torch")
EXAMPLES = list(islice(plan_examples(load_prompt("change"), None, "train"), 30))


@pytest.fixture(scope="module")
def tokenizer():
    return encoder_tokenizer(9_000, 256)


@pytest.fixture(scope="module")
def model(tokenizer):
    return warm_start(tokenizer, 256).eval()


def test_every_text_survives_the_tokenizer_in_small_letters(tokenizer) -> None:
    for text in ("Fellhörn 2.5 mm, 50€", '{"act":"recommend"}', "防水 shoes\n", "  two  spaces"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text.lower()


def test_a_copied_word_is_the_same_tokens_in_message_and_answer(tokenizer) -> None:
    for example in EXAMPLES:
        answer = json.loads(example.answer)
        if answer.get("topic") == "replace" and answer.get("query"):
            said = tokenizer.encode(example.prompt[-1].content.split("Message:")[1], add_special_tokens=False)
            copied = tokenizer.encode(answer["query"], add_special_tokens=False)
            assert any(said[at : at + len(copied)] == copied for at in range(len(said))), example.answer


def test_words_of_answers_are_single_tokens(tokenizer) -> None:
    for word in ("recommend", "replace", "query", "exclude"):
        assert len(tokenizer.encode(f'"{word}', add_special_tokens=False)) == 2


def test_the_encoders_words_stay_as_they_are_while_marks_learn(tokenizer) -> None:
    model = warm_start(tokenizer, 64)
    kept = freeze_words(model, tokenizer)
    table = model.get_input_embeddings().weight
    before = table.detach().clone()
    ids = torch.tensor([tokenizer.encode('> a book {"act":"recommend"', add_special_tokens=False)])
    model(input_ids=ids, labels=ids).loss.backward()
    torch.optim.SGD([table], lr=1.0).step()
    moved = (table.detach() != before).any(dim=1)
    book, mark = (tokenizer.convert_tokens_to_ids(token) for token in ("Ġbook", '{"'))
    assert not moved[book]
    assert moved[mark]
    assert kept > len(tokenizer) * 0.8


def test_a_token_alone_passes_the_layers_as_in_the_encoder(model) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=HIDDEN, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=30522
    )
    encoder = BertModel(config, add_pooling_layer=False).eval()
    missing = encoder.load_state_dict(encoder_weights(), strict=False).missing_keys
    assert not [name for name in missing if "position_ids" not in name]
    hidden = torch.randn(1, 1, HIDDEN, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        theirs = encoder.encoder(hidden).last_hidden_state
        ours = hidden
        for layer in model.model.decoder.layers:
            out = layer(ours)
            ours = out[0] if isinstance(out, tuple) else out
    assert torch.allclose(ours, theirs, atol=1e-3)


def test_words_begin_near_their_kin(tokenizer, model) -> None:
    table = model.model.decoder.embed_tokens.weight.detach()

    def vector(word: str):
        ids = tokenizer.encode(f" {word}", add_special_tokens=False)
        return torch.nn.functional.normalize(table[ids].mean(0), dim=0)

    assert vector("brother") @ vector("sister") > vector("brother") @ vector("kettle")


def test_only_the_answer_is_learnt(tokenizer) -> None:
    example = EXAMPLES[0]
    encoded = encode(example, tokenizer)
    learnt = encoded.ids[encoded.labels != IGNORED]
    assert tokenizer.decode(learnt[:-1]) == example.answer.lower()
    assert learnt[-1] == tokenizer.eos_token_id
    assert (encoded.labels[encoded.labels != IGNORED] == learnt).all()


def test_batches_hold_every_example_once_and_pad_nothing_that_is_learnt(tokenizer) -> None:
    encoded = [encode(example, tokenizer) for example in EXAMPLES]
    rows = 0
    for ids, mask, labels in batches(encoded, 1024, 10_000):
        assert ids.shape == mask.shape == labels.shape
        assert (labels[mask == 0] == IGNORED).all()
        rows += len(ids)
    assert rows == len(EXAMPLES)


def test_what_is_too_long_is_left_out_whole() -> None:
    short, long = (Encoded(np.arange(n), np.arange(n)) for n in (5, 50))
    assert sum(len(ids) for ids, _, _ in batches([short, long], 100, 10)) == 1


def test_running_text_is_cut_into_pieces_that_are_all_learnt(tokenizer) -> None:
    pieces = list(encode_text("a kettle for tea " * 40, tokenizer, 32))
    assert all(len(piece.ids) <= 32 and (piece.labels == piece.ids).all() for piece in pieces)
