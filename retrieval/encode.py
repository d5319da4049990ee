"""Text to vectors: one protocol, a fast static encoder by default, any sentence-transformers model by name.

    static   a table of token vectors, distilled once from the packaged MiniLM (45 s, then cached); no torch to encode
    minilm   the packaged all-MiniLM-L6-v2 itself: better, some hundred times slower
    NAME     any other sentence-transformers model, from the hub or from a folder

`retrieval/distil.py` says how the static table is made.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.distil import MINILM_SHA256, packaged_minilm, quiet, static_folder
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]

MAX_TOKENS = 512
_CHUNK = 1024  # texts at a time, so that memory stays small whatever the caller passes


class Encoder(Protocol):
    """Turns texts into unit vectors, the same text always into the same vector."""

    @property
    def name(self) -> str:
        """What `load_encoder` takes to load it again."""

    @property
    def dim(self) -> int:
        """The number of dimensions d."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode n texts as (n, d) float32 of unit norm; a text without a known word becomes the zero vector."""


class StaticEncoder:
    """The mean of token vectors from a table: some ten of thousands of texts a second, no torch.

    Args:
        folder: in Model2Vec's format, `tokenizer.json` and `model.safetensors`.
        name: as `Encoder.name`.

    Raises:
        EncoderError: the folder doesn't hold such a model.
    """

    def __init__(self, folder: Path, name: str = "static") -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._name, self.folder = name, folder
        try:
            table = load_file(folder / "model.safetensors")["embeddings"]
            # A buffer, not the path: the library reports a missing file and a damaged one with the same bare Exception.
            self._tokenizer: Tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise EncoderError(
                f"no static encoder can be read from {folder} ({error})",
                "build the shop again with crossaisle ingest --force",
            ) from error
        self._table: Vectors = np.ascontiguousarray(table, dtype=np.float32)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        unknown = json.loads(self._tokenizer.to_str())["model"].get("unk_token")
        self._unknown = -1 if unknown is None else int(self._tokenizer.token_to_id(unknown))

    @property
    def name(self) -> str:
        """What `load_encoder` takes to load it again."""
        return self._name

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return int(self._table.shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode n texts as (n, d) float32 of unit norm."""
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            self._encode_into(list(texts[start : start + _CHUNK]), out[start : start + _CHUNK])
        return out

    def _encode_into(self, texts: list[str], out: Vectors) -> None:
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ids = [np.asarray(one.ids, dtype=np.int64) for one in encoded]
        ids = [one[one != self._unknown] for one in ids]
        filled = [row for row, one in enumerate(ids) if len(one)]
        if not filled:
            return
        starts = np.cumsum([0, *(len(ids[row]) for row in filled[:-1])])
        sums = np.add.reduceat(self._table[np.concatenate([ids[row] for row in filled])], starts, axis=0)
        out[filled] = unit(sums)

    def save(self, folder: Path) -> None:
        """Copy the model into `folder`, from where `StaticEncoder(folder)` loads it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("tokenizer.json", "model.safetensors"):
            shutil.copyfile(self.folder / name, folder / name)


class TransformerEncoder:
    """A sentence-transformers model; torch is loaded at the first text.

    Args:
        source: a hub name or a folder.
        name: as `Encoder.name`.
        dim: the number of dimensions if known; else the model is loaded to ask it.
    """

    def __init__(self, source: str, name: str, dim: int | None = None) -> None:
        self._source, self._name, self._dim = source, name, dim

    @property
    def name(self) -> str:
        """What `load_encoder` takes to load it again."""
        return self._name

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        if self._dim is None:
            self._dim = int(self.encode(["size"]).shape[1])
        return self._dim

    @cached_property
    def _model(self) -> Any:
        with quiet():
            from sentence_transformers import SentenceTransformer

            local = Path(self._source).exists()
            try:
                return SentenceTransformer(self._source, device="cpu", local_files_only=local)
            except (OSError, ValueError) as error:
                raise EncoderError(
                    f"the encoder {self._name!r} can't be loaded ({str(error).splitlines()[0]})",
                    "give 'static', 'minilm', a folder with a sentence-transformers model, or a model's name on a hub "
                    "that this machine can reach",
                ) from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode n texts as (n, d) float32 of unit norm."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        model = self._model  # sorts by length itself, so that little is padded
        raw = model.encode(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True)
        return unit(np.asarray(raw, dtype=np.float32))


def load_encoder(name: str = "static", *, dim: int | None = None) -> StaticEncoder | TransformerEncoder:
    """An encoder by name: `static`, `minilm`, or a sentence-transformers model's folder or hub name.

    Args:
        name: which one.
        dim: the dimensions of a transformer where they are known already, to spare loading it.

    Raises:
        EncoderError: it can't be found or isn't what it should be.
    """
    if name == "static":
        return StaticEncoder(static_folder())
    if name == "minilm":
        return TransformerEncoder(str(packaged_minilm()), name, dim or 384)
    return TransformerEncoder(_place(name), name, dim)


def _place(name: str) -> str:
    """A model's folder or hub name. Raises `EncoderError` for what can only be a folder and is none."""
    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise EncoderError(f"there is no encoder in {name}", "give the folder of a sentence-transformers model")
    return str(folder) if folder.is_dir() else name


def weights_sha256(name: str) -> str | None:
    """The hash of an encoder's weights, None where only a hub knows them. Raises `EncoderError` as `load_encoder`."""
    if name in {"static", "minilm"}:
        packaged_minilm()
        return MINILM_SHA256
    weights = Path(_place(name)) / "model.safetensors"
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unit(vectors: Vectors) -> Vectors:
    """Scale the rows of (n, d) to norm 1; zero rows stay zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)
