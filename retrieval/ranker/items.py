"""The learned order of items: trees over what all channels say and what is known of shopper and goods.

Learnt on one slice of time earlier (channels fitted on what came before it, candidates labelled with what was taken in
it), then read with channels fitted on everything. It is a channel as well, so that it proposes, explains itself and is
tested like all others: its evidence is the share that each feature has in an item's score.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from retrieval.catalogue import Catalogue, Mask, Rows
from retrieval.channels.base import Channel, Query, Scored
from retrieval.channels.lexical import Lexical
from retrieval.history import History
from retrieval.progress import Progress, silent
from retrieval.ranker import features
from retrieval.ranker.examples import Examples, drawn, sample
from retrieval.ranker.families import gathered
from retrieval.ranker.goods import Goods
from retrieval.ranker.likeness import Likeness, Vectors
from retrieval.ranker.model import Ranker, RankerConfig
from retrieval.ranker.past import earlier
from retrieval.ranker.proposals import DEPTH, KINDS, Kind, kinds_of, propose
from retrieval.ranker.shopper import Shopper
from retrieval.ranker.slices import SliceConfig, cut
from retrieval.schema import Evidence, Frozen

VOICES = ("copurchase", "neighbours", "transitions", "sequence", "graph")  # channels that speak for single items
SHOWN = 6  # shares in an item's evidence


class ItemRankerConfig(Frozen):
    """How the order is learnt.

    Attributes:
        slice: which events are taken as what came next.
        most_shoppers: lists learnt from, drawn where there are more.
        least_taken: candidates that were taken next; with fewer nothing is learnt, and fusion stays.
        least_kind: the same for trees of a kind's own; kinds taken less share trees grown on all.
        negatives: of each list and kind, candidates not taken that are learnt from.
        depth: of every channel's list.
        trees: how the trees are grown.
        seed: of all that is drawn.
    """

    slice: SliceConfig = SliceConfig()
    most_shoppers: int = Field(default=2_000, ge=1)
    least_taken: int = Field(default=200, ge=1)
    least_kind: int = Field(default=50, ge=1)
    negatives: int = Field(default=200, ge=1)
    depth: int = Field(default=DEPTH, ge=1)
    trees: RankerConfig = RankerConfig(objective="binary", trees=150)
    seed: int = 0


# For sequences without dates one item is sought, the next, so its place on the list is all that counts: chosen on the
# validation split of such sequences.
NEXT_ALONE = ItemRankerConfig(
    slice=SliceConfig(last=True, least=3),
    most_shoppers=6_000,
    trees=RankerConfig(objective="lambdarank", trees=150),
)


def config_for(clock: str) -> ItemRankerConfig:
    """How the order is learnt of a source that tells times ("time"), or only what came after what ("order")."""
    return NEXT_ALONE if clock == "order" else ItemRankerConfig()


class ItemRanker(Channel):
    """Trees with everything that their features are made of. Made by `fit` or `load`."""

    name: ClassVar[str] = "ranker"

    def __init__(
        self,
        goods: Goods,
        channels: Mapping[str, Channel],
        vectors: Vectors | None,
        rankers: Mapping[Kind, Ranker],
        config: ItemRankerConfig,
    ) -> None:
        self.goods, self.rankers, self.config = goods, dict(rankers), config
        self._channels = {name: channel for name, channel in channels.items() if name != self.name}
        lexical = channels.get(Lexical.name)
        self._likeness = Likeness(vectors, lexical if isinstance(lexical, Lexical) else None)
        self.voices = tuple(name for name in VOICES if name in channels)
        self._met = lru_cache(maxsize=16)(self._meet)  # the needs of a turn share a history

    @classmethod
    def fit(
        cls,
        events: pl.DataFrame,
        catalogue: Catalogue,
        vectors: Vectors | None,
        channels: Mapping[str, Channel],
        *,
        config: ItemRankerConfig | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Learn the order.

        Args:
            events: in `EVENT_SCHEMA`; everything that may be learnt from.
            catalogue: the items.
            vectors: (n, d) float32 unit norm by row, None where items have no text.
            channels: fitted on the same events, by name; those are read afterwards. The same kinds of channels are
                fitted once more here, on the events before the slice.
            config: how to learn.
            progress: told how far it is.
        """
        config = config or ItemRankerConfig()
        whole = cls(Goods.fit(events, catalogue), channels, vectors, {}, config)
        parted = cut(events, config.slice)
        chance = np.random.default_rng(config.seed)
        cases = drawn(list(parted.cases(catalogue)), config.most_shoppers, chance)
        progress("looking back", 0, len(channels))
        if sum(len(targets) for _, targets in cases) < config.least_taken:
            return whole
        early = earlier(channels, parted.before, catalogue, progress)
        past = cls(Goods.fit(parted.before, catalogue), early, vectors, {}, config)
        lists = []
        for number, (history, targets) in enumerate(cases):
            progress("learning the order", number, len(cases))
            lists.append(past.examples(history, targets, chance))
        progress("learning the order", len(cases), len(cases))
        found = Examples.join(lists, len(whole.names))
        if found.taken < config.least_taken:
            return whole
        whole.rankers = whole.learn(found)
        return whole

    def learn(self, found: Examples) -> dict[Kind, Ranker]:
        """Trees for each kind of candidate; kinds seldom taken share trees grown on everything."""
        parts = {kind: found.of_kind(number) for number, kind in enumerate(KINDS)}
        few = [kind for kind in KINDS if parts[kind].taken < self.config.least_kind]
        shared = {"": self._grow(found)} if few else {}
        return {kind: shared[""] if kind in few else self._grow(parts[kind]) for kind in KINDS}

    def _grow(self, found: Examples) -> Ranker:
        rising = features.rising(self.voices)
        table, trees = found.features, self.config.trees
        return Ranker.fit(table, found.gains, found.groups, self.names, trees, weights=found.weights, rising=rising)

    @property
    def names(self) -> tuple[str, ...]:
        """Its features."""
        return features.names(self.voices)

    def save(self, folder: Path) -> None:
        """Write trees and what is known of goods into an existing folder; the channels are saved on their own."""
        self.goods.save(folder)
        (folder / "config.json").write_text(self.config.model_dump_json(indent=1), encoding="utf-8")
        for kind, ranker in self.rankers.items():
            (folder / kind).mkdir()
            ranker.save(folder / kind)

    @classmethod
    def load(
        cls, folder: Path, catalogue: Catalogue, vectors: Vectors | None, channels: Mapping[str, Channel]
    ) -> Self | None:
        """Read what `save` wrote, for the same catalogue, vectors and channels; None where nothing was learnt.

        Raises:
            ShopError: it is damaged, or was learnt with other channels.
        """
        if not all((folder / kind).is_dir() for kind in KINDS):
            return None
        config = ItemRankerConfig.model_validate_json((folder / "config.json").read_text(encoding="utf-8"))
        rankers = {kind: Ranker.load(folder / kind) for kind in KINDS}
        found = cls(Goods.load(folder, catalogue), channels, vectors, rankers, config)
        return found if all(ranker.names == found.names for ranker in rankers.values()) else None

    def candidates(self, query: Query, k: int) -> Scored:
        """The best of what all channels propose, by how likely the shopper takes it next."""
        if not self.rankers:
            return Scored.none()
        rows, scores = self.rank(query.history, query.allowed, k)
        return Scored(rows, scores.astype(np.float32))

    def rank(self, history: History, allowed: Mask | None, k: int) -> tuple[Rows, NDArray[np.float64]]:
        """The `k` best allowed rows, best first, with their scores."""
        shopper = self.shopper(history)
        kinds = propose(shopper, history, self.goods, self._channels, allowed, depth=self.config.depth)
        rows = np.concatenate(list(kinds.values())).astype(np.int32)
        scores = self.score(history, rows)
        best = np.lexsort((_chance(rows), -self.goods.takers[rows], -scores))[:k]
        return rows[best], scores[best]

    def score(self, history: History, rows: Rows) -> NDArray[np.float64]:
        """(m,) how likely each of rows (m,) is taken next, from 0 to 1; better is higher, whatever was proposed."""
        if not self.rankers or not len(rows):
            return np.zeros(len(rows))
        shopper = self.shopper(history)
        table = features.matrix(shopper, self.goods, self._likeness, rows)
        odds, kinds = np.empty(len(rows)), kinds_of(shopper, self.goods, rows)
        for number, kind in enumerate(KINDS):
            own = kinds == number
            odds[own] = self.rankers[kind].score(table[own])
        chances: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
        return chances

    def shares(self, history: History, row: int) -> dict[str, float]:
        """What each feature adds to the log-odds of one row (SHAP values), the largest first."""
        if not self.rankers:
            return {}
        rows, shopper = np.array([row], dtype=np.int32), self.shopper(history)
        table = features.matrix(shopper, self.goods, self._likeness, rows)
        ranker = self.rankers[KINDS[int(kinds_of(shopper, self.goods, rows)[0])]]
        found = dict(zip(self.names, ranker.shares(table)[0, :-1].tolist(), strict=True))
        return dict(sorted(found.items(), key=lambda share: (-abs(share[1]), share[0])))

    def evidence(self, query: Query, row: int) -> tuple[Evidence, ...]:
        """The largest shares by heading (see `families`), signed; none for somebody without a past."""
        if not len(query.history):
            return ()
        shares = {name: round(share, 3) for name, share in gathered(self.shares(query.history, row)).items()}
        facts = {name: share for name, share in list(shares.items())[:SHOWN] if share}
        return (Evidence(channel=self.name, facts=facts),) if facts else ()

    def examples(self, history: History, targets: Rows, chance: np.random.Generator) -> Examples:
        """One list to learn from."""
        shopper = self.shopper(history)
        kinds = propose(shopper, history, self.goods, self._channels, None, depth=self.config.depth)
        rows, gains, weights = sample(kinds.values(), targets, self.config.negatives, chance)
        table = features.matrix(shopper, self.goods, self._likeness, rows)
        laws = kinds_of(shopper, self.goods, rows).astype(np.int8)
        return Examples(table, gains, weights, laws, np.array([len(rows)], dtype=np.int32))

    def shopper(self, history: History) -> Shopper:
        """What is known of the shopper, remembered for the last few histories."""
        key = (history.rows.tobytes(), history.kinds.tobytes(), history.at.tobytes(), str(history.now))
        return self._met(_Known(key, history))

    def _meet(self, known: _Known) -> Shopper:
        return Shopper(known.history, self.goods, self._channels, self.voices)


def _chance(rows: Rows) -> NDArray[np.uint32]:
    """Numbers that settle ties: the same for the same row, without the order of ids, which may tell of time."""
    return rows.astype(np.uint32) * np.uint32(2_654_435_761)


class _Known:
    """A history that equals another by its content."""

    def __init__(self, key: tuple[bytes, bytes, bytes, str], history: History) -> None:
        self.key, self.history = key, history

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.key == other.key
