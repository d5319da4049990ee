"""Runs and judgments (qrels): what was ranked for a query, and what is relevant to it.

    from eval.runs import read_run, write_run
    write_run(Path("popular.trec"), {"q1": [("shop:1", 2.5), ("shop:7", 1.0)]}, "popular")
    read_run(Path("popular.trec"))      # the same

Forms, recognised by content: TREC (run `query Q0 item rank score tag`, qrels `query 0 item gain`), JSON lines (one
object an item: `{"query", "item", "score"}`, or one a query: `{"query", "items": [...], "scores": [...]}`; qrels
`{"query", "item", "gain"}`), CSV, TSV (by the suffix) and Parquet with the same columns; text may be gzipped.

The score decides the order, as in trec_eval; equal scores keep the order of the rank column, then of the file
(trec_eval itself orders them by id, so that figures of a run with ties may differ from its own).
TREC ids can't hold white space: it is written as its control picture (a space as U+2420) and read back as it was.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from eval.files import decoded, fault, kind_of, lines, objects, renamed, table
from retrieval.errors import EvaluationError

Run = Mapping[str, Sequence[tuple[str, float]]]
Qrels = Mapping[str, Mapping[str, float]]

_Row = tuple[int, str, str, float, float]  # line, query, item, score or gain, rank

_SPACES = {
    ord(space): picture for space, picture in zip(" \t\n\v\f\r", "\u2420\u2409\u240a\u240b\u240c\u240d", strict=True)
}
_SPACES_BACK = {ord(picture): chr(space) for space, picture in _SPACES.items()}
NAMES: dict[str, tuple[str, ...]] = {
    "query": ("qid", "query_id", "q", "q_id", "shopper", "user", "user_id", "topic"),
    "item": ("docno", "doc_id", "docid", "doc", "item_id", "id", "product_id"),
    "items": ("docs", "ranking"),
}
RUN_NAMES = {**NAMES, "score": ("sim",), "rank": ()}
QREL_NAMES = {**NAMES, "gain": ("relevance", "rel", "label", "grade", "score")}


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Read a run, each query's items best first.

    Raises:
        EvaluationError: the file is missing, empty, binary or malformed, a score is no finite number, or an item
            stands twice in a ranking.
    """
    path = Path(path)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for line, query, item, score, rank in _rows(path, RUN_NAMES, "score", _trec_run):
        ranking = found.setdefault(query, {})
        if item in ranking:
            raise fault(
                path, f"the item stands twice in the ranking of {query!r}", "rank it once", line=line, value=item
            )
        ranking[item] = (-score, rank)
    return {
        query: [(item, -key[0]) for item, key in sorted(ranking.items(), key=lambda entry: entry[1])]
        for query, ranking in found.items()
    }


def read_qrels(path: Path) -> dict[str, dict[str, float]]:
    """Read judgments: query -> item -> gain; gains of 0 and less mean "not relevant".

    Raises:
        EvaluationError: the file is missing, empty, binary or malformed, a gain is no finite number, or an item is
            judged twice for a query.
    """
    path = Path(path)
    found: dict[str, dict[str, float]] = {}
    for line, query, item, gain, _ in _rows(path, QREL_NAMES, "gain", _trec_qrels):
        judged = found.setdefault(query, {})
        if item in judged:
            raise fault(path, f"the item is judged twice for {query!r}", "judge it once", line=line, value=item)
        judged[item] = gain
    return found


def write_run(path: Path, run: Run, tag: str = "crossaisle") -> None:
    """Write a run in the form that the suffix names: .jsonl, .parquet, else six TREC columns; .gz gzips text.

    Raises:
        EvaluationError: an item stands twice in a ranking, or a score is no finite number.
    """
    rows = (
        (query, item, rank, score)
        for query, ranking in ordered(run).items()
        for rank, (item, score) in enumerate(ranking, 1)
    )
    label = _trec_id(tag)
    _write(path, rows, ("query", "item", "rank", "score"), f"{{}} Q0 {{}} {{}} {{!r}} {label}\n".format)


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write judgments in the form that the suffix names: .jsonl, .parquet, else four TREC columns; .gz gzips text."""
    rows = (
        (query, item, _finite(gain, f"the gain of {item!r} for {query!r}"))
        for query, judged in qrels.items()
        for item, gain in judged.items()
    )
    _write(path, rows, ("query", "item", "gain"), _qrels_line)


def _qrels_line(query: str, item: str, gain: float) -> str:
    whole = int(gain) if gain.is_integer() and abs(gain) < 1e15 else gain  # other tools read whole gains only
    return f"{query} 0 {item} {whole!r}\n"


def ordered(run: Mapping[str, Any]) -> dict[str, list[tuple[str, float]]]:
    """A run in memory, checked and sorted by score, equal scores in their given order.

    Args:
        run: query -> (item, score) pairs, or items alone best first, or a mapping item -> score.

    Raises:
        EvaluationError: an item stands twice in a ranking, or a score is no finite number.
    """
    return {str(query): _ordered(str(query), ranking) for query, ranking in run.items()}


def _ordered(query: str, ranking: Any) -> list[tuple[str, float]]:
    entries = list(ranking.items() if isinstance(ranking, Mapping) else ranking)
    if entries and isinstance(entries[0], str):
        entries = [(item, float(len(entries) - place)) for place, item in enumerate(entries)]
    try:
        pairs = [(str(item), float(score)) for item, score in entries]
    except (TypeError, ValueError):
        remedy = "give pairs of item and score, best first"
        raise EvaluationError(f"the ranking of {query!r} holds something else than pairs", remedy) from None
    for item, score in pairs:
        if not math.isfinite(score):
            raise EvaluationError(f"the score of {item!r} for {query!r} is {score}", "give a finite number")
    if len({item for item, _ in pairs}) < len(pairs):
        seen: set[str] = set()
        twice = next(item for item, _ in pairs if item in seen or seen.add(item))  # type: ignore[func-returns-value]
        raise EvaluationError(f"item {twice!r} stands twice in the ranking of {query!r}", "rank it once")
    if any(later[1] > sooner[1] for sooner, later in itertools.pairwise(pairs)):
        pairs.sort(key=lambda pair: -pair[1])
    return pairs


def _rows(path: Path, names: Mapping[str, tuple[str, ...]], value: str, trec: Any) -> Iterator[_Row]:
    kind = kind_of(path)
    if kind in ("parquet", "csv"):
        frame = renamed(path, table(path), names)
        objects_there: Iterable[tuple[int, dict[str, Any]]] = enumerate(
            frame.iter_rows(named=True), 1 if kind == "parquet" else 2
        )
    elif kind == "jsonl":
        objects_there = _called(objects(path), names)
    else:
        yield from trec(path)
        return
    for line, found in objects_there:
        yield from _object_rows(path, line, found, value)


def _called(
    lines_there: Iterable[tuple[int, dict[str, Any]]], names: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    ours = {alias: name for name, aliases in names.items() for alias in aliases}
    for line, found in lines_there:
        yield line, {**{ours.get(key, key): value for key, value in found.items() if key not in names}, **found}


def _object_rows(path: Path, line: int, found: Mapping[str, Any], value: str) -> Iterator[_Row]:
    query = _id(path, line, found.get("query"), "query")
    items = found.get("items")
    if isinstance(items, list):
        values = found.get(value + "s")
        if values is None:
            values = [1.0] * len(items) if value == "gain" else [float(len(items) - i) for i in range(len(items))]
        if not isinstance(values, list) or len(values) != len(items):
            raise fault(path, f'"items" and "{value}s" differ in length', "give one for each item", line=line)
        for nth, (item, number) in enumerate(zip(items, values, strict=True), 1):
            yield line, query, _id(path, line, item, "item"), _value(path, line, number, value), float(nth)
        return
    item = _id(path, line, found.get("item"), "item")
    rank = found.get("rank")
    place = 0.0 if rank is None else _value(path, line, rank, "rank")
    yield line, query, item, _value(path, line, found.get(value), value), place


def _trec_run(path: Path) -> Iterator[_Row]:
    for line, text in lines(path):
        parts = text.split()
        if len(parts) != 6:
            remedy = "a run has six columns: query Q0 item rank score tag"
            raise fault(path, f"the line has {len(parts)} columns instead of 6", remedy, line=line, value=text)
        query, item = _trec_ids(path, line, parts)
        yield line, query, item, _value(path, line, parts[4], "score"), _value(path, line, parts[3], "rank")


def _trec_qrels(path: Path) -> Iterator[_Row]:
    for line, text in lines(path):
        parts = text.split()
        if len(parts) != 4:
            remedy = "judgments have four columns: query 0 item gain"
            raise fault(path, f"the line has {len(parts)} columns instead of 4", remedy, line=line, value=text)
        query, item = _trec_ids(path, line, parts)
        yield line, query, item, _value(path, line, parts[3], "gain"), 0.0


def _trec_ids(path: Path, line: int, parts: list[bytes]) -> tuple[str, str]:
    query, item = decoded(path, line, parts[0]), decoded(path, line, parts[2])
    if query.isascii() and item.isascii():
        return query, item
    return query.translate(_SPACES_BACK), item.translate(_SPACES_BACK)


def _trec_id(text: str) -> str:
    if text and text.isascii() and " " not in text and text.isprintable():
        return text
    if not text or any(chr(mark) in text for mark in _SPACES_BACK):
        raise EvaluationError(f"the id {text!r} can't be written in TREC columns", "write JSON lines: name it .jsonl")
    return text.translate(_SPACES)


def _id(path: Path, line: int, found: Any, field: str) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise fault(path, f"the line has no {field}", f'give "{field}" as text', line=line, value=found)
    return str(found)


def _value(path: Path, line: int, found: Any, field: str) -> float:
    try:
        number = math.nan if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise fault(path, f"the {field} is no finite number", f"give every {field} as a number", line=line, value=found)
    return number


def _finite(found: float, what: str) -> float:
    number = float(found)
    if not math.isfinite(number):
        raise EvaluationError(f"{what} is {number}", "give a finite number")
    return number


def _write(path: Path, rows: Iterable[tuple[Any, ...]], names: tuple[str, ...], trec: Callable[..., str]) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pl.DataFrame(list(rows), schema=list(names), orient="row", infer_schema_length=None).write_parquet(path)
        return
    if ".jsonl" in path.suffixes:
        texts = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    else:
        texts = (trec(_trec_id(query), _trec_id(item), *rest) for query, item, *rest in rows)
    with path.open("wb") as sink:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=sink, mode="wb", filename="", mtime=0) as zipped:
                zipped.writelines(text.encode() for text in texts)
        else:
            sink.writelines(text.encode() for text in texts)
