"""One browser tab: who is there, what was said, and how it looks. Nothing here knows Gradio."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from agent import pressed
from agent.planner.carry import FEW
from agent.schema import Consent, Conversation, ItemReceipt, Plan, Profile
from agent.turn import CardsReady, TextDelta
from retrieval.errors import CrossAisleError
from retrieval.schema import EventKind
from retrieval.text import label
from ui.desk import Desk
from ui.language import marked, say
from ui.turn_record import turn_record
from ui.turn_view import TurnView

log = logging.getLogger(__name__)

VISITOR = "visitor-"
REDRAW = 0.08
"""Seconds between two drawings of streamed prose."""
COMPARED = 4
"""Items that can be ticked at once."""
_SAID = {
    "favourite": (marked("Liked: {name}. It counts from the next answer on."), marked("No longer liked: {name}.")),
    "dismiss": (marked("Noted: no more {name}."), marked("Taken back: {name} may come again.")),
    "cart": (marked("In your cart: {name}."), marked("Out of your cart: {name}.")),
}


@dataclass
class Room:
    """The state of one tab. `busy` is held while a turn is answered; `fixed` is the only shopper it may be.

    `drawn` is what the tab shows in each block of HTML, by the block's id.
    """

    desk: Desk
    shopper: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    turns: list[TurnView] = field(default_factory=list)
    marks: dict[str, set[str]] = field(default_factory=dict)
    ticked: list[str] = field(default_factory=list)
    language: str = "en"
    fixed: str = ""
    drawn: dict[int, str] = field(default_factory=dict)
    busy: threading.Lock = field(default_factory=threading.Lock)
    cancel: threading.Event = field(default_factory=threading.Event)
    _acting: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.enter(self.shopper or None)

    @property
    def is_visitor(self) -> bool:
        """Whether nobody signed in; a visitor has a throw-away name, so that likes count within the visit."""
        return self.shopper.startswith(VISITOR)

    @property
    def profile(self) -> Profile:
        """Who speaks, and what they allow, read anew for each turn."""
        return self.desk.profile(self.shopper).model_copy(update={"language": self.language})

    def is_of(self, shopper: str | None) -> bool:
        """Whether a name, "" or None for a visitor, is who is here already."""
        name = (shopper or "").strip()[:200]
        return name == self.shopper or (not name and self.is_visitor)

    def enter(self, shopper: str | None) -> str:
        """Sign in as a shopper, or as a fresh visitor; a new conversation begins. Returns what to confirm."""
        self.shopper = self.fixed or (shopper or "").strip()[:200] or VISITOR + secrets.token_hex(6)
        self.begin()
        if self.is_visitor:
            return say("You are a visitor now; nothing is known of you.")
        if self.desk.knows(self.shopper):
            return say("Signed in as {shopper}.", shopper=self.shopper)
        return say("Signed in as {shopper}, who is new here.", shopper=self.shopper)

    def begin(self) -> str:
        """Start a new conversation; likes, cart and consents stay. Returns what to confirm."""
        self.cancel.set()
        self.conversation, self.turns, self.ticked = Conversation(), [], []
        self.look_again()
        return say("A new conversation.")

    def allow(self, consent: Consent) -> str:
        """Change what the shopper allows; it holds from the next answer on. Returns what to confirm."""
        self.desk.allow(self.shopper, prompt=consent.prompt, personalise=consent.personalise)
        steers = (
            say("From now on your history steers suggestions.")
            if consent.personalise
            else say("From now on your history does not steer suggestions.")
        )
        reads = say("The language model may read it.") if consent.prompt else say("The language model may not read it.")
        return f"{steers} {reads}"

    def goes_and_stays(self) -> list[str]:
        """What forgetting the shopper here takes, and what the shop itself goes on knowing."""
        lines = [
            say(
                "This deletes for good what was recorded here: what you looked at, liked and put into the cart, your "
                "conversations, and how your switches stand."
            )
        ]
        if self.desk.knows_from_shop(self.shopper):
            lines.append(
                say(
                    "What the shop itself knows you bought stays, and steers suggestions again. To keep it out, forget "
                    "it line by line under History, or switch off “Let my history steer suggestions” afterwards."
                )
            )
        return lines

    def forget(self) -> str:
        """Remove everything recorded of the shopper here. Returns what to confirm."""
        gone = self.desk.forget_shopper(self.shopper)
        self.begin()
        return say(
            "Forgotten. Events: {events}, conversations: {conversations}, lines in the cart: {cart}.",
            events=gone.events,
            conversations=gone.conversations,
            cart=gone.cart,
        )

    def forget_event(self, key: str) -> str:
        """Forget one event, recorded here or of the shop's own data. Returns what to confirm."""
        found = self.desk.forget(self.shopper, key)
        self._read_again()
        return say("Forgotten; it no longer counts.") if found else say("That was forgotten already.")

    def forget_interest(self, category: str) -> str:
        """Forget all that was done in a category. Returns what to confirm."""
        count = self.desk.forget_interest(self.shopper, category)
        self._read_again()
        if not count:
            return say("That was forgotten already.")
        return say(
            "Forgotten: {count} events in {category}; they no longer count.", count=count, category=label(category)
        )

    def resume(self, shopper: str, conversation: str) -> str:
        """Go on where this browser left, if the conversation is the shopper's; else start anew."""
        self.enter(shopper)
        if conversation:
            self.go_back(conversation)
        return ""

    def go_back(self, conversation: str) -> str:
        """Go on with an earlier conversation of this shopper. Returns what to confirm."""
        try:
            found = self.desk.memory.conversation(conversation)
        except CrossAisleError:  # forgotten meanwhile, or of another database
            found = None
        if found is None or found.shopper != self.shopper:
            return say("That conversation is not there any more.")
        self.begin()
        self.conversation = found
        said = [message.text for message in found.messages if message.role == "user"]
        replies = self.desk.memory.turns(conversation)
        self.turns = [
            TurnView(f"r{index}-{conversation[:6]}", text, reply.receipt, reply.text, reply)
            for index, (text, reply) in enumerate(zip(said[-len(replies) :], replies, strict=False))
        ]
        return say("Going on with an earlier conversation.")

    def _read_again(self) -> None:
        """Show what was said as memory has it now, without what was forgotten."""
        self.look_again()
        if not self.conversation.id:
            return
        self.conversation = self.desk.memory.conversation(self.conversation.id)
        replies = self.desk.memory.turns(self.conversation.id)
        told = [view for view in self.turns if view.reply is not None]
        for view, reply in zip(told[::-1], replies[::-1], strict=False):
            view.reply, view.receipt, view.text = reply, reply.receipt, reply.text

    def look_again(self) -> None:
        """Read likes, dismissals and the cart from memory."""
        self.marks = self.desk.marks(self.shopper)

    def say(self, message: str, plan: Plan | None = None) -> Iterator[None]:
        """Answer a message; each step means that there is something new to draw. Errors are shown, not raised.

        Args:
            message: the shopper's words.
            plan: what they mean, where a button said them.
        """
        view = TurnView(f"t{len(self.turns)}-{secrets.token_hex(3)}", message)
        self.turns.append(view)
        cancel = self.cancel = threading.Event()
        yield
        conversation, drawn = self.conversation, 0.0
        try:
            for step in self.desk.assistant.turn(message, conversation, self.profile, cancel, plan):
                if isinstance(step, CardsReady):
                    view.receipt = step.receipt
                    yield
                elif isinstance(step, TextDelta):
                    view.text += step.text
                    if time.monotonic() - drawn >= REDRAW:
                        yield
                        drawn = time.monotonic()
                else:
                    view.reply, view.receipt, view.text = step.reply, step.reply.receipt, step.reply.text
                    if self.conversation is conversation:
                        self.conversation = step.conversation
        except CrossAisleError as error:
            view.problem = str(error)
        except Exception:  # the edge of the page: shown here, logged with its trace
            log.exception("a turn failed")
            view.problem = say("Something went wrong here, and it was logged. Please try again.")
        self.look_again()
        yield

    def act(self, kind: str, item: str) -> str:
        """Like, dismiss or put into the cart; the same again takes it back. Returns what to confirm.

        Raises:
            UnknownItemError: the item is not in the catalogue.
        """
        name = self.name_of(item)
        with self._acting:  # what is taken back is read and written: two presses at once are one after the other
            taken_back = kind in self.marks.get(item, ())
            if taken_back:
                self.desk.take_back(self.shopper, item, EventKind(kind))
            else:
                self.desk.record(self.shopper, item, EventKind(kind))
            if kind == EventKind.CART:
                change = self.desk.memory.cart_remove if taken_back else self.desk.memory.cart_add
                change(self.shopper, item)
            self.look_again()
        return say(_SAID[kind][taken_back], name=name)

    def tick(self, item: str) -> str:
        """Choose an item for comparing, or no longer. Returns what to confirm. Raises `UnknownItemError`."""
        name = self.name_of(item)
        if item in self.ticked:
            self.ticked.remove(item)
            return say("No longer ticked: {name}.", name=name)
        if len(self.ticked) == COMPARED:
            return say("At most {count} can be compared at once; untick one first.", count=COMPARED)
        self.ticked.append(item)
        if len(self.ticked) == 1:
            return say("Ticked: {name}. Tick another one to compare them.", name=name)
        return say("Ticked: {name}. Compare is below the cards.", name=name)

    def compare(self) -> tuple[str, Plan]:
        """What to say to compare the ticked items, and what it means. Each counts as looked at; ticks are used up."""
        chosen, self.ticked = self.ticked, []
        for item in chosen:
            self.desk.record(self.shopper, item, EventKind.VIEW)
        names = say(" and ").join(self.name_of(item) for item in chosen)
        return say("Compare {names}.", names=names), pressed.compare(chosen, self.conversation)

    def more_like(self, item: str) -> tuple[str, Plan]:
        """What to say for more of this kind, and what it means; the item counts as looked at from this turn on.

        Raises:
            UnknownItemError: the item is not in the catalogue.
        """
        catalogue = self.desk.shop.catalogue
        chosen = catalogue.item(catalogue.row(item))
        siblings = int(catalogue.category.member((chosen.category,)).sum()) - 1
        plan = pressed.more_like(chosen, self.conversation, alone=siblings < FEW)
        self.desk.record(self.shopper, item, EventKind.VIEW)
        return say("More like {name}.", name=self.name_of(item)), plan

    def name_of(self, item: str) -> str:
        """The name under which an item was shown, else its title. Raises `UnknownItemError`."""
        catalogue = self.desk.shop.catalogue
        name = next((entry.name for entry in self._entries() if entry.item.id == item), "")
        return name or catalogue.item(catalogue.row(item)).title

    def earlier(self) -> str:
        """All turns but the latest, as HTML; very old ones are left to the transcript."""
        return "".join(view.html(self.marks, self.ticked) for view in self.turns[-20:-1])

    def latest(self) -> str:
        """The latest turn as HTML, "" before the first."""
        return self.turns[-1].html(self.marks, self.ticked) if self.turns else ""

    def record(self) -> str:
        """How the latest turn went, for whoever may look as anybody: the team, or everybody on their own machine."""
        if self.fixed or not self.turns or self.turns[-1].reply is None:
            return ""
        told = turn_record(self.turns[-1].reply, self.turns[-1].message)
        summary = f"<summary>{escape(say('How this turn went'))}</summary>"
        return f'<details class="xa-why" data-key="record">{summary}{told}</details>'

    def _entries(self) -> list[ItemReceipt]:
        return [entry for view in self.turns if view.receipt for entry in view.receipt.items]
