"""A plan by one short call of a small language model that says what a message changes, believed as far as it was said.

The prompt holds what a small model needs and no more: the plan so far, the names of what is shown, and the names of
the catalogue that the message touches. What was said earlier is in the plan already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from agent.models.base import ChatMessage, ChatModel, Completion, Schema, parsed
from agent.planner.changes import NAMES, Change, Cleared, applied, spaced
from agent.planner.slots import ASKS, MAX_LETTERS, MAX_QUANTITY, READ, Slots, draft
from agent.planner.vocabulary import Vocabulary
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Message, Plan
from retrieval.errors import ModelOutputError
from retrieval.text import clean, words

SHOWN_NAME = 24  # characters of a shown item's name: enough to be told apart, and short to read
MAX_TOKENS = 160
MAX_LISTED = 4
_MARKS = ".,;:!?()\"'"


@dataclass(frozen=True)
class Reading:
    """One message, ready to be asked about.

    Attributes:
        slots: what the whole conversation holds; shown items and sums come from here.
        said: what this message alone holds; new names and words come from here.
    """

    message: str
    conversation: Conversation
    slots: Slots
    said: Slots

    @classmethod
    def of(cls, message: str, conversation: Conversation, vocabulary: Vocabulary) -> Reading:
        """Collect what a message and its conversation hold."""
        alone = Conversation(messages=(Message(role="assistant", text="", plan=None, shown=conversation.shown),))
        return cls(
            message, conversation, Slots.of(message, conversation, vocabulary), _touched(message, vocabulary, alone)
        )

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
        """A JSON schema that holds exactly the changes which this message can make; only `act` has to be there."""
        shown = bool(self.slots.shown)
        acts = [act.value for act in Act if shown or act not in (Act.COMPARE, Act.EXPLAIN)]
        phrase, name_lists = _phrase(self.spoken, 1, 8), {kind: self._listed(kind) for kind in NAMES}
        amounts = [a for a in self.said.sums if a in self.slots.sums]
        sums = {"enum": spaced(amounts)} if amounts else None
        numbers = _list({"enum": [*range(1, len(self.slots.shown) + 1)]}) if shown else None
        refused = list(self.conversation.plan.exclude) if self.conversation.plan else []
        fields: dict[str, Any] = {
            "act": {"enum": acts},
            "topic": {"enum": ["refine", "replace"]},
            "query": self._query(),
            "include": _list(phrase),
            "exclude": _list(phrase),
            "allow": _list({"enum": spaced(refused)}) if refused else None,
            "price_min": sums,
            "price_max": sums,
            "price": {"enum": ["cheaper", "dearer"]} if shown else None,
        }
        for kind, listed in name_lists.items():
            fields |= {kind: listed, f"not_{kind}": listed}
        fields |= {
            "clear": _list({"enum": list(get_args(Cleared))}),
            "in_stock": {"enum": [True]},
            "recipient": _phrase((*self.spoken, *_owners(self.spoken)), 1, 2),
            "items": numbers,
            "dismiss": numbers,
            "others": {"enum": [True]} if shown else None,
            "cart_op": {"enum": ["add", "remove", "show"] if shown else ["show"]},
            "quantity": {"enum": [*range(2, MAX_QUANTITY + 1)]},
            "ask": {"enum": list(ASKS)},
        }
        fields = {name: field for name, field in fields.items() if field is not None}
        return {"type": "object", "properties": fields, "required": ["act"], "additionalProperties": False}

    @property
    def spoken(self) -> tuple[str, ...]:
        """Words of this message in small letters, those with a hyphen both whole and in parts."""
        whole = (word.strip(_MARKS) for word in clean(self.message, READ).casefold().split())
        hyphened = [w for w in whole if "-" in w and len(w) <= MAX_LETTERS and all(p.isalnum() for p in w.split("-"))]
        return (*self.said.words, *hyphened)

    def _listed(self, kind: str) -> Schema | None:
        names = getattr(self.said, kind)
        return _list({"enum": list(dict.fromkeys(spaced(list(names))))}) if names else None

    def _query(self) -> Schema | None:
        """Words of this message and of the query before it."""
        before = words(self.conversation.plan.query) if self.conversation.plan else []
        return _phrase((*self.spoken, *before), 0, 10)


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
        return self.read(message, conversation, deadline=deadline)[0]

    def read(self, message: str, conversation: Conversation, *, deadline: float) -> tuple[Plan, Completion]:
        """The same with the answer that it was made from."""
        reading = Reading.of(message, conversation, self._vocabulary)
        done = self._model.complete(
            reading.messages(self._prompt), reading.schema(), deadline=deadline, max_tokens=MAX_TOKENS
        )
        return self._believed(parsed(done.text, self._model.name), reading), done

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
        seen = [item.id for said in reading.conversation.messages for item in said.shown]
        plan = applied(change, reading.conversation.plan, slots.shown, slots.sums, seen)
        asked = clean(reading.message, READ) if plan.act in (Act.COMPARE, Act.EXPLAIN) else ""
        return plan.model_copy(update={"question": asked})

    def _check(self, change: Change, slots: Slots) -> None:
        """Raise unless every sum and word was said, every item shown, every name the catalogue's."""
        said = {*slots.words, *slots.joined.split()}
        said |= {*_owners([*said])}
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


def _owners(spoken: Sequence[str]) -> list[str]:
    """Words without the "s" of "my sister's" or, as it is often typed, "my sisters"."""
    return [word[:-1] for word in spoken if word.endswith("s") and len(word) > 2]


def _phrase(known: Sequence[str], least: int, most: int) -> Schema | None:
    """Text of `least` (0 or 1) to `most` of some words, each with a space before it."""
    if not known:
        return None
    word = "(?: (?:" + "|".join(re.escape(word) for word in dict.fromkeys(known)) + "))"
    return {"type": "string", "pattern": f"^{word}{{{least},{most}}}$"}


def _list(items: Schema | None) -> Schema | None:
    return None if items is None else {"type": "array", "items": items, "maxItems": MAX_LISTED}
