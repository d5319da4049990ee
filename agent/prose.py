"""Streaming prose: by the template, or by a model whose every sentence is grounded before it is let out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.explain import item_line, opening, prompt_facts
from agent.ground import Grounder
from agent.models.base import ChatModel
from agent.prompting import Prompt
from agent.schema import Receipt
from agent.sentences import stream
from retrieval.errors import ModelError
from retrieval.tracing import span

log = logging.getLogger(__name__)


@dataclass
class Told:
    """What has been said so far, and how; filled while the prose streams.

    Attributes:
        problem, failure: what went wrong with the model, in a sentence and as the error's name.
        sentences: how many the model wrote; `replaced`: how many of these grounding took out.
    """

    explainer: str
    text: str = ""
    problem: str = ""
    failure: str = ""
    model_calls: int = 0
    sentences: int = 0
    replaced: int = 0


def told_by_template(lines: Iterable[str], told: Told) -> Iterator[str]:
    """Say the template's lines one after the other."""
    for line in lines:
        yield _say(line, told)


class Prose:
    """A model's explanation of a receipt, grounded sentence by sentence."""

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
        told.explainer, told.model_calls = "model", 1
        grounder = Grounder(receipt, message)
        names = [item.name for item in receipt.items]
        said: set[int] = set()
        try:
            chunks = self._chunks(receipt, message, with_history, deadline, cancel)
            for sentence in stream(chunks, names):
                if not sentence.strip():
                    continue
                told.sentences += 1
                with span("ground", sentence=told.sentences) as checked:
                    verdict = grounder.check(sentence)
                    checked.set(grounded=verdict.grounded, items=len(verdict.items))
                if verdict.grounded:
                    said |= set(verdict.items)
                    yield _say(sentence.strip(), told)
                    continue
                told.replaced += 1
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
        facts = prompt_facts(receipt, with_history=with_history)
        messages = self._prompt.messages(message=message, facts=facts)
        return self._model.stream(messages, deadline=deadline, max_tokens=60 + 60 * len(receipt.items), cancel=cancel)


def _say(line: str, told: Told) -> str:
    piece = f"\n{line}" if told.text else line
    told.text += piece
    return piece
