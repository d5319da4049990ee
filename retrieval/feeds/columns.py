"""Column names that mean the same: how the tolerant readers find what they need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import polars as pl

from retrieval.feeds.json_text import parse


class Aliases:
    """For each raw column the names under which it is accepted, the best first; case, spaces, - and _ don't matter."""

    def __init__(self, **names: tuple[str, ...]) -> None:
        self.names = names

    def found(self, header: Iterable[str]) -> dict[str, str]:
        """Raw column -> the header's column for it; each of the header's columns serves once."""
        folded: dict[str, str] = {}
        for column in header:
            folded.setdefault(_fold(column), column)
        result: dict[str, str] = {}
        for raw, names in self.names.items():
            match = next((folded[_fold(name)] for name in names if _fold(name) in folded), None)
            if match is not None and match not in result.values():
                result[raw] = match
        return result


def _fold(name: str) -> str:
    return re.sub(r"[\s_.-]+", "", name).casefold()


def attributes_of(frame: pl.DataFrame, used: set[str], given: str | None = None) -> pl.Expr:
    """All columns that nothing else uses, as a JSON object of strings; null where they are all empty.

    Args:
        frame: the rows.
        used: columns with a meaning of their own.
        given: a column that holds such an object already; its entries come first.
    """
    rest = [name for name in frame.columns if name not in used and name not in {"file", "line", given, ""}]
    if not rest and given is None:
        return pl.lit(None, pl.String)
    rows = frame.select(*([given] if given else []), *rest).iter_rows()
    made = []
    for row in rows:
        pairs = dict(_object(row[0])) if given else {}
        pairs.update((k, v) for k, v in zip(rest, row[1:] if given else row, strict=True) if v and k not in pairs)
        made.append(json.dumps(pairs, ensure_ascii=False) if pairs else None)
    return pl.lit(pl.Series(made, dtype=pl.String))


def _object(text: str | None) -> dict[str, str]:
    """A written attribute object as strings: JSON, or `name: value; name: value`."""
    if not text or not text.strip():
        return {}
    try:
        found = parse(text)
    except json.JSONDecodeError:
        parts = [part.split(":", 1) for part in re.split(r"[;|]", text) if ":" in part]
        return {name.strip(): value.strip() for name, value in parts if value.strip()}
    except ValueError:  # JSON that can't be kept: the row does without these attributes
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(k): flat(v) for k, v in found.items() if flat(v)}


def flat(value: object) -> str:
    """A JSON value in words: lists are joined by commas, yes and no for booleans, "" for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, map(flat, value)))
    if isinstance(value, dict):
        return ", ".join(f"{k}: {flat(v)}" for k, v in value.items() if flat(v))
    return str(value)
