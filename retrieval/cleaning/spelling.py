"""One spelling for each name: "Pet Food", "PET_FOOD" and "pet  food" are one category, written the most usual way."""

from __future__ import annotations

import polars as pl

from retrieval.text import key


def spellings(names: pl.DataFrame) -> dict[str, str]:
    """Which spelling stands for each that differs from it.

    The most frequent spelling of each `retrieval.text.key` wins; of equally frequent ones the one that is not all in
    capitals, then the alphabetically first. A name whose key is empty (no letters or digits) stands for itself.

    Args:
        names: `name` and `n`, how often it is written; names distinct.
    """
    best: dict[str, tuple[tuple[int, bool, str], str]] = {}
    keys: dict[str, str] = {}
    for name, count in names.select("name", "n").iter_rows():
        keys[name] = folded = key(name)
        rank = (-count, name.isupper(), name)
        if folded and (folded not in best or rank < best[folded][0]):
            best[folded] = (rank, name)
    return {name: best[folded][1] for name, folded in keys.items() if folded and best[folded][1] != name}


def respell(column: pl.Series) -> pl.Series:
    """Write every name of a column (n,) in its most usual spelling; nulls stay."""
    counts = column.drop_nulls().value_counts(name="n").rename({column.name: "name"})
    table = spellings(counts)
    return column.replace(table) if table else column
