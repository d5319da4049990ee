"""One browser tab: who is there, what was said, and how it looks. Nothing here knows Gradio."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.schema import Consent, Conversation, ItemReceipt, Profile, Receipt, Reply
from agent.turn import CardsReady, TextDelta
from retrieval.errors import CrossAisleError
from retrieval.schema import EventKind
from ui import cards
from ui.desk import Desk

log = logging.getLogger(__name__)

VISITOR = "visitor-"
REDRAW = 0.08
"""Seconds between two drawings of streamed prose."""
_SAID = {
    "favourite": ("Liked: {}. It counts from the next answer on.", "No longer liked: {}."),
    "dismiss": ("Noted: no more {}.", "Taken back: {} may come again."),
    "cart": ("In your cart: {}.", "Out of your cart: {}."),
}


@dataclass
class TurnView:
    """One turn as the page shows it: cards as soon as there is a receipt, prose as it comes."""

    id: str
    message: str
    receipt: Receipt | None = None
    text: str = ""
    reply: Reply | None = None
    problem: str = ""

    def html(self, marks: dict[str, set[str]]) -> str:
        """The turn as HTML; cards stand before prose in time and in place: no button moves while text grows."""
        names = [entry.name for entry in self.receipt.items] if self.receipt else []
        parts = [cards.bubble(self.message)]
        if self.receipt is not None:
            parts.append(cards.cards(self.receipt, self.id, marks))
        if self.problem:
            parts.append(cards.problem(self.problem))
        else:
            parts.append(cards.prose(self.text, names, writing=self.reply is None))
        if self.reply is not None:
            trace = self.reply.trace
            parts.append(
                cards.model_note(trace.planner, trace.explainer, trace.degraded, trace.timings_ms.get("cards"))
            )
        return f'<section class="xa-turn" data-turn="{self.id}">{"".join(parts)}</section>'


@dataclass
class Room:
    """The state of one tab. `busy` is held while a turn is answered."""

    desk: Desk
    shopper: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    turns: list[TurnView] = field(default_factory=list)
    marks: dict[str, set[str]] = field(default_factory=dict)
    busy: threading.Lock = field(default_factory=threading.Lock)
    cancel: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.enter(self.shopper or None)

    @property
    def is_visitor(self) -> bool:
        """Whether nobody signed in; a visitor has a throw-away name, so that likes count within the visit."""
        return self.shopper.startswith(VISITOR)

    @property
    def profile(self) -> Profile:
        """Who speaks, and what they allow, read anew for each turn."""
        return self.desk.profile(self.shopper)

    def enter(self, shopper: str | None) -> str:
        """Sign in as a shopper, or as a fresh visitor; a new conversation begins. Returns what to confirm."""
        self.shopper = (shopper or "").strip()[:200] or VISITOR + secrets.token_hex(6)
        self.begin()
        if self.is_visitor:
            return "You are a visitor now; nothing is known of you."
        known = self.desk.knows(self.shopper)
        return f"Signed in as {self.shopper}{'' if known else ', who is new here'}."

    def begin(self) -> str:
        """Start a new conversation; likes, cart and consents stay. Returns what to confirm."""
        self.cancel.set()
        self.conversation, self.turns = Conversation(), []
        self.look_again()
        return "A new conversation."

    def allow(self, consent: Consent) -> str:
        """Change what the shopper allows; it holds from the next answer on. Returns what to confirm."""
        self.desk.allow(self.shopper, prompt=consent.prompt, personalise=consent.personalise)
        steering = "steers suggestions" if consent.personalise else "does not steer suggestions"
        reading = "may" if consent.prompt else "may not"
        return f"From now on your history {steering}, and the language model {reading} read it."

    def forget(self) -> str:
        """Remove everything recorded of the shopper here. Returns what to confirm."""
        gone = self.desk.memory.forget(self.shopper)
        self.begin()
        return f"Forgotten: {gone.events} events, {gone.conversations} conversations, {gone.cart} lines in the cart."

    def forget_event(self, number: int) -> str:
        """Remove one recorded event. Returns what to confirm."""
        found = self.desk.memory.forget_event(self.shopper, number)
        self.look_again()
        return "Forgotten; it no longer counts." if found else "That was forgotten already."

    def resume(self, shopper: str, conversation: str) -> str:
        """Go on where this browser left, if the conversation is the shopper's; else start anew."""
        self.enter(shopper)
        try:
            found = self.desk.memory.conversation(conversation) if conversation else None
        except CrossAisleError:  # forgotten meanwhile, or of another database
            found = None
        if found is None or found.shopper != self.shopper:
            return ""
        self.conversation = found
        said = [message.text for message in found.messages if message.role == "user"]
        replies = self.desk.memory.turns(conversation)
        self.turns = [
            TurnView(f"r{index}", text, reply.receipt, reply.text, reply)
            for index, (text, reply) in enumerate(zip(said[-len(replies) :], replies, strict=False))
        ]
        return ""

    def look_again(self) -> None:
        """Read likes, dismissals and the cart from memory."""
        self.marks = self.desk.marks(self.shopper)

    def say(self, message: str) -> Iterator[None]:
        """Answer a message; each step means that there is something new to draw. Errors are shown, not raised."""
        view = TurnView(f"t{len(self.turns)}-{secrets.token_hex(3)}", message)
        self.turns.append(view)
        cancel = self.cancel = threading.Event()
        yield
        conversation, drawn = self.conversation, 0.0
        try:
            for step in self.desk.assistant.turn(message, conversation, self.profile, cancel):
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
            view.problem = "Something went wrong here, and it was logged. Please try again."
        self.look_again()
        yield

    def act(self, kind: str, item: str) -> str:
        """Like, dismiss or put into the cart; the same again takes it back. Returns what to confirm.

        Raises:
            UnknownItemError: the item is not in the catalogue.
        """
        catalogue = self.desk.shop.catalogue
        name = next((entry.name for entry in self._entries() if entry.item.id == item), "")
        name = name or catalogue.item(catalogue.row(item)).title
        taken_back = kind in self.marks.get(item, ())
        if taken_back:
            self.desk.take_back(self.shopper, item, EventKind(kind))
        else:
            self.desk.record(self.shopper, item, EventKind(kind))
        if kind == EventKind.CART:
            change = self.desk.memory.cart_remove if taken_back else self.desk.memory.cart_add
            change(self.shopper, item)
        self.look_again()
        return _SAID[kind][taken_back].format(name)

    def earlier(self) -> str:
        """All turns but the latest, as HTML; very old ones are left to the transcript."""
        return "".join(view.html(self.marks) for view in self.turns[-20:-1])

    def latest(self) -> str:
        """The latest turn as HTML, "" before the first."""
        return self.turns[-1].html(self.marks) if self.turns else ""

    def _entries(self) -> list[ItemReceipt]:
        return [entry for view in self.turns if view.receipt for entry in view.receipt.items]


class Rooms:
    """The tabs that are open, by session; the longest unused make room for new ones."""

    def __init__(self, desk: Desk, limit: int = 1000) -> None:
        self._desk, self._limit = desk, limit
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Room:
        """The room of a session; a new one is entered as a visitor."""
        key = session or ""
        with self._lock:
            room = self._rooms.get(key) or Room(self._desk)
            self._rooms[key] = room
            self._rooms.move_to_end(key)
            while len(self._rooms) > self._limit:
                self._rooms.popitem(last=False)
            return room

    def close(self, session: str | None) -> None:
        """A tab was closed: a running model is told to stop."""
        with self._lock:
            room = self._rooms.pop(session or "", None)
        if room is not None:
            room.cancel.set()
