"""Small values that memory hands out."""

from __future__ import annotations

from datetime import datetime

from agent.schema import Conversation
from retrieval.schema import Frozen

FIRST_WORDS = 80
"""Characters of a conversation's first message that a summary carries."""


class CartLine(Frozen):
    """One item in a cart; `quantity` in units, at least 1."""

    item: str
    quantity: int


class ConversationSummary(Frozen):
    """A conversation in a list: `first` is the beginning of its first message, "" before the first turn."""

    id: str
    started: datetime
    first: str
    turns: int


class Recorded(Frozen):
    """A whole conversation, and when it began."""

    conversation: Conversation
    started: datetime


class Forgotten(Frozen):
    """What was removed with a shopper: rows by kind.

    Attributes:
        erased: True when the bytes are overwritten in the database file too (SQLite). On PostgreSQL the server reuses
            the space in its own time and its write-ahead log and backups have lives of their own: False.
    """

    events: int = 0
    consents: int = 0
    cart: int = 0
    conversations: int = 0
    messages: int = 0
    turns: int = 0
    erased: bool = False


def first_words(text: str) -> str:
    """The beginning of a message on one line, at most `FIRST_WORDS` characters, cut between words where it can be."""
    line = " ".join(text.split())
    if len(line) <= FIRST_WORDS:
        return line
    head = line[:FIRST_WORDS]
    return (head[: head.rfind(" ")] if " " in head else head[: FIRST_WORDS - 1]) + "…"
