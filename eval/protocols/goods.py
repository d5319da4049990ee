"""Catalogues made of nothing but titles, and titles drawn from a catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set

import numpy as np
import polars as pl

from retrieval.catalogue import SCHEMA, Catalogue


def titled(titles: Mapping[str, str]) -> Catalogue:
    """A catalogue of these titles by id; every other column says nothing.

    Rows are in the order of hashed ids, so that ties, which fall to lower rows, favour no kind of id.
    """
    ids = sorted(titles, key=lambda item: hashlib.sha256(item.encode()).digest())
    known = {"item": ids, "title": [titles[item] for item in ids]}
    columns = [
        pl.Series(name, known[name], dtype=kind)
        if name in known
        else pl.Series(name, [_blank(kind)] * len(ids), dtype=kind)
        for name, kind in SCHEMA.items()
    ]
    return Catalogue(pl.DataFrame(columns))


def draw(catalogue: Catalogue, size: int, seed: int, skus: Set[str], titles: Set[str]) -> dict[str, str]:
    """Titles by item id, drawn without replacement; all of them where there are no more than `size`.

    Args:
        catalogue: drawn from.
        size: how many.
        seed: the same seed draws the same of the same catalogue.
        skus: items left out by what follows the platform in their id.
        titles: items left out by their whole title.
    """
    rows = [
        row
        for row, (item, title) in enumerate(zip(catalogue.ids, catalogue.titles, strict=True))
        if title and title not in titles and item.partition(":")[2] not in skus
    ]
    if len(rows) > size:
        chosen = np.random.default_rng(seed).choice(len(rows), size, replace=False)
        rows = [rows[place] for place in np.sort(chosen)]
    return {catalogue.ids[row]: catalogue.titles[row] for row in rows}


def _blank(kind: pl.DataType) -> str | None:
    return "" if kind == pl.String() else None
