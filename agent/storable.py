"""Text and JSON in the form that every store accepts: files in UTF-8, SQLite, PostgreSQL."""

from __future__ import annotations

import json
import re

import pydantic_core

REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Replace what a store can't hold by U+FFFD: NUL characters (PostgreSQL) and lone surrogates (UTF-8)."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def to_json(value: object) -> str:
    """A value or a tuple of values as one line of JSON that every store accepts (JSON escapes NUL by itself)."""
    try:
        return pydantic_core.to_json(value).decode()
    except pydantic_core.PydanticSerializationError:  # a lone surrogate somewhere inside
        return storable(json.dumps(pydantic_core.to_jsonable_python(value), ensure_ascii=False))
