"""A plan by one call of a language model, believed only as far as the conversation and the catalogue bear it out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.models.base import ChatMessage, ChatModel, parsed
from agent.planner.slots import ASKS, MAX_QUANTITY, READ, SAID, Slots, draft
from agent.planner.vocabulary import Vocabulary
from agent.prompting import Prompt
from agent.schema import Act, Conversation, Plan
from agent.wording import money
from retrieval.errors import ModelOutputError
from retrieval.text import clean, terms, words

log = logging.getLogger(__name__)

Text = Annotated[str, Field(max_length=120)]
Texts = Annotated[list[Text], Field(max_length=8)]
Numbers = Annotated[list[int], Field(max_length=8)]


class Draft(BaseModel):
    """A plan as a model writes it; what it leaves out is empty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    act: Literal["recommend", "clarify", "compare", "explain", "cart", "chitchat"]
    query: Text
    include: Texts = []
    exclude: Texts = []
    price_min: str | None = None
    price_max: str | None = None
    brands: Texts = []
    not_brands: Texts = []
    categories: Texts = []
    not_categories: Texts = []
    platforms: Texts = []
    not_platforms: Texts = []
    in_stock: bool = False
    recipient: Text | None = None
    targets: Numbers = []
    dismissed: Numbers = []
    cart_op: Literal["add", "remove", "show"] | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    ask: Literal["budget", "kind", "recipient"] | None = None


class ModelPlanner:
    """Reads a message with a language model.

    Args:
        model: any chat model.
        prompt: of task "plan".
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
            history_lines: what the shopper did before, in words; give them only with the shopper's consent.

        Returns:
            A plan in which every name is the catalogue's, every target was shown, and every word was said or is sold.

        Raises:
            ModelError: the model can't be reached, is too slow, or wrote something else than such a plan.
        """
        slots = Slots.of(message, conversation, self._vocabulary)
        done = self._model.complete(
            plan_messages(self._prompt, message, conversation, slots, history_lines),
            slots.schema(),
            deadline=deadline,
            max_tokens=slots.budget(),
        )
        return self._believed(parsed(done.text, self._model.name), slots, message, conversation.plan or Plan())

    def _believed(self, data: Any, slots: Slots, message: str, previous: Plan) -> Plan:
        """Check every part of what the model wrote against the conversation and the catalogue."""
        try:
            said = Draft.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            raise self._refused(f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}") from error
        act = Act(said.act)
        low, high, currency = self._limits(said, slots, previous)
        names = self._names(said)
        for text in (said.query, said.recipient or "", *said.include, *said.exclude):
            self._check_words(text, slots)
        targets = self._items(said.targets, slots) if act in (Act.COMPARE, Act.EXPLAIN, Act.CART) else ()
        if act in (Act.COMPARE, Act.EXPLAIN) and not slots.shown:
            raise self._refused("it speaks of shown items where none are")
        if act is Act.CART and (said.cart_op is None or (said.cart_op != "show" and not targets)):
            raise self._refused("it changes the cart without saying what")
        plan = Plan(
            query=clean(said.query),
            include=_distinct(said.include),
            exclude=_distinct(said.exclude),
            price_min=low,
            price_max=high,
            currency=currency,
            in_stock=said.in_stock,
            recipient=clean(said.recipient or "") or None,
        ).model_copy(update=names)
        if act not in (Act.RECOMMEND, Act.CLARIFY):  # to talk or to fill the cart changes no wish
            plan = previous
        now = {
            "act": act,
            "targets": targets,
            "cart_op": said.cart_op if act is Act.CART else None,
            "quantity": said.quantity if act is Act.CART else 1,
            "ask": (said.ask or ASKS[1]) if act is Act.CLARIFY else None,
            "question": clean(message, READ) if act in (Act.COMPARE, Act.EXPLAIN) else "",
            "not_items": tuple(dict.fromkeys((*previous.not_items, *self._items(said.dismissed, slots)))),
            "confidence": 1.0,
        }
        return plan.model_copy(update=now)

    def _limits(self, said: Draft, slots: Slots, previous: Plan) -> tuple[int | None, int | None, str | None]:
        for amount in (said.price_min, said.price_max):
            if amount is not None and amount not in slots.sums:
                raise self._refused(f"nobody named the sum {amount!r}")
        low = slots.sums[said.price_min] if said.price_min is not None else None
        high = slots.sums[said.price_max] if said.price_max is not None else None
        if low and high and (low[1] != high[1] or low[0] > high[0]):
            raise self._refused("its price limits contradict each other")
        limit = low or high
        currency = limit[1] if limit else previous.currency
        return (low[0] if low else None), (high[0] if high else None), currency

    def _names(self, said: Draft) -> dict[str, tuple[str, ...]]:
        known = self._vocabulary
        find: dict[str, tuple[Sequence[str], Callable[[str], tuple[str, ...]]]] = {
            "brands": (known.brands, known.brand),
            "categories": (known.categories, known.category),
            "platforms": (known.platforms, known.platform),
        }
        found: dict[str, tuple[str, ...]] = {}
        for kind, (exact, like) in find.items():
            for field in (kind, f"not_{kind}"):
                asked: list[str] = getattr(said, field)
                spelled = [name for text in asked for name in ((text,) if text in exact else like(text))]
                found[field] = tuple(dict.fromkeys(spelled))
                if len(spelled) < len(asked):
                    log.info("the catalogue lacks some of the %s %s", field, asked)
            if set(found[kind]) & set(found[f"not_{kind}"]):
                raise self._refused(f"it both wants and refuses {kind}")
        return found

    def _items(self, numbers: Sequence[int], slots: Slots) -> tuple[str, ...]:
        if any(not 1 <= number <= len(slots.shown) for number in numbers):
            raise self._refused(f"it speaks of items {list(numbers)}, {len(slots.shown)} are shown")
        return tuple(dict.fromkeys(slots.shown[number - 1].id for number in numbers))

    def _check_words(self, text: str, slots: Slots) -> None:
        said = frozenset(slots.words) | frozenset(slots.joined.split())
        for word in words(text):
            spoken = word in said or (not word.isascii() and word in slots.joined)
            if not spoken and not all(self._vocabulary.count(term) for term in terms(word)):
                raise self._refused(f"it searches for {word!r}, which nobody said and no item holds")

    def _refused(self, why: str) -> ModelOutputError:
        return ModelOutputError(
            f"model {self._model.name} wrote a plan that can't be believed ({why})", "use a better model or adapter"
        )


def plan_messages(
    prompt: Prompt, message: str, conversation: Conversation, slots: Slots, history_lines: Sequence[str] = ()
) -> list[ChatMessage]:
    """The prompt of task "plan", filled in for one message; what models are trained on and what they are served."""
    said = [f"{'shopper' if m.role == 'user' else 'shop'}: {m.text[:SAID]}" for m in conversation.messages[-6:]]
    previous = conversation.plan
    shown = [
        f"{number}. {item.name} | {money(item.price_minor, item.currency)} | {item.platform} | {item.category}"
        for number, item in enumerate(slots.shown, start=1)
    ]
    names = {"categories": slots.categories, "brands": slots.brands, "platforms": slots.platforms}
    return prompt.messages(
        history=list(history_lines),
        conversation=said,
        previous_plan=json.dumps(draft(previous, slots.shown), ensure_ascii=False) if previous else "",
        shown=shown,
        names=[f"{kind}: {', '.join(known)}" for kind, known in names.items() if known],
        message=clean(message, READ),
    )


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in map(clean, texts) if text))
