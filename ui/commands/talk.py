"""`crossaisle chat`, `recommend`, `record` and `consent`: one shopper, one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.forgetting import history_of
from agent.schema import Act, Conversation, ItemReceipt, Plan, Profile, Receipt, Reply
from agent.wording import money, stock
from retrieval.schema import EventKind
from retrieval.text import label
from ui import contract
from ui.desk import Desk
from ui.output import complain, say


def chat(desk: Desk, message: str, shopper: str | None, file: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Take one turn, print it unless `quiet`, and append it to the transcript in `file` if there is one."""
    from agent import transcript
    from agent.turn import CardsReady, TurnDone

    conversation = transcript.read(file, shopper) if file else Conversation(shopper=shopper)
    shopper = shopper or conversation.shopper
    if file:
        desk.memory.open_conversation(shopper, conversation.id)  # the log knows it under the file's id
    _note_unknown(desk, shopper)
    desk.warm()  # else the first turn's time would be that of opening files
    reply: Reply | None = None
    after = conversation
    for step in desk.assistant.turn(message, conversation, desk.profile(shopper)):
        if isinstance(step, CardsReady):
            if not quiet:
                print_cards(step.receipt.items)
        elif isinstance(step, TurnDone):
            reply, after = step.reply, step.conversation
        elif not quiet:
            print(step.text, end="", flush=True)  # noqa: T201
    if reply is None:
        raise AssertionError("a turn ends with TurnDone")  # pragma: no cover
    if not quiet:
        say("")
    if file:
        transcript.append(file, conversation, message, reply)
    return contract.chat_json(reply, after.id)


def recommend(desk: Desk, shopper: str, k: int, *, quiet: bool) -> dict[str, Any]:
    """Suggest without words, as the shopper's consent allows; every item with its receipt."""
    from agent.act import Actor

    known = _note_unknown(desk, shopper)
    profile = desk.profile(shopper)
    actor = Actor(desk.shop, desk.memory, cards=k, across=k)
    history = history_of(desk.shop, desk.memory, shopper, personalise=profile.consent.personalise)
    receipt = _suggestions(actor, profile, history)
    if not quiet:
        print_cards(receipt.items)
        for note in receipt.notes:
            say(note)
    return contract.recommend_json(desk.shop.name, shopper, receipt.items, known)


def record(desk: Desk, shopper: str, item: str, kind: EventKind, quantity: float, *, quiet: bool) -> dict[str, Any]:
    """Keep an event; it counts in the next turn."""
    event = desk.record(shopper, item, kind, quantity)
    if not quiet:
        say(f"Recorded: {shopper} {kind.value} {item}.")
    return contract.record_json(event)


def consent(desk: Desk, shopper: str, prompt: bool | None, personalise: bool | None, *, quiet: bool) -> dict[str, Any]:
    """Change what a shopper allows, or only tell it."""
    allowed = desk.allow(shopper, prompt=prompt, personalise=personalise)
    if not quiet:
        say(f"History steers suggestions: {'on' if allowed.personalise else 'off'}.")
        say(f"History may enter a language model's prompt: {'on' if allowed.prompt else 'off'}.")
    return contract.consent_json(shopper, allowed)


def print_cards(entries: tuple[ItemReceipt, ...]) -> None:
    """Cards as lines on a terminal: rank, name, price, platform, stock, category, and why."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    for entry in entries:
        item = entry.item
        facts = (money(item.price_minor, item.currency), item.platform, label(item.category), stock(item.availability))
        console.print(Text.assemble((f"{entry.rank:>2}. ", "dim"), (entry.name, "bold")))
        told = " · ".join(fact for fact in (*facts, item.promotion) if fact)
        console.print(Padding(Text(told, "cyan"), (0, 0, 0, 4)))
        if entry.reason:
            console.print(Padding(Text(entry.reason, "dim"), (0, 0, 0, 4)))
    if entries:
        console.print()


def _suggestions(actor: Any, profile: Profile, history: Any) -> Receipt:
    acted = actor.act(Plan(act=Act.RECOMMEND), "", Conversation(), profile, history)
    receipt: Receipt = actor.with_what_ifs(acted)
    return receipt


def _note_unknown(desk: Desk, shopper: str | None) -> bool:
    known = shopper is not None and desk.knows(shopper)
    if shopper is not None and not known:
        complain(f"note: {desk.shop.name} has seen nothing of shopper {shopper!r} yet; treated as new")
    return known
