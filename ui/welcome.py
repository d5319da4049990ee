"""The page's standing parts as HTML: head, first screen with examples, quick replies, status line."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from retrieval.text import label

if TYPE_CHECKING:
    from ui.room import Room


def header(shop: str, model: str | None) -> str:
    """The head of the page: whose shop it is, and which model answers."""
    told = f"language model: {model}" if model else "rules planner, no language model"
    return (
        '<header class="xa-header"><div class="xa-brand"><svg viewBox="0 0 32 32" aria-hidden="true">'
        '<path d="M4 7h8l8 18h8M4 25h8l3-6.7M20 7h8M20 7l-2.8 6.3" /></svg>'
        f'<h1>{escape(shop)}<span>by CrossAisle</span></h1></div><p class="xa-model">{escape(told)}</p></header>'
    )


def hello(room: Room) -> str:
    """What a shopper sees before the first message, with examples to press."""
    who = "Hello" if room.is_visitor else f"Hello, {room.shopper}"
    known = len(room.desk.shop.catalogue)
    buttons = "".join(_say(text, text) for text in examples(room))
    return (
        f'<div class="xa-hello"><h2>{escape(who)}. What are you after?</h2>'
        f"<p>Ask for a thing, a price, a brand, or just for ideas. I look through {known:,} goods, also in aisles you "
        f'have not walked yet, and show why each one is here.</p><div class="xa-quick">{buttons}</div></div>'
    )


def examples(room: Room) -> list[str]:
    """Requests that this shop can answer: ideas, and two of its own larger categories."""
    counts = room.desk.large_categories(3)
    ideas = "Surprise me with something new" if room.is_visitor else "What might I need next?"
    return [ideas, *(f"Show me {label(name).lower()}" for name in counts)]


def chips(room: Room) -> str:
    """Quick replies to what was shown last; none before anything was shown."""
    shown = next((view.receipt.items for view in reversed(room.turns) if view.receipt and view.receipt.items), ())
    if not shown:
        return ""
    quick = [("Cheaper", "cheaper"), ("Something else", "something else")]
    brand = shown[0].item.brand
    if brand and len(brand) <= 24:
        quick.append((f"Not {brand}", f"not {brand}"))
    quick += [("Another aisle", "surprise me with something new"), ("Only in stock", "only what is in stock")]
    if len(shown) > 1:
        quick.append(("Compare the first two", "compare the first two"))
    return f'<div class="xa-quick">{"".join(_say(name, text) for name, text in quick)}</div>'


def status(text: str) -> str:
    """The line that confirms what was done; screen readers read it out."""
    return f'<p class="xa-status" role="status">{escape(text)}</p>'


def _say(name: str, text: str) -> str:
    return f'<button type="button" class="xa-chip" data-op="say" data-text="{escape(text)}">{escape(name)}</button>'
