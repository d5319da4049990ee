"""A conversation in a file of JSON lines, read and appended to by one call after the other.

    {"crossaisle": "conversation", "version": 1, "id": "5f0c...", "shopper": "s1"}
    {"role":"user","text":"something for the rain","plan":null,"shown":[]}
    {"role":"assistant","text":"...","plan":{...},"shown":[{...}]}

What other chat tools write, {"role", "content"} as JSON lines or as one JSON list, is read too; the first turn added
to such a file writes it anew in the form above and keeps the old one beside it as FILE.orig. A turn that a killed
writer left unfinished is set aside to FILE.torn: a kill loses at most the turn it interrupts.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from uuid import uuid4

from agent import transcript_file
from agent.schema import Conversation, Reply
from agent.storable import storable
from agent.transcript_format import Parsed, parse, render
from retrieval.errors import TranscriptError

log = logging.getLogger(__name__)


def read(path: Path, shopper: str | None = None) -> Conversation:
    """Read a conversation; a missing or empty file is a new one. Writes nothing.

    Args:
        path: of the file.
        shopper: who speaks now, None for whoever the file names. A visitor's conversation becomes the shopper's.

    Raises:
        TranscriptError: the file is no conversation (names file, line, cause), too large, not readable, or another
            shopper's.
    """
    parsed = parse(transcript_file.read_bytes(path), path)
    if parsed.torn:
        log.warning("%s: the last turn is unfinished and left out (%d bytes)", path, len(parsed.torn))
    return _conversation(parsed, path, shopper)


def append(path: Path, conversation: Conversation, message: str, reply: Reply) -> Conversation:
    """Add one turn to the file; it is on disk when this returns.

    Where another process added turns meanwhile, this one follows them. A missing or empty file gets the whole
    conversation.

    Args:
        path: of the file; its folder must exist.
        conversation: as read, before the turn.
        message: the shopper's words.
        reply: the whole turn.

    Returns:
        The conversation as the file has it now.

    Raises:
        TranscriptError: as `read` does; or the file can't be written, would grow too large, or holds another
            conversation by now. The file keeps what it had.
    """
    with transcript_file.told(path), transcript_file.locked(_real(path)) as descriptor:
        data = transcript_file.content(descriptor, path)
        parsed = parse(data, path)
        after = _follow(parsed, path, conversation).with_turn(storable(message), reply)
        in_place = parsed.ours and parsed.shopper == after.shopper and bool(parsed.messages)
        new = render(after.messages[-2:]) if in_place else render(after.messages, after)
        if in_place and not data[: parsed.end].endswith(b"\n"):
            new = b"\n" + new
        if (parsed.end if in_place else 0) + len(new) > transcript_file.LIMIT:
            cause = f"{path} would grow beyond {transcript_file.LIMIT // 10**6} MB"
            raise TranscriptError(cause, "Start a new file")
        if parsed.ours and parsed.torn:
            transcript_file.keep(_real(path), ".torn", parsed.torn)
        if in_place:
            transcript_file.extend(descriptor, parsed.end, new)
        else:
            if data.strip() and not parsed.ours:
                transcript_file.keep(_real(path), ".orig", data)
            transcript_file.replace(_real(path), descriptor, new)
    return after


def _follow(parsed: Parsed, path: Path, conversation: Conversation) -> Conversation:
    """The conversation that a new turn follows: the file's, or the one in hand where the file has nothing.

    A conversation in hand without messages was read before another process began the file; it follows that one.
    """
    if parsed.id and conversation.messages and parsed.id != storable(conversation.id):
        cause = f"{path} holds conversation {parsed.id!r}, not {conversation.id!r}"
        raise TranscriptError(cause, "Read the file again, or give another")
    there = _conversation(parsed, path, conversation.shopper)
    key = parsed.id or storable(conversation.id) or there.id
    return there.model_copy(update={"id": key, "messages": there.messages or conversation.messages})


def _conversation(parsed: Parsed, path: Path, shopper: str | None) -> Conversation:
    speaker = parsed.shopper if shopper is None else storable(shopper)
    if parsed.shopper not in {None, speaker}:
        cause = f"{path} is shopper {parsed.shopper!r}'s conversation, not {shopper!r}'s"
        remedy = "Give each shopper a file of their own, or leave the shopper out to go on as the one in the file"
        raise TranscriptError(cause, remedy)
    return Conversation(id=parsed.id or uuid4().hex, shopper=speaker, messages=parsed.messages)


def _real(path: Path) -> Path:
    """The path behind all links, so that a link stays one when its file is replaced."""
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:
        raise TranscriptError(f"{str(path)!r} is no possible path", "Give another path") from error
