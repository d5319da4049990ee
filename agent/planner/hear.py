"""One message, read by every reader in turn: what it says, before it is laid over what was said earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.planner import acts
from agent.planner.edits import Edits, read_edits
from agent.planner.lexicon import said
from agent.planner.money import Price, read_price
from agent.planner.names import Names, read_names
from agent.planner.phrase import Phrase
from agent.planner.query import phrases
from agent.planner.recipient import Recipient, read_recipient
from agent.planner.refer import Reference, items, refer
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import Wishes, read_wishes
from agent.schema import Act, Conversation, Plan, Shown

_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "a dozen": 12, "a couple": 2}  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """Everything that one message says."""

    text: Text
    price: Price
    wishes: Wishes
    recipient: Recipient
    references: tuple[Reference, ...]
    edits: Edits
    names: Names
    phrases: tuple[Phrase, ...]
    cart: Literal["add", "remove", "show"] | None
    quantity: int
    compares: bool
    why: bool
    asks: bool
    ideas: bool
    more: bool
    dislikes: bool
    likes: bool
    similar: bool
    fresh: bool
    affirms: bool
    small_talk: bool
    off_topic: bool

    @property
    def targets(self) -> tuple[Shown, ...]:
        """Items referred to."""
        return items(self.references)

    @property
    def definite(self) -> bool:
        """Whether an item is pointed at by place, name or trait."""
        return any(reference.definite for reference in self.references)


def hear(message: str, conversation: Conversation, vocabulary: Vocabulary) -> Heard:
    """Read a message in the light of what was shown and asked last."""
    text, previous, shown = Text(message), conversation.plan, conversation.shown
    answering = previous is not None and previous.act is Act.CLARIFY
    cart_words = text.has(said("acts.add")) or text.has(said("acts.remove"))
    why, compares = acts.asks_why(text), acts.compares(text)
    asks, ideas, more = acts.asks(text), acts.ideas(text), text.has(said("acts.more"))
    quantity = _quantity(text)
    price = read_price(
        text, (previous.currency if previous else None) or vocabulary.currency,
        expected=_expected(previous), most_shown=len(shown),
    )  # fmt: skip
    wishes = read_wishes(text, shown=bool(shown))
    similar = bool(shown) and text.has(said("hear.similar"))
    focus = [item for item in shown if previous and item.id in previous.targets]
    references = _references(text, conversation, focus, act=cart_words or why or compares or asks)
    recipient = read_recipient(text, previous.recipient if previous else None)
    cart = acts.cart_op(text, bool(references) or (quantity > 1 and bool(shown)))
    for match in text.find(said("hear.similar")):
        text.take(text.span(match), "reference")
    edits = read_edits(text, vocabulary, (*previous.exclude, *previous.not_brands) if previous else ())
    for match in text.find(said("acts.ideas")):
        text.take(text.span(match), "idiom")
    names = read_names(text, vocabulary)
    return Heard(
        text=text, price=price, wishes=wishes, recipient=recipient, references=tuple(references), edits=edits, names=names,
        phrases=tuple(phrases(text, vocabulary)), cart=cart, quantity=quantity, compares=compares, why=why, asks=asks,
        ideas=ideas, more=more, dislikes=text.has(said("acts.dislike")), likes=text.has(said("acts.like")), similar=similar,
        fresh=text.has(said("acts.fresh")), affirms=acts.affirms(text), small_talk=not answering and acts.is_small_talk(text), off_topic=acts.off_topic(text),
    )  # fmt: skip


def _expected(previous: Plan | None) -> str:
    if previous is None:
        return ""
    if previous.act is Act.CLARIFY and previous.ask == "budget":
        return "ask"
    return "max" if previous.price_max is not None else "min" if previous.price_min is not None else ""


def _references(text: Text, conversation: Conversation, focus: Sequence[Shown], *, act: bool) -> list[Reference]:
    found = refer(text, conversation.shown, focus, act)
    if any(reference.definite for reference in found) or not act:
        return found
    earlier = [message.shown for message in reversed(conversation.messages) if message.shown][1:]
    for shown in earlier:
        older = [reference for reference in refer(text, shown, (), act) if reference.definite]
        if older:
            return older
    return found


def _quantity(text: Text) -> int:
    for match in text.find(said("hear.quantity")):
        spoken = match["n"] or match["m"] or match["k"]
        number = _COUNTS.get(spoken) or int(spoken)
        return number if 0 < number <= 99 else 1
    return 1
