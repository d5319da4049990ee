"""What forgetting one event would do to the list that was shown."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.channels.base import Scored
from retrieval.history import History
from retrieval.infer import cross_needs, repeat_needs
from retrieval.rank import rank
from retrieval.recommend import HABIT, usual_needs
from retrieval.schema import Candidates, Constraints, Need, Ranking
from retrieval.search import Searchable, search, text_lists


class Forgetting:
    """The list of one turn, to be ranked again without this or that event.

    What the words of a need find doesn't depend on the history and is looked up once; everything that reads the
    history is asked again, and needs are inferred again, so a need that came from the event alone is gone.

    Args:
        shop: the shop that was searched.
        candidates: what was found for each need, as it was ranked.
        history: the shopper's events that counted.
        k: places on the list.
    """

    def __init__(self, shop: Searchable, candidates: Sequence[Candidates], history: History, k: int) -> None:
        self._shop, self._history, self._k = shop, history, k
        self._asked = [found for found in candidates if found.need.origin == "asked"]
        others = [found.need for found in candidates if found.need.origin != "asked"]
        habits = [need for need in others if need.evidence and need.evidence[0].channel == HABIT]
        repeats = [need for need in others if need.origin == "repeat"]
        self._counts = (len(others) - len(habits) - len(repeats), len(habits), len(repeats))
        self._limits = candidates[0].need.constraints if candidates else Constraints()
        self._text: dict[tuple[str, tuple[str, ...]], dict[str, Scored]] = {}

    def without(self, event: int) -> Ranking:
        """Rank again as if event number `event` of the history had not happened."""
        history = self._history.without(event)
        found = [self._search(old.need, history, len(old.entries)) for old in self._asked]
        found += [self._search(need, history) for need in self._needs(history)]
        return rank(self._shop, found, self._k, history)

    def _needs(self, history: History) -> tuple[Need, ...]:
        across, habits, repeats = self._counts
        first = self._asked[0] if self._asked else None
        words = first if first is not None and first.need.text else None
        return (
            *cross_needs(
                self._shop,
                history,
                across,
                self._limits,
                asked=words.need if words else None,
                found=words,
            ),
            *usual_needs(self._shop, history, habits, self._limits),
            *repeat_needs(self._shop, history, repeats, self._limits),
        )

    def _search(self, need: Need, history: History, k: int | None = None) -> Candidates:
        key = (need.text, need.targets)
        if key not in self._text:
            self._text[key] = text_lists(self._shop, need)
        return search(self._shop, need, history, k or None, text=self._text[key])


def rank_without(shop: Searchable, candidates: Sequence[Candidates], history: History, event: int, k: int) -> Ranking:
    """The list of `candidates` had event number `event` of the history not happened; see `Forgetting` for several."""
    return Forgetting(shop, candidates, history, k).without(event)
