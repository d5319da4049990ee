"""Product cards and messages as HTML. Whatever comes from outside is escaped here, once, where it is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from urllib.parse import urlsplit

from agent.relax import is_near
from agent.schema import ItemReceipt, Receipt
from agent.wording import money, offer, stock
from retrieval.schema import Item
from retrieval.text import label
from ui.evidence import ledger
from ui.language import day, marked, say
from ui.tiles import picture

BADGES = {
    "asked": marked("What you asked for"),
    "near": marked("Close to your words"),
    "across": marked("From another aisle"),
    "usual": marked("Your usual aisle"),
    "repeat": marked("Running low?"),
    "idea": marked("An idea"),
}
MARKS = {
    "favourite": (marked("Like"), marked("Liked")),
    "dismiss": (marked("Not for me"), marked("Dismissed")),
    "cart": (marked("Add to cart"), marked("In cart")),
}


def card(
    entry: ItemReceipt, turn: str, marks: Collection[str] = (), *, ticked: bool = False, near: bool = False
) -> str:
    """One product card with its actions and, folded, its evidence.

    Args:
        entry: the item and everything that justifies it.
        turn: the turn's id, which makes the fold's key unique on the page.
        marks: what the shopper already said of it: of `favourite`, `dismiss`, `cart`.
        ticked: whether it is chosen for comparing.
        near: whether it is close to what was asked for rather than that.
    """
    item = entry.item
    dismissed = " xa-dismissed" if "dismiss" in marks else ""
    buttons = [_action(kind, item.id, entry.name, marks) for kind in MARKS]
    buttons.insert(2, _button("more", item.id, say("More like this"), entry.name))
    return (
        f'<article class="xa-card{dismissed}" data-item="{escape(item.id)}" aria-label="{escape(entry.name)}">'
        f'<div class="xa-top">{picture(item)}<div class="xa-head">'
        f'<span class="xa-badge xa-{entry.aisle}">{escape(say(BADGES["near" if near else entry.aisle]))}</span>'
        f'<h3 class="xa-title" title="{escape(item.title)}">{escape(entry.name)}</h3></div></div>'
        f"{_facts(item)}{_paragraph('xa-reason', entry.reason)}"
        f'<div class="xa-actions">{"".join(buttons)}{_tick(item.id, entry.name, ticked)}</div>'
        f'<details class="xa-why" data-key="{escape(f"{turn}:{item.id}")}">'
        f'<summary>{escape(say("Why this"))}<span class="xa-unseen">: {escape(entry.name)}</span></summary>'
        f"{ledger(entry)}</details></article>"
    )


def cards(receipt: Receipt, turn: str, marks: dict[str, set[str]], ticked: Collection[str] = ()) -> str:
    """All cards of a turn, best first; "" where nothing is shown."""
    inside = "".join(
        card(
            entry,
            turn,
            marks.get(entry.item.id, ()),
            ticked=entry.item.id in ticked,
            near=is_near(receipt.plan, entry),
        )
        for entry in receipt.items
    )
    told = escape(say("Suggestions"))
    return f'<div class="xa-cards" role="group" aria-label="{told}">{inside}</div>' if inside else ""


def notes(those: Sequence[str]) -> str:
    """What has to be known of the cards, above them: that nothing quite fits, what is not checked, a question."""
    told = "".join(f"<p>{_lines(note)}</p>" for note in those)
    return f'<div class="xa-notes">{told}</div>' if told else ""


def bubble(text: str) -> str:
    """What the shopper said."""
    return f'<div class="xa-said"><p>{_lines(text)}</p></div>'


def prose(text: str, names: Sequence[str] = (), *, writing: bool = False) -> str:
    """The assistant's words; shown items' names stand out. `writing` draws the pulse of an unfinished answer."""
    state = " xa-writing" if writing else ""
    return f'<div class="xa-prose{state}"><p>{_bold(_lines(text), names)}</p></div>'


def model_note(planner: str, explainer: str, degraded: bool, milliseconds: float | None) -> str:
    """Who planned and who wrote, in small print."""
    told = [say("understood by {planner}", planner=_who(planner)), say("written by {writer}", writer=_who(explainer))]
    if milliseconds is not None:
        told.append(say("cards after {milliseconds:.0f} ms", milliseconds=milliseconds))
    if degraded:
        told.append(say("the language model did not answer, so the rules did"))
    return f'<p class="xa-note">{escape(" · ".join(told))}</p>'


def problem(text: str) -> str:
    """Why a turn could not be answered, and what to do."""
    return f'<div class="xa-problem" role="alert"><p>{_lines(text)}</p></div>'


def link(url: str) -> str | None:
    """The address if it is one that may stand on a page (http or https, with a host), else None."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in ("http", "https") and parts.hostname else None


def _facts(item: Item) -> str:
    price = f'<span class="xa-price">{escape(money(item.price_minor, item.currency))}</span>'
    where = [escape(name) for name in (item.platform, label(item.category)) if name]
    known = stock(item.availability)
    told = known or say("stock unknown")
    if item.as_of and (known or item.price_minor is not None):
        told = say("{state} as of {day}", state=told, day=day(item.as_of))
    state = f'<span class="xa-stock xa-{item.availability.value}">{escape(told)}</span>'
    address = link(item.url)
    outside = (
        f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow">'
        f"{escape(say('Open in the shop'))}</a>"
        if address
        else ""
    )
    return (
        f'<p class="xa-facts">{price}<span class="xa-where">{" · ".join(where)}</span></p>'
        f'<p class="xa-facts">{state}{outside}</p>{_paragraph("xa-promo", offer(item.promotion))}'
    )


def _action(kind: str, item: str, name: str, marks: Collection[str]) -> str:
    said = kind in marks
    return _button(kind, item, say(MARKS[kind][said]), name, f' aria-pressed="{str(said).lower()}"')


def _button(kind: str, item: str, told: str, name: str, state: str = "") -> str:
    return (
        f'<button type="button" class="xa-act xa-act-{kind}" data-op="{kind}" data-item="{escape(item)}"{state} '
        f'aria-label="{escape(told)}: {escape(name)}">{escape(told)}</button>'
    )


def _tick(item: str, name: str, ticked: bool) -> str:
    told = escape(say("Compare"))
    return (
        f'<label class="xa-tick"><input type="checkbox" data-op="tick" data-item="{escape(item)}" '
        f'aria-label="{told}: {escape(name)}"{" checked" if ticked else ""}>{told}</label>'
    )


def _who(name: str) -> str:
    """A planner or writer in words: the names that a trace knows, anything else as it is."""
    known = {
        "rules": marked("rules"),
        "model": marked("model"),
        "template": marked("template"),
        "button": marked("button"),
        "model+template": marked("model and template"),
    }
    return say(known[name]) if name in known else name


def _paragraph(style: str, text: str) -> str:
    return f'<p class="{style}">{escape(text)}</p>' if text else ""


def _lines(text: str) -> str:
    return escape(text.strip()).replace("\n", "<br>")


def _bold(html: str, names: Sequence[str]) -> str:
    """Set names in bold where they stand in escaped text; longer names first, none inside another."""
    held: list[str] = []
    for name in sorted({escape(name) for name in names if name}, key=len, reverse=True):
        if name in html:
            html = html.replace(name, f"\x00{len(held)}\x00")
            held.append(name)
    for index, name in enumerate(held):
        html = html.replace(f"\x00{index}\x00", f"<strong>{name}</strong>")
    return html
