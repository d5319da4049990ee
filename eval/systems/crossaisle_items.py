"""What the shop serves where items are ranked without words: all channels, and the learned order of what they propose.

The code is that of the shop (`retrieval/ranker`, `retrieval/channels`), fitted on the problem's events alone: with the
signals that the shop has, or for a file with all of them, as `crossaisle ingest --train` learns. Listing dates that
readers filled in from first sales are put back to what the events tell, so that no date gives away what will be sold.

`crossaisle` is the learned order of everything proposed, which orders every part of the list that the shop shows;
`crossaisle_list` is that list as it is shown, put together from other aisles, usual ones and repeats
(`retrieval.recommend`), which means to widen what somebody buys and not only to foretell it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import Ranked, System
from eval.systems.crossaisle_words import Shelves
from retrieval.build_stages import texts
from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.interests import Interests
from retrieval.channels.registry import EVERY
from retrieval.encode import Vectors, load_encoder
from retrieval.ranker.items import ItemRanker, config_for
from retrieval.recommend import recommend
from retrieval.sensitive import Sensitive

SHOWN = 10  # items on the list


class Items(System):
    """Channels and learned order on one problem."""

    name: ClassVar[str] = "crossaisle"

    def fit(self, problem: Problem) -> None:
        """Fit the channels, then learn the order on one slice of time earlier."""
        self._channels, self._ranker = _fitted(problem)
        self._size = len(problem.catalogue)

    def rank(self, case: Case, k: int) -> Ranked:
        """The learned order."""
        return self._ranker.rank(case.history, case.allowed, k)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the scores of what is proposed."""
        scores = np.full(self._size, -np.inf)
        rows, found = self._ranker.rank(case.history, case.allowed, self._size)
        scores[rows] = found
        return scores


class Listed(System):
    """The list that is shown to whoever asks for nothing; where only some rows may be ranked, those of them on it.

    It is as long as `crossaisle recommend` makes it: a longer one would be parted otherwise and begin otherwise.
    """

    name: ClassVar[str] = "crossaisle_list"

    def fit(self, problem: Problem) -> None:
        """Fit what the shop is made of."""
        channels, ranker = _fitted(problem)
        catalogue = _dated(problem)
        parts = channels | ({ItemRanker.name: ranker} if ranker.rankers else {})
        self._shop = Shelves(catalogue, load_encoder("static"), parts, Sensitive.of(catalogue))

    def rank(self, case: Case, k: int) -> Ranked:
        """The list."""
        entries = recommend(self._shop, case.history, SHOWN).entries
        rows = np.array([entry.candidate.row for entry in entries], dtype=np.int32)
        rows = (rows if case.allowed is None else rows[case.allowed[rows]])[:k]
        return rows, -np.arange(len(rows), dtype=np.float64)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) falling with the place on the list; -inf for what isn't on it."""
        scores = np.full(len(self._shop.catalogue), -np.inf)
        rows, found = self.rank(case, len(scores))
        scores[rows] = found
        return scores


def _fitted(problem: Problem) -> tuple[dict[str, Channel], ItemRanker]:
    """The channels, and the order learnt on one slice of time earlier."""
    catalogue, vectors = _dated(problem), _vectors(problem)
    names = EVERY if problem.shop is None else [name for name in EVERY if name in problem.shop.channels]
    channels: dict[str, Channel] = {
        name: EVERY[name].fit(problem.events, catalogue)
        for name in names
        if vectors is not None or name not in {"lexical", "new_items"}
    }
    if vectors is not None:
        channels[Interests.name] = Interests(catalogue, vectors)
    config = config_for(problem.clock)
    return channels, ItemRanker.fit(problem.events, catalogue, vectors, channels, config=config)


def _dated(problem: Problem) -> Catalogue:
    """The catalogue, each item listed when it is first seen in what may be learnt from, or never."""
    frame = problem.catalogue.frame
    first = problem.events.group_by("item").agg(pl.col("at").min().alias("first"))
    dated = frame.join(first, on="item", how="left", maintain_order="left")
    return Catalogue(dated.with_columns(listed_at=pl.col("first")).drop("first"))


def _vectors(problem: Problem) -> Vectors | None:
    """(n, d) what the items mean, None where they have no text."""
    frame = problem.catalogue.frame
    if not any(text.strip() for text in texts(frame)):
        return None
    if problem.shop is not None:
        return np.asarray(problem.shop.vectors)
    encoder = load_encoder("static")
    return np.concatenate([encoder.encode(list(texts(part))) for part in frame.iter_slices(4_096)])
