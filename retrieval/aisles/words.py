"""What shoppers' goods are called, and which aisles that speaks for.

Kernel ridge regression (Saunders, Gammerman, Vovk, "Ridge Regression Learning Algorithm in Dual Variables", 1998) from
the words in the titles of everything a shopper took to the categories they walk: two shoppers are alike where their
goods share rare words, also where the categories differ.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from retrieval.aisles.walks import Matrix, Walks
from retrieval.catalogue import Catalogue
from retrieval.channels.storage import Array
from retrieval.text import terms

LEAST_SHARE, LEAST = 0.012, 4  # shoppers that a word needs: a share of all, and a number
MOST_SHARE = 0.8  # a word of more shoppers than this tells nothing
MOST_WORDS = 8192
MOST_SHOPPERS = 2500  # that are compared with; evenly drawn where there are more
RIDGE = 6.0
ARRAYS = ("rare", "scale", "base_data", "base_index", "base_starts", "alpha", "offset", "usual")


def vocabulary(walks: Walks, catalogue: Catalogue) -> csr_array:
    """(n, w) which words the title of each row holds, for words that some shoppers' goods share."""
    titles = catalogue.titles
    said = [set(terms(title or "")) for title in titles]
    known: Counter[str] = Counter()
    pair = np.unique(walks.shopper * max(len(titles), 1) + walks.rows)
    seen: set[str] = set()
    last = -1
    for shopper, row in zip((pair // max(len(titles), 1)).tolist(), (pair % max(len(titles), 1)).tolist(), strict=True):
        if shopper != last:
            known.update(seen)
            seen, last = set(), shopper
        seen |= said[row]
    known.update(seen)
    least, most = max(LEAST, LEAST_SHARE * walks.shoppers), MOST_SHARE * walks.shoppers
    good = sorted(
        (word for word, count in known.items() if least <= count < most), key=lambda word: (-known[word], word)
    )
    place = {word: number for number, word in enumerate(good[:MOST_WORDS])}
    found = [[place[word] for word in sorted(words & place.keys())] for words in said]
    index = np.array([word for each in found for word in each], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in found])]) if found else np.zeros(len(titles) + 1)
    return table(index, starts.astype(np.int64), len(place))


def table(index: Array, starts: Array, width: int) -> csr_array:
    """(n, width) words of each row, from the two arrays that are saved."""
    return csr_array((np.ones(len(index), dtype=np.float32), index, starts), shape=(len(starts) - 1, width))


class Words:
    """The regression, fitted on walks.

    Args:
        names: (n, w) words of every catalogue row.
        arrays: what `fit` learnt: `rare` (w,), `base` (u, w) sparse in three arrays, `alpha` (u, C), `offset` (u,),
            `usual` (C,), `scale` (1,).
    """

    def __init__(self, names: csr_array, arrays: dict[str, Array]) -> None:
        self.names, self.arrays = names, arrays
        shape = (len(arrays["offset"]), names.shape[1])
        base = csr_array((arrays["base_data"], arrays["base_index"], arrays["base_starts"]), shape=shape)
        self._base, self._turned = base, base.T.tocsr()

    @classmethod
    def fit(cls, names: csr_array, walks: Walks) -> Words:
        """Compare all shoppers, and solve for what each speaks for."""
        counts = _counts(names, walks)
        df = np.bincount(counts.indices, minlength=names.shape[1])
        rare = np.log(max(walks.shoppers, 1) / np.maximum(df, 1)).clip(0) * (df > 0)
        walked = walks.walked()
        wide = np.log1p(np.diff(walked.indptr))
        active = np.flatnonzero(wide)
        scale = float(wide[active].mean()) if len(active) else 1.0
        chosen = active[:: -(-len(active) // MOST_SHOPPERS) or 1]
        base = csr_array(_weighed(counts, rare, wide / scale)[chosen])
        kernel = np.asarray((base @ base.T).todense())
        mean = kernel.mean(axis=1) if len(chosen) else np.zeros(0)
        centred = kernel - mean[:, None] - mean[None, :] + (mean.mean() if len(chosen) else 0.0)
        goal = walked[chosen].toarray()
        usual = goal.mean(axis=0) if len(chosen) else np.zeros(walks.aisles)
        alpha = np.linalg.solve(centred + RIDGE * np.eye(len(chosen)), goal - usual)
        return cls(
            names,
            {
                "rare": rare,
                "scale": np.array([scale]),
                "base_data": base.data,
                "base_index": base.indices.astype(np.int32),
                "base_starts": base.indptr.astype(np.int32),
                "alpha": alpha.astype(np.float32),
                "offset": mean,
                "usual": usual,
            },
        )

    def scores(self, walks: Walks) -> Matrix:
        """(q, C) how much the words of each shopper's goods speak for each category."""
        wide = np.log1p(np.diff(walks.walked().indptr)) / float(self.arrays["scale"][0])
        mine = _weighed(_counts(self.names, walks), self.arrays["rare"], wide)
        alike = self._base @ mine.toarray()[0] if len(wide) == 1 else np.asarray((mine @ self._turned).todense())
        # Alphas sum to nothing over shoppers, so centring needs only what each of those has in common with all.
        far = np.atleast_2d(alike - self.arrays["offset"]).astype(np.float32)
        found: Matrix = (far @ self.arrays["alpha"]).astype(np.float64) + self.arrays["usual"]
        return found


def _counts(names: csr_array, walks: Walks) -> csr_array:
    """(q, w) how many of a shopper's events hold each word."""
    lines = names[walks.rows]
    owner = np.repeat(walks.shopper, np.diff(lines.indptr))
    return csr_array(coo_array((lines.data, (owner, lines.indices)), shape=(walks.shoppers, names.shape[1])))


def _weighed(counts: csr_array, rare: Array, wide: NDArray[np.float64]) -> csr_array:
    """Rows of unit length times `wide` (q,): log counts times rarity."""
    data = np.log1p(counts.data) * rare[counts.indices]
    owner = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(owner, data * data, minlength=counts.shape[0]))
    data = data * (wide / np.maximum(length, 1e-12))[owner]
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)
