"""Prompts are files: immutable by content hash, chosen by label, rendered with data that stays data.

A prompt file has YAML front matter (`name`, `task`, `language`, `variables`) and two parts, `# system` and `# user`.
The system part is the same for every shopper, so that a server's prefix cache keeps it; variables, written
`{{name}}`, stand in the user part alone. Every line of a variable's text is set behind `> `, so that nothing in it can
end its block, and marks that tokenizers take for control tokens are broken up.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import yaml

from agent.models.base import ChatMessage
from retrieval.errors import PromptError
from retrieval.text import clean

PROMPTS = Path(__file__).resolve().parent / "prompts"
LABELS = "labels.toml"
SMALL = 1024  # tokens; models that read fewer are asked in brief prompts

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_PARTS = re.compile(r"\A\s*# system\n(.*?)\n# user\n(.*)\Z", re.DOTALL)
_SLOT = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_FIELDS = {"name": str, "task": str, "language": str, "variables": list}
_CONTROL = re.compile(r"<(?=\S)|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_[A-Z]+|AVAILABLE_TOOLS)\])")


def quoted(text: str) -> str:
    """Text from outside as a block of data: no control characters, each line behind `> `; "(none)" if it is empty."""
    lines = [clean(_CONTROL.sub(lambda mark: f"{mark.group()} ", line)) for line in text.splitlines()]
    return "\n".join(f"> {line}" for line in lines if line) or "(none)"


@dataclass(frozen=True)
class Prompt:
    """One prompt file, checked.

    Attributes:
        hash: hex SHA-256 of the file's text; two prompts with one hash are the same prompt.
    """

    name: str
    task: str
    language: str
    variables: tuple[str, ...]
    system: str
    user: str
    hash: str

    @classmethod
    def parse(cls, text: str, place: str = "prompt") -> Prompt:
        """Read a prompt file's text. Raises `PromptError` naming `place`."""
        text = text.replace("\r\n", "\n")
        front = _FRONT.match(text)
        parts = _PARTS.match(front.group(2)) if front else None
        if front is None or parts is None:
            raise PromptError(
                f"{place} is no prompt file", "begin with --- YAML front matter ---, then # system and # user"
            )
        head = _front_matter(front.group(1), place)
        system, user = (part.strip() for part in parts.groups())
        prompt = cls(
            name=head["name"],
            task=head["task"],
            language=head["language"],
            variables=tuple(head["variables"]),
            system=system,
            user=user,
            hash=hashlib.sha256(text.encode()).hexdigest(),
        )
        if _SLOT.search(system):
            raise PromptError(
                f"{place} has a variable in its system part", "move it below # user, or the prefix cache is lost"
            )
        used = set(_SLOT.findall(user))
        if used != set(prompt.variables):
            raise PromptError(
                f"{place} declares {sorted(prompt.variables)} and uses {sorted(used)}", "make variables and slots agree"
            )
        return prompt

    @property
    def item_by_item(self) -> bool:
        """Whether a prompt of task "explain" is asked once an item: it takes the facts alone."""
        return "message" not in self.variables

    def messages(self, **values: str | Iterable[str]) -> list[ChatMessage]:
        """The prompt filled in.

        Args:
            values: exactly one for each of `variables`: a text, or several lines.

        Returns:
            A system and a user message.

        Raises:
            PromptError: a variable is missing, or one is given that the prompt doesn't have.
        """
        if set(values) != set(self.variables):
            raise PromptError(
                f"prompt {self.name} takes {sorted(self.variables)} and was given {sorted(values)}",
                "give exactly the variables it declares",
            )
        blocks = {
            name: quoted(value if isinstance(value, str) else "\n".join(" ".join(v.splitlines()) for v in value))
            for name, value in values.items()
        }
        filled = _SLOT.sub(lambda slot: blocks[slot.group(1)], self.user)
        return [ChatMessage("system", self.system), ChatMessage("user", filled)]


def _front_matter(text: str, place: str) -> dict[str, Any]:
    try:
        head = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"{place} has front matter that is not YAML ({error})", "correct it") from error
    if not isinstance(head, dict) or set(head) != set(_FIELDS):
        raise PromptError(f"{place} has the wrong front matter", f"give {', '.join(_FIELDS)} and nothing else")
    for name, kind in _FIELDS.items():
        if not isinstance(head[name], kind) or (kind is list and not all(isinstance(v, str) for v in head[name])):
            raise PromptError(f"{place}: {name} is {head[name]!r}", f"{name} must be a {kind.__name__} of text")
    return head


class Shelf(Protocol):
    """Where versions and moved labels are looked up before the shipped ones; `agent.memory`'s `prompts` is one."""

    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Task -> label -> hash."""
        ...

    def text(self, digest: str) -> str | None:
        """The text of a version, None where there is none of that hash."""
        ...


class PromptLibrary:
    """A folder of prompt files beside a `labels.toml`, which says which of them a label means.

    Args:
        folder: `*.md` files; several may serve one task.
        shelf: what people wrote and promoted; it is asked at every look-up, so a promotion counts at once.
    """

    def __init__(self, folder: Path = PROMPTS, shelf: Shelf | None = None) -> None:
        self.folder, self.shelf = folder, shelf
        self._written: dict[str, Prompt] = {}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The shipped files' texts by hash."""
        files = (file.read_text(encoding="utf-8").replace("\r\n", "\n") for file in sorted(self.folder.glob("*.md")))
        return {hashlib.sha256(text.encode()).hexdigest(): text for text in files}

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """All shipped prompts by hash."""
        files = sorted(self.folder.glob("*.md"))
        parsed = (Prompt.parse(file.read_text(encoding="utf-8"), str(file)) for file in files)
        return {prompt.hash: prompt for prompt in parsed}

    @cached_property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """Task -> label -> hash, as shipped."""
        try:
            return tomllib.loads((self.folder / LABELS).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise PromptError(
                f"the labels in {self.folder / LABELS} can't be read ({error})", "write [task] tables of label = hash"
            ) from error

    def current(self) -> dict[str, dict[str, str]]:
        """Task -> label -> hash as it holds now: the shipped labels, and those moved since."""
        moved = self.shelf.labels() if self.shelf is not None else {}
        return {task: {**self.labels.get(task, {}), **moved.get(task, {})} for task in {*self.labels, *moved}}

    def load(self, task: str, label: str = "production") -> Prompt:
        """The prompt that a label means for a task, or the one whose hash `label` is. Raises `PromptError`."""
        digest = self.current().get(task, {}).get(label, label)
        prompt = self.prompts.get(digest) or self._of_shelf(digest)
        if prompt is None or prompt.task != task:
            raise PromptError(
                f"no prompt for {task} is labelled {label!r}, or the file it means was edited",
                f"save edits as a new file and point the label in {self.folder / LABELS} at its SHA-256",
            )
        return prompt

    def serving(self, task: str, label: str = "production") -> tuple[Prompt, str]:
        """The prompt to serve with: what the label means, or the shipped one where that doesn't fit this release.

        Returns:
            The prompt, and "" or what is wrong with the promoted one; a turn doesn't fail on its account.
        """
        shipped = self.prompts.get(self.labels.get(task, {}).get(label, ""))
        try:
            prompt = self.load(task, label)
        except PromptError as error:
            if shipped is None:
                raise
            return shipped, str(error)
        if shipped is not None and set(prompt.variables) != set(shipped.variables):
            cause = f"the promoted prompt {prompt.name} takes other variables than this release gives for {task}"
            return shipped, str(PromptError(cause, "roll it back and promote one that fits"))
        return prompt, ""

    def _of_shelf(self, digest: str) -> Prompt | None:
        if digest not in self._written:
            text = self.shelf.text(digest) if self.shelf is not None else None
            if text is None:
                return None
            self._written[digest] = Prompt.parse(text, f"version {digest[:12]}")
        return self._written[digest]


def wording(reads: int | None) -> str:
    """The label of prompts for a model that reads so many tokens; None where it doesn't say."""
    return "brief" if reads is not None and reads < SMALL else "production"


def load_prompt(task: str, label: str = "production", folder: Path = PROMPTS) -> Prompt:
    """The prompt that a label means for a task, such as "plan" or "explain". Raises `PromptError`."""
    return PromptLibrary(folder).load(task, label)
