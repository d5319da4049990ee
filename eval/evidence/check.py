"""Is the evidence true? `crossaisle eval evidence --shop DIR --out OUT`.

For a sample of shoppers, every item recommended from a new aisle is written down with the events it is said to come
from. Then those events are deleted and the shop is asked again: the aisle must fall further than when as many other
events of the same shopper are deleted. A lying ledger, which names any events, is checked in the same way: what holds
for it is the check's own error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.evidence.deletion import WORST, Deletions
from eval.evidence.ledger import Line, Tell, liar, lines, truthful
from eval.evidence.summary import Finding, summarise, told
from eval.report import write
from retrieval.errors import EvaluationError
from retrieval.history import History
from retrieval.progress import Progress, silent
from retrieval.shop import Shop

LEDGER = "ledger.jsonl"
FEWEST = 10  # events that a shopper needs, so that there is something else to delete
ITEMS = 3  # lines checked for each shopper; all are written
DRAWS = 2  # random deletions for each deletion of named events


@dataclass(frozen=True)
class Options:
    """How much is checked: shoppers, places on the list, and the seed of every draw."""

    shoppers: int = 200
    k: int = 10
    seed: int = 0


def evidence(
    shop: Shop,
    out: Path | None,
    options: Options | None = None,
    tell: Tell = truthful,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the ledger of a sample of shoppers and check it by deletion.

    Args:
        shop: the shop that recommends.
        out: folder for `ledger.jsonl`, `results.json` and `report.html`; None writes nothing.
        options: how much is checked.
        tell: which events are taken for named; another one than `truthful` only checks the check.
        progress: told after each shopper.

    Returns:
        What is written to `results.json`: mean falls by what was deleted, and their ratios with 95% intervals.

    Raises:
        EvaluationError: no shopper has enough events, or nothing is recommended from new aisles.
    """
    options = options or Options()
    started = time.perf_counter()
    findings: list[list[Finding]] = []
    written: list[dict[str, Any]] = []
    sample = _sample(shop, options)
    for number, (shopper, history) in enumerate(sample, start=1):
        ledger = lines(shop, history, options.k)
        rng = np.random.default_rng((options.seed, number))
        checker = _Checker(shop, history, rng, options)
        chosen = rng.permutation(len(ledger))[:ITEMS].tolist()
        checked = {place: checker.check(ledger[place], tell, listed=place == chosen[0]) for place in chosen}
        findings.append(list(checked.values()))
        for place, line in enumerate(ledger):
            deleted = {"deleted": checked[place].to_json()} if place in checked else {}
            written.append({"shopper": shopper, **line.to_json(), **deleted})
        progress("shoppers", number, len(sample))
    findings = [several for several in findings if several]
    if not findings:
        raise EvaluationError(
            f"{shop.name} recommends nothing from new aisles with events as evidence", "use more data"
        )
    results = {
        "protocol": "evidence",
        "n": len(findings),
        "data": shop.name,
        "seed": options.seed,
        "k": options.k,
        "worst_place": WORST,
        "shoppers": options.shoppers,
        "ledger": {"file": LEDGER, "lines": len(written), "checked": sum(map(len, findings))},
        **summarise(findings, options.seed),
        "seconds": round(time.perf_counter() - started, 2),
    }
    if out is not None:
        _write(out, results, written)
    return results


def _sample(shop: Shop, options: Options) -> list[tuple[str, History]]:
    """Shoppers with enough events, in an order drawn by the seed."""
    everybody = shop.shoppers()
    rng = np.random.default_rng(options.seed)
    chosen: list[tuple[str, History]] = []
    for place in rng.permutation(len(everybody)).tolist():
        history = shop.history(everybody[place])
        if len(history) >= FEWEST:
            chosen.append((everybody[place], history))
        if len(chosen) == options.shoppers:
            break
    if not chosen:
        raise EvaluationError(f"no shopper of {shop.name} has {FEWEST} events", "use a shop with longer histories")
    return chosen


class _Checker:
    """Deletes what is named, and what isn't, and sees how far each line's aisle falls."""

    def __init__(self, shop: Shop, history: History, rng: np.random.Generator, options: Options) -> None:
        self._deletions, self._history = Deletions(shop, history), history
        self._rng, self._k = rng, options.k
        self._lie: Tell = liar(int(rng.integers(2**32)))

    def check(self, line: Line, tell: Tell = truthful, *, listed: bool = False) -> Finding:
        """All kinds of deletion for one line; with `listed`, the list is made again as well."""
        named = tell(line, self._history)
        lies = [self._lie(line, self._history) for _ in range(DRAWS)]
        any_ = [self._others(named) for _ in range(DRAWS)]
        alike = [self._deletions.alike(named, self._rng) for _ in range(DRAWS)]
        arms = {
            "named": self._fall([named], line),
            "named, one": self._fall([(index,) for index in named], line),
            "random": self._fall(any_, line),
            "random, one": self._fall([self._others(named, 1) for _ in range(DRAWS)], line),
            "matched": self._fall(alike, line),
            "lying": self._fall(lies, line),
            "lying, random": self._fall([self._others(lie) for lie in lies], line),
        }
        if listed:
            for arm, events in (("named", named), ("random", any_[0]), ("matched", alike[0])):
                arms[arm]["list"] = float(max(self._deletions.list_rank(events, line.item, self._k) - line.rank, 0))
        return Finding(arms)

    def _others(self, named: tuple[int, ...], count: int | None = None) -> tuple[int, ...]:
        return self._deletions.any_others(named, self._rng, len(named) if count is None else count)

    def _fall(self, deletions: Sequence[tuple[int, ...]], line: Line) -> dict[str, float]:
        return told([self._deletions.fall(events, line.category) for events in deletions])


def _write(out: Path, results: dict[str, Any], written: list[dict[str, Any]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / LEDGER).open("w", encoding="utf-8") as file:
        for line in written:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    (out / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write(out, results)
