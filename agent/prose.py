"""Streaming prose: by the template, or by a model whose every sentence is grounded before it is let out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.explain import item_line, opening, questions, spellings
from agent.ground import Grounder
from agent.models.base import ChatModel
from agent.prompting import Prompt
from agent.respell import respelt
from agent.schema import Receipt, TakenOut
from agent.sentences import stream
from retrieval.errors import ModelError
from retrieval.tracing import span

log = logging.getLogger(__name__)
BRIEF = 120  # tokens that a small model says of one item at most


@dataclass
class Told:
    """What has been said so far, and how; filled while the prose streams.

    Attributes:
        problem, failure: what went wrong with the model, in a sentence and as the error's name.
        written: what the model wrote, sentence by sentence, each with why grounding took it out, "" where it stayed.
    """

    explainer: str
    text: str = ""
    problem: str = ""
    failure: str = ""
    model_calls: int = 0
    written: list[tuple[str, str]] = field(default_factory=list)

    @property
    def taken_out(self) -> tuple[TakenOut, ...]:
        """Sentences that grounding took out."""
        return tuple(TakenOut(sentence=sentence.strip(), reason=why) for sentence, why in self.written if why)


def told_by_template(lines: Iterable[str], told: Told) -> Iterator[str]:
    """Say the template's lines one after the other."""
    for line in lines:
        yield _say(line, told)


class Prose:
    """A model's explanation of a receipt, grounded sentence by sentence.

    A prompt that asks for the facts alone is a small model's: it is asked item by item, and its words are spelt as the
    receipt spells them.
    """

    def __init__(self, model: ChatModel, prompt: Prompt) -> None:
        self._model, self._prompt = model, prompt

    def tell(
        self,
        receipt: Receipt,
        message: str,
        told: Told,
        *,
        with_history: bool,
        deadline: float,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Stream prose that names every shown item and states receipt facts only.

        A sentence that fails grounding gives way to the template's line for the item it should have spoken of; items
        that the model leaves out get theirs at the end. On any failure of the model the template says the rest.
        """
        told.explainer, told.model_calls = "model", len(receipt.items) if self._prompt.item_by_item else 1
        grounder = Grounder(receipt, message)
        names = [item.name for item in receipt.items]
        said: set[int] = set()
        try:
            chunks = self._chunks(receipt, message, with_history, deadline, cancel)
            for sentence in stream(chunks, names):
                if not sentence.strip():
                    continue
                with span("ground", sentence=len(told.written) + 1) as checked:
                    verdict = grounder.check(sentence)
                    checked.set(grounded=verdict.grounded, items=len(verdict.items))
                told.written.append((sentence, verdict.reason))
                if verdict.grounded:
                    said |= set(verdict.items)
                    yield _say(sentence.strip(), told)
                    continue
                log.info("sentence replaced: %s", verdict.reason)
                for rank in verdict.items:
                    if rank not in said:
                        said.add(rank)
                        yield _say(item_line(receipt.items[rank - 1]), told)
        except ModelError as error:
            log.warning("explaining by template: %s", error)
            told.problem, told.failure = str(error), type(error).__name__
            told.explainer = "model+template" if told.text else "template"
        if not told.text:
            told.explainer = "template"
            yield _say(opening(receipt), told)
        for item in receipt.items:
            if item.name not in told.text:
                yield _say(item_line(item), told)
        for note in receipt.notes:
            yield _say(note, told)

    def _chunks(
        self, receipt: Receipt, message: str, with_history: bool, deadline: float, cancel: threading.Event | None
    ) -> Iterator[str]:
        for messages, those in questions(self._prompt, receipt, message, with_history=with_history):
            most = BRIEF if self._prompt.item_by_item else 60 + 60 * len(those)
            said = self._model.stream(messages, deadline=deadline, max_tokens=most, cancel=cancel)
            if self._prompt.item_by_item:
                yield respelt("".join(said), spellings(those[0])) + "\n"
            else:
                yield from said


def _say(line: str, told: Told) -> str:
    piece = f"\n{line}" if told.text else line
    told.text += piece
    return piece
