"""Which aisles a shopper walks next: everything known of them and of all others, weighed by what time has shown.

`retrieval.aisles` holds the parts: signals learnt from all walks, features of a history, and how both are weighed.
Two questions are answered apart: which aisles come next at all (mostly habits), and which new ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.aisles import signals as learnt_signals
from retrieval.aisles import words as learnt_words
from retrieval.aisles.features import NAMES, features, stack
from retrieval.aisles.lead import MOST, USUAL, best_weight, fused
from retrieval.aisles.learn import NEW, PLAIN_ALL, PLAIN_NEW, Learnt, learn, plain
from retrieval.aisles.signals import Signals
from retrieval.aisles.walks import Matrix, Walks, modelled
from retrieval.aisles.words import Words, vocabulary
from retrieval.catalogue import Catalogue
from retrieval.channels import storage
from retrieval.channels.association import Association
from retrieval.channels.base import LearntChannel, Query, Scored
from retrieval.channels.log import Log
from retrieval.channels.profile import aimed, latest
from retrieval.channels.shelves import Shelves
from retrieval.history import History
from retrieval.ranker.model import Ranker
from retrieval.ranker.slices import SliceConfig, cut
from retrieval.schema import Evidence, Frozen

SCORED_BY_TREES = 250  # aisles, besides the shopper's own; the others follow in the order of the plain sum
SHOWN = 4  # shares that evidence tells
BASE = "base"  # the share that every score starts from


class AislesConfig(Frozen):
    """What is modelled.

    Attributes:
        most_categories: those with the most shoppers, at most this many.
        learn: weigh signals by what time slices show; without, by fixed sums.
        weigh: learn what the association graph counts beside them as well.
    """

    most_categories: int = Field(default=3000, ge=1)
    learn: bool = True
    weigh: bool = True


class Aisles(LearntChannel):
    """Scores (C,) of all categories, or of new ones, for a history, and what each feature adds to a score."""

    name: ClassVar[str] = "aisles"
    _ARRAYS: ClassVar[tuple[str, ...]] = (
        *learnt_signals.ARRAYS,
        *learnt_words.ARRAYS,
        "codes",
        "prices",
        "words_index",
        "words_starts",
        "new",
        "popularity",
        "lead",
    )

    def __init__(
        self, catalogue: Catalogue, config: AislesConfig, arrays: dict[str, storage.Array], ranker: Ranker | None
    ) -> None:
        self._catalogue, self.config, self._arrays = catalogue, config, arrays
        self._codes: NDArray[np.int32] = arrays["codes"]
        place = np.full(len(catalogue.category.names), -1, dtype=np.int32)
        place[self._codes] = np.arange(len(self._codes), dtype=np.int32)
        self._aisle_of = place[catalogue.category.codes]
        names = learnt_words.table(arrays["words_index"], arrays["words_starts"], len(arrays["rare"]))
        self._signals = Signals(arrays, Words(names, arrays))
        self.lead = float(arrays["lead"][0])  # what the association graph counts beside new aisles' scores
        self.learnt = Learnt(arrays["new"] if len(arrays["new"]) else None, ranker)
        self.shelves = Shelves(catalogue, arrays["popularity"])
        self._known = lru_cache(maxsize=16)(self._look)  # the needs of a turn share a history

    @classmethod
    def fit(cls, events: pl.DataFrame, catalogue: Catalogue, config: AislesConfig | None = None) -> Self:
        """Learn signals from all events, and how to weigh them from earlier slices of the same events."""
        config = config or AislesConfig()
        log = Log.taken(events, catalogue)
        codes, aisle_of = modelled(log, catalogue, config.most_categories)
        walks = Walks.of_log(log, aisle_of, len(codes))
        names = vocabulary(walks, catalogue)
        prices = _prices(catalogue, aisle_of, len(codes))
        found = learn(walks, names, prices) if config.learn else Learnt(None, None)
        signals = Signals.fit(walks, names)
        arrays = {
            **signals.arrays,
            **signals.words.arrays,
            "codes": codes,
            "prices": prices,
            "words_index": names.indices.astype(np.int32),
            "words_starts": names.indptr.astype(np.int64),
            "new": np.empty(0) if found.new is None else found.new,
            "popularity": Shelves.fit(log, catalogue).popularity,
            "lead": np.array([_lead(events, catalogue, config) if found.new is not None else USUAL]),
        }
        return cls(catalogue, config, arrays, found.all)

    def save(self, folder: Path) -> None:
        """Write config, signals, weights and, where there are some, trees."""
        storage.save(folder, self.config, self._catalogue, self._arrays)
        if self.learnt.all is not None:
            self.learnt.all.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Read what `save` wrote."""
        config, arrays = storage.load(folder, AislesConfig, catalogue, cls._ARRAYS)
        ranker = Ranker.load(folder) if (folder / "ranker.json").exists() else None
        return cls(catalogue, config, arrays, ranker)

    def category_scores(self, history: History) -> NDArray[np.float64]:
        """(C,) how likely each category comes next; those nobody ever took come last."""
        return self._spread(self._scores(history, novel=False))

    def novel_scores(self, history: History) -> NDArray[np.float64]:
        """(C,) the same, seen as a category that is new to the shopper: habits don't count."""
        return self._spread(self._scores(history, novel=True))

    def led(self, history: History, graph: Association) -> NDArray[np.float64]:
        """(C,) how surely each category is next among those new to the shopper: these scores and the graph's, fused."""
        return fused(self.novel_scores(history), graph.category_scores(graph.profile(history)), self.lead)

    def shares(self, history: History, category: int, novel: bool = True) -> dict[str, float]:
        """What each feature adds to the score of a category code; they sum to the score. Empty where it isn't known.

        Shares of trees are SHAP values, with `BASE` as what every score starts from.
        """
        place = np.flatnonzero(self._codes == category)
        if not len(place):
            return {}
        aisle = int(place[0])
        found = self._features(history, novel)
        if not novel and self.learnt.all is not None:
            if not self._chosen(found)[aisle]:
                return {BASE: float(self._scores(history, novel=False)[aisle])}
            row = stack(found, (np.zeros(1, np.int64), place), NAMES)
            return dict(zip((*NAMES, BASE), self.learnt.all.shares(row)[0].tolist(), strict=True))
        weights = self._weights(novel)
        return {name: weight * float(np.nan_to_num(found[name][0, aisle])) for name, weight in weights.items()}

    def candidates(self, query: Query, k: int) -> Scored:
        """Items from the aisles that come next; none for somebody of whom nothing is known."""
        if not len(Walks.of_history(query.history, self._aisle_of, len(self._codes))):
            return Scored.none()
        scores = self.category_scores(query.history)
        known = np.zeros(len(scores), dtype=np.bool_)
        known[self._codes] = True
        targets = aimed(query.need, self._catalogue)
        if targets is not None:
            known &= np.isin(np.arange(len(scores)), targets)
        worth = np.where(known, 1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0))), 0.0)
        return self.shelves.fill(worth, query, k)

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """What adds most to the score of the item's aisle, and the shopper's last events in it."""
        code = int(self._catalogue.category.codes[row])
        own = latest(query.history, self._catalogue, code)
        shares = self.shares(query.history, code, novel=not own)
        shares.pop(BASE, None)
        best = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
        facts = {name: round(share, 4) for name, share in best if share > 0}
        if not facts:
            return ()
        events = tuple(query.history.ref(index, self._catalogue) for index in own)
        return (Evidence(channel=self.name, events=events, facts=facts),)

    def _weights(self, novel: bool) -> dict[str, float]:
        if not novel:
            return PLAIN_ALL
        learnt = self.learnt.new
        return PLAIN_NEW if learnt is None else dict(zip(NEW, learnt.tolist(), strict=True))

    def _scores(self, history: History, novel: bool) -> NDArray[np.float64]:
        """(m,) scores of the modelled categories."""
        found = self._features(history, novel)
        if novel or self.learnt.all is None:
            total: NDArray[np.float64] = np.broadcast_to(plain(found, self._weights(novel)), (1, len(self._codes)))[0]
            return total
        chosen = self._chosen(found)
        order = plain(found, PLAIN_ALL)[0]
        place = np.flatnonzero(chosen)
        scores = np.empty(len(order))
        scores[place] = self.learnt.all.score(stack(found, (np.zeros(len(place), np.int64), place), NAMES))
        rest = np.flatnonzero(~chosen)
        if len(rest):
            scores[rest] = scores[place].min() - 1.0 + order[rest] - order[rest].max()
        return scores

    def _chosen(self, found: dict[str, Matrix]) -> NDArray[np.bool_]:
        """(m,) which modelled categories the trees judge."""
        order = plain(found, PLAIN_ALL)[0]
        chosen: NDArray[np.bool_] = found["times"][0] > 0
        chosen[np.argsort(-order, kind="stable")[:SCORED_BY_TREES]] = True
        return chosen

    def _spread(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(C,) scores by category code from those of modelled ones."""
        low = float(scores.min()) - 1.0 if len(scores) else 0.0
        full = np.full(len(self._catalogue.category.names), low)
        full[self._codes] = scores
        return full

    def _features(self, history: History, novel: bool) -> dict[str, Matrix]:
        now = history.now.astype("datetime64[us]").astype(np.int64)
        at = history.at.astype("datetime64[us]").astype(np.int64)
        return self._known(history.rows.tobytes(), history.kinds.tobytes(), at.tobytes(), int(now), novel)

    def _look(self, rows: bytes, kinds: bytes, at: bytes, now: int, novel: bool) -> dict[str, Matrix]:
        """The features of the history that these bytes hold; read only."""
        moments = np.frombuffer(at, np.int64).astype("datetime64[us]")
        events = np.frombuffer(rows, np.int32), np.frombuffer(kinds, np.int8)
        history = History(*events, moments, np.datetime64(now, "us"))
        walks = Walks.of_history(history, self._aisle_of, len(self._codes))
        return features(self._signals, walks, self._arrays["prices"], {*NEW, *PLAIN_NEW} if novel else None)


def _lead(events: pl.DataFrame, catalogue: Catalogue, config: AislesConfig) -> float:
    """What the graph counts, learnt one slice of time earlier; that slice itself leads as usual."""
    if not config.weigh:
        return USUAL
    parted = cut(events, SliceConfig())
    earlier = Aisles.fit(parted.before, catalogue, config.model_copy(update={"weigh": False}))
    graph = Association.fit(parted.before, catalogue)
    codes, count = catalogue.category.codes, len(catalogue.category.names)
    unnamed = catalogue.category.code_of.get("")
    cases = []
    for history, rows in parted.cases(catalogue):
        new = np.bincount(codes[history.liked().rows], minlength=count) == 0
        walked = np.bincount(codes[rows], minlength=count) > 0
        if unnamed is not None:
            new[unnamed] = False
        if (walked & new).any():
            cases.append((history, new, walked & new))
    cases = cases[:: -(-len(cases) // MOST) or 1]
    return best_weight(cases, earlier.novel_scores, lambda h: graph.category_scores(graph.profile(h)))


def _prices(catalogue: Catalogue, aisle_of: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """(m,) mean log price of each modelled category, NaN where no item has one."""
    price = catalogue.price
    known = np.isfinite(price) & (price > 0) & (aisle_of >= 0)
    number = np.bincount(aisle_of[known], minlength=count)
    total = np.bincount(aisle_of[known], np.log(price[known]), minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
