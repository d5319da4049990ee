"""How the chat page is laid out: Gradio's components by name, and their words in each language."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import gradio as gr

from ui.language import LANGUAGES, say


class Layout:
    """Builds the page's components inside an open `gr.Blocks`; each is an attribute.

    Args:
        head: the head of the page as HTML.
        sign_out: whether there is somebody to sign out.
    """

    def __init__(self, head: str, *, sign_out: bool = False) -> None:
        self._script = files("ui").joinpath("page.js").read_text(encoding="utf-8")
        self.head = self._html(head, elem_id="xa-head")
        with gr.Row(elem_id="xa-page"):
            with gr.Column(scale=5, min_width=300, elem_id="xa-main"):
                self._chat()
            with gr.Column(scale=2, min_width=280, elem_id="xa-side"):
                self._who()
                self._panels()
                with gr.Row(elem_id="xa-ends"):
                    self.anew = gr.Button(size="sm", min_width=110, elem_id="xa-anew")
                    self.forget = gr.Button(size="sm", min_width=110, elem_id="xa-forget")
                    self.sign_out = gr.Button(
                        size="sm", min_width=90, link="/logout", visible=sign_out, elem_id="xa-sign-out"
                    )
                with gr.Column(visible=False, min_width=0, elem_id="xa-sure") as self.sure:
                    self.warning = self._html("")
                    with gr.Row():
                        self.yes = gr.Button(size="sm", variant="stop", min_width=110, elem_id="xa-forget-yes")
                        self.no = gr.Button(size="sm", min_width=110, elem_id="xa-forget-no")
        self.store = gr.BrowserState({"shopper": "", "conversation": "", "language": ""}, storage_key="crossaisle")

    @property
    def drawn(self) -> list[Any]:
        """Everything that a handler may draw anew."""
        chat = [self.head, self.past, self.live, self.status, self.chips, self.words, self.send]
        side = [self.language, self.shopper, self.personalise, self.prompt, *self.tabs, *self.panels]
        side.append(self.record)
        ends = [self.anew, self.forget, self.sign_out, self.sure, self.warning, self.yes, self.no]
        return [*chat, *side, *ends, self.store]

    @property
    def still(self) -> list[Any]:
        """The blocks that show HTML and nothing that a shopper could change: they stay until they are drawn again."""
        return [self.past, self.live, self.chips, *self.panels, self.record]

    @property
    def acting(self) -> list[Any]:
        """The blocks whose buttons act."""
        return [self.past, self.live, self.chips, *self.panels]

    @property
    def talking(self) -> list[Any]:
        """The blocks with buttons that make a turn."""
        return [self.past, self.live, self.chips]

    def labels(self, shoppers: Sequence[str] | None) -> dict[Any, Any]:
        """The components' words in the language spoken now.

        Args:
            shoppers: whom the picker offers; None where one may be oneself only. Nobody's name is in the page before.
        """
        names = [(say("Visitor, no history"), ""), *((name, name) for name in shoppers or ())]
        tabs = (say("Cart"), say("History"), say("Interests"), say("Talks"))
        return {
            self.words: gr.update(label=say("Your message"), placeholder=say("What are you looking for?")),
            self.send: gr.update(value=say("Send")),
            self.shopper: gr.update(
                label=say("Shopping as"),
                info=say("Pick one, or type a shopper's id"),
                choices=names,
                visible=shoppers is not None,
            ),
            self.language: gr.update(label=say("Language")),
            self.personalise: gr.update(label=say("Let my history steer suggestions")),
            self.prompt: gr.update(label=say("Let the language model read my history")),
            self.anew: gr.update(value=say("New conversation")),
            self.forget: gr.update(value=say("Forget me here")),
            self.sure: gr.update(visible=False),
            self.yes: gr.update(value=say("Yes, forget me here")),
            self.no: gr.update(value=say("No, keep everything")),
            self.sign_out: gr.update(value=say("Sign out")),
        } | {tab: gr.update(label=name) for tab, name in zip(self.tabs, tabs, strict=True)}

    def _html(self, value: str = "", **options: Any) -> gr.HTML:
        return gr.HTML(value, js_on_load=self._script, apply_default_css=False, **options)

    def _chat(self) -> None:
        with gr.Column(elem_id="xa-thread", min_width=0):
            self.past = self._html(elem_id="xa-past")
            self.live = self._html(elem_id="xa-live")
        gr.HTML('<div id="xa-log" class="xa-unseen" role="log" aria-live="polite"></div>', elem_id="xa-told")
        self.status = gr.HTML("", elem_id="xa-status")
        self.chips = self._html(elem_id="xa-chips")
        with gr.Row(elem_id="xa-ask"):
            self.words = gr.Textbox(
                show_label=False,
                label="Your message",
                max_length=20_000,
                lines=1,
                max_lines=4,
                scale=8,
                min_width=120,
                container=False,
                elem_id="xa-words",
            )
            self.send = gr.Button("Send", variant="primary", scale=0, min_width=84, elem_id="xa-send")

    def _who(self) -> None:
        with gr.Column(elem_id="xa-who", min_width=0):
            self.shopper = gr.Dropdown(
                choices=[("Visitor, no history", "")],
                value="",
                allow_custom_value=True,
                label="Shopping as",
                elem_id="xa-shopper",
            )
            self.language = gr.Radio(
                [(name, code) for code, name in LANGUAGES.items()],
                value="en",
                label="Language",
                container=False,
                elem_id="xa-language",
            )
            self.personalise = gr.Checkbox(
                True, label="Let my history steer suggestions", elem_id="xa-personalise", container=False
            )
            self.prompt = gr.Checkbox(
                False, label="Let the language model read my history", elem_id="xa-prompt", container=False
            )

    def _panels(self) -> None:
        names = ("cart", "history", "interests", "talks")
        self.tabs, self.panels = [], []
        with gr.Tabs(elem_id="xa-panels"):
            for name in names:
                with gr.Tab(name.title(), elem_id=f"xa-{name}-tab") as tab:
                    self.panels.append(self._html(elem_id=f"xa-{name}"))
                self.tabs.append(tab)
        self.cart, self.history, self.interests, self.talks = self.panels
        self.record = self._html(elem_id="xa-record")
