"""`crossaisle eval rank`: any data, one of the protocols over histories, systems beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from eval import experiment
from eval.data import Data, load
from eval.problem import Problem
from eval.protocols import leave_one_out, next_category, next_item
from eval.results import Results
from eval.systems.registry import SYSTEMS
from retrieval.errors import EvaluationError
from retrieval.progress import Progress

PROTOCOLS = ("leave-one-out", "next-category", "next-item")
USUAL = (
    "crossaisle", "popular", "repeat", "repeat_decayed", "item_knn", "ease", "ials", "sasrec", "lightgcn", "bm25",
    "dense",
)  # fmt: skip
_NO_TEXT = ("bm25", "dense")


@dataclass(frozen=True)
class Options:
    """How data become a problem.

    Attributes:
        protocol: one of `PROTOCOLS`.
        split: "test" or "valid".
        time: "shopper" or "global", for the protocols next-category and next-item.
        date: of the global cut.
        shuffle_ties: for leave-one-out.
        seed: of everything random.
    """

    protocol: str
    split: str = "test"
    time: str = "shopper"
    date: datetime | None = None
    shuffle_ties: bool = False
    seed: int = 0


def problem(data: Data, options: Options) -> Problem:
    """Put the question. Raises `EvaluationError` where it can't be put to these data."""
    if options.protocol not in PROTOCOLS:
        raise EvaluationError(f"there is no protocol {options.protocol!r}", f"choose from {', '.join(PROTOCOLS)}")
    if options.protocol == "leave-one-out":
        if options.time != "shopper" or options.date is not None:
            raise EvaluationError("leave-one-out parts each shopper's own events", "leave --time and --date out")
        return leave_one_out.problem(data, options.split, shuffle_ties=options.shuffle_ties, seed=options.seed)
    if options.shuffle_ties:
        raise EvaluationError(f"{options.protocol} never parts a day, so ties don't matter", "leave --shuffle-ties out")
    put = next_category.problem if options.protocol == "next-category" else next_item.problem
    return put(data, options.split, options.time, options.date)


def usual_systems(asked: Problem) -> list[str]:
    """Every system that has something to say; texts don't where titles are nothing but ids."""
    goods = asked.source_catalogue
    bare = all(item.endswith(title) for item, title in zip(goods.ids[:200], goods.titles[:200], strict=True))
    listed = ("crossaisle_list",) if asked.protocol == "next-item" else ()
    return [name for name in (*USUAL[:1], *listed, *USUAL[1:]) if name in SYSTEMS and not (bare and name in _NO_TEXT)]


def rank(
    path: Path,
    options: Options,
    systems: Sequence[str] = (),
    out: Path | None = None,
    *,
    format: str | None = None,  # noqa: A002 (the command line's word)
    groups: Path | None = None,
    chroma_url: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Load data, put the question to systems, and write everything down.

    Args:
        path: a shop folder, or any file or folder that the readers know.
        options: what is asked.
        systems: names; the usual ones if none are given.
        out: where it is written, None for nowhere.
        format: of the file.
        groups: a table of shoppers' attributes.
        chroma_url: the server that holds the vectors of a shop built with one.
        progress: told what is being done.

    Raises:
        FeedError, ShopError, EvaluationError: see `load`, `problem` and `experiment.run`.
    """
    data = load(path, format, groups, progress, chroma_url=chroma_url)
    asked = problem(data, options)
    results = experiment.run(asked, list(systems) or usual_systems(asked), out, options.seed, progress)
    told: dict[str, object] = {"data": data.name, "format": data.format, "time": options.time}
    if options.protocol == "leave-one-out":
        told = {
            "data": data.name,
            "format": data.format,
            "ties": "shuffled" if options.shuffle_ties else "as they come",
        }
    if data.clock == "order":
        note = "The source tells the order of events but no dates: which of them are ties can't be known."
        results = results.with_(notes=(*results.notes, note))
    results = results.with_(extra={**told, **results.extra})
    if out is not None:
        experiment.write(out, results)
    return results
