"""One message made ready for a small language model: its prompt, and the schema of all that it can change.

The prompt holds what a small model needs and no more: the plan so far, the names of what is shown, and the names of
the catalogue that the message touches. What was said earlier is in the plan already.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from agent.models.base import ChatMessage, Schema
from agent.planner.changes import NAMES, Cleared, spaced
from agent.planner.slots import ASKS, MAX_QUANTITY, READ, Slots, draft
from agent.planner.spans import Place, longer, places, span
from agent.planner.vocabulary import Vocabulary
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Message, Plan
from retrieval.text import clean, words

SHOWN_NAME = 24  # characters of a shown item's name: enough to be told apart, and short to read
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
