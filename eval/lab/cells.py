"""The cells of a grid: each a prompt for every task, an adapter and a retrieval configuration, named by its content."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from agent.prompting import Prompt, PromptLibrary
from agent.versions import Version, Versions
from eval.files import fault
from eval.lab.configuration import Retrieval
from eval.lab.grid import Grid
from retrieval.errors import EvaluationError, PromptError
from retrieval.shop import Shop

BASELINE = "production"
ASKED = ("plan", "explain", "change")
"""What turns ask models for; one that was made for saying what changes is asked for `change` alone, others never."""
_WHOLE = 1 << 20  # bytes of a model's file that are read; of larger ones the ends and the size stand for all


@dataclass(frozen=True)
class Cell:
    """One combination.

    Attributes:
        name: for people and file names; `production` is what serves now.
        hash: hex SHA-256 of everything that the cell's turns depend on but the sessions.
        prompts: by task; empty without a model.
        adapter: "" for none.
    """

    name: str
    hash: str
    prompts: Mapping[str, Version]
    adapter: str
    retrieval: Retrieval

    def library(self) -> PromptLibrary:
        """The cell's prompts, to be asked for `production`."""
        return _Fixed({task: version.prompt for task, version in self.prompts.items()})


class _Fixed(PromptLibrary):
    """One prompt for each task, whatever is promoted meanwhile."""

    def __init__(self, fixed: Mapping[str, Prompt]) -> None:
        super().__init__()
        self._fixed = fixed

    def serving(self, task: str, label: str = "production") -> tuple[Prompt, str]:
        """The cell's prompt for the task in `production`; small models are asked as ever."""
        return (self._fixed[task], "") if label == "production" else super().serving(task, label)


def cells_of(grid: Grid, shop: Shop, versions: Versions) -> list[Cell]:
    """All combinations, `production` first.

    Raises:
        EvaluationError: a prompt, channel or adapter isn't there, or two combinations are the same.
    """
    tasks = ASKED if grid.model else ()
    for task in grid.prompts.keys() - set(ASKED):
        cause = f"prompts.{task}: no turn asks a model for that"
        raise EvaluationError(cause, f"compare versions of {', '.join(ASKED)}")
    serving = {task: versions.find(task, versions.library.serving(task)[0].hash) for task in tasks}
    choices = {task: _chosen(task, grid.prompts.get(task, (BASELINE,)), versions, serving[task]) for task in tasks}
    adapters = grid.model.adapters if grid.model else ("",)
    base = _identity(grid, shop)
    served = Retrieval()
    made: dict[str, Cell] = {}

    def add(name: str, prompts: Mapping[str, Version], adapter: str, retrieval: Retrieval) -> None:
        retrieval.channels_of(shop)
        parts = {task: version.hash for task, version in prompts.items()}
        content = [base, parts, _adapter(grid, adapter), retrieval.model_dump(mode="json")]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        if digest in made and made[digest].name != BASELINE:
            cause = f"the cells {made[digest].name!r} and {name!r} are one and the same"
            raise EvaluationError(cause, "leave one out of the grid")
        made.setdefault(digest, Cell(name, digest, prompts, adapter, retrieval))

    add(BASELINE, serving, adapters[0], served)
    varied = [task for task in tasks if len(choices[task]) > 1]
    for picks in itertools.product(*(choices[task].items() for task in tasks)):
        prompts = {task: version for task, (_, version) in zip(tasks, picks, strict=True)}
        labels = {task: label for task, (label, _) in zip(tasks, picks, strict=True)}
        for adapter, (config, retrieval) in itertools.product(adapters, grid.retrieval.items()):
            parts = [f"{task}-{labels[task]}" for task in varied]
            parts += [Path(adapter).name or "no-adapter"] if len(adapters) > 1 else []
            parts += [config] if len(grid.retrieval) > 1 or not parts else []
            add(_slug(".".join(parts)), prompts, adapter, retrieval)
    names = [cell.name for cell in made.values()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise EvaluationError(f"two cells are called {twice!r}", "rename a retrieval configuration, file or adapter")
    return list(made.values())


def _chosen(task: str, named: tuple[str, ...], versions: Versions, serving: Version) -> dict[str, Version]:
    """By the name they go by: a label, the beginning of the hash, or the file's stem."""
    found: dict[str, Version] = {}
    for name in named:
        if name.endswith(".md"):
            label, version = Path(name).stem, _of_file(Path(name), task, versions)
        elif name == BASELINE:
            label, version = name, serving
        else:
            try:
                version = versions.find(task, name)
            except PromptError as error:
                raise EvaluationError(f"prompts.{task}: {error.cause}", error.remedy) from None
            label = version.hash[:8] if version.hash.startswith(name.lower()) else name
        found[label] = version
    return found


def _of_file(path: Path, task: str, versions: Versions) -> Version:
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        prompt = Prompt.parse(text, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise fault(path, f"the prompt can't be read ({error})", "check the path") from None
    except PromptError as error:
        raise EvaluationError(error.cause, error.remedy) from None
    served = versions.find(task, BASELINE).prompt
    if prompt.task != task or set(prompt.variables) != set(served.variables):
        cause = f"{path} is for {prompt.task} with {sorted(prompt.variables)}, not for {task}"
        raise EvaluationError(cause, f"use exactly the variables {sorted(served.variables)}")
    return Version(prompt, text)


def _identity(grid: Grid, shop: Shop) -> dict[str, str]:
    """What all cells share: the build of the shop, this release and the model."""
    model = grid.model
    if model is None:
        return {"shop": str(shop.manifest["build"]), "version": version("crossaisle")}
    told = f"{model.url} {model.name}" if model.path is None else _folder(model.path)
    return {"shop": str(shop.manifest["build"]), "version": version("crossaisle"), "model": told}


def _adapter(grid: Grid, adapter: str) -> str:
    return _folder(Path(adapter)) if adapter and grid.model and grid.model.path else adapter


def _folder(path: Path) -> str:
    """A digest of a model's folder."""
    if not path.is_dir():
        raise EvaluationError(f"there is no model or adapter at {path}", "name a folder")
    digest = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path)} {size}\n".encode())
        with file.open("rb") as content:
            digest.update(content.read(_WHOLE))
            if size > 2 * _WHOLE:
                content.seek(-_WHOLE, 2)
            digest.update(content.read())
    return digest.hexdigest()


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.") or "cell"
