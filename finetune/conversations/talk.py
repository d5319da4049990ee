"""One conversation in the making: what was said and shown, and the plan that the next message means."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.planner.slots import in_major
from agent.planner.wishes import limit
from agent.schema import Act, Conversation, Message, Plan, Shown
from finetune.conversations.phrasing import Part, phrasings, things
from finetune.conversations.world import World

SYMBOL = {"USD": "$", "EUR": "€", "GBP": "£"}
WORDS = {"USD": ("dollars", "bucks"), "EUR": ("euros", "euro"), "GBP": ("pounds", "quid")}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
COLOURS = frozenset(
    ("red", "blue", "black", "white", "green", "grey", "yellow", "pink", "purple", "brown", "silver", "golden")
)
COUNTS = {2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4"), 5: ("five", "5")}


@dataclass
class Talk:
    """State of a conversation.

    Attributes:
        world: the shop.
        part: whose phrasings are used.
        rng: decides everything.
        plan: what the shopper wants as of now; None before anything was said.
        shown: what the shop showed last.
        said: all messages so far.
        keep: words of the message in the making that its plan copies.
    """

    world: World
    part: Part
    rng: random.Random
    plan: Plan | None = None
    shown: tuple[Shown, ...] = ()
    said: list[Message] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)

    @property
    def conversation(self) -> Conversation:
        """What was said before the message in the making."""
        return Conversation(messages=tuple(self.said))

    @property
    def base(self) -> Plan:
        """The plan so far, without what belongs to single turns."""
        turn: dict[str, object] = {"targets": (), "cart_op": None, "quantity": 1, "ask": None, "question": ""}
        return (self.plan or Plan()).model_copy(update=turn | {"act": Act.RECOMMEND})

    def say(self, move: str, **slots: str) -> str:
        """A phrasing of a move, filled in; the words filled in are kept as they are."""
        text = self.rng.choice(phrasings(move, self.part))
        self.keep += slots.values()
        return text.format(**slots)

    def aside(self) -> str:
        """A sentence that is no wish."""
        return self.rng.choice(phrasings("frame.context", self.part))

    def pick(self, name: str) -> str:
        """One of the adjectives, materials and so on."""
        return self.rng.choice(things(name, self.world.part))

    def money(self, minor: int) -> str:
        """A sum as shoppers write it: "$50", "50 dollars", "50"."""
        code = self.world.vocabulary.currency or "USD"
        amount = in_major(minor, code)
        symbol, words = SYMBOL.get(code, ""), WORDS.get(code, (code,))
        forms = (
            f"{symbol}{amount}",
            f"{symbol}{amount}",
            amount,
            f"{amount} {self.rng.choice(words)}",
            f"{amount}{symbol}",
        )
        return self.rng.choice(forms)

    def sum(self, low: int = 5, high: int = 400) -> int:
        """A round sum in minor units."""
        step = self.rng.choice((1, 5, 10, 10, 25, 50))
        return 100 * max(step, step * round(self.rng.randint(low, high) / step))

    def ordinal(self, place: int) -> str:
        """How the item in a place (from 0) is spoken of."""
        names = {"ordinal": ORDINALS[place], "number": str(place + 1)}
        return self.rng.choice(phrasings("talk.nth", self.part)).format(**names)

    def cheaper(self, direction: int) -> dict[str, object]:
        """The limit that "cheaper" (-1) or "dearer" (1) means after what was shown."""
        bound = limit(direction, self.shown, (), far=False)
        if bound is None:
            return {}
        minor, currency = bound
        if direction < 0:
            high = self.base.price_max
            low = self.base.price_min
            minor = minor if high is None else min(high, minor)
            return {
                "price_max": minor,
                "price_min": low if low is not None and low <= minor else None,
                "currency": currency,
            }
        low, high = self.base.price_min, self.base.price_max
        minor = minor if low is None else max(low, minor)
        return {
            "price_min": minor,
            "price_max": high if high is not None and high >= minor else None,
            "currency": currency,
        }

    def answered(self, message: str, plan: Plan) -> None:
        """Note a message with its plan, and let the shop answer it."""
        self.said.append(Message(role="user", text=message))
        text = "This is what I found."
        shown: tuple[Shown, ...] = ()
        if plan.act is Act.RECOMMEND:
            shown = self.shown = self.world.shelf(self.rng)
            text = f"For “{plan.query}”, this is what I found:" if plan.query else text
        elif plan.act is Act.CLARIFY:
            text = "What kind of thing are you looking for?"
        elif plan.act is Act.CHITCHAT:
            text = "I help with finding things in this shop."
        elif plan.act is Act.CART:
            text = "Your cart is up to date."
        self.plan = plan
        self.said.append(Message(role="assistant", text=text, plan=plan, shown=shown))


def joined(old: Sequence[str], *new: str) -> tuple[str, ...]:
    """Names without repeats, the old ones first."""
    return tuple(dict.fromkeys((*old, *new)))


def refined(query: str, adjective: str) -> str:
    """A query with one more describing word; a colour takes the place of another."""
    words = query.split()
    if adjective in COLOURS:
        words = [word for word in words if word not in COLOURS]
    return " ".join([adjective, *words])
