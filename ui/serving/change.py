"""What labels mean, changed while the server runs: adapters are loaded first, then the label is moved."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.models import registry as registries
from agent.models.adapter import PREFIX, WEIGHTS, digest, verify
from agent.models.registry import PRODUCTION, Registry
from retrieval.errors import ModelUnavailableError

SECONDS = 120.0  # to load an adapter


def named(folder: Path, alias: str = "") -> str:
    """The name to serve an adapter under, which carries the hash of its weights; the folder's own if it does so.

    Raises:
        ModelUnavailableError: there is no adapter in the folder, or its weights are not those that its name promises.
    """
    own = verify(folder)
    if re.search(rf"-[0-9a-f]{{{PREFIX}}}$", own):
        return own
    return f"{alias or own}-{digest(folder / WEIGHTS)[:PREFIX]}"


def promote(path: Path, what: str, label: str = PRODUCTION) -> dict[str, Any]:
    """Let a label mean an adapter from the next request on.

    Args:
        path: the registry.
        what: an adapter's folder, a label, or the name of a served adapter or of the base.
        label: which.

    Returns:
        `label`, `now` and `before` (None the first time).

    Raises:
        ModelUnavailableError: the server or what to promote can't be found, or the server can't load it.
    """
    with registries.changing(path):
        registry = registries.read(path)
        if Path(what).is_dir() and what not in {*registry.labels, *registry.adapters, registry.base}:
            name, folder = named(Path(what)), str(Path(what).resolve())
            registry = replace(registry, adapters={**registry.adapters, name: folder})
        else:
            name = registry.meant(what)
        return _moved(path, registry, registry.promoted(label, name), label)


def roll_back(path: Path, label: str = PRODUCTION) -> dict[str, Any]:
    """Let a label mean what it meant before; see `promote`."""
    with registries.changing(path):
        registry = registries.read(path)
        return _moved(path, registry, registry.rolled_back(label), label)


def listing(path: Path) -> dict[str, Any]:
    """The registry, and of each adapter whether the server has it now (None where the server can't be asked)."""
    registry = registries.read(path)
    try:
        loaded = _loaded(registry.url)
    except ModelUnavailableError:
        return {**registry.told(), "reachable": False, "loaded": None}
    return {**registry.told(), "reachable": True, "loaded": loaded}


def _moved(path: Path, before: Registry, after: Registry, label: str) -> dict[str, Any]:
    """Have the server load what the label will mean, then write that it does."""
    name = after.meant(label)
    if name not in _loaded(after.url):
        _load(after, name)
    registries.write(path, after)
    earlier = before.labels.get(label, ())
    return {"label": label, "now": name, "before": earlier[-1] if earlier else None}


def _load(registry: Registry, name: str) -> None:
    folder = registry.adapters.get(name)
    if folder is None:
        raise ModelUnavailableError(f"the server at {registry.url} has no {name}", "promote its folder again")
    verify(Path(folder))
    answer = _asked("POST", f"{registry.url}/load_lora_adapter", {"lora_name": name, "lora_path": folder})
    if answer.status_code != 200 and name not in _loaded(registry.url):
        raise ModelUnavailableError(
            f"the server can't load adapter {name} (status {answer.status_code}: {answer.text[:300]})",
            "tune it on the served base, with a rank no higher than serve's --max-rank",
        )


def _loaded(url: str) -> list[str]:
    answer = _asked("GET", f"{url}/models")
    try:
        return sorted(str(model["id"]) for model in answer.json()["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnavailableError(
            f"{url} doesn't list its models (status {answer.status_code})", "is it vLLM, and CROSSAISLE_API_KEY right?"
        ) from error


def _asked(method: str, url: str, body: dict[str, str] | None = None) -> Any:
    import httpx

    key = os.environ.get("CROSSAISLE_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.request(method, url, json=body, headers=headers, timeout=SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise ModelUnavailableError(
            f"the server can't be reached at {url} ({error})", "start it with crossaisle serve"
        ) from error
