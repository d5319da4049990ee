"""Which adapter a label means: a small file that `crossaisle serve` writes and every client reads.

A label such as `production` points at an adapter by its content-hashed name. Promoting and rolling back change the
file by one rename, so that a reader sees the old state or the new one; the name that a server is asked for always
means the same weights, so nothing that it cached under another adapter can be served.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.models.about import about
from retrieval.errors import ModelUnavailableError

PRODUCTION = "production"
KEPT = 20  # earlier adapters of a label that it can be rolled back to


@dataclass(frozen=True)
class Registry:
    """What is served and what labels mean.

    Attributes:
        url: base address of the server with the version, such as `http://127.0.0.1:8000/v1`.
        base: the served name of the base model.
        adapters: served name -> folder.
        labels: label -> served names, the present one last.
        tasks: of the base, as for `OpenAIServer`; an adapter's folder may tell of more.
    """

    url: str
    base: str
    adapters: dict[str, str] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()

    def meant(self, label: str) -> str:
        """The served name that a label, or a served name itself, means. Raises `ModelUnavailableError`."""
        if label in self.labels:
            return self.labels[label][-1]
        if label == self.base or label in self.adapters:
            return label
        known = ", ".join(sorted({*self.labels, *self.adapters, self.base}))
        raise ModelUnavailableError(f"{label!r} is no label, adapter or model here", f"choose from {known}")

    def tasks_of(self, name: str) -> frozenset[str]:
        """The only tasks that a served name is for; none stands for any."""
        own = about(Path(self.adapters[name])).tasks if name in self.adapters else frozenset[str]()
        return own or frozenset(self.tasks)

    def promoted(self, label: str, name: str) -> Registry:
        """A copy in which a label means a served name."""
        before = self.labels.get(label, ())
        if before and before[-1] == name:
            return self
        return replace(self, labels={**self.labels, label: (*before, name)[-KEPT:]})

    def rolled_back(self, label: str) -> Registry:
        """A copy in which a label means what it meant before. Raises `ModelUnavailableError` where it can't."""
        before = self.labels.get(label, ())
        if len(before) < 2:
            raise ModelUnavailableError(f"label {label!r} meant nothing before", "promote an adapter instead")
        return replace(self, labels={**self.labels, label: before[:-1]})

    def told(self) -> dict[str, Any]:
        """As JSON."""
        labels = {label: list(names) for label, names in self.labels.items()}
        told = {"url": self.url, "base": self.base, "adapters": self.adapters, "labels": labels}
        return {**told, "tasks": list(self.tasks)}


def read(path: Path) -> Registry:
    """The registry in a file. Raises `ModelUnavailableError` where there is none or it can't be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        labels = {str(label): tuple(map(str, names)) for label, names in told["labels"].items() if names}
        tasks = tuple(map(str, told.get("tasks", ())))
        return Registry(str(told["url"]), str(told["base"]), dict(told["adapters"]), labels, tasks)
    except FileNotFoundError as error:
        raise ModelUnavailableError(
            f"there is no registry {path}", "start crossaisle serve, or name its file"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailableError(
            f"the registry {path} can't be read ({type(error).__name__}: {error})", "remove it and serve anew"
        ) from error


def write(path: Path, registry: Registry) -> None:
    """Write a registry in one step; hold the lock of `changing` meanwhile."""
    work = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work.write_text(json.dumps(registry.told(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        work.replace(path)
    except OSError as error:
        raise ModelUnavailableError(
            f"the registry {path} can't be written ({error})", "give another --registry"
        ) from error


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Keep others from changing a registry between reading and writing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
