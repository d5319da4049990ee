"""The shop chat as a web page: sign in, talk, cards before prose, evidence, feedback, cart, history, consents.

This module is the only one that knows Gradio; `ui/room.py` holds what a tab remembers. Import it only to serve.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import gradio as gr

from agent.schema import Consent
from retrieval.errors import CrossAisleError
from ui import panels, welcome
from ui.desk import Desk
from ui.room import Room, Rooms

log = logging.getLogger(__name__)

Updates = dict[Any, Any]
_TAKES_CARD = frozenset({"favourite", "dismiss", "cart", "uncart"})


def build(desk: Desk) -> gr.Blocks:
    """The page over an opened shop; mount or launch it (see `ui/server.py`)."""
    return Page(desk).blocks


class Page:
    """Lays the page out and answers its events. Handlers are plain functions: Gradio runs them in its thread pool."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.rooms = desk, Rooms(desk)
        self.script = files("ui").joinpath("page.js").read_text(encoding="utf-8")
        with gr.Blocks(title=f"{desk.shop.name} · CrossAisle", analytics_enabled=False, fill_width=True) as self.blocks:
            gr.HTML(welcome.header(desk.shop.name, desk.model.name if desk.model else None))
            with gr.Row(elem_id="xa-page"):
                with gr.Column(scale=5, min_width=300, elem_id="xa-main"):
                    self._lay_out_chat()
                with gr.Column(scale=2, min_width=280, elem_id="xa-side"):
                    self._lay_out_side()
            self.store = gr.BrowserState({"shopper": "", "conversation": ""}, storage_key="crossaisle")
            self._listen()
        self.blocks.queue(default_concurrency_limit=16, max_size=256)

    def _html(self, value: str = "", **options: Any) -> gr.HTML:
        return gr.HTML(value, js_on_load=self.script, apply_default_css=False, **options)

    def _lay_out_chat(self) -> None:
        with gr.Column(elem_id="xa-thread", min_width=0):
            self.past = self._html(elem_id="xa-past")
            self.live = self._html(elem_id="xa-live")
        self.status = gr.HTML("", elem_id="xa-status")
        self.chips = self._html(elem_id="xa-chips")
        with gr.Row(elem_id="xa-ask"):
            self.words = gr.Textbox(
                show_label=False,
                label="Your message",
                placeholder="What are you looking for?",
                max_length=20_000,
                lines=1,
                max_lines=4,
                scale=8,
                min_width=120,
                container=False,
                elem_id="xa-words",
            )
            self.send = gr.Button("Send", variant="primary", scale=0, min_width=84, elem_id="xa-send")

    def _lay_out_side(self) -> None:
        with gr.Column(elem_id="xa-who", min_width=0):
            self.shopper = gr.Dropdown(
                choices=self._choices(),
                value="",
                label="Shopping as",
                info="Pick one, or type a shopper's id",
                allow_custom_value=True,
                elem_id="xa-shopper",
            )
            self.personalise = gr.Checkbox(
                True, label="Let my history steer suggestions", elem_id="xa-personalise", container=False
            )
            self.prompt = gr.Checkbox(
                False, label="Let the language model read my history", elem_id="xa-prompt", container=False
            )
        with gr.Tabs(elem_id="xa-panels"):
            with gr.Tab("Cart", elem_id="xa-cart-tab"):
                self.cart = self._html(elem_id="xa-cart")
            with gr.Tab("History", elem_id="xa-history-tab"):
                self.history = self._html(elem_id="xa-history")
        with gr.Row(elem_id="xa-ends"):
            self.anew = gr.Button("New conversation", size="sm", min_width=110, elem_id="xa-anew")
            self.forget = gr.Button("Forget me here", size="sm", min_width=110, elem_id="xa-forget")

    def _choices(self) -> list[tuple[str, str]]:
        return [("Visitor, no history", ""), *((name, name) for name in self.desk.some_shoppers())]

    def _listen(self) -> None:
        everything = [self.past, self.live, self.status, self.chips, self.words, self.send, self.cart, self.history]
        everything += [self.shopper, self.personalise, self.prompt, self.store]
        plain = {"outputs": everything, "show_progress": "hidden", "api_visibility": "private"}
        gr.on([self.words.submit, self.send.click], self.on_words, [self.words], **plain)
        for block in (self.past, self.live, self.chips):
            block.say(self.on_chip, None, **plain)
        for block in (self.past, self.live, self.cart, self.history):
            block.act(self.on_act, None, **plain)
        self.shopper.input(self.on_shopper, [self.shopper], **plain)
        gr.on([self.personalise.input, self.prompt.input], self.on_consent, [self.personalise, self.prompt], **plain)
        self.anew.click(self.on_anew, None, **plain)
        self.forget.click(self.on_forget, None, **plain)
        self.blocks.load(self.on_load, [self.store], **plain)
        self.blocks.unload(self.on_unload)

    # Handlers

    def on_load(self, stored: dict[str, str] | None, request: gr.Request) -> Updates:
        """A tab opened or was reloaded: go on where this browser left."""
        room = self.rooms.of(request.session_hash)
        stored = stored if isinstance(stored, dict) else {}
        shopper, conversation = str(stored.get("shopper") or ""), str(stored.get("conversation") or "")
        return self._told(lambda: room.resume(shopper, conversation), room)

    def on_unload(self, request: gr.Request) -> None:
        """A tab was closed."""
        self.rooms.close(request.session_hash)

    def on_words(self, words: str, request: gr.Request) -> Iterator[Updates]:
        """The shopper wrote something."""
        yield from self._turn(self.rooms.of(request.session_hash), words or "")

    def on_chip(self, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """The shopper pressed a button that says something for them."""
        yield from self._turn(self.rooms.of(request.session_hash), str(event._data.get("text") or ""))

    def on_act(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Like, not for me, cart, or forget, on a card or in a panel."""
        room = self.rooms.of(request.session_hash)
        operation, item = str(event._data.get("op") or ""), str(event._data.get("item") or "")
        if operation == "forget" and item.isdecimal():
            return self._told(lambda: room.forget_event(int(item)), room)
        if operation not in _TAKES_CARD:
            return {}
        return self._told(lambda: room.act("cart" if operation == "uncart" else operation, item), room)

    def on_shopper(self, shopper: str | None, request: gr.Request) -> Updates:
        """Somebody else is at the keyboard: their own conversation, cart, history and consents."""
        room = self.rooms.of(request.session_hash)
        return self._told(lambda: room.enter(shopper), room)

    def on_consent(self, personalise: bool, prompt: bool, request: gr.Request) -> Updates:
        """A consent switch was flipped; it holds from the next turn on."""
        room = self.rooms.of(request.session_hash)
        return self._told(lambda: room.allow(Consent(personalise=bool(personalise), prompt=bool(prompt))), room)

    def on_anew(self, request: gr.Request) -> Updates:
        """A new conversation; what was recorded stays."""
        room = self.rooms.of(request.session_hash)
        return self._told(room.begin, room)

    def on_forget(self, request: gr.Request) -> Updates:
        """Remove everything that was recorded of this shopper here."""
        room = self.rooms.of(request.session_hash)
        return self._told(room.forget, room)

    # Drawing

    def _turn(self, room: Room, words: str) -> Iterator[Updates]:
        if not room.busy.acquire(blocking=False):
            yield {self.status: welcome.status("One moment: your last message is still being answered.")}
            return
        try:
            for step, _ in enumerate(room.say(words)):
                if step:
                    yield {self.live: room.latest()}
                    continue
                cleared = {self.words: gr.update(value=""), self.send: gr.update(interactive=False)}
                yield self._thread(room) | cleared | {self.status: welcome.status("")}
            yield self._all(room)
        finally:
            room.busy.release()

    def _told(self, change: Callable[[], str], room: Room) -> Updates:
        """Make a change and draw the page with its confirmation; what goes wrong is shown and logged."""
        try:
            said = change()
            return self._all(room) | {self.status: welcome.status(said)}
        except CrossAisleError as error:
            log.warning("%s", error)
            return {self.status: welcome.status(str(error))}

    def _thread(self, room: Room) -> Updates:
        return {self.past: room.earlier(), self.live: room.latest() or welcome.hello(room)}

    def _all(self, room: Room) -> Updates:
        consent = room.profile.consent
        return self._thread(room) | {
            self.chips: welcome.chips(room),
            self.send: gr.update(interactive=True),
            self.cart: panels.cart_panel(self.desk.cart(room.shopper)),
            self.history: panels.history_panel(*self.desk.history(room.shopper)),
            self.shopper: gr.update(value="" if room.is_visitor else room.shopper),
            self.personalise: consent.personalise,
            self.prompt: consent.prompt,
            self.store: {"shopper": room.shopper, "conversation": room.conversation.id},
        }
