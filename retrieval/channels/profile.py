"""A shopper as weights over categories: how recently and how strongly they walked each aisle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue
from retrieval.channels.log import KIND_WEIGHTS, event_weights
from retrieval.history import History
from retrieval.schema import Need


def profile(history: History, catalogue: Catalogue, half_life: float) -> NDArray[np.float64]:
    """(C,) the square root of each category's strongest event weight, 0 for aisles never walked.

    One purchase opens an aisle as much as ten do; the root keeps what is a year old half alive.
    """
    weights = np.zeros(len(catalogue.category.names))
    liked = history.liked()
    np.maximum.at(weights, catalogue.category.codes[liked.rows], event_weights(liked, half_life))
    unnamed = catalogue.category.code_of.get("")
    if unnamed is not None:
        weights[unnamed] = 0.0
    root: NDArray[np.float64] = np.sqrt(weights)
    return root


def hanging(history: History, catalogue: Catalogue, half_life: float, count: int = 2) -> NDArray[np.float64]:
    """(C,) how much of each weight of `profile` hangs on the `latest` events of that category."""
    codes = np.where(KIND_WEIGHTS[history.kinds] > 0, catalogue.category.codes[history.rows], -1)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], codes[order], side="right")
    older = np.zeros(len(history), dtype=np.bool_)
    older[order] = np.arange(len(history)) < ends - count
    return profile(history, catalogue, half_life) - profile(history.select(older), catalogue, half_life)


def latest(history: History, catalogue: Catalogue, category: int, count: int = 2) -> list[int]:
    """Indices of the last liking events in a category, newest first."""
    own = catalogue.category.codes[history.rows] == category
    own &= KIND_WEIGHTS[history.kinds] > 0
    newest: list[int] = np.flatnonzero(own)[::-1][:count].tolist()
    return newest


def aimed(need: Need, catalogue: Catalogue) -> list[int] | None:
    """Codes of the categories that a need of behaviour stays within; None for any category."""
    if need.origin == "asked" or not need.targets:
        return None
    codes = catalogue.category.code_of
    return [codes[name] for name in need.targets if name in codes]
