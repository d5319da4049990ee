"""How much the association graph leads beside the learned ranking of new aisles, as the shop's own past has shown.

The graph hears single sure steps (a bought tent leads to a sleeping bag), the ranking hears everything a little. In a
shop whose shoppers walk such steps the graph tells more, in others it adds noise: the weight is the one under which
new aisles were best foretold one slice of time earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.history import History

WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0)
USUAL = 1.0  # where there is too little to learn from
FEWEST, MOST = 60, 600  # shoppers
DEPTH = 10

Scores = NDArray[np.float64]


def fused(ranking: Scores, graph: Scores, weight: float) -> Scores:
    """(C,) both on one scale, the graph weighed."""
    return standard(ranking) + weight * standard(graph)


def standard(scores: Scores) -> Scores:
    """Scores with mean 0 and standard deviation 1."""
    deviation = float(scores.std())
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


def best_weight(
    cases: Sequence[tuple[History, NDArray[np.bool_], NDArray[np.bool_]]],
    ranking: Callable[[History], Scores],
    graph: Callable[[History], Scores],
) -> float:
    """The weight of the graph with the highest mean NDCG@10, the smallest of equal ones.

    Args:
        cases: history, (C,) aisles that are new to the shopper, (C,) those of them that were walked next.
        ranking: (C,) learned scores of a history.
        graph: (C,) the graph's scores of a history.
    """
    if len(cases) < FEWEST:
        return USUAL
    reached = np.zeros(len(WEIGHTS))
    discount = 1.0 / np.log2(np.arange(DEPTH) + 2.0)
    for history, new, walked in cases:
        both = ranking(history), graph(history)
        ideal = discount[: int(walked.sum())].sum()
        for place, weight in enumerate(WEIGHTS):
            scores = np.where(new, fused(*both, weight), -np.inf)
            first = np.argsort(-scores, kind="stable")[:DEPTH]
            reached[place] += (walked[first] * discount[: len(first)]).sum() / ideal
    return WEIGHTS[int(reached.argmax())]
