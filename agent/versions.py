"""Everything that a product team does with prompts: look, compare, write a new version, promote it, roll back.

    prompts = Versions(PromptLibrary(shelf=memory.prompts), memory.prompts)
    new = prompts.save(text, who="ada")
    prompts.promote("plan", new.hash, who="ada", evidence="runs/lab-7", evidence_hash="4be1...")
    prompts.roll_back("plan", who="ada")

A version never changes: its name is the SHA-256 of its text. A promotion counts in the very next turn of every process
that serves from the same state database.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.memory.shelf import PRODUCTION, Move, Shelf
from agent.prompting import Prompt, PromptLibrary
from agent.storable import storable
from retrieval.errors import PromptError

SHORTEST = 6
"""Characters that a shortened hash needs at least."""
LONGEST = 40_000
"""Characters of the longest prompt."""


@dataclass(frozen=True)
class Version:
    """One prompt version.

    Attributes:
        text: the whole file.
        labels: those that mean it now.
        who: wrote it; "" for a shipped one.
        at: when it was kept, None for a shipped one.
    """

    prompt: Prompt
    text: str
    labels: tuple[str, ...] = ()
    who: str = ""
    at: datetime | None = None

    @property
    def hash(self) -> str:
        """Hex SHA-256 of the text."""
        return self.prompt.hash

    @property
    def front(self) -> str:
        """The front matter as it was written."""
        return self.text.split("---\n")[1]


class Versions:
    """The versions of all tasks in one state database, over the shipped ones.

    Args:
        library: what serves.
        shelf: where versions, labels and history are kept; the same that the library asks.
    """

    def __init__(self, library: PromptLibrary, shelf: Shelf) -> None:
        self.library, self.shelf = library, shelf

    @classmethod
    def of(cls, shelf: Shelf) -> Versions:
        """Over the prompts that this release ships."""
        return cls(PromptLibrary(shelf=shelf), shelf)

    def all(self, task: str | None = None) -> list[Version]:
        """Every version by task, shipped ones first, then in the order in which they were written.

        A version that this release can't read any more is left out; its line in the history stays.
        """
        meant: dict[str, list[str]] = {}
        for labels in self.library.current().values():
            for label, digest in labels.items():
                meant.setdefault(digest, []).append(label)
        found = [
            Version(self.library.prompts[digest], text, tuple(meant.get(digest, ())))
            for digest, text in self.library.texts.items()
        ]
        for kept in self.shelf.versions():
            if kept.hash not in self.library.prompts and (prompt := _read(kept.text)) is not None:
                found.append(Version(prompt, kept.text, tuple(meant.get(kept.hash, ())), kept.who, kept.at))
        chosen = [one for one in found if task in (None, one.prompt.task)]
        return sorted(chosen, key=lambda one: (one.prompt.task, one.at is not None, str(one.at or "")))

    def find(self, task: str, which: str) -> Version:
        """The version that a label, a hash or the beginning of a hash means. Raises `PromptError`."""
        versions = self.all(task)
        if not versions:
            tasks = sorted({one.prompt.task for one in self.all()})
            raise PromptError(f"there is no task {task!r}", f"choose among {', '.join(tasks)}")
        labelled = self.library.current().get(task, {}).get(which)
        digest = which.lower() if labelled is None else labelled
        short = len(digest) < 64
        found = [one for one in versions if one.hash == digest or (short and one.hash.startswith(digest))]
        if len(found) != 1 or (short and len(digest) < SHORTEST):
            cause = f"{which!r} means {'several versions' if len(found) > 1 else 'no version'} of {task}"
            if found and len(digest) < SHORTEST:
                cause = f"{which!r} is too short to name a version of {task}"
            raise PromptError(
                cause, f"give a label, or {SHORTEST} characters or more of a hash: crossaisle lab prompts"
            )
        return found[0]

    def save(self, text: str, who: str) -> Version:
        """Keep a text as a new version; one that is known already stays as it is.

        Args:
            text: a whole prompt file.
            who: wrote it.

        Raises:
            PromptError: it is no prompt file, is too long, or takes other variables than its task is given.
        """
        text = storable(text.replace("\r\n", "\n"))
        if len(text) > LONGEST:
            raise PromptError(f"the prompt has {len(text):,} characters", f"write at most {LONGEST:,}")
        prompt = Prompt.parse(text, "the new version")
        self._fits(prompt)
        if prompt.hash not in self.library.prompts:
            self.shelf.keep(prompt.hash, prompt.task, text, who)
        return self.find(prompt.task, prompt.hash)

    def promote(
        self, task: str, which: str, who: str, *, evidence: str, evidence_hash: str, label: str = PRODUCTION
    ) -> Move:
        """Point a label at a version, and write down who did so and on what evidence.

        Args:
            task: such as "plan".
            which: a label, a hash or the beginning of one.
            who: does it.
            evidence: the lab folder that speaks for it.
            evidence_hash: SHA-256 of what lies in that folder.
            label: which label is moved.

        Raises:
            PromptError: there is no such version, it doesn't fit its task, or the label means it already.
        """
        version = self.find(task, which)
        self._fits(version.prompt)
        now = self.library.current().get(task, {}).get(label, "")
        if now == version.hash:
            raise PromptError(f"{task} {label} is {version.hash[:12]} already", "promote another version")
        shipped = self.library.labels.get(task, {}).get(label, "")
        move = Move(
            at=datetime.now(UTC),
            who=who,
            action="promote",
            task=task,
            label=label,
            from_hash=shipped,
            to_hash=version.hash,
            evidence=evidence,
            evidence_hash=evidence_hash,
        )
        return self.shelf.promote(move)

    def roll_back(self, task: str, who: str, label: str = PRODUCTION) -> Move:
        """Undo the last promotion that isn't undone yet. Raises `PromptError` where there is none."""
        return self.shelf.roll_back(task, label, self.library.labels.get(task, {}).get(label, ""), who)

    def difference(self, one: Version, other: Version) -> list[str]:
        """The two texts as a unified diff, line by line; empty where they are the same."""
        before, after = (f"{version.prompt.name} {version.hash[:12]}" for version in (one, other))
        lines = one.text.splitlines(), other.text.splitlines()
        return list(difflib.unified_diff(*lines, fromfile=before, tofile=after, lineterm="", n=2))

    def _fits(self, prompt: Prompt) -> None:
        shipped = self.library.prompts.get(self.library.labels.get(prompt.task, {}).get(PRODUCTION, ""))
        if shipped is None:
            tasks = ", ".join(sorted(self.library.labels))
            raise PromptError(f"the prompt is for a task {prompt.task!r} that nobody asks", f"choose among {tasks}")
        if set(prompt.variables) != set(shipped.variables):
            cause = f"the prompt takes {sorted(prompt.variables)}, {prompt.task} is given {sorted(shipped.variables)}"
            raise PromptError(cause, "declare and use exactly these variables")


def _read(text: str) -> Prompt | None:
    try:
        return Prompt.parse(text)
    except PromptError:
        return None
