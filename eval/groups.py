"""Who the shoppers are, for slices: attributes from a table, or from demographics beside the transactions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from retrieval.errors import EvaluationError

IDS = ("shopper", "household_id", "user_id", "user", "customer_id", "customer", "userid", "shopper_id")
MOST_VALUES = 24
Groups = Mapping[str, Mapping[str, str]]


def read_groups(path: Path) -> Groups:
    """Read a table of one row a shopper: a column of ids, named as in `IDS`, and a column for each attribute.

    Args:
        path: Parquet, JSON lines (`.jsonl`, `.ndjson`), or CSV / TSV; gzip is fine for text. Ids are compared as text.

    Returns:
        shopper -> attribute -> value as text; values that are missing are left out, and so are attributes with more
        than `MOST_VALUES` values, which are no groups.

    Raises:
        EvaluationError: the file can't be read or has no column of ids.
    """
    try:
        frame = _table(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise EvaluationError(
            f"{path} can't be read as a table ({error})", "give Parquet, JSON lines, CSV or TSV"
        ) from error
    ids = next((name for name in frame.columns if name.strip().casefold() in IDS), None)
    if ids is None:
        raise EvaluationError(
            f"{path} has no column of shoppers among {', '.join(frame.columns)}", "name the column of ids 'shopper'"
        )
    text = frame.with_columns(pl.all().cast(pl.String).str.strip_chars().replace("", None))
    names = [name for name in text.columns if name != ids and 1 <= text[name].drop_nulls().n_unique() <= MOST_VALUES]
    found: dict[str, dict[str, str]] = {}
    for shopper, *values in text.select(ids, *names).iter_rows():
        if shopper:
            said = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            found.setdefault(shopper, {}).update(said)
    return found


def beside(path: Path) -> Groups:
    """The demographics of a Complete Journey folder, none for anything else."""
    folder = path if path.is_dir() else path.parent
    if not any(folder.glob("transactions*")):
        return {}
    files = sorted(file for file in folder.glob("demographics*") if file.is_file())
    return read_groups(files[0]) if files else {}


def _table(path: Path) -> pl.DataFrame:
    name = path.name.casefold().removesuffix(".gz")
    if name.endswith(".parquet"):
        return pl.read_parquet(path)
    if name.endswith((".jsonl", ".ndjson")):
        return pl.read_ndjson(path)
    separator = "\t" if name.endswith((".tsv", ".txt")) else ","
    return pl.read_csv(path, separator=separator, infer_schema=False)
