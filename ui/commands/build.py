"""`crossaisle ingest` and `crossaisle sample`: from a feed, or from nothing, to a shop folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from retrieval.errors import ShopError
from ui.output import complain, say

Json = dict[str, Any]


def build(source: Path, into: Path, *, quiet: bool, **options: Any) -> Json:
    """Ingest a feed with progress on stderr; returns the manifest and, unless `quiet`, tells what came of it."""
    from retrieval.ingest import ingest
    from retrieval.progress import bars

    logging.getLogger("retrieval").setLevel(logging.INFO)  # says what takes long, and what was there already
    with bars() as progress:
        manifest = ingest(source, into, progress=progress, **options)
    if not quiet:
        _tell(into, manifest)
    return manifest


def build_sample(into: Path, seed: int, *, quiet: bool) -> Json:
    """Generate the sample market into `into/source`, where its truth stays beside it, and ingest it."""
    from retrieval.market import generate

    source = into / "source"
    if into.is_dir() and any(into.iterdir()) and not (source.is_dir() or (into / "builds").is_dir()):
        raise ShopError(f"{into} holds other things", "give an empty or new folder for the sample shop")
    try:
        generate(source, seed=seed)
    except OSError as error:
        cause = f"the sample market can't be written to {source} ({error.strerror or error})"
        raise ShopError(cause, "give a folder that you may write to") from error
    complain(f"made a market in {source}")
    return build(source, into, quiet=quiet)


def _tell(into: Path, manifest: Json) -> None:
    say(f"{into} is ready (build {manifest['build']}).")
    for name, value in _flat(manifest.get("counts", {})):
        say(f"  {name}: {value:,}" if isinstance(value, int) else f"  {name}: {value}")
    say(f"Open it with: crossaisle shop --shop {into}")


def _flat(tree: Json, prefix: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in tree.items():
        path = f"{prefix}{name}"
        lines += _flat(value, f"{path} / ") if isinstance(value, dict) else [(path, value)]
    return [(path.replace("_", " "), value) for path, value in lines]
