"""JSON as publishers write it, read so that no value in it can break what comes after."""

from __future__ import annotations

import json
import re

DEEPEST = 100
"""Levels of lists and objects; feeds use three or four, and deeper ones overrun the stack of whoever walks them."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(text: str) -> object:
    """Read one JSON value; numbers stay text, exactly as written and of any length.

    Raises:
        json.JSONDecodeError: this is no JSON.
        ValueError: it is, but it can't be kept: nested too deep, or with half a character (a lone surrogate).
    """
    try:
        value: object = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    if text.count("[") + text.count("{") > DEEPEST and _deep(value):
        raise ValueError(f"nested more than {DEEPEST} deep")
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])[1:-1]
            raise ValueError(f"half a character ({half}, a lone surrogate)") from None
    return value


def _deep(value: object) -> bool:
    """Whether lists and objects stand in each other more than `DEEPEST` deep, told without recursion."""
    level = [value]
    for _ in range(DEEPEST):
        nested = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list))
        level = [inner for values in nested for inner in values]
    return any(isinstance(v, dict | list) for v in level)
