"""Sentences out of running text, also while it is still streaming in.

Product names hold dots, dashes and exclamation marks ("Dr. Martens 1.5 l!"), so spans that must stay whole are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_END = re.compile(r"(?:[.!?]+[\"')\]”’]*(?=\s)|[。！？]+|\n+)")
_NUMBERED = re.compile(r"^\s*\d{1,3}[.)]?$")


def split(text: str, whole: Iterable[str] = ()) -> list[str]:
    """Split into sentences; joined without a separator they give `text` again.

    Args:
        text: any text.
        whole: spans (product names) that never end a sentence.
    """
    guarded = [m.span() for name in sorted(set(whole), key=len, reverse=True) if name for m in _find(name, text)]
    found, start = [], 0
    for match in _END.finditer(text + " "):
        end = min(match.end(), len(text))
        if end <= start or any(low <= match.start() < high for low, high in guarded):
            continue
        if _NUMBERED.match(text[start : match.end()].rstrip(".) \n")) and "\n" not in match.group():
            continue  # the number of a list item belongs to what follows
        while end < len(text) and text[end] in " \n":
            end += 1
        found.append(text[start:end])
        start = end
    if start < len(text):
        found.append(text[start:])
    return found


def stream(chunks: Iterable[str], whole: Iterable[str] = ()) -> Iterator[str]:
    """Yield sentences as soon as each is complete; the last one when the chunks end."""
    names, buffer = tuple(whole), ""
    for chunk in chunks:
        buffer += chunk
        parts = split(buffer, names)
        while len(parts) > 1:
            yield parts.pop(0)
        buffer = parts[0] if parts else ""
    if buffer:
        yield buffer


def _find(name: str, text: str) -> Iterator[re.Match[str]]:
    return re.finditer(re.escape(name), text)
