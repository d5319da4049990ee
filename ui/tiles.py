"""An item's picture where the feed itself holds it, else a drawn tile for its category; nothing is fetched.

Tiles are inline SVG, and the same aisle always looks the same.
"""

from __future__ import annotations

import hashlib
import re
from html import escape

from retrieval.schema import Item
from retrieval.text import words

_SIZE = 64
_INLINE = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/]+={0,2}")
_LONGEST = 200_000  # characters of an inline picture


def picture(item: Item) -> str:
    """The item's own picture if it came as a data URL of a raster image, else its category's tile.

    Pictures elsewhere are not shown: asking for them would tell somebody else who looks at what. Decorative, since the
    title stands beside it.
    """
    if len(item.image) <= _LONGEST and _INLINE.fullmatch(item.image):
        return f'<img class="xa-tile" src="{item.image}" alt="" width="52" height="52">'
    return tile(item.category)


def tile(category: str) -> str:
    """An SVG with the category's own hue, shelf pattern and initials. Decorative: hidden from screen readers."""
    digest = hashlib.sha256(category.encode()).digest()
    hue = int.from_bytes(digest[:2], "big") % 360
    shapes = "".join(_shelf(row, digest) for row in range(3))
    return (
        f'<svg class="xa-tile" viewBox="0 0 {_SIZE} {_SIZE}" aria-hidden="true" focusable="false" style="--hue:{hue}">'
        f'<rect class="xa-tile-back" width="{_SIZE}" height="{_SIZE}" rx="12"/>{shapes}'
        f'<text class="xa-tile-text" x="32" y="39" text-anchor="middle">{escape(initials(category))}</text></svg>'
    )


def initials(category: str) -> str:
    """At most two letters that stand for a category: "Trail shoes" -> "TS", "" -> "·"."""
    found = [word for word in words(category.replace("_", " ")) if word not in {"and", "of", "the", "for"}]
    if not found:
        return "·"
    return (found[0][:2] if len(found) == 1 else found[0][0] + found[1][0]).upper()


def _shelf(row: int, digest: bytes) -> str:
    """One board with three or four goods standing on it, heights and widths by the category's hash."""
    base, x, parts = 20 + 20 * row, 6.0, []
    for place in range(4):
        byte = digest[4 + row * 4 + place]
        width, height = 7 + byte % 7, 6 + (byte >> 4) % 8
        if x + width > _SIZE - 6:
            break
        parts.append(f'<rect x="{x:.0f}" y="{base - height}" width="{width}" height="{height}" rx="{1 + byte % 3}"/>')
        x += width + 3
    board = f'<rect x="4" y="{base}" width="{_SIZE - 8}" height="1.6" rx="0.8"/>'
    return f'<g class="xa-tile-shelf">{"".join(parts)}{board}</g>'
