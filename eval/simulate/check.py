"""How far simulated shoppers can be believed: their own errors, measured by a reader that is no part of the shop.

The reader counts words: of a thousand texts, the goal's among them, which share the most of what was said (each word
weighed by how rare it is)? Where the goal is among the first ten neither for all that was said nor for what was said
last, it can't be recovered from those words. The same is measured on people who talked to a human seller, where a file
of such conversations is given; so is how much of what is said the title of the goal holds. A contradiction is a last
limit that the goal's price breaks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.protocols.conversations import Talk
from eval.simulate.crowd import Simulation
from eval.simulate.goals import Goal
from retrieval.text import terms

AMONG, FIRST = 1000, 10
_SUM = re.compile(r"(?:[€$£¥]\s?)?(\d[\d,]*(?:\.\d+)?)")
_SAYS_NOTHING = "a an and are at be can do for have hi i im if in is it like looking me most my need no not of on or "
_SAYS_NOTHING += "please show some something thank that the this to under want what with would you your"
_EMPTY = frozenset(terms(_SAYS_NOTHING))


@dataclass(frozen=True)
class Told:
    """One shopper's words and the text of what they were after, in one form for people and simulated ones."""

    messages: tuple[str, ...]
    target: str


class Reader:
    """Finds a target among drawn texts by the words that were said.

    Args:
        texts: where the others are drawn from.
        seed: of the draw.
    """

    def __init__(self, texts: Sequence[str], seed: int = 0) -> None:
        self._bags = [frozenset(terms(text)) for text in texts]
        counts = Counter(word for bag in self._bags for word in bag)
        self._rare = {word: math.log(1 + len(texts) / count) for word, count in counts.items()}
        self._unknown = math.log(1 + len(texts))
        chance = np.random.default_rng(seed)
        self._others = chance.permutation(len(self._bags))[:AMONG].tolist()

    def finds(self, said: Sequence[str], target: str) -> bool:
        """Whether the target is among the first ten; of equals, half are taken to stand before it."""
        heard = {word for text in said for word in terms(text)} - _EMPTY
        goal = frozenset(terms(target))
        own = self._score(heard, goal)
        scores = [self._score(heard, self._bags[place]) for place in self._others if self._bags[place] != goal]
        better, equal = sum(score > own for score in scores), sum(score == own for score in scores)
        return own > 0 and better + equal / 2 < FIRST

    def recovers(self, said: Sequence[str], target: str) -> bool:
        """Whether the target is found by all messages, or by the last ones alone: people take things back."""
        return any(self.finds(said[start:], target) for start in range(len(said)))

    def _score(self, heard: set[str], bag: frozenset[str]) -> float:
        return sum(self._rare.get(word, self._unknown) for word in heard & bag)


def errors(crowd: Sequence[Simulation], texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """The simulator's own errors, by style and over all.

    Args:
        crowd: the simulated shoppers.
        texts: titles and categories of the shop's goods.

    Returns:
        Style -> `sessions`, `unrecoverable` (share of sessions from whose words the goal can't be told),
        `messages_unrecoverable` (the same of single messages), `contradictory` (share of sessions).
    """
    reader = Reader(texts)
    rows = []
    for one in crowd:
        said = [text for text, _ in one.said]
        target = f"{one.wish.goal.title} {one.wish.goal.category}"
        alone = [not reader.finds([text], target) for text in said]
        rows.append((one.style, not reader.recovers(said, target), np.mean(alone), contradicts(said, one.wish.goal)))
    found: dict[str, dict[str, float]] = {}
    for style in ["all", *dict.fromkeys(row[0] for row in rows)]:
        chosen = [row[1:] for row in rows if style in ("all", row[0])]
        means = [float(np.mean(column)) for column in zip(*chosen, strict=True)]
        names = ("unrecoverable", "messages_unrecoverable", "contradictory")
        found[style] = {"sessions": len(chosen), **dict(zip(names, (round(mean, 4) for mean in means), strict=True))}
    return found


def beside_people(
    crowd: Sequence[Simulation], texts: Sequence[str], talks: Sequence[Talk]
) -> Mapping[str, Mapping[str, float]]:
    """The same figures of simulated shoppers and of people: `simulated` and `people`.

    Each has `sessions`, `unrecoverable`, `words` (in a message, mean) and `of_target` (share of the words that say
    something which stand in the title of what they were after).
    """
    titles = [title for talk in talks for message in talk.messages for _, title in message.products if title]
    simulated = [
        Told(tuple(t for t, _ in one.said), f"{one.wish.goal.title} {one.wish.goal.category}") for one in crowd
    ]
    return {"simulated": _figures(simulated, Reader(texts)), "people": _figures(_people(talks), Reader(titles))}


def contradicts(said: Sequence[str], goal: Goal) -> bool:
    """Whether the last limit that was named is below the goal's price."""
    sums = [match for text in said for match in _SUM.findall(text)]
    if not sums or goal.price_minor is None:
        return False
    limit = float(sums[-1].replace(",", ""))
    return limit * (1 if goal.currency in ("JPY", "KRW") else 100) < goal.price_minor


def _people(talks: Sequence[Talk]) -> list[Told]:
    """People's words up to the seller's last recommendation, and what was recommended then."""
    found = []
    for talk in talks:
        places = [place for place, message in enumerate(talk.messages) if any(title for _, title in message.products)]
        if not places:
            continue
        said = tuple(m.text for m in talk.messages[: places[-1]] if m.shopper and m.text.strip())
        title = next(title for _, title in talk.messages[places[-1]].products if title)
        if said:
            found.append(Told(said, title))
    return found


def _figures(told: Sequence[Told], reader: Reader) -> dict[str, float]:
    lengths = [len(terms(text)) for one in told for text in one.messages]
    shares = []
    for one in told:
        heard = {word for text in one.messages for word in terms(text)} - _EMPTY
        shares.append(len(heard & set(terms(one.target))) / max(1, len(heard)))
    lost = [not reader.recovers(one.messages, one.target) for one in told]
    figures = {
        "unrecoverable": float(np.mean(lost)),
        "words": float(np.mean(lengths)),
        "of_target": float(np.mean(shares)),
    }
    return {"sessions": len(told), **{name: round(value, 4) for name, value in figures.items()}}
