"""A plan by one short call of a small language model that says what a message changes, believed as far as it was said.

What it is asked, and what it can say, is `agent.planner.reading`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from pydantic import ValidationError

from agent.models.base import ChatModel, Completion, parsed
from agent.planner.changes import NAMES, Change, applied, change_of
from agent.planner.reading import Reading
from agent.planner.slots import READ, Slots
from agent.planner.vocabulary import Vocabulary
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Plan
from retrieval.errors import ModelOutputError
from retrieval.text import clean, words

MAX_TOKENS = 160


class ChangePlanner:
    """Reads a message with a small language model.

    Args:
        model: any chat model; made for those that learnt the task.
        prompt: of task "change".
        vocabulary: what the shop calls things.
    """

    def __init__(self, model: ChatModel, prompt: Prompt, vocabulary: Vocabulary) -> None:
        self._model, self._prompt, self._vocabulary = model, prompt, vocabulary

    def plan(
        self, message: str, conversation: Conversation, *, deadline: float, history_lines: Sequence[str] = ()
    ) -> Plan:
        """What the shopper wants now.

        Args:
            message: the shopper's words.
            conversation: what was said before.
            deadline: on `time.monotonic()`'s clock.
            history_lines: not used: a small model infers nothing from them.

        Raises:
            ModelError: the model can't be reached, is too slow, or wrote something else than such a change.
        """
        return self.read(self.reading(message, conversation), deadline=deadline)[0]

    @contextmanager
    def reserved(self, seconds: float) -> Iterator[bool]:
        """Have the model to oneself, where it is one that answers one at a time; False where it is busy for longer."""
        reserve = getattr(self._model, "reserved", None)
        with nullcontext(True) if reserve is None else reserve(seconds) as had:
            yield had

    def reading(self, message: str, conversation: Conversation) -> Reading:
        """A message made ready for `read` and `likelihood`."""
        return Reading.of(message, conversation, self._vocabulary)

    def read(self, reading: Reading, *, deadline: float) -> tuple[Plan, Completion]:
        """The plan, and the answer that it was made from; errors as for `plan`."""
        done = self._model.complete(
            reading.messages(self._prompt), reading.schema(), deadline=deadline, max_tokens=MAX_TOKENS
        )
        return self._believed(parsed(done.text, self._model.name), reading), done

    def likelihood(self, plan: Plan, reading: Reading, *, deadline: float) -> float | None:
        """Natural logarithm of how likely the model would say that the message leads to this plan.

        None where the model can't tell, or no change leads there.

        Raises:
            ModelError: the model can't be reached or is too slow.
        """
        told = getattr(self._model, "likelihood", None)
        if told is None:
            return None
        before = reading.conversation
        try:
            change = change_of(before.plan, plan, before.shown, reading.seen)
        except ValidationError:
            return None
        answer = json.dumps(change.written(), ensure_ascii=False, separators=(",", ":"))
        chance: float = told(reading.messages(self._prompt), answer, deadline=deadline)
        return chance

    def _believed(self, data: Any, reading: Reading) -> Plan:
        """Lay the change over the plan, after a check of every part."""
        if isinstance(data, dict) and "query" in data and "topic" not in data:
            raise self._refused("it names a query without saying whether it refines or replaces")
        try:
            change = Change.model_validate(_spelled(data, reading.said))
        except ValidationError as error:
            first = error.errors()[0]
            raise self._refused(f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}") from error
        self._check(change, reading.slots)
        slots = reading.slots
        plan = applied(change, reading.conversation.plan, slots.shown, slots.sums, reading.seen)
        asked = clean(reading.message, READ) if plan.act in (Act.COMPARE, Act.EXPLAIN) else ""
        return plan.model_copy(update={"question": asked})

    def _check(self, change: Change, slots: Slots) -> None:
        """Raise unless every sum and word was said, every item shown, every name the catalogue's."""
        said = {*slots.words, *slots.joined.split()}
        said |= {word[:-1] for word in said if word.endswith("s")}  # "my sisters birthday"
        for amount in (change.price_min, change.price_max):
            if amount is not None and amount not in slots.sums:
                raise self._refused(f"nobody named the sum {amount!r}")
        for text in (change.query, change.recipient or "", *change.include, *change.exclude):
            if not set(words(text)) <= said:
                raise self._refused(f"nobody said {text!r}")
        for number in (*change.items, *change.dismiss):
            if not 1 <= number <= len(slots.shown):
                raise self._refused(f"it speaks of item {number}, {len(slots.shown)} are shown")
        if change.act in ("compare", "explain") and not slots.shown:
            raise self._refused("it speaks of shown items where none are")
        for kind in NAMES:
            for name in (*getattr(change, kind), *getattr(change, f"not_{kind}")):
                if name not in getattr(self._vocabulary, kind):
                    raise self._refused(f"the catalogue has no {name!r} among its {kind}")

    def _refused(self, why: str) -> ModelOutputError:
        return ModelOutputError(
            f"model {self._model.name} wrote a change that can't be believed ({why})", "use a better model or adapter"
        )


def _spelled(data: Any, said: Slots) -> Any:
    """A change's names in the catalogue's spelling, and refusals taken back as they were written."""
    if not isinstance(data, dict):
        return data
    found = dict(data)
    for kind in NAMES:
        spelling = {name.casefold(): name for name in getattr(said, kind)}
        for field in (kind, f"not_{kind}"):
            if isinstance(found.get(field), list):
                found[field] = [spelling.get(str(n).strip().casefold(), str(n).strip()) for n in found[field]]
    return found
