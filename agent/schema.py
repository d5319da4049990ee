"""The values of a conversation: frozen, equal by content, JSON round-trip."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from retrieval.schema import ChannelScore, Constraints, Evidence, Frozen, Item, Need

OFFER = "promotion"
"""The term in a plan's `include` that asks for goods on offer alone; hard, where the shop tells offers."""


class Act(StrEnum):
    """What a turn does."""

    RECOMMEND = "recommend"
    CLARIFY = "clarify"
    COMPARE = "compare"
    EXPLAIN = "explain"
    CART = "cart"
    CHITCHAT = "chitchat"


class Plan(Frozen):
    """What the shopper wants now, with everything carried over from earlier turns.

    Attributes:
        act: what to do this turn.
        query: what is searched for, in the shopper's words, without limits that have fields of their own; "" where
            the shopper asks for ideas only.
        include: terms the shopper would like ("waterproof"); soft, but for `OFFER`.
        exclude: terms the shopper does not want ("leather"); hard.
        price_min, price_max: minor units of `currency`, inclusive; hard.
        brands, not_brands, categories, not_categories, platforms, not_platforms: the catalogue's spelling; hard.
        in_stock: only items known to be in stock; hard.
        recipient: whom it is for ("sister"), None for the shopper. Then the shopper's history is no guide.
        targets: ids of shown items that compare, explain and cart speak of.
        cart_op: what to do with the cart, for act cart.
        quantity: units, for act cart.
        ask: what a question is about: for act clarify what has to be known first ("kind", "recipient", "budget"), for
            act recommend what would narrow it, asked below the cards ("features", "budget", "brand", "use"), or,
            where it was read without certainty, "meaning".
        question: the shopper's question about items in their own words, for acts explain and compare; for act cart
            "everything" where the whole cart is meant.
        not_items: items that the shopper turned down in this conversation; hard.
        confidence: of the planner in this plan, 0 to 1.
    """

    act: Act = Act.RECOMMEND
    query: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    currency: str | None = None
    brands: tuple[str, ...] = ()
    not_brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    not_categories: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    not_platforms: tuple[str, ...] = ()
    in_stock: bool = False
    recipient: str | None = None
    targets: tuple[str, ...] = ()
    cart_op: Literal["add", "remove", "show"] | None = None
    quantity: int = 1
    ask: str | None = None
    question: str = ""
    not_items: tuple[str, ...] = ()
    confidence: float = 1.0

    @property
    def wanted(self) -> tuple[str, ...]:
        """`include` in words of goods: a wish for an offer is told by the goods' promotions, not by their text."""
        return tuple(term for term in self.include if term != OFFER)


class Shown(Frozen):
    """An item as it was shown, as far as later turns need it ("the second one", "cheaper").

    Attributes:
        beside: a suggestion from another aisle, beside what was asked for.
    """

    id: str
    title: str
    name: str
    price_minor: int | None = None
    currency: str = ""
    platform: str = ""
    category: str = ""
    brand: str = ""
    beside: bool = False


class Message(Frozen):
    """One side's words in one turn. An assistant's message carries the plan it acted on and what it showed."""

    role: Literal["user", "assistant"]
    text: str
    plan: Plan | None = None
    shown: tuple[Shown, ...] = ()


class Conversation(Frozen):
    """Messages in order, oldest first."""

    id: str = ""
    shopper: str | None = None
    messages: tuple[Message, ...] = ()

    @property
    def plan(self) -> Plan | None:
        """The last plan acted on, or None."""
        return next((m.plan for m in reversed(self.messages) if m.plan is not None), None)

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The last list of suggestions, best first: what "the second one" means, also after a question about one."""
        lists = [m for m in reversed(self.messages) if m.shown]
        suggested = (m.shown for m in lists if m.plan is None or m.plan.act is Act.RECOMMEND)
        return next(suggested, lists[0].shown if lists else ())

    def with_turn(self, message: str, reply: Reply) -> Conversation:
        """The conversation after one more turn: the shopper's words and the reply, with its plan and what it showed."""
        receipt = reply.receipt
        answer = Message(role="assistant", text=reply.text, plan=receipt.plan, shown=receipt.shown)
        said = (*self.messages, Message(role="user", text=message), answer)
        return self.model_copy(update={"messages": said})


class Check(Frozen):
    """One constraint that was checked on one item: what was asked, what the item has, how it came out."""

    constraint: str
    asked: str
    found: str
    passed: bool


class WhatIf(Frozen):
    """What forgetting one event would do to an item: its rank now and then (None: no longer shown)."""

    event: str
    rank: int
    rank_without: int | None


Aisle = Literal["asked", "across", "usual", "repeat", "idea"]


class ItemReceipt(Frozen):
    """Everything that justifies one shown item; cards, prose, grounding, trace and run file are written from it.

    Attributes:
        rank: place in the list, 1 is first.
        name: the item's title, shortened at a natural break; the prose uses exactly this.
        need: the need it serves; `reason` in one line says why, from the evidence alone.
        aisle: "asked" for what was asked for, "across" for a suggestion from an aisle not walked yet, "usual" for
            something new from a usual one, "repeat" for a refill, "idea" for what fits without any of these.
    """

    item: Item
    rank: int
    name: str
    score: float
    aisle: Aisle
    need: Need
    reason: str = ""
    channels: tuple[ChannelScore, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    checks: tuple[Check, ...] = ()
    what_if: tuple[WhatIf, ...] = ()

    @property
    def shown(self) -> Shown:
        """The item as later turns remember it."""
        item = self.item
        return Shown(
            id=item.id,
            title=item.title,
            name=self.name,
            price_minor=item.price_minor,
            currency=item.currency,
            platform=item.platform,
            category=item.category,
            brand=item.brand,
            beside=self.aisle == "across",
        )


class Receipt(Frozen):
    """What one turn shows and the facts that justify it."""

    plan: Plan
    shop: str
    shopper: str | None
    at: datetime
    needs: tuple[Need, ...] = ()
    items: tuple[ItemReceipt, ...] = ()
    constraints: Constraints = Constraints()
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Shown, ...]:
        """What later turns need of the shown items, best first."""
        return tuple(item.shown for item in self.items)


class TakenOut(Frozen):
    """A sentence of a model that grounding took out, and why."""

    sentence: str
    reason: str


class Trace(Frozen):
    """How a turn went: who planned, who explained, milliseconds per stage, model calls, what grounding replaced.

    `prompts` says which prompt served which task, by hash; empty without a model, as is `model`, which names model and
    adapter. `tokens` counts what was read and written by task: "plan_prompt", "plan_completion", "explain_prompt",
    "explain_completion". `channels_ms` are milliseconds of each channel's search, added up over needs; `taken_out`
    are the sentences that `replaced` counts, and are nothing once an event behind the turn is forgotten.
    """

    planner: str
    explainer: str
    degraded: bool = False
    problems: tuple[str, ...] = ()
    model_calls: int = 0
    sentences: int = 0
    replaced: int = 0
    timings_ms: dict[str, float] = Field(default_factory=dict)
    prompts: dict[str, str] = Field(default_factory=dict)
    model: str = ""
    tokens: dict[str, int] = Field(default_factory=dict)
    channels_ms: dict[str, float] = Field(default_factory=dict)
    taken_out: tuple[TakenOut, ...] = ()


class Reply(Frozen):
    """One whole turn: words, receipt and trace. Memory, transcript and run file are written from this object."""

    text: str
    receipt: Receipt
    trace: Trace
    cart: tuple[Shown, ...] = ()


class Consent(Frozen):
    """What a shopper allows. `personalise`: own events steer the ranking. `prompt`: own events may enter a prompt."""

    personalise: bool = True
    prompt: bool = False


class Profile(Frozen):
    """A shopper as a turn sees them. `shopper` None is a visitor without history; `language` is what they read."""

    shopper: str | None = None
    consent: Consent = Consent()
    language: str = "en"
