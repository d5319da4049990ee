"""The form of a conversation file: bytes to messages and back. Opens no file; paths here are for error messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from agent.schema import Conversation, Message
from agent.storable import storable, to_json
from retrieval.errors import TranscriptError

VERSION = 1
_KIND = "conversation"
_ASIDE = frozenset({"system", "developer", "tool", "function"})
"""Roles that other chat tools write and that are neither the shopper's nor the assistant's words."""
_BOM = b"\xef\xbb\xbf"
_REMEDY = 'Give a file of JSON lines such as {"role": "user", "content": "..."}, or the path of a new file'


@dataclass(frozen=True)
class Parsed:
    """What a file holds.

    Attributes:
        ours: it has our header, so that turns may be added in place.
        end: number of bytes up to the end of the last whole turn.
        torn: the bytes behind it, of a turn that was never finished; b"" mostly.
    """

    id: str = ""
    shopper: str | None = None
    messages: tuple[Message, ...] = ()
    ours: bool = False
    end: int = 0
    torn: bytes = b""


def render(messages: Iterable[Message], header_of: Conversation | None = None) -> bytes:
    """Messages as JSON lines, behind a header where `header_of` is given."""
    lines = [to_json(message) for message in messages]
    if header_of is not None:
        header = {"crossaisle": _KIND, "version": VERSION, "id": header_of.id, "shopper": header_of.shopper}
        lines.insert(0, storable(json.dumps(header, ensure_ascii=False)))
    return "".join(f"{line}\n" for line in lines).encode()


def parse(data: bytes, path: Path) -> Parsed:
    """Read a file's bytes.

    Raises:
        TranscriptError: the bytes are no conversation; names file, line and cause.
    """
    text = data.removeprefix(_BOM)
    if text.lstrip().startswith(b"["):
        return Parsed(messages=_list(text, path), end=len(data))
    header: dict[str, Any] = {}
    messages: list[Message] = []
    end = len(data) - len(text)
    marks = [end]  # where the header ends, then where each message ends
    lines = text.split(b"\n")
    for number, line in enumerate(lines, start=1):
        place = f"{path}, line {number}"
        unfinished = number == len(lines)  # what follows the last newline
        end += len(line) + (not unfinished)
        if not line.strip() or (unfinished and (header or messages) and _is_cut(line)):
            continue
        value = _value(line, place)
        if number == 1 and isinstance(value, dict) and "crossaisle" in value:
            header = _header(value, place)
        elif (message := _message(value, place)) is not None:
            messages.append(message)
            marks.append(end)
            continue
        marks[-1] = end
    if header and messages and messages[-1].role == "user":  # our turns end with an answer; this one was cut between
        messages.pop()
        marks.pop()
    torn = data[marks[-1] :] if data[marks[-1] :].strip() else b""
    return Parsed(header.get("id", ""), header.get("shopper"), tuple(messages), bool(header), marks[-1], torn)


def _list(text: bytes, path: Path) -> tuple[Message, ...]:
    values = _value(text, str(path))
    found = (_message(value, f"{path}, element {number}") for number, value in enumerate(values, start=1))
    return tuple(message for message in found if message is not None)


def _is_cut(line: bytes) -> bool:
    """Whether a line is the beginning of a JSON object whose rest is missing."""
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        from_json(line)
    except ValueError:
        return True
    return False


def _value(line: bytes, place: str) -> Any:
    if b"\0" in line:
        raise TranscriptError(f"{place}: is binary data, not a conversation", _REMEDY)
    try:
        return from_json(line)
    except ValueError as error:
        raise TranscriptError(f"{place}: is not JSON ({error})", _REMEDY) from error


def _header(value: dict[str, Any], place: str) -> dict[str, Any]:
    if value["crossaisle"] != _KIND:
        raise TranscriptError(f"{place}: is a file of kind {value['crossaisle']!r}, not a conversation", _REMEDY)
    version = value.get("version")
    if version != VERSION:
        cause = f"{place}: the conversation is of version {version!r}; this CrossAisle knows {VERSION}"
        raise TranscriptError(cause, "Upgrade CrossAisle, or start a new file")
    if not isinstance(value.get("id"), str) or not isinstance(value.get("shopper"), str | None):
        raise TranscriptError(f"{place}: the header's id or shopper is not text", _REMEDY)
    return value


def _message(value: Any, place: str) -> Message | None:
    """A message of ours or of another chat tool; None for what is nobody's words (instructions, tool calls)."""
    role = value.get("role") if isinstance(value, dict) else None
    if not isinstance(role, str):
        raise TranscriptError(f"{place}: is JSON, but not a message with a role", _REMEDY)
    if role in _ASIDE:
        return None
    try:
        if "content" not in value:
            return Message.model_validate(value)
        words = _words(value["content"], place)
        return None if words is None else Message.model_validate({"role": role, "text": words})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise TranscriptError(f"{place}, field {field!r}: {first['msg']}", _REMEDY) from error


def _words(content: Any, place: str) -> str | None:
    """The text of a "content": itself, or its parts of type text joined; None where there is none."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "\n".join(str(part["text"]) for part in content if part.get("type") == "text" and "text" in part)
    raise TranscriptError(f"{place}, field 'content': is neither text nor a list of parts", _REMEDY)
