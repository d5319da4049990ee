"""`retrieval.text.clean` over columns: only values that need it are touched, each distinct one once."""

from __future__ import annotations

import json

import polars as pl

from retrieval.feeds.values import PATH
from retrieval.text import clean

TITLE_LIMIT = 1_000
_ATTRIBUTE_LIMIT = 40
_PLAIN = r"^[!-~]+(?: [!-~]+)*$"  # printable ASCII with single spaces needs no cleaning
_CONTROL = r"[\p{Cc}\p{Cf}\p{Co}\p{Cn}]"


def clean_column(texts: pl.Series, limit: int = 20_000) -> pl.Series:
    """Clean a column of text (n,); what is empty afterwards becomes null."""
    odd = texts.filter(~texts.str.contains(_PLAIN) | (texts.str.len_bytes() > limit)).drop_nulls().unique()
    if odd.len():
        made = pl.Series([clean(text, limit) or None for text in odd], dtype=pl.String)
        texts = texts.replace(odd, made)
    return texts


def clean_paths(paths: pl.Series) -> pl.Series:
    """Clean every name of a column of raw category paths; empty names go, an empty path becomes null."""
    distinct = paths.drop_nulls().unique()
    if not distinct.len():
        return paths
    made = [PATH.join(name for part in path.split(PATH) if (name := clean(part, TITLE_LIMIT))) for path in distinct]
    return paths.replace(distinct, pl.Series([path or None for path in made], dtype=pl.String))


def clean_attributes(texts: pl.Series) -> pl.Series:
    """Clean names and values of a column of JSON objects; an empty object becomes null, keys keep their order."""
    distinct = texts.drop_nulls().unique()
    if not distinct.len():
        return texts
    return texts.replace(distinct, pl.Series([_object(text) for text in distinct], dtype=pl.String))


def _object(text: str) -> str | None:
    pairs = {clean(str(k), 100): clean(str(v), 500) for k, v in json.loads(text).items() if v not in (None, "")}
    kept = {k: v for k, v in list(pairs.items())[:_ATTRIBUTE_LIMIT] if k and v}
    return json.dumps(kept, ensure_ascii=False) if kept else None


def identifier(column: str) -> pl.Expr:
    """An id without surrounding space and invisible characters; null where nothing is left or it says "null"."""
    text = pl.col(column).str.replace_all(_CONTROL, "").str.strip_chars()
    nothing = text.str.to_lowercase().is_in(["", "null", "none", "nan", "n/a", "na", "nil", "undefined", "<na>"])
    return pl.when(~nothing).then(text)
