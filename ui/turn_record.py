"""One recorded turn for the people who build the shop: what was understood, found, weighed and checked, at what cost.

    html = turn_record(reply, message)     # a fragment, escaped; `ui/style.css` gives it its look

Everything is written from the stored `Reply`, so an old turn reads as it went, whatever the shop does today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from agent.schema import ItemReceipt, Plan, Reply, Trace
from retrieval.schema import Need
from retrieval.text import label
from ui.evidence import channel_name
from ui.language import marked, say

_STAGES = {
    "understand": marked("Understand"),
    "search": marked("Search"),
    "rank": marked("Rank"),
    "explain": marked("Explain and ground"),
    "what_if": marked("What if it were forgotten"),
}
_TOTALS = {"cards": marked("until the cards"), "total": marked("whole turn")}
_TASKS = {"plan": marked("Understand"), "explain": marked("Explain and ground")}
_ORIGINS = {"asked": marked("asked for"), "inferred": marked("inferred"), "repeat": marked("runs out")}


def turn_record(reply: Reply, message: str = "") -> str:
    """The turn as HTML.

    Args:
        reply: as the log has it.
        message: the shopper's words, where they may be shown.
    """
    receipt, trace = reply.receipt, reply.trace
    said = f'<p class="xa-record-said">{escape(message)}</p>' if message else ""
    parts = [
        said,
        _who(trace),
        _section(say("Plan"), _plan(receipt.plan)),
        _section(say("Time"), _times(trace)),
        _section(say("Tokens"), _tokens(trace)),
        _section(say("Needs"), _needs(receipt.needs)),
        _section(say("Shown"), _items(receipt.items)),
        _section(say("Channels: place, with score"), _channels(receipt.items, trace.channels_ms)),
        _section(say("Limits"), _limits(receipt.items)),
        _section(say("Sentences that grounding took out"), _taken_out(trace)),
    ]
    name = escape(say("How this turn went"))
    return f'<div class="xa-record" tabindex="0" role="region" aria-label="{name}">{"".join(parts)}</div>'


def _who(trace: Trace) -> str:
    facts = [
        (say("Planner"), trace.planner),
        (say("Explainer"), trace.explainer),
        (say("Model"), trace.model or say("none")),
        (say("Model calls"), str(trace.model_calls)),
        (say("Sentences replaced"), say("{replaced} of {count}", replaced=trace.replaced, count=trace.sentences)),
    ]
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in trace.problems)
    told = f'<ul class="xa-record-problems" aria-label="{escape(say("Problems"))}">{problems}</ul>' if problems else ""
    return _list(facts) + told


def _plan(plan: Plan) -> str:
    """The act, and every field that says something."""
    set_ = plan.model_dump(mode="json", exclude_defaults=True)
    facts = [("act", plan.act.value), *((name, _value(value)) for name, value in set_.items() if name != "act")]
    return _list(facts)


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _times(trace: Trace) -> str:
    """A line a stage, each with a bar on the scale of the longest, then the sums."""
    stages = [(say(_STAGES[name]), trace.timings_ms[name]) for name in _STAGES if name in trace.timings_ms]
    top = max((ms for _, ms in stages), default=0.0) or 1.0
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{ms:,.1f}</td>'
        f'<td><span class="xa-record-bar" style="width:{100 * ms / top:.0f}%"></span></td></tr>'
        for name, ms in stages
    ]
    rows += [
        f'<tr class="xa-record-sum"><th scope="row">{escape(say(_TOTALS[name]))}</th>'
        f"<td>{trace.timings_ms[name]:,.1f}</td><td></td></tr>"
        for name in _TOTALS
        if name in trace.timings_ms
    ]
    return _table((say("Stage"), say("ms"), say("Share")), rows)


def _tokens(trace: Trace) -> str:
    rows = []
    for task, name in _TASKS.items():
        read, written = (trace.tokens.get(f"{task}_{side}") for side in ("prompt", "completion"))
        digest = trace.prompts.get(task, "")
        if read is not None or digest:
            cells = [_count(read), _count(written), escape(digest[:12])]
            rows.append(f'<tr><th scope="row">{escape(say(name))}</th>{_cells(cells)}</tr>')
    return _table((say("Stage"), say("Read"), say("Written"), say("Prompt")), rows)


def _needs(needs: Sequence[Need]) -> str:
    rows = []
    for number, need in enumerate(needs, start=1):
        targets = ", ".join(map(label, need.targets))
        cells = [escape(say(_ORIGINS[need.origin])), escape(" ".join((need.text, *need.wanted))), escape(targets)]
        rows.append(f'<tr><th scope="row">{number}</th>{_cells(cells)}</tr>')
    return _table((say("Need"), say("Origin"), say("Words"), say("Aisles")), rows)


def _items(items: Sequence[ItemReceipt]) -> str:
    rows = []
    for item in items:
        moves = [f"{case.rank} → {case.rank_without or '–'}" for case in item.what_if]
        cells = [f"{item.score:.4g}", escape(item.aisle), escape(item.item.id), escape(", ".join(moves))]
        rows.append(f'<tr><th scope="row">{item.rank}. {escape(item.name)}</th>{_cells(cells)}</tr>')
    return _table((say("Item"), say("Score"), say("Part"), say("Id"), say("Without its event")), rows)


def _channels(items: Sequence[ItemReceipt], took: Mapping[str, float]) -> str:
    """A row a channel, a column an item: so channels that carry the list are seen at once; with what each took.

    Channels that search together, such as "dense+lexical", have their time in the row of the first.
    """
    times: dict[str, float] = {}
    for name, ms in took.items():
        first = name.split("+")[0]
        times[first] = times.get(first, 0.0) + ms
    names = sorted({said.channel for item in items for said in item.channels} | set(times))
    rows = []
    for name in names:
        cells = [f"{times[name]:,.1f}" if name in times else ""]
        for item in items:
            said = next((one for one in item.channels if one.channel == name), None)
            cells.append("" if said is None else f"<b>{said.rank}</b> <span>{said.score:.3g}</span>")
        rows.append(f'<tr><th scope="row">{escape(channel_name(name))}</th>{_cells(cells)}</tr>')
    return _table((say("Channel"), say("ms"), *(str(item.rank) for item in items)), rows)


def _taken_out(trace: Trace) -> str:
    rows = [
        f'<tr><th scope="row">{escape(one.sentence)}</th>{_cells([escape(one.reason)])}</tr>' for one in trace.taken_out
    ]
    return _table((say("Sentence"), say("Why")), rows)


def _limits(items: Sequence[ItemReceipt]) -> str:
    """Every limit once, with how many of the items it was checked on and kept by."""
    found: dict[tuple[str, str], list[bool]] = {}
    for item in items:
        for check in item.checks:
            found.setdefault((check.constraint, check.asked), []).append(check.passed)
    rows = []
    for (name, asked), passed in found.items():
        kept = say("{kept} of {count}", kept=sum(passed), count=len(passed))
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{_cells([escape(asked), escape(kept)])}</tr>')
    return _table((say("Limit"), say("Asked"), say("Kept by")), rows)


def _count(tokens: int | None) -> str:
    return "–" if tokens is None else f"{tokens:,}"


def _cells(cells: Iterable[str]) -> str:
    """Cells whose text is escaped already."""
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _list(facts: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in facts)
    return f'<dl class="xa-record-facts">{lines}</dl>'


def _table(names: Sequence[str], rows: Sequence[str]) -> str:
    """A table of rows that are HTML already; "" without any."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f'<div class="xa-record-wide"><table class="xa-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _section(heading: str, inside: str) -> str:
    return f"<section><h3>{escape(heading)}</h3>{inside}</section>" if inside else ""
