"""What the shop serves where words are said: the rules planner carries the conversation, retrieval's search answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agent.checks import checkable
from agent.models.compact import compact_model
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.receipt import constraints_of
from agent.schema import Plan
from eval.encodings import encoded
from eval.problem import Case, Problem
from eval.systems.base import Ranked, System
from eval.understanding import Planner, plans, served
from retrieval.build_stages import texts
from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.dense import Dense
from retrieval.channels.lexical import Lexical
from retrieval.encode import Encoder, load_encoder
from retrieval.history import History
from retrieval.schema import Need
from retrieval.search import search, text_lists
from retrieval.searchable import Searchable
from retrieval.sensitive import Sensitive

SMALL = 50_000  # items


@dataclass(frozen=True)
class Shelves:
    """The parts of a shop that answer words, for a catalogue that no shop was built from."""

    catalogue: Catalogue
    encoder: Encoder
    channels: Mapping[str, Channel]
    sensitive: Sensitive

    @classmethod
    def of(cls, problem: Problem, encoder: str) -> Shelves:
        """Build them as `crossaisle ingest --encoder` does."""
        catalogue = problem.catalogue
        reads = load_encoder(encoder)
        channels = {
            "dense": Dense(catalogue, encoded(reads, list(texts(catalogue.frame))), None),
            "lexical": Lexical.fit(problem.events, catalogue),
        }
        return cls(catalogue, reads, channels, Sensitive.of(catalogue))


class Words(System):
    """Plans what was said turn by turn, then searches for what the last plan carries.

    The shop's own parts do it where the catalogue is a shop's. For any other they are built as `crossaisle ingest`
    builds them: with `--encoder minilm` up to `SMALL` items, some minutes' work, and with the static encoder beyond.
    What was shown before in the conversation is left out, as the shop does when it is asked for others; nothing else
    of it is read.
    """

    name: ClassVar[str] = "crossaisle_words"
    encoder: ClassVar[str] = ""
    repeats: ClassVar[bool] = False

    def fit(self, problem: Problem) -> None:
        """Take the shop's own parts where the catalogue is a shop's, or build them."""
        own = problem.shop is not None and not self.encoder
        encoder = self.encoder or ("minilm" if len(problem.catalogue) <= SMALL else "static")
        self._shop: Searchable = problem.shop if problem.shop and own else Shelves.of(problem, encoder)
        self._plan = self.planner(Vocabulary.of(problem.catalogue))
        if not own:
            who = self.name if self.encoder else "The served search"
            usual = "." if self.encoder else f": minilm up to {SMALL:,}, static beyond."
            self.told = f"{who} reads {len(problem.catalogue):,} titles with the {encoder} encoder{usual}"

    def planner(self, vocabulary: Vocabulary) -> Planner:
        """Who reads the messages of a conversation."""
        return RulesPlanner(vocabulary).plan

    def scores_of(self, case: Case) -> NDArray[np.floating[Any]]:
        """(n,) falling with the place in the ranking; -inf for rows that weren't found."""
        rows, scores = self.rank(case, len(self._shop.catalogue))
        found = np.full(len(self._shop.catalogue), -np.inf)
        found[rows] = scores
        return found

    def rank(self, case: Case, k: int) -> Ranked:
        """The search's own ranking; then, where only a few rows may be ranked, those that it didn't find."""
        need = self.need_of(plans(self._plan, case.words)[-1], case.words, () if self.repeats else case.shown)
        lists = text_lists(self._shop, need, k, case.allowed)
        found = search(self._shop, need, History.empty(case.history.now), k, text=lists).entries
        rows = np.array([entry.row for entry in found], dtype=np.int32)
        scores = np.array([entry.fused for entry in found])
        if case.allowed is None or len(rows) >= k:
            return rows, scores
        rest = np.setdiff1d(np.flatnonzero(case.allowed), rows)[: k - len(rows)].astype(np.int32)
        return np.concatenate([rows, rest]), np.concatenate([scores, -1.0 - np.arange(len(rest))])

    def need_of(self, plan: Plan, said: Sequence[str], shown: Sequence[str]) -> Need:
        """What the shop searches for under a plan; where it names nothing, the last words themselves."""
        plan, _ = checkable(plan, self._shop.catalogue)
        plan = plan.model_copy(update={"not_items": (*plan.not_items, *shown)})
        text = plan.query or " ".join(plan.wanted) or said[-1]
        return Need(text=text, wanted=plan.wanted, constraints=constraints_of(plan), said=tuple(said))


class StaticWords(Words):
    """The same with the static encoder, which a shop has by default."""

    name: ClassVar[str] = "crossaisle_static"
    encoder: ClassVar[str] = "static"


class WordsAlone(Words):
    """The same, knowing nothing but the shopper's words: what was shown before may come again."""

    name: ClassVar[str] = "crossaisle_words_alone"
    repeats: ClassVar[bool] = True


class CompactWords(Words):
    """The same, messages read by the rules and the compact model together, as `crossaisle shop` does by default."""

    name: ClassVar[str] = "crossaisle_compact"

    def planner(self, vocabulary: Vocabulary) -> Planner:
        """Who reads the messages of a conversation."""
        return served(vocabulary, compact_model())
