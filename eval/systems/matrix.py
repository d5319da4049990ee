"""What baselines share: who took what as a matrix, a case's history as weights, and settings chosen by looking back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array

from eval.problem import Case, Problem
from eval.systems.base import System
from retrieval.catalogue import Rows
from retrieval.channels.log import TAKEN, Log, event_weights
from retrieval.errors import EvaluationError

HALF_LIFE = 365.0
MOST_CASES, DEPTH, BLOCK = 600, 10, 2_048


def taken_matrix(problem: Problem) -> csr_array:
    """(shoppers, n) 1 where a shopper of `problem.events` took an item."""
    log = Log.taken(problem.events, problem.catalogue)
    ones = np.ones(len(log), dtype=np.float32)
    found = csr_array((ones, (log.shopper, log.rows)), shape=(log.shoppers, len(problem.catalogue)))
    found.data[:] = 1.0  # adding up the doubles has left counts
    return found


def weights(case: Case, half_life: float = HALF_LIFE) -> tuple[Rows, NDArray[np.float64]]:
    """Distinct rows of a case's history and what each weighs: events by kind, halved every `half_life` days."""
    rows, place = np.unique(case.history.rows, return_inverse=True)
    each: NDArray[np.float64] = np.bincount(place, event_weights(case.history, half_life), minlength=len(rows)).astype(
        np.float64
    )
    return rows[each > 0].astype(np.int32), each[each > 0]


def known(case: Case) -> Rows:
    """Distinct rows that a case's shopper took, ascending; everything liked where nothing was taken."""
    strong = case.history.of_kind(*TAKEN)
    rows = (strong if len(strong) else case.history.liked()).rows
    return np.unique(rows).astype(np.int32)


def tuned(problem: Problem, settings: Sequence[Any], make: Callable[[Any], System]) -> Any:
    """The setting whose system ranks the slice before best: mean NDCG@10 of its views, 600 cases in all.

    Args:
        problem: whose `earlier()` is looked at; its own cases are not.
        settings: in order of preference; the first is taken where there is no earlier slice, or nothing differs.
        make: makes an unfitted system of a setting.
    """
    before = problem.earlier() if len(settings) > 1 else None
    if before is None:
        return settings[0]
    found = []
    for setting in settings:
        system = make(setting)
        system.fit(before)
        found.append(np.mean([_quality(system, before, view) for view in before.views]))
    return settings[int(np.argmax(found))]


def linear_weights(gram: NDArray[np.float32], ridge: float) -> NDArray[np.float32]:
    """Ridge regression of every column on all others, in closed form: (m, m) weights, zero on the diagonal.

    Args:
        gram: (m, m) by columns; it is used up.
        ridge: added to its diagonal.

    Raises:
        EvaluationError: the ridge is too small for the matrix to be inverted.
    """
    gram[np.diag_indices_from(gram)] += ridge
    factor, fault = lapack.spotrf(gram, lower=True, overwrite_a=True)
    inverse, other = lapack.spotri(factor, lower=True, overwrite_c=True)
    if fault or other:
        raise EvaluationError(f"the ridge {ridge} is too small for these data", "choose a larger one")
    for a in range(0, len(inverse), BLOCK):  # the upper half from the lower one, in place
        b = a + BLOCK
        inverse[a:b, b:] = inverse[b:, a:b].T
        inverse[a:b, a:b] = np.tril(inverse[a:b, a:b]) + np.tril(inverse[a:b, a:b], -1).T
    inverse *= -1 / np.diag(inverse)[:, None]
    np.fill_diagonal(inverse, 0.0)
    weights: NDArray[np.float32] = inverse.T  # of a matrix that lies by columns: now rows lie together
    return weights


def _quality(system: System, problem: Problem, view: str) -> float:
    cases = problem.views[view]
    ids = problem.catalogue.ids
    total = 0.0
    chosen = range(0, len(cases), -(-len(cases) * len(problem.views) // MOST_CASES))
    for index in chosen:
        case = cases[index]
        rows, _ = system.rank(case, DEPTH)
        hits = np.array([case.targets.get(ids[row], 0.0) for row in rows])
        ideal = sorted(case.targets.values(), reverse=True)[:DEPTH]
        total += float(hits @ _discount(len(hits)) / (np.array(ideal) @ _discount(len(ideal))))
    return total / len(chosen)


def _discount(size: int) -> NDArray[np.float64]:
    return np.asarray(1 / np.log2(np.arange(2, size + 2)), dtype=np.float64)
