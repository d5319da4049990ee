"""The shop chat as a web page: talk, cards before prose, evidence, feedback, cart, history, interests, consents.

This module and `ui/layout.py` are the only ones that know Gradio; `ui/room.py` holds what a tab remembers. Import it
only to serve.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from agent.language import steps_in
from agent.memory.users import Users
from agent.models.base import called
from agent.schema import Consent, Plan
from retrieval.errors import CrossAisleError
from ui import panels, welcome
from ui.blocks import Blocks
from ui.chips import chips
from ui.desk import Desk
from ui.interests import interests_panel
from ui.language import preferred, say, speaking
from ui.layout import Layout
from ui.room import VISITOR, Room
from ui.rooms import Rooms

log = logging.getLogger(__name__)

Updates = dict[Any, Any]
# The box is empty as soon as its words are on their way: what is typed meanwhile is the next message.
CLEARED = """words => {
  const box = document.querySelector("#xa-words textarea");
  box.value = "";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  return [words];
}"""
_TAKES_CARD = frozenset({"favourite", "dismiss", "cart", "uncart"})


def build(desk: Desk, users: Users | None = None) -> gr.Blocks:
    """The page over an opened shop; mount or launch it (see `ui/server.py`).

    Args:
        desk: the shop.
        users: who may be whom, where people sign in.
    """
    return Page(desk, users).blocks


class Page:
    """Answers the page's events. Handlers are plain functions: Gradio runs them in its thread pool."""

    def __init__(self, desk: Desk, users: Users | None = None) -> None:
        self.desk, self.rooms, self.users = desk, Rooms(desk), users
        with Blocks(title=f"{desk.shop.name} · CrossAisle", analytics_enabled=False, fill_width=True) as self.blocks:
            self.at = Layout(self._head(), sign_out=users is not None)
            self._listen()
        self.blocks.queue(default_concurrency_limit=16, max_size=256)

    def _head(self) -> str:
        return welcome.header(self.desk.shop.name, called(self.desk.model) if self.desk.model else None)

    def _listen(self) -> None:
        at = self.at
        plain = {"outputs": at.drawn, "show_progress": "hidden", "api_visibility": "private"}
        sent = [at.words.submit, at.send.click]
        gr.on(sent, self.on_words, [at.words], js=CLEARED, trigger_mode="multiple", **plain)
        for block in at.talking:
            block.say(self.on_press, None, **plain)
        for block in at.acting:
            block.act(self.on_act, None, trigger_mode="multiple", **plain)  # quick clicks all count
        at.shopper.input(self.on_shopper, [at.shopper], **plain)
        at.language.input(self.on_language, [at.language], **plain)
        gr.on([at.personalise.input, at.prompt.input], self.on_consent, [at.personalise, at.prompt], **plain)
        at.anew.click(self.on_anew, None, **plain)
        at.forget.click(self.on_forget, None, **plain)
        at.yes.click(self.on_sure, None, **plain)
        at.no.click(lambda: {at.sure: gr.update(visible=False)}, None, **plain)
        self.blocks.load(self.on_load, [at.store], **plain)
        self.blocks.unload(self.on_unload)

    # Handlers

    def on_load(self, stored: dict[str, str] | None, request: gr.Request) -> Updates:
        """A tab opened or was reloaded: go on where this browser left, in its language."""
        room = self._room(request)
        stored = stored if isinstance(stored, dict) else {}
        shopper, conversation = str(stored.get("shopper") or ""), str(stored.get("conversation") or "")
        room.language = str(stored.get("language") or "") or preferred(request.headers.get("accept-language") or "")
        return self._told(lambda: room.resume(shopper, conversation), room, anew=True)

    def on_unload(self, request: gr.Request) -> None:
        """A tab was closed."""
        self.rooms.close(request.session_hash, request.username or "")

    def on_words(self, words: str, request: gr.Request) -> Iterator[Updates]:
        """The shopper wrote something, or sent an empty box."""
        room = self._room(request)
        if not (words or "").strip():
            if not room.busy.locked():  # else Enter was pressed twice
                yield self._status(room, lambda: say("Write what you are looking for, then send it."))
            return
        yield from self._turn(room, lambda: (words, None), words)

    def on_press(self, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """The shopper pressed a button that says something for them."""
        room = self._room(request)
        operation, item, text = _sent(event)
        if operation == "more":
            yield from self._turn(room, lambda: room.more_like(item))
        elif operation == "compare":
            yield from self._turn(room, room.compare)
        else:
            yield from self._turn(room, lambda: (text, None))

    def on_act(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Like, not for me, cart, tick, go back, or forget, on a card or in a panel."""
        room = self._room(request)
        operation, item, _ = _sent(event)
        if operation == "forget":
            return self._told(lambda: room.forget_event(item), room)
        if operation == "forget-aisle":
            return self._told(lambda: room.forget_interest(item), room)
        if operation == "tick":
            return self._told(lambda: room.tick(item), room)
        if operation == "back":
            return self._told(lambda: room.go_back(item), room)
        if operation not in _TAKES_CARD:
            return {self.at.status: gr.skip()}
        return self._told(lambda: room.act("cart" if operation == "uncart" else operation, item), room)

    def on_shopper(self, shopper: str | None, request: gr.Request) -> Updates:
        """Somebody else is at the keyboard: their own conversation, cart, history and consents.

        Gradio tells of an input as well where the field is only left: whoever it names already stays where they are.
        """
        room = self._room(request)
        if room.is_of(shopper):
            return {self.at.status: gr.skip()}
        return self._told(lambda: room.enter(shopper), room)

    def on_language(self, language: str, request: gr.Request) -> Updates:
        """The page in another language; what was said already stays as it was said."""
        room = self._room(request)
        room.language = str(language)
        return self._told(lambda: say("The page is in English now."), room, anew=True)

    def on_consent(self, personalise: bool, prompt: bool, request: gr.Request) -> Updates:
        """A consent switch was flipped; it holds from the next turn on."""
        room = self._room(request)
        return self._told(lambda: room.allow(Consent(personalise=bool(personalise), prompt=bool(prompt))), room)

    def on_anew(self, request: gr.Request) -> Updates:
        """A new conversation; what was recorded stays."""
        room = self._room(request)
        return self._told(room.begin, room)

    def on_forget(self, request: gr.Request) -> Updates:
        """Say what forgetting takes and what it leaves, and ask once more."""
        room = self._room(request)
        with speaking(room.language):
            return {self.at.sure: gr.update(visible=True), self.at.warning: welcome.warning(room.goes_and_stays())}

    def on_sure(self, request: gr.Request) -> Updates:
        """Remove everything that was recorded of this shopper here."""
        room = self._room(request)
        return self._told(room.forget, room)

    def _room(self, request: gr.Request) -> Room:
        """The tab's room. Whoever signed in as a shopper is that one in every handler, whatever the browser sends."""
        if self.users is None:
            return self.rooms.of(request.session_hash)
        name = request.username or ""
        user = self.users.get(name)
        if user is None:  # removed while the tab was open
            return self.rooms.of(request.session_hash, name, f"{VISITOR}signed-out-{name}")
        return self.rooms.of(request.session_hash, name, "" if user.role == "team" else user.shopper)

    # Drawing

    def _turn(self, room: Room, said: Callable[[], tuple[str, Plan | None]], words: str = "") -> Iterator[Updates]:
        """Answer what was said; while the turn before is being answered, give back the `words` that were typed."""
        if not room.busy.acquire(blocking=False):
            back = {self.at.words: words} if words else {}
            yield back | self._status(room, lambda: say("One moment: your last message is still being answered."))
            return
        try:
            with speaking(room.language):
                words, plan = said()
            for step, _ in enumerate(steps_in(room.language, room.say(words, plan))):
                yield self._changed(self._step(room, first=step == 0), room)
            with speaking(room.language):
                done = self._answered(room)
            yield self._changed(done, room)
        except CrossAisleError as error:
            log.warning("%s", error)
            told = str(error)
            yield self._status(room, lambda: told)
        finally:
            room.busy.release()

    def _step(self, room: Room, *, first: bool) -> Updates:
        with speaking(room.language):
            if not first:
                return {self.at.live: room.latest()}
            return self._thread(room) | {self.at.status: welcome.status("")}

    def _status(self, room: Room, told: Callable[[], str]) -> Updates:
        with speaking(room.language):
            return {self.at.status: welcome.status(told())}

    def _told(self, change: Callable[[], str], room: Room, *, anew: bool = False) -> Updates:
        """Make a change and draw the page with its confirmation; what goes wrong is shown and logged.

        `anew` draws the components' own words too, in the room's language.
        """
        with speaking(room.language):
            try:
                said = change()
                drawn = self._all(room) | {self.at.status: welcome.status(said)}
            except CrossAisleError as error:
                log.warning("%s", error)
                return {self.at.status: welcome.status(str(error))}
            if not anew:
                return self._changed(drawn, room)
            shoppers = None if room.fixed else self.desk.some_shoppers()
            labels = {part: words | drawn.get(part, {}) for part, words in self.at.labels(shoppers).items()}
            language = labels[self.at.language] | gr.update(value=room.language)
            room.drawn.clear()  # a page that was just opened shows nothing yet
            return self._changed(drawn | labels | {self.at.head: self._head(), self.at.language: language}, room)

    def _changed(self, updates: Updates, room: Room) -> Updates:
        """Updates without the blocks of HTML that the tab shows as they are: most panels, after most turns."""
        fresh = {}
        for part, value in updates.items():
            if part in self.at.still and room.drawn.get(part._id) == value:
                continue
            if part in self.at.still:
                room.drawn[part._id] = value
            fresh[part] = value
        return fresh or updates

    def _thread(self, room: Room) -> Updates:
        return {self.at.past: room.earlier(), self.at.live: room.latest() or welcome.hello(room)}

    def _all(self, room: Room) -> Updates:
        at, consent = self.at, room.profile.consent
        return self._answered(room) | {
            at.shopper: gr.update(value="" if room.is_visitor else room.shopper),
            at.personalise: gr.update(value=consent.personalise),
            at.prompt: gr.update(value=consent.prompt),
            at.sure: gr.update(visible=False),  # what was asked was asked of whoever it was about then
        }

    def _answered(self, room: Room) -> Updates:
        """What a turn may have changed."""
        at, consent = self.at, room.profile.consent
        return self._thread(room) | {
            at.chips: chips(room),
            at.cart: panels.cart_panel(self.desk.cart(room.shopper), self.desk.along(room.shopper)),
            at.history: panels.history_panel(*self.desk.history(room.shopper)),
            at.record: room.record(),
            at.interests: interests_panel(self.desk.interests(room.shopper), steering=consent.personalise),
            at.talks: panels.talks_panel(self.desk.memory.conversations(room.shopper), room.conversation.id),
            at.store: {"shopper": room.shopper, "conversation": room.conversation.id, "language": room.language},
        }


def _sent(event: gr.EventData) -> tuple[str, str, str]:
    """A button's operation, item and text, "" for each that isn't there: anything may be sent in a button's name."""
    told = event._data if isinstance(event._data, dict) else {}
    operation, item, text = (str(told.get(name) or "") for name in ("op", "item", "text"))
    return operation, item, text
