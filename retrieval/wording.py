"""What words find: their meaning and the words themselves blended by score, then once more around what that found.

Reciprocal ranks throw away how much better one item fits than the next; cosines and word scores, each on a scale of
its own up to 1, keep it. What was found first then moves the meaning searched for towards itself (pseudo-relevance
feedback: Rocchio, 1971), which tells what kind of thing a short query means.

The words of a need are the planner's reading of a conversation. What the shopper said in full, as far as it is about
the same thing, is read beside it: it holds what no reading keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Rows
from retrieval.channels.base import Query, Scored
from retrieval.channels.dense import Dense
from retrieval.channels.lexical import Lexical
from retrieval.fuse import CONSTANT, Fused
from retrieval.schema import Need
from retrieval.searchable import Encodes, Searchable

LEAD = 1.8  # what the blended rank of a need in words counts for, beside the weights of behaviour
WORDS = {"static": 1.0}  # what words in common count for beside the cosine, by encoder
WORDS_BESIDE_A_TRANSFORMER = 0.45
SAID = 0.6  # of the meaning searched for: what was said in full; the rest is the need's own words
LATEST = 8  # messages that are read in full
ABOUT = 0.1  # cosine with the need's words from which a message is about the same thing
FEEDBACK, TOWARDS = 10, 0.6  # how many of the first found move the meaning, and how far

Vector = NDArray[np.float32]


def words_of(need: Need) -> str:
    """The need's words and wishes, one text."""
    return " ".join((need.text, *need.wanted)).strip()


def meaning(encoder: Encodes, need: Need) -> Vector:
    """(d,) unit vector of the need's words, and of what was said about the same thing."""
    own = _encoded(encoder, words_of(need))
    said = [text for text in need.said[-LATEST:] if text.strip()]
    about = [text for text in said if float(_encoded(encoder, text) @ own) > ABOUT]
    if not about or " ".join(about) == words_of(need):
        return own
    return _unit(own * np.float32(1.0 - SAID) + _encoded(encoder, " ".join(about)) * np.float32(SAID))


def answered(shop: Searchable, query: Query, k: int) -> dict[str, Scored]:
    """What dense and lexical search say to a need in words, each about all rows that either found.

    Args:
        shop: with both channels.
        query: with the need's meaning as its vector.
        k: how many rows each channel may find before feedback, and dense search again after it.
    """
    dense, lexical = shop.channels.get(Dense.name), shop.channels.get(Lexical.name)
    if query.vector is None or not isinstance(dense, Dense) or not isinstance(lexical, Lexical):
        both = (channel for channel in (dense, lexical) if channel is not None)
        return {channel.name: channel.candidates(query, k) for channel in both}
    words = lexical.scores(query.need) / max(lexical.most(query.need), 1e-9)
    rows = _union(dense.candidates(query, k).rows, Scored.top(words, k, query.allowed).rows)
    vector = query.vector
    if len(rows) > FEEDBACK:
        scores = dense.similarity(vector, rows) + _share(shop.encoder) * words[rows]
        first = rows[np.argsort(-scores, kind="stable")[:FEEDBACK]]
        vector = _unit(vector + TOWARDS * dense.mean(first))
        rows = _union(rows, dense.candidates(replace(query, vector=vector), k).rows)
    return {Dense.name: _sorted(rows, dense.similarity(vector, rows)), Lexical.name: _sorted(rows, words[rows])}


def led(fused: Fused, encoder: Encodes) -> Fused:
    """The fused list with the blended rank of what words found added to its scores."""
    if not len(fused.rows):
        return fused
    none = np.zeros(len(fused.rows), dtype=np.float32)
    cosine, words = (fused.said[name][0] if name in fused.said else none for name in (Dense.name, Lexical.name))
    order = np.argsort(-(cosine + _share(encoder) * words), kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    return Fused(fused.rows, fused.scores + LEAD / (CONSTANT + rank), fused.said)


def _share(encoder: Encodes) -> float:
    return WORDS.get(getattr(encoder, "name", ""), WORDS_BESIDE_A_TRANSFORMER)


@lru_cache(maxsize=256)  # a message is read again in every later turn of its conversation
def _kept(encode: Callable[[Sequence[str]], Vector], text: str) -> Vector:
    vector: Vector = encode([text])[0]
    vector.flags.writeable = False
    return vector


def _encoded(encoder: Encodes, text: str) -> Vector:
    kept: Vector = _kept(encoder.encode, text)
    return kept


def _unit(vector: NDArray[np.floating[Any]]) -> Vector:
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm else vector).astype(np.float32)


def _union(*several: Rows) -> Rows:
    return np.unique(np.concatenate(several)).astype(np.int32)


def _sorted(rows: Rows, scores: Sequence[float] | Vector) -> Scored:
    """Rows with a score above 0, best first."""
    return Scored.top(np.asarray(scores, dtype=np.float32), len(rows), rows=rows)
