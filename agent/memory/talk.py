"""Conversations in the database: opening, reading, and adding a turn as one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy import Connection, func, insert, select, update

from agent.memory.database import upsert
from agent.memory.tables import conversations, messages, turns
from agent.memory.values import ConversationSummary, Recorded, first_words
from agent.schema import Conversation, Message, Plan, Reply
from agent.storable import storable, to_json
from retrieval.errors import StateError


def open_conversation(connection: Connection, shopper: str | None, conversation_id: str | None) -> Conversation:
    """Find or start a conversation; a visitor's becomes the shopper's who goes on with it."""
    key = storable(conversation_id) if conversation_id else uuid4().hex
    new = upsert(connection, conversations).values(id=key, shopper=shopper, started=datetime.now(UTC))
    if connection.execute(new.on_conflict_do_nothing().returning(conversations.c.id)).scalar() is not None:
        return Conversation(id=key, shopper=shopper)
    _claim(connection, key, shopper)
    return load(connection, key)


def load(connection: Connection, key: str) -> Conversation:
    """The whole conversation.

    Raises:
        StateError: when there is none of that id, or a message was written in a form that isn't known.
    """
    owner = _owner(connection, key)
    if owner is None:
        raise _unknown(key)
    chosen = select(messages).where(messages.c.conversation == key).order_by(messages.c.position)
    said = tuple(_message(row._mapping) for row in connection.execute(chosen))
    return Conversation(id=key, shopper=owner[0], messages=said)


def summaries(connection: Connection, shopper: str) -> list[ConversationSummary]:
    """The shopper's conversations, newest first."""
    counted = (
        select(turns.c.conversation, func.count().label("turns"))
        .join(conversations, conversations.c.id == turns.c.conversation)
        .where(conversations.c.shopper == shopper)
        .group_by(turns.c.conversation)
        .subquery()
    )
    first = (messages.c.conversation == conversations.c.id) & (messages.c.position == 0)
    chosen = (
        select(conversations.c.id, conversations.c.started, messages.c.text, counted.c.turns)
        .outerjoin(messages, first)
        .outerjoin(counted, counted.c.conversation == conversations.c.id)
        .where(conversations.c.shopper == shopper)
        .order_by(conversations.c.started.desc(), conversations.c.id)
    )
    return [
        ConversationSummary(id=key, started=started, first=first_words(said or ""), turns=count or 0)
        for key, started, said, count in connection.execute(chosen)
    ]


def latest(connection: Connection, most: int) -> list[Recorded]:
    """The last conversations in which something was said, oldest first, visitors' too."""
    spoken = select(messages.c.conversation).where(messages.c.role == "user")
    chosen = select(conversations.c.id, conversations.c.started).where(conversations.c.id.in_(spoken))
    newest = chosen.order_by(conversations.c.started.desc(), conversations.c.id).limit(most)
    rows = list(connection.execute(newest))
    return [Recorded(conversation=load(connection, key), started=started) for key, started in reversed(rows)]


def add_turn(connection: Connection, conversation: Conversation, message: str, reply: Reply) -> Conversation:
    """Append what was said as one piece, behind whatever another tab has added meanwhile; see `Memory.save_turn`."""
    speaker = reply.receipt.shopper or conversation.shopper
    speaker = storable(speaker) if speaker else None
    if conversation.id:
        key = storable(conversation.id)
        owner = _claim(connection, key, speaker)
    else:
        key, owner = open_conversation(connection, speaker, None).id, speaker
    last = connection.execute(select(func.max(messages.c.position)).where(messages.c.conversation == key)).scalar()
    start = 0 if last is None else int(last) + 1
    said = conversation.model_copy(update={"id": key, "shopper": owner}).with_turn(storable(message), reply)
    new = said.messages if start == 0 else said.messages[-2:]
    connection.execute(insert(messages), _rows(key, start, new))
    connection.execute(
        insert(turns).values(
            conversation=key,
            position=start + len(new) - 1,
            shopper=speaker or owner,
            reply=to_json(reply),
            items=to_json([item.item.id for item in reply.receipt.items]),
            at=datetime.now(UTC),
        )
    )
    return said if start in {0, len(conversation.messages)} else load(connection, key)


def replies(connection: Connection, key: str) -> list[Reply]:
    """The log of a conversation, oldest first."""
    chosen = select(turns.c.position, turns.c.reply).where(turns.c.conversation == key).order_by(turns.c.position)
    found = []
    for position, reply in connection.execute(chosen):
        try:
            found.append(Reply.model_validate_json(reply))
        except ValidationError as error:
            raise _unreadable(key, position) from error
    return found


def rewrite(connection: Connection, shopper: str, change: Callable[[Reply], Reply]) -> int:
    """Put `change(reply)` in the place of a shopper's replies, in the log and in what was said; see `Memory`."""
    theirs = select(conversations.c.id).where(conversations.c.shopper == shopper)
    chosen = select(turns.c.conversation, turns.c.position, turns.c.reply).where(turns.c.conversation.in_(theirs))
    changed = 0
    for key, position, kept in connection.execute(chosen).all():
        try:
            old = Reply.model_validate_json(kept)
        except ValidationError as error:
            raise _unreadable(key, position) from error
        new = change(old)
        if new == old:
            continue
        changed += 1
        for table, fresh in ((turns, {"reply": to_json(new)}), (messages, {"text": storable(new.text)})):
            place = (table.c.conversation == key) & (table.c.position == position)
            connection.execute(update(table).where(place).values(**fresh))
    return changed


def _owner(connection: Connection, key: str, *, lock: bool = False) -> tuple[str | None] | None:
    """The conversation's shopper, in a tuple, or None; with `lock`, no other writer gets at it in this transaction."""
    chosen = select(conversations.c.shopper).where(conversations.c.id == key)
    row = connection.execute(chosen.with_for_update() if lock else chosen).first()
    return None if row is None else (row[0],)


def _claim(connection: Connection, key: str, shopper: str | None) -> str | None:
    owner = _owner(connection, key, lock=True)
    if owner is None:
        raise _unknown(key)
    if owner[0] is None and shopper is not None:
        connection.execute(update(conversations).where(conversations.c.id == key).values(shopper=shopper))
        return shopper
    if shopper is not None and owner[0] != shopper:
        raise StateError(f"conversation {key!r} is another shopper's", "Start a new conversation for this shopper")
    return owner[0]


def _rows(key: str, start: int, said: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {
            "conversation": key,
            "position": position,
            "role": message.role,
            "text": storable(message.text),
            "plan": None if message.plan is None else to_json(message.plan),
            "shown": to_json(message.shown),
        }
        for position, message in enumerate(said, start)
    ]


def _message(row: Any) -> Message:
    try:
        plan = None if row["plan"] is None else Plan.model_validate_json(row["plan"])
        return Message(role=row["role"], text=row["text"], plan=plan, shown=from_json(row["shown"]))
    except ValueError as error:
        raise _unreadable(row["conversation"], row["position"]) from error


def _unknown(key: str) -> StateError:
    return StateError(f"there is no conversation {key!r}; it may have been forgotten", "Start a new conversation")


def _unreadable(key: str, position: int) -> StateError:
    cause = f"conversation {key!r}, position {position}, was written in a form that this version doesn't know"
    return StateError(cause, "Upgrade CrossAisle, or start a new conversation")
