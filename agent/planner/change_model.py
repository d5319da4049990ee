"""A plan by one short call of a small language model that says what a message changes, believed as far as it was said.

The prompt holds what a small model needs and no more: the plan so far, the names of what is shown, and the names of
the catalogue that the message touches. What was said earlier is in the plan already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import ValidationError

from agent.models.base import ChatMessage, ChatModel, Completion, Schema, parsed
from agent.planner.changes import NAMES, Change, Cleared, applied, change_of, spaced
from agent.planner.slots import ASKS, MAX_QUANTITY, READ, Slots, draft
from agent.planner.spans import Place, longer, places, span
from agent.planner.vocabulary import Vocabulary
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Message, Plan
from retrieval.errors import ModelOutputError
from retrieval.text import clean, words

SHOWN_NAME = 24  # characters of a shown item's name: enough to be told apart, and short to read
MAX_TOKENS = 160
MAX_LISTED = 4
MAX_COPIED = 8  # words of a query or wish


@dataclass(frozen=True)
class Reading:
    """One message, ready to be asked about.

    Attributes:
        slots: what the whole conversation holds; shown items and sums come from here.
        said: what this message alone holds; new names and words come from here.
        correct: mends the spelling of a word by what the shop calls things.
    """

    message: str
    conversation: Conversation
    slots: Slots
    said: Slots
    correct: Callable[[str], str] = str

    @classmethod
    def of(cls, message: str, conversation: Conversation, vocabulary: Vocabulary) -> Reading:
        """Collect what a message and its conversation hold."""
        alone = Conversation(messages=(Message(role="assistant", text="", plan=None, shown=conversation.shown),))
        whole, said = Slots.of(message, conversation, vocabulary), _touched(message, vocabulary, alone)
        return cls(message, conversation, whole, said, vocabulary.correct)

    @property
    def seen(self) -> list[str]:
        """Ids of all that was shown so far."""
        return [item.id for said in self.conversation.messages for item in said.shown]

    def messages(self, prompt: Prompt) -> list[ChatMessage]:
        """The prompt of task "change", filled in."""
        previous = self.conversation.plan
        names = {kind: getattr(self.said, kind) for kind in NAMES}
        return prompt.messages(
            previous_plan=json.dumps(_brief(previous), ensure_ascii=False, separators=(",", ":")) if previous else "",
            shown=[f"{number} {item.name[:SHOWN_NAME]}" for number, item in enumerate(self.slots.shown, start=1)],
            names=[f"{kind}: {', '.join(known)}" for kind, known in names.items() if known],
            message=clean(self.message, READ),
        )

    def schema(self) -> Schema:
        """A JSON schema that holds exactly the changes which this message can make: one kind of object for each act."""
        numbers = _list({"enum": [*range(1, len(self.slots.shown) + 1)]}) if self.slots.shown else None
        kinds: list[dict[str, Any]] = [
            {"act": {"enum": [Act.RECOMMEND.value]}, **self._wishes(numbers)},
            {"act": {"enum": [Act.CLARIFY.value]}, "ask": {"enum": list(ASKS)}},
            {
                "act": {"enum": [Act.CART.value]},
                "items": numbers,
                "cart_op": {"enum": ["add", "remove", "show"] if numbers else ["show"]},
                "quantity": {"enum": [*range(2, MAX_QUANTITY + 1)]} if numbers else None,
            },
            {"act": {"enum": [Act.CHITCHAT.value]}, "items": numbers},
        ]
        if numbers:
            kinds.append({"act": {"enum": [Act.COMPARE.value, Act.EXPLAIN.value]}, "items": numbers})
        return {"anyOf": [_object(kind) for kind in kinds], "$defs": self._shared}

    @cached_property
    def _shared(self) -> dict[str, Schema]:
        """What several fields may hold, said once, since a grammar engine compiles it as often as it is said."""
        amounts = [a for a in self.said.sums if a in self.slots.sums]
        found = {
            "phrase": _pattern(span(self._places, MAX_COPIED)),
            "sum": {"enum": spaced(amounts)} if amounts else None,
            **{kind: self._listed(kind) for kind in NAMES},
        }
        return {name: field for name, field in found.items() if field is not None}

    def _same(self, name: str) -> Schema | None:
        return {"$ref": f"#/$defs/{name}"} if name in self._shared else None

    def _wishes(self, numbers: Schema | None) -> dict[str, Any]:
        """The fields of a change that searches."""
        refused = list(self.conversation.plan.exclude) if self.conversation.plan else []
        fields: dict[str, Any] = {
            "topic": {"enum": ["refine", "replace"]},
            "query": self._query(),
            "include": _list(self._same("phrase")),
            "exclude": _list(self._same("phrase")),
            "allow": _list({"enum": spaced(refused)}) if refused else None,
            "price_min": self._same("sum"),
            "price_max": self._same("sum"),
            "price": {"enum": ["cheaper", "dearer"]} if numbers else None,
        }
        for kind in NAMES:
            fields |= {kind: self._same(kind), f"not_{kind}": self._same(kind)}
        return fields | {
            "clear": _list({"enum": list(get_args(Cleared))}),
            "in_stock": {"enum": [True]},
            "recipient": _pattern(span([_owned(place) for place in self._places], 2)),
            "dismiss": numbers,
            "others": {"enum": [True]} if numbers else None,
        }

    @cached_property
    def _places(self) -> list[Place]:
        return places(clean(self.message, READ), self.correct)

    def _listed(self, kind: str) -> Schema | None:
        names = getattr(self.said, kind)
        return _list({"enum": list(dict.fromkeys(spaced(list(names))))}) if names else None

    def _query(self) -> Schema | None:
        """A run of this message's words, or the query before it with such a run added."""
        before = self.conversation.plan.query if self.conversation.plan else ""
        options = [self._same("phrase"), _pattern(longer(before, self._places, MAX_COPIED))]
        found = [option for option in options if option is not None]
        return found[0] if len(found) == 1 else {"anyOf": found} if found else None


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


def _touched(message: str, vocabulary: Vocabulary, conversation: Conversation) -> Slots:
    """What one message holds, its names those that it touches even where the shop has few."""
    slots = Slots.of(message, conversation, vocabulary)
    tokens = words(clean(message, READ))
    found = {
        "brands": vocabulary.find_brands(tokens),
        "categories": vocabulary.find_categories(tokens),
        "platforms": vocabulary.find_platforms(tokens),
    }
    touched = {k: tuple(dict.fromkeys(n for f in named for n in f.names))[:MAX_LISTED] for k, named in found.items()}
    return Slots(
        words=slots.words,
        sums=slots.sums,
        shown=slots.shown,
        joined=slots.joined,
        **touched,
    )


def _brief(plan: Plan) -> dict[str, Any]:
    """A plan as the prompt tells it: the wish, without what belongs to its turn, and no item numbers of old lists."""
    told = draft(plan.model_copy(update={"targets": (), "not_items": (), "cart_op": None, "ask": None}), ())
    return {name: value if name in ("act", "in_stock") else spaced(value) for name, value in told.items()}


def _owned(place: Place) -> Place:
    """A word also without the "s" of "my sister's" or, as it is often typed, "my sisters"."""
    return (*place, *(way[:-1] for way in place if way.endswith("s") and len(way) > 2))


def _pattern(pattern: str) -> Schema | None:
    return {"type": "string", "pattern": f"^(?:{pattern})$"} if pattern else None


def _object(fields: dict[str, Any]) -> Schema:
    known = {name: field for name, field in fields.items() if field is not None}
    return {"type": "object", "properties": known, "required": ["act"], "additionalProperties": False}


def _list(items: Schema | None) -> Schema | None:
    return None if items is None else {"type": "array", "items": items, "maxItems": MAX_LISTED}
