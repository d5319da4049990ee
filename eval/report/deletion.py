"""The page of `crossaisle eval evidence`: how far aisles fall without the events that are named for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from eval.report.dots import Row, dots
from eval.report.page import facts, figures, page, section
from eval.report.reading import Score, score_of
from eval.report.svg import Svg
from eval.report.tables import cell, table

Json = Mapping[str, Any]
_OURS = ("named", "named, one")
_LEAD = "named / random"


def deletion_page(raw: Json) -> str:
    """The whole page, from `results.json` alone."""
    title = f"Cross-aisle evidence proved by deletion, {raw.get('data', '')}"
    return page(title, _lead(raw), _sections(raw))


def _lead(raw: Json) -> str:
    ratio = score_of(raw.get("ratios", {}).get(_LEAD, {}).get("places"))
    if ratio is None:
        return ""
    lie = score_of(raw["ratios"].get("lying / lying, random", {}).get("places"))
    told = f"Deleting the events that are named moves an aisle down <b>{_times(ratio)}</b> as far as deleting others."
    told += f" A ledger that lies gets {_times(lie)}." if lie is not None else ""
    return f'<p class="lead">{told}</p>'


def _sections(raw: Json) -> Iterator[str]:
    ledger = raw.get("ledger", {})
    told = {
        name.replace("_", " "): raw[name]
        for name in ("data", "n", "seed", "k", "worst_place", "seconds", "season")
        if name in raw
    }
    told |= {f"ledger {name}": value for name, value in ledger.items()}
    yield section("What was run", facts((name, str(value)) for name, value in told.items()))
    yield section("Ratios", _grid("Mean fall over mean fall, 95% bootstrap intervals over shoppers", raw, "ratios"))
    yield section("Falls", _grid("Mean falls, 95% bootstrap intervals over shoppers", raw, "falls"))
    yield section("Falls drawn", figures("falls", list(_plots(raw))))
    yield section("What was deleted", facts(raw.get("arms", {}).items()))
    yield section("What was measured", facts(raw.get("measures", {}).items()))
    options = f"--shoppers {raw.get('shoppers')} -k {raw.get('k')} --seed {raw.get('seed')}"
    again = f"crossaisle eval evidence --data {raw.get('data')} {options} --out DIR\ncrossaisle eval report DIR"
    yield section("How to recompute", f"<pre><code>{escape(again)}</code></pre>")


def _grid(caption: str, raw: Json, part: str) -> str:
    rows = raw.get(part, {})
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [[escape(row), *(cell(score_of(values.get(name))) for name in names)] for row, values in rows.items()]
    return table(caption, ["", *names], cells)


def _plots(raw: Json) -> Iterator[Svg]:
    falls = raw.get("falls", {})
    for measure, meaning in raw.get("measures", {}).items():
        scores = {arm: score_of(values.get(measure)) for arm, values in falls.items()}
        rows = [Row(arm, one, "ours" if arm in _OURS else "other") for arm, one in scores.items() if one is not None]
        if rows:
            yield dots(f"{measure}: {meaning}", rows)


def _times(ratio: Score) -> str:
    return f"{ratio.value:.2f} times ({ratio.low:.2f} to {ratio.high:.2f})"
