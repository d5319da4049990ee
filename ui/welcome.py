"""The page's standing parts as HTML: head, first screen with examples, status line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from retrieval.text import label
from ui.chips import say_chip
from ui.language import marked, say, spoken

if TYPE_CHECKING:
    from ui.room import Room


_OFFLINE = marked("compact, offline")  # what the model that comes with the project calls itself


def header(shop: str, model: str | None) -> str:
    """The head of the page: whose shop it is, and which model answers. Tells the page's language to the browser."""
    named = say(_OFFLINE) if model == _OFFLINE else model
    told = say("language model: {model}", model=named) if model else say("rules planner, no language model")
    return (
        f'<header class="xa-header" data-lang="{spoken()}"><div class="xa-brand">'
        '<svg viewBox="0 0 32 32" aria-hidden="true">'
        '<path d="M4 7h8l8 18h8M4 25h8l3-6.7M20 7h8M20 7l-2.8 6.3" /></svg>'
        f"<h1>{escape(shop)}<span>{escape(say('by CrossAisle'))}</span></h1></div>"
        f'<p class="xa-model">{escape(told)}</p></header>'
    )


def hello(room: Room) -> str:
    """What a shopper sees before the first message, with examples to press."""
    who = say("Hello") if room.is_visitor else say("Hello, {shopper}", shopper=room.shopper)
    known = len(room.desk.shop.catalogue)
    buttons = "".join(say_chip(text, text) for text in examples(room))
    asked = say("{hello}. What are you after?", hello=who)
    told = say(
        "Ask for a thing, a price, a brand, or just for ideas. I look through {count:,} goods, also in aisles you have "
        "not walked yet, and show why each one is here.",
        count=known,
    )
    return (
        f'<div class="xa-hello"><h2>{escape(asked)}</h2><p>{escape(told)}</p>'
        f'<div class="xa-quick" role="group" aria-label="{escape(say("Examples"))}">{buttons}</div></div>'
    )


def examples(room: Room) -> list[str]:
    """Requests that this shop can answer: ideas, and two of its own larger categories."""
    ideas = say("Surprise me with something new") if room.is_visitor else say("What might I need next?")
    return [ideas, *(say("Show me {goods}", goods=label(name).lower()) for name in room.desk.large_categories(3))]


def status(text: str) -> str:
    """The line that confirms what was done; screen readers read it out."""
    return f'<p class="xa-status" role="status">{escape(text)}</p>'


def warning(lines: Sequence[str]) -> str:
    """What has to be known before something is done for good; screen readers read it out at once."""
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="xa-warning" role="alert">{told}</div>'
