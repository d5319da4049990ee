"""The lab page's parts as HTML. Everything that people or models wrote is escaped here, once, where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from agent.memory.shelf import Move
from agent.models.base import ChatMessage
from agent.schema import Reply
from agent.versions import Version
from agent.wording import money
from eval.lab.folder import Turn
from ui.turn_record import turn_record

_BRACES = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
_CERTAIN = 0.05


def safe(text: object) -> str:
    """Text as it stands: no markup of it counts, and no template of the page finds anything to fill in."""
    return escape(str(text)).translate(_BRACES)


def notes(lines: Iterable[str]) -> str:
    """What a reader has to know."""
    inside = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f'<ul class="xa-lab-notes">{inside}</ul>' if inside else ""


def versions(found: Sequence[Version]) -> str:
    """Every prompt version with its front matter and labels."""
    rows = []
    for one in found:
        labels = " ".join(f'<span class="xa-badge xa-asked">{safe(label)}</span>' for label in one.labels)
        by = f"{one.who}, {one.at:%Y-%m-%d %H:%M}" if one.at else "shipped"
        cells = (safe(one.prompt.task), f"<code>{one.hash[:12]}</code>", safe(one.prompt.name), labels, safe(by))
        front = f"<details><summary>front matter</summary><pre>{safe(one.front.strip())}</pre></details>"
        rows.append("".join(f"<td>{cell}</td>" for cell in (*cells, front)))
    return table(("task", "hash", "name", "labels", "by", ""), rows)


def difference(lines: Sequence[str]) -> str:
    """A unified diff, lines that came and went marked."""
    if not lines:
        return "<p>They are the same.</p>"
    kinds = {"+": "ins", "-": "del"}
    told = []
    for line in lines:
        tag = kinds.get(line[:1], "span") if not line.startswith(("+++", "---")) else "b"
        told.append(f"<{tag}>{safe(line)}</{tag}>")
    return f'<pre class="xa-lab-diff">{chr(10).join(told)}</pre>'


def rendered(messages: Sequence[ChatMessage]) -> str:
    """A prompt as the model reads it."""
    parts = (f"<h3>{safe(m.role)}</h3><pre>{safe(m.content)}</pre>" for m in messages)
    return f'<div class="xa-lab-rendered">{"".join(parts)}</div>'


def problem(text: str) -> str:
    """What went wrong, and the remedy."""
    return f'<div class="xa-problem" role="alert"><p>{safe(text)}</p></div>'


def status(text: str, done: int = 0, total: int = 0) -> str:
    """How far a run is."""
    bar = f'<progress max="{total}" value="{done}"></progress> {done} of {total} turns' if total else ""
    return f'<p class="xa-lab-status" role="status">{safe(text)} {bar}</p>'


def results(told: Mapping[str, Any]) -> str:
    """The table of a run: figures with intervals, then every cell against production."""
    figures = {cell: {**row, **told.get("beyond", {}).get(cell, {})} for cell, row in told["systems"].items()}
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    rows = [
        f"<th>{safe(cell)}</th>" + "".join(f"<td>{_interval(row.get(name))}</td>" for name in names)
        for cell, row in figures.items()
    ]
    parts = [notes(told.get("notes", ())), table(("cell", *names), rows)]
    for pair, row in told["paired"].items():
        inside = [
            f"<th>{safe(name)}</th><td{_sure(one)}>{one['difference']:+.4f} <small>({one['low']:+.4f} to "
            f"{one['high']:+.4f})</small></td><td>{one['p']:.3f}</td>"
            for name, one in row.items()
        ]
        parts.append(f"<h3>{safe(pair)}</h3>{table(('figure', 'difference, 95% interval', 'p'), inside)}")
    return f'<div class="xa-lab-results">{"".join(parts)}</div>'


def side_by_side(names: tuple[str, str], pairs: Sequence[tuple[Turn | None, Turn | None]]) -> str:
    """Two cells' replies to the same words; cards that only one of them shows are marked."""
    parts = []
    for pair in pairs:
        said = next(turn for turn in pair if turn is not None)
        shown = [{entry.item.id for entry in turn.reply.receipt.items} if turn else set() for turn in pair]
        apart = shown[0] ^ shown[1]
        sides = "".join(_side(name, turn, apart) for name, turn in zip(names, pair, strict=True))
        words = {turn.words for turn in pair if turn is not None}
        told = safe(said.words) if len(words) == 1 else "they were told different words"
        parts.append(f'<h3 class="xa-lab-said">{told}</h3><div class="xa-lab-sides">{sides}</div>')
    return "".join(parts) or "<p>This session was not replayed in both cells.</p>"


def record(words: str, reply: Reply) -> str:
    """How one turn went, with what was answered."""
    text = "<br>".join(safe(line) for line in reply.text.splitlines())
    return f'{turn_record(reply, words).translate(_BRACES)}<h3>Answer</h3><p class="xa-lab-answer">{text}</p>'


def history(moves: Sequence[Move]) -> str:
    """Who moved which label, newest first."""
    rows = []
    for move in reversed(moves):
        proof = f"{safe(move.evidence)} <code>{move.evidence_hash[:12]}</code>" if move.evidence else ""
        cells = (
            f"{move.at:%Y-%m-%d %H:%M}",
            safe(move.who),
            safe(move.action),
            safe(f"{move.task} {move.label}"),
            f"<code>{safe(move.from_hash[:12])}</code> → <code>{safe(move.to_hash[:12])}</code>",
            proof,
        )
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    if not rows:
        return "<p>Nothing was promoted yet.</p>"
    return table(("when", "who", "what", "label", "versions", "evidence"), rows)


def table(head: Sequence[str], rows: Iterable[str]) -> str:
    """A table; rows are markup, the head is text."""
    top = "".join(f"<th>{safe(name)}</th>" for name in head)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    inside = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    name = safe(f"Table of {', '.join(filter(None, head[:3]))}")  # to be reached and scrolled by keyboard
    return f'<div class="xa-lab-table" tabindex="0" role="region" aria-label="{name}">{inside}</div>'


def _side(name: str, turn: Turn | None, apart: set[str]) -> str:
    if turn is None:
        return f'<section aria-label="{safe(name)}"><h5>{safe(name)}</h5><p>no such turn</p></section>'
    reply = turn.reply
    cards = []
    for entry in reply.receipt.items:
        differs = ' class="xa-lab-differs"' if entry.item.id in apart else ""
        price = safe(money(entry.item.price_minor, entry.item.currency))
        cards.append(f'<li{differs} data-item="{safe(entry.item.id)}">{safe(entry.name)} <span>{price}</span></li>')
    trace = reply.trace
    took = f"{trace.timings_ms.get('total', 0.0):.0f} ms"
    note = f"{reply.receipt.plan.act.value} · {trace.planner} / {trace.explainer} · {took}"
    text = "<br>".join(safe(line) for line in reply.text.splitlines())
    return (
        f'<section aria-label="{safe(name)}"><h5>{safe(name)}</h5><ol>{"".join(cards)}</ol>'
        f'<p>{text}</p><p class="xa-note">{safe(note)}</p></section>'
    )


def _interval(one: Mapping[str, float] | None) -> str:
    if one is None:
        return "–"
    if one["low"] == one["high"]:
        return _short(one["value"])
    return f"{_short(one['value'])} <small>({_short(one['low'])} to {_short(one['high'])})</small>"


def _short(number: float) -> str:
    """Three figures, and thousands written out."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _sure(one: Mapping[str, float]) -> str:
    return ' class="xa-lab-sure"' if one["p"] < _CERTAIN else ""
