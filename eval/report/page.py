"""The page around sections: head, style, figures with ids of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from eval.report.svg import Svg


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """A whole HTML document; `lead` and sections are markup, the title is text."""
    style = (files("eval.report") / "style.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1>{lead}</header>\n<main>{_joined(sections)}</main></body></html>\n"
    )


def section(name: str, *parts: str, note: str = "") -> str:
    """A section with a heading, or nothing where it has no parts; the note is text."""
    parts = tuple(part for part in parts if part)
    if not parts:
        return ""
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(name)}</h2>{told}{''.join(parts)}</section>"


def figures(key: str, plots: Sequence[Svg]) -> str:
    """Plots side by side where there is room; `key` must differ for each call on a page."""
    if not plots:
        return ""
    each = (
        f"<figure><figcaption>{escape(plot.title)}</figcaption>{plot.render(f'{key}-{number}')}</figure>"
        for number, plot in enumerate(plots)
    )
    return f'<div class="panels">{"".join(each)}</div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, both text."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in pairs)
    return f'<dl class="run">{lines}</dl>'


def _joined(sections: Iterable[str]) -> str:
    return "\n".join(one for one in sections if one)
