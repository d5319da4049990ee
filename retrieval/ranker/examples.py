"""Lists to learn from: candidates of one slice of time earlier, and which of them were taken next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Rows
from retrieval.history import History


@dataclass(frozen=True)
class Examples:
    """Candidates (n,) of all lists, list after list.

    Attributes:
        features: (n, f).
        gains: (n,) 1 for what was taken.
        weights: (n,) how many candidates each stands for: those not taken are drawn from many.
        kinds: (n,) which law each candidate follows, by number.
        groups: (q,) candidates in each list.
    """

    features: NDArray[np.float32]
    gains: NDArray[np.int32]
    weights: NDArray[np.float32]
    kinds: NDArray[np.int8]
    groups: NDArray[np.int32]

    def of_kind(self, kind: int) -> Examples:
        """The candidates of one kind alone, list by list."""
        own = self.kinds == kind
        lists = np.repeat(np.arange(len(self.groups)), self.groups)
        sizes = np.bincount(lists[own], minlength=len(self.groups))
        groups = sizes[sizes > 0].astype(np.int32)
        return Examples(self.features[own], self.gains[own], self.weights[own], self.kinds[own], groups)

    @property
    def taken(self) -> int:
        """How many candidates were taken."""
        return int(self.gains.sum())

    @classmethod
    def join(cls, lists: Iterable[Examples], width: int) -> Examples:
        """All lists in one; `width` is the number of features."""
        parts = [found for found in lists if len(found.gains)]
        none = np.empty(0)
        parts = parts or [
            cls(
                np.empty((0, width), np.float32),
                none.astype(np.int32),
                none.astype(np.float32),
                none.astype(np.int8),
                none.astype(np.int32),
            )
        ]
        return cls(
            np.concatenate([found.features for found in parts]),
            np.concatenate([found.gains for found in parts]),
            np.concatenate([found.weights for found in parts]),
            np.concatenate([found.kinds for found in parts]),
            np.concatenate([found.groups for found in parts]),
        )


def sample(
    kinds: Iterable[Rows], targets: Rows, most: int, chance: np.random.Generator
) -> tuple[Rows, NDArray[np.int32], NDArray[np.float32]]:
    """Rows of one list with gains and weights: all that were taken, and of each kind at most `most` of the others."""
    rows, weights = [], []
    for proposed in kinds:
        taken = np.isin(proposed, targets)
        others = proposed[~taken]
        kept = others if len(others) <= most else np.sort(chance.choice(others, most, replace=False))
        rows += [proposed[taken], kept]
        weights += [np.ones(int(taken.sum())), np.full(len(kept), len(others) / max(len(kept), 1))]
    found = np.concatenate(rows).astype(np.int32)
    gains = np.isin(found, targets).astype(np.int32)
    return found, gains, np.concatenate(weights).astype(np.float32)


def drawn(cases: list[tuple[History, Rows]], most: int, chance: np.random.Generator) -> list[tuple[History, Rows]]:
    """At most `most` cases, in their order."""
    if len(cases) <= most:
        return cases
    return [cases[index] for index in np.sort(chance.choice(len(cases), most, replace=False)).tolist()]
