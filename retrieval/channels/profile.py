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
