"""Reading conversations in PSCon's format (Zou et al., 2025): an array of `{conv_id, conversation: [message, ...]}`.

A shopper's message has `role` "user", `content` and the `keywords` that an annotator would search for; a seller's has
`action` ("Clarify", "Recommend", ...) and `recommended_products` with `product_id` and `product_title`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.files import fault, opened

_FORM = "give PSCon's form: an array of {conv_id, conversation: [{role, content, ...}, ...]}"


@dataclass(frozen=True)
class Said:
    """One message. Seller's: `action` and `products`, (id, title) pairs in order. Shopper's: `keywords`, None if none.

    `action` is in lower case, "" where nothing is said of it.
    """

    shopper: bool
    text: str
    keywords: tuple[str, ...] | None = None
    action: str = ""
    products: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Talk:
    """One conversation, oldest message first; its id is unique in the file."""

    key: str
    messages: tuple[Said, ...]


def read_conversations(path: Path) -> tuple[Talk, ...]:
    """Read a file of conversations, gzipped or not; what our protocol has no use for is passed over.

    Raises:
        EvaluationError: the file is missing or not of the form.
    """
    path = Path(path)
    try:
        with opened(path) as file:
            found = json.loads(file.read())
    except OSError as error:
        raise fault(path, f"the file can't be read ({error.strerror or error})", "check the path") from None
    except (ValueError, EOFError, RecursionError) as error:
        raise fault(path, f"the file is no JSON ({error})", _FORM) from None
    if not isinstance(found, list) or not found:
        raise fault(path, "the file holds no array of conversations", _FORM)
    talks: dict[str, Talk] = {}
    for place, record in enumerate(found, start=1):
        messages = record.get("conversation") if isinstance(record, dict) else None
        if not isinstance(messages, list):
            raise fault(path, f"conversation {place} has no messages", _FORM, value=record)
        key = "".join(str(record.get("conv_id", place)).split()) or str(place)
        key = key if key not in talks else f"{key}.{place}"
        talks[key] = Talk(key, tuple(_said(path, place, message) for message in messages))
    return tuple(talks.values())


def _said(path: Path, place: int, message: Any) -> Said:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in {"user", "system"}:
        raise fault(path, f'a message of conversation {place} has a role other than "user" and "system"', _FORM)
    text = message.get("content")
    if not isinstance(text, str | None):
        raise fault(path, f"a message of conversation {place} has no text", _FORM, value=text)
    products = message.get("recommended_products") or []
    words = message.get("keywords")
    return Said(
        shopper=role == "user",
        text=text or "",
        keywords=None if not isinstance(words, list) else tuple(str(word) for word in words),
        action=str(message.get("action") or "").casefold(),
        products=tuple(
            (str(product["product_id"]), str(product.get("product_title") or "").strip())
            for product in products
            if isinstance(product, dict) and product.get("product_id")
        ),
    )
