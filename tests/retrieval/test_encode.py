"""Encoders: unit vectors, equal for equal texts, from weights that are checked; a static one without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.distil import cache_root, check_weights, packaged_minilm, static_folder
from retrieval.encode import StaticEncoder, load_encoder, unit, weights_sha256
from retrieval.errors import EncoderError

TEXTS = [
    "trail running shoes",
    "sneakers for jogging",
    "stainless steel saucepan",
    "long words " * 900,
    "Tee für zwei",
    "🧦",
]


@pytest.fixture(scope="module")
def static() -> StaticEncoder:
    encoder = load_encoder("static")
    assert isinstance(encoder, StaticEncoder)
    return encoder


def test_static_vectors_have_unit_norm_and_the_stated_size(static):
    vectors = static.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), static.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors[:5], axis=1), 1, atol=1e-5)


def test_texts_without_a_known_word_become_zero_not_nan(static):
    assert not static.encode(["", "   ", "🧦🧦"]).any()
    assert static.encode([]).shape == (0, static.dim)


def test_a_vector_does_not_depend_on_what_is_encoded_with_it(static):
    many = static.encode(TEXTS * 400)
    np.testing.assert_array_equal(many[: len(TEXTS)], static.encode(TEXTS))
    np.testing.assert_array_equal(many[-len(TEXTS) :], np.vstack([static.encode([text]) for text in TEXTS]))


def test_things_alike_are_nearer_than_things_apart(static):
    shoes, sneakers, pan = static.encode(TEXTS[:3])
    assert shoes @ sneakers > shoes @ pan + 0.2


def test_a_saved_static_encoder_encodes_as_before_without_torch(static, tmp_path):
    static.save(tmp_path / "encoder")
    code = (
        "import sys; from pathlib import Path; from retrieval.encode import StaticEncoder\n"
        f"v = StaticEncoder(Path({str(tmp_path / 'encoder')!r})).encode({TEXTS!r})\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
        "sys.stdout.buffer.write(v.tobytes())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert out.stdout == static.encode(TEXTS).tobytes()


def test_a_folder_that_holds_no_static_encoder_is_an_error(tmp_path):
    with pytest.raises(EncoderError, match="no static encoder"):
        StaticEncoder(tmp_path)


def test_a_damaged_static_encoder_is_an_error(static, tmp_path):
    static.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(EncoderError, match="no static encoder"):
        StaticEncoder(tmp_path)
    static.save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="no static encoder"):
        StaticEncoder(tmp_path)


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    check_weights(packaged_minilm() / "model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(EncoderError, match="not the published weights"):
        check_weights(tmp_path / "model.safetensors")
    with pytest.raises(EncoderError, match="can't be read"):
        check_weights(tmp_path / "missing.safetensors")


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real BERT of 300 tokens with random weights, distilled in a moment."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    words = [
        "shoe",
        "sock",
        "lamp",
        "tea",
        "pot",
        "red",
        "blue",
        "trail",
        "desk",
        "warm",
        "light",
        "bag",
        "cup",
        "pan",
        "knife",
        "fork",
        "rug",
        "bed",
        "sofa",
        "book",
    ]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *(f"##{w}" for w in words)]
    tokens += [f"word{number}" for number in range(300 - len(tokens))]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    torch.manual_seed(0)
    size = {"hidden_size": 288, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=300, **size)).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_distillation_is_quiet_deterministic_and_leaves_one_whole_folder(tmp_path, monkeypatch, capfd, tiny_bert):
    monkeypatch.setattr("retrieval.distil.packaged_minilm", lambda: tiny_bert)
    capfd.readouterr()
    made = []
    for name in ("first", "second"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        folder = static_folder()
        assert [entry.name for entry in cache_root().iterdir()] == [folder.name]
        made.append((folder / "model.safetensors").read_bytes())
    assert capfd.readouterr() == ("", "")
    assert made[0] == made[1]
    encoder = StaticEncoder(folder)
    assert encoder.dim == 256
    assert np.linalg.norm(encoder.encode(["red shoe"])) == pytest.approx(1, abs=1e-5)
    (folder / "model.safetensors").unlink()
    assert static_folder() == folder, "a folder that is there is not made again"


def test_a_distillation_that_is_broken_off_leaves_nothing(tmp_path, monkeypatch):
    def broken(source: Path, into: Path) -> None:
        (into / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("retrieval.distil._distil", broken)
    with pytest.raises(KeyboardInterrupt):
        static_folder()
    assert list(cache_root().iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(EncoderError, match="XDG_CACHE_HOME"):
        static_folder()


def test_minilm_understands_more_than_words_in_common():
    encoder = load_encoder("minilm")
    assert encoder.dim == 384
    vectors = encoder.encode(["something to keep my hands warm in winter", "woollen gloves", "usb cable"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert encoder.encode([]).shape == (0, 384)


def test_any_sentence_transformers_folder_is_an_encoder(tmp_path):
    encoder = load_encoder(str(packaged_minilm()))
    np.testing.assert_allclose(encoder.encode(TEXTS[:2]), load_encoder("minilm").encode(TEXTS[:2]), atol=1e-6)
    assert encoder.dim == 384
    assert weights_sha256(str(packaged_minilm())) == weights_sha256("minilm")
    with pytest.raises(EncoderError, match="no encoder in"):
        load_encoder(str(tmp_path / "missing"))


def test_unit_leaves_zero_rows_alone():
    np.testing.assert_allclose(unit(np.array([[3, 4], [0, 0]], dtype=np.float32)), [[0.6, 0.8], [0, 0]])
