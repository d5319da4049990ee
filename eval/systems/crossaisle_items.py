"""What the shop serves where items are ranked without words: all channels, and the learned order of what they propose.

The code is that of the shop (`retrieval/ranker`, `retrieval/channels`), fitted on the problem's events alone. Listing
dates that readers filled in from first sales are put back to what the events tell, so that no date gives away what
will be sold.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.problem import Case, Problem
from eval.systems.base import Ranked, System
from retrieval.build_stages import texts
from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.interests import Interests
from retrieval.channels.registry import EVERY
from retrieval.encode import Vectors, load_encoder
from retrieval.ranker.items import ItemRanker, ItemRankerConfig
from retrieval.ranker.model import RankerConfig
from retrieval.ranker.slices import SliceConfig

# One item is sought, so its place on the list is all that counts: chosen on the validation split of such sequences.
LAST = ItemRankerConfig(
    slice=SliceConfig(last=True, least=3),
    most_shoppers=6_000,
    trees=RankerConfig(objective="lambdarank", trees=150),
)


class Items(System):
    """Channels and learned order on one problem."""

    name: ClassVar[str] = "crossaisle"

    def fit(self, problem: Problem) -> None:
        """Fit the channels, then learn the order on one slice of time earlier."""
        catalogue = _dated(problem)
        vectors = _vectors(problem)
        channels: dict[str, Channel] = {
            name: channel.fit(problem.events, catalogue)
            for name, channel in EVERY.items()
            if vectors is not None or name not in {"lexical", "new_items"}
        }
        if vectors is not None:
            channels[Interests.name] = Interests(catalogue, vectors)
        config = LAST if problem.protocol == "leave-one-out" else ItemRankerConfig()
        self._ranker = ItemRanker.fit(problem.events, catalogue, vectors, channels, config=config)
        self._size = len(catalogue)

    def rank(self, case: Case, k: int) -> Ranked:
        """The learned order."""
        return self._ranker.rank(case.history, case.allowed, k)

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) the scores of what is proposed."""
        scores = np.full(self._size, -np.inf)
        rows, found = self._ranker.rank(case.history, case.allowed, self._size)
        scores[rows] = found
        return scores


def _dated(problem: Problem) -> Catalogue:
    """The catalogue, each item listed when it is first seen in what may be learnt from, or never."""
    frame = problem.catalogue.frame
    first = problem.events.group_by("item").agg(pl.col("at").min().alias("first"))
    dated = frame.join(first, on="item", how="left", maintain_order="left")
    return Catalogue(dated.with_columns(listed_at=pl.col("first")).drop("first"))


def _vectors(problem: Problem) -> Vectors | None:
    """(n, d) what the items mean, None where they have no text."""
    frame = problem.catalogue.frame
    if not (frame["title"].str.strip_chars() != "").any():
        return None
    if problem.shop is not None:
        return np.asarray(problem.shop.vectors)
    encoder = load_encoder("static")
    return np.concatenate([encoder.encode(list(texts(part))) for part in frame.iter_slices(4_096)])
