"""The leading directions in which a shop's items go together, in closed form.

The eigenvectors of the normalised co-occurrence are what graph convolution keeps (Shen et al., "How Powerful is Graph
Convolution for Recommendation?", 2021). Found by subspace iteration (Halko, Martinsson, Tropp, 2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from retrieval.channels.sequence_data import Sequences

ROUNDS, SPARE = 6, 16
REACH = 6  # events between two items that still go together


def near_pairs(sequences: Sequences, hidden: NDArray[np.bool_] | None = None) -> csr_array:
    """(m, m) symmetric sums over shoppers of 1 / distance for items at most `REACH` events apart.

    Args:
        sequences: what shoppers did.
        hidden: (e,) events that don't count, such as those that tell when training ends.
    """
    size = len(sequences.rows)
    shopper = np.repeat(np.arange(len(sequences.starts) - 1), np.diff(sequences.starts))
    pairs = csr_array((size, size), dtype=np.float64)
    for step in range(1, REACH + 1):
        same = shopper[:-step] == shopper[step:]
        if hidden is not None:
            same &= ~hidden[:-step] & ~hidden[step:]
        where = (sequences.codes[:-step][same], sequences.codes[step:][same])
        pairs = pairs + csr_array((np.full(int(same.sum()), 1 / step), where), shape=(size, size))
    return csr_array(pairs + pairs.T)


def directions(pairs: csr_array, width: int, seed: int) -> NDArray[np.float64]:
    """(m, width) unit-norm item vectors whose dot products follow the pairs; chance fills what the pairs leave open.

    Args:
        pairs: (m, m) symmetric, at least 0.
        width: of the vectors, also where there are fewer items.
        seed: of the first guess and of items without pairs.
    """
    size = pairs.shape[0]
    chance = np.random.default_rng(seed)
    strength = 1 / np.sqrt(np.maximum(np.asarray(pairs.sum(axis=1)).ravel(), 1e-9))
    scale = diags_array(np.where(strength < 1e4, strength, 0.0))
    normal = csr_array(scale @ pairs @ scale)
    space = np.linalg.qr(chance.normal(size=(size, min(size, width + SPARE))))[0]
    for _ in range(ROUNDS):
        space = np.linalg.qr(normal @ (normal @ space))[0]
    values, turned = np.linalg.eigh(space.T @ (normal @ space))
    best = np.argsort(-values, kind="stable")[:width]
    vectors = np.zeros((size, width))
    vectors[:, : len(best)] = space @ turned[:, best] * np.sqrt(np.maximum(values[best], 0))
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    other = chance.normal(size=(size, width)) / np.sqrt(width)
    out: NDArray[np.float64] = np.where(norms > 1e-6, vectors / np.maximum(norms, 1e-6), other)
    return out
