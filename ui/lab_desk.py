"""What the lab page can do, without Gradio: versions, live rendering, results, side by side, promotion."""

from __future__ import annotations

import json
import tempfile
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.explain import questions
from agent.memory import Memory
from agent.models.base import ChatMessage
from agent.past import past_lines
from agent.planner.model import plan_messages
from agent.planner.reading import Reading
from agent.planner.slots import Slots
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Profile, Receipt, Reply
from agent.turn import Assistant
from agent.versions import Versions
from eval.files import objects
from eval.lab import decide
from eval.lab.export import kept_results
from eval.lab.folder import SESSIONS, Turn, noted
from eval.lab.sessions import recorded, write_sessions
from retrieval.errors import EvaluationError, PromptError
from ui.desk import Desk
from ui.lab_jobs import Jobs
from ui.options import ModelOptions

EXAMPLE = "a warm blanket under 40, not wool"
RECENT = 200
"""Conversations that can be chosen from."""
DAYS = 30.0
SERVED = "what the shop served"
"""Where turns can be looked at, beside runs; no run has such a name."""


class LabDesk:
    """The lab of one open shop; safe to use from many threads.

    Args:
        desk: the shop.
        options: which model serves, None without one.
    """

    def __init__(self, desk: Desk, options: ModelOptions | None = None) -> None:
        self.desk = desk
        self.jobs = Jobs(desk, options)

    @property
    def versions(self) -> Versions:
        """The prompt versions of the state database."""
        return Versions.of(self.desk.memory.prompts)

    def choices(self, task: str) -> list[tuple[str, str]]:
        """Versions of a task to choose from: what is shown, and the hash."""
        found = self.versions.all(task)
        return [(f"{one.prompt.name} {one.hash[:8]} {' '.join(one.labels)}".strip(), one.hash) for one in found]

    @property
    def asked(self) -> str:
        """The task of the prompt that the serving model reads messages with, "plan" without a model."""
        return next(iter(self.desk.assistant.prompts_in_use), "plan")

    def tasks(self) -> list[str]:
        """What prompts are for."""
        return sorted({one.prompt.task for one in self.versions.all()})

    def conversations(self) -> list[tuple[str, str]]:
        """The latest conversations: their first words, and their ids."""
        found = []
        for one in reversed(self.desk.memory.recorded(RECENT)):
            first = next((m.text for m in one.conversation.messages if m.role == "user"), "")
            found.append((f"{one.started:%Y-%m-%d %H:%M} {' '.join(first.split())[:60]}", one.conversation.id))
        return found

    def render(self, text: str, conversation: str) -> list[ChatMessage]:
        """A prompt's text filled in for the last message of a conversation; "" is an example.

        The shopper's history is in it only with their consent, as in serving.

        Raises:
            PromptError: the text is no prompt, or takes other variables.
            StateError: the conversation was forgotten meanwhile.
        """
        prompt = Prompt.parse(text, "the draft")
        whole, receipt = self._example if not conversation else self._of(conversation)
        shopper = whole.shopper
        consent = self.desk.memory.consent(shopper) if shopper else Profile().consent
        place = max(n for n, message in enumerate(whole.messages) if message.role == "user")
        message = whole.messages[place].text
        if prompt.task == "plan":
            before = whole.model_copy(update={"messages": whole.messages[:place]})
            assistant = self.desk.assistant
            lines = []
            if consent.prompt and shopper:
                lines = past_lines(assistant.history(self.desk.profile(shopper)), self.desk.shop.catalogue)
            slots = Slots.of(message, before, assistant.vocabulary)
            return plan_messages(prompt, message, before, slots, lines)
        if prompt.task == "change":
            before = whole.model_copy(update={"messages": whole.messages[:place]})
            return Reading.of(message, before, self.desk.assistant.vocabulary).messages(prompt)
        if prompt.task == "explain":
            if receipt is None:
                raise PromptError("nothing was shown in this conversation", "choose another one to explain")
            return next(questions(prompt, receipt, message, with_history=consent.prompt))[0]
        cause = f"prompts for {prompt.task} are not asked in a turn"
        raise PromptError(cause, "render one for plan, change or explain")

    def start(self, name: str, given: dict[str, Any], chosen: list[str], latest: int, simulated: int) -> None:
        """Begin a run.

        Args:
            name: of its folder.
            given: `prompts`, `retrieval` and `adapters`.
            chosen: ids of conversations; without any, the `latest` so many.
            latest: see there.
            simulated: shoppers to simulate.
        """
        sessions: dict[str, Any] = {"recorded": 0 if chosen else latest, "days": DAYS}
        if chosen:
            path = self.jobs.path(name)
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            keys = set(chosen)
            found = [one for one in recorded(self.desk.memory, 100_000, DAYS) if one.key in keys]
            write_sessions(path / "chosen.jsonl", found)
            sessions["files"] = [str(path / "chosen.jsonl")]
        if simulated:
            sessions["simulated"] = {"count": simulated}
        model = self.jobs.model(tuple(given.pop("adapters", ())))
        grid: dict[str, Any] = {"sessions": sessions, "retrieval": given["retrieval"]}
        if model is not None:
            grid |= {"model": model, "prompts": {task: tuple(ones) for task, ones in given["prompts"].items() if ones}}
        self.jobs.start(name, grid)

    def results(self, name: str) -> dict[str, Any]:
        """What a finished run found. Raises `EvaluationError` where it isn't finished."""
        return kept_results(self.jobs.path(name))

    def cells(self, name: str) -> list[str]:
        """The cells of a run."""
        return [cell["name"] for cell in noted(self.jobs.path(name))["cells"]]

    def sessions(self, name: str) -> list[tuple[str, str]]:
        """The sessions of a run: their first words, and their keys."""
        path = self.jobs.path(name) / SESSIONS
        return [(f"{row['turns'][0]['text'][:60]} ({row['source']})", row["key"]) for _, row in objects(path)]

    def pair(self, name: str, cells: tuple[str, str], session: str) -> list[tuple[Turn | None, Turn | None]]:
        """Two cells' turns of one session, side by side."""
        hashes = {cell["name"]: cell["hash"] for cell in noted(self.jobs.path(name))["cells"]}
        sides = [self._turns(name, hashes[cell], session) if cell in hashes else {} for cell in cells]
        return [(sides[0].get(n), sides[1].get(n)) for n in sorted({*sides[0], *sides[1]})]

    def talk(self, source: str, cell: str, key: str) -> list[tuple[str, Reply]]:
        """The turns of one conversation: what was said, and the reply with its receipt and trace.

        Args:
            source: a run's name, or `SERVED`.
            cell: the run's cell.
            key: the conversation's id or the session's key.

        Raises:
            StateError: the conversation was forgotten meanwhile.
        """
        if source != SERVED:
            hashes = {one["name"]: one["hash"] for one in noted(self.jobs.path(source))["cells"]}
            turns = self._turns(source, hashes[cell], key) if cell in hashes else {}
            return [(turn.words, turn.reply) for _, turn in sorted(turns.items())]
        return [(words, reply) for _, words, reply in self._served(key)]

    def labels(self, key: str) -> list[Act | None]:
        """What should have been done in each turn of a conversation that was served, as far as somebody said."""
        labels = self.desk.memory.judged.of(key)
        return [labels.get(place) for place, _, _ in self._served(key)]

    def label(self, key: str, turn: int, act: Act | None, who: str) -> None:
        """Say what should have been done in a turn that was served; None takes that back.

        Raises:
            StateError: the conversation was forgotten meanwhile.
        """
        turns = self._served(key)
        if 0 <= turn < len(turns):
            self.desk.memory.judged.label(key, turns[turn][0], act, who)

    def _served(self, key: str) -> list[tuple[int, str, Reply]]:
        """The turns of a conversation: which of the shopper's messages it answers, the message, and the reply."""
        said = [m.text for m in self.desk.memory.conversation(key).messages if m.role == "user"]
        replies = self.desk.memory.turns(key)  # what was said in a file that the conversation goes on from has none
        places = range(len(said) - len(replies), len(said))
        return [(place, said[place], reply) for place, reply in zip(places, replies, strict=True)]

    def promote(self, task: str, digest: str, evidence: str, who: str) -> tuple[str, ...]:
        """Promote on a run of this page; returns what a reader of the evidence has to know."""
        if not evidence:
            raise EvaluationError("no evidence is chosen", "choose a finished run that compared this version")
        done = decide.promote(self.versions, task, digest, evidence=self.jobs.path(evidence), who=who)
        return done.notes

    def archive(self, name: str) -> Path:
        """A zip of a finished run's results, judgments and runs; without turns, which hold what shoppers said."""
        folder = self.jobs.path(name)
        kept_results(folder)
        made = Path(tempfile.mkdtemp(prefix="crossaisle-lab-")) / f"{name}.zip"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            for file in sorted([*folder.glob("results.json"), *folder.glob("qrels.qrels"), *folder.glob("runs/*")]):
                out.write(file, f"{name}/{file.relative_to(folder)}")
        return made

    @cached_property
    def _example(self) -> tuple[Conversation, Receipt | None]:
        with Memory("sqlite://") as memory:
            done = Assistant(self.desk.shop, memory).reply(EXAMPLE, Conversation(), Profile())
        return done.conversation, done.reply.receipt

    def _of(self, conversation: str) -> tuple[Conversation, Receipt | None]:
        whole = self.desk.memory.conversation(conversation)
        shown = (reply.receipt for reply in reversed(self.desk.memory.turns(conversation)) if reply.receipt.items)
        return whole, next(shown, None)

    def _turns(self, name: str, digest: str, session: str) -> dict[int, Turn]:
        path = self.jobs.path(name) / "turns" / f"{digest[:16]}.jsonl"
        if not path.exists():
            return {}
        mark = json.dumps(session)
        with path.open(encoding="utf-8") as lines:
            found = [Turn.model_validate_json(line) for line in lines if mark in line and line.endswith("\n")]
        return {turn.turn: turn for turn in found if turn.session == session}
