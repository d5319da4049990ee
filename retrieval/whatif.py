"""What forgetting one event would do to the list that was shown."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.channels.base import Scored
from retrieval.history import History
from retrieval.infer import cross_needs, repeat_needs
from retrieval.meant import meant
from retrieval.rank import rank
from retrieval.recommend import recommend
from retrieval.schema import Candidates, Constraints, Need, Ranking
from retrieval.search import mode_of, search, text_lists
from retrieval.searchable import Searchable


class Forgetting:
    """The list of one turn, to be ranked again without this or that event.

    What the words of a need find doesn't depend on the history and is looked up once; everything that reads the
    history is asked again, and needs are inferred again, so a need that came from the event alone is gone. Where
    nothing was asked in words, the whole recommendation is made again.

    Args:
        shop: the shop that was searched.
        candidates: what was found for each need, as it was ranked.
        history: the shopper's events that counted.
        k: places on the list.
    """

    def __init__(self, shop: Searchable, candidates: Sequence[Candidates], history: History, k: int) -> None:
        self._shop, self._history, self._k = shop, history, k
        self._asked = [found for found in candidates if found.need.origin == "asked"]
        others = [found.need.origin for found in candidates if found.need.origin != "asked"]
        self._across, self._repeats = others.count("inferred"), others.count("repeat")
        self._limits = candidates[0].need.constraints if candidates else Constraints()
        self._text: dict[tuple[str, tuple[str, ...]], dict[str, Scored]] = {}

    def without(self, event: int) -> Ranking:
        """Rank again as if event number `event` of the history had not happened."""
        history = self._history.without(event)
        if not any(mode_of(found.need) == "words" for found in self._asked):
            return recommend(self._shop, history, self._k, self._limits)
        found = [meant(self._shop.catalogue, self._search(old.need, history)) for old in self._asked]
        found += [self._search(need, history) for need in self._needs(history)]
        return rank(self._shop, found, self._k, history)

    def _needs(self, history: History) -> tuple[Need, ...]:
        first = next(found for found in self._asked if mode_of(found.need) == "words")
        across = cross_needs(self._shop, history, self._across, self._limits, asked=first.need, found=first)
        return across + repeat_needs(self._shop, history, self._repeats, self._limits)

    def _search(self, need: Need, history: History) -> Candidates:
        key = (need.text, need.targets)
        if key not in self._text:
            self._text[key] = text_lists(self._shop, need)
        return search(self._shop, need, history, text=self._text[key])


def rank_without(shop: Searchable, candidates: Sequence[Candidates], history: History, event: int, k: int) -> Ranking:
    """The list of `candidates` had event number `event` of the history not happened; see `Forgetting` for several."""
    return Forgetting(shop, candidates, history, k).without(event)
