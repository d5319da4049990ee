"""One simulated shopper: says what the goal and the style give, and hears no more than a person would.

    shopper = SimulatedShopper(wish, style="vague", seed=(7, 3))
    shopper.script()                       # what they say if nobody answers
    shopper.answer("What is your budget?") # what they say to a question, from the goal alone; "" to anything else

The shopper never sees plans, scores or receipts: the only way in is the text of a reply.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

import numpy as np

from agent.schema import Act
from agent.wording import money
from eval.simulate.goals import Wish
from eval.simulate.styles import Style
from retrieval.text import label, words

STEPS: dict[Style, tuple[str, ...]] = {
    "cooperative": ("open", "limit", "brand", "end"),
    "vague": ("open", "more", "limit"),
    "changes-mind": ("open", "more", "limit"),
    "impatient": ("open", "limit", "more"),
    "typo-prone": ("open", "limit", "brand"),
}
"""What is said in which order; a step whose values the goal lacks is left out."""
_QUESTIONS = (
    ("budget", re.compile(r"budget|spend|how much|limit|price", re.IGNORECASE)),
    ("recipient", re.compile(r"\bwho\b|\bwhom\b|for someone", re.IGNORECASE)),
    ("kind", re.compile(r"what (?:kind|are you looking|do you need|would you like)|which kind", re.IGNORECASE)),
)
_SLOT = re.compile(r"\{([a-z]+)\}")
_ROUND = (100, 500, 1000, 2500, 5000, 10000)  # steps that people round sums to, in minor units
TYPO = 0.25
"""Share of a typo-prone shopper's longer words that are mistyped."""


class SimulatedShopper:
    """A shopper with a goal.

    Args:
        wish: who, and what they are after.
        style: how they talk.
        seed: of everything that is drawn; the same gives the same words.
    """

    def __init__(self, wish: Wish, style: Style, seed: tuple[int, ...]) -> None:
        self.wish, self.style, self._seed = wish, style, seed

    def script(self) -> tuple[tuple[str, Act], ...]:
        """What is said if nobody asks anything, each with what should be done about it."""
        chance = np.random.default_rng(self._seed)
        said = []
        for step in STEPS[self.style]:
            line = self._line(self.style, step, chance)
            if line:
                said.append((line, Act.CHITCHAT if step == "end" else Act.RECOMMEND))
        return tuple(said)

    def answer(self, heard: str, number: int = 0) -> str:
        """What is said to a reply that ends in a question the goal answers; "" otherwise.

        Args:
            heard: the text of the reply, as a person reads it.
            number: which answer of the session it is, so that it isn't always the same.
        """
        questions = [part for part in re.split(r"(?<=[.!?？。\n])\s*", heard) if part.rstrip().endswith(("?", "？"))]
        for asked in reversed(questions):
            for name, about in _QUESTIONS:
                if about.search(asked):
                    return self._line("answers", name, np.random.default_rng((*self._seed, 1 + number)))
        return ""

    def _line(self, style: str, step: str, chance: np.random.Generator) -> str:
        values = self._values(chance)
        fitting = [line for line in phrases()[style].get(step, []) if all(values.get(n) for n in _SLOT.findall(line))]
        if not fitting:
            return ""
        line = fitting[int(chance.integers(len(fitting)))].format(**values)
        return mistyped(line, chance) if self.style == "typo-prone" else line

    def _values(self, chance: np.random.Generator) -> dict[str, str]:
        goal = self.wish.goal
        others = [label(name).lower() for name in self.wish.before]
        return {
            "thing": label(goal.category).lower(),
            "detail": self._detail(chance),
            "aisle": label(goal.path[-1]).lower() if goal.path else "",
            "brand": goal.brand,
            "limit": money(_sum(goal.price_minor, above=True), goal.currency) if goal.price_minor else "",
            "low": money(_sum(goal.price_minor, above=False), goal.currency) if goal.price_minor else "",
            "other": others[int(chance.integers(len(others)))] if others else "",
        }

    def _detail(self, chance: np.random.Generator) -> str:
        """A value of an attribute in plain words, or a word of the title that neither category nor brand holds."""
        goal = self.wish.goal
        plain = [value for value in goal.attributes.values() if value and not re.search(r"\d", value)]
        known = {*words(goal.category), *words(goal.brand)}
        named = [word for word in words(goal.title) if len(word) > 3 and word.isalpha() and word not in known]
        choices = plain or named
        return choices[int(chance.integers(len(choices)))] if choices else ""


def mistyped(line: str, chance: np.random.Generator) -> str:
    """The line with some longer words mistyped: two letters swapped, one left out or doubled; sums stay."""
    parts = re.split(r"(\W+)", line)
    for place, word in enumerate(parts):
        if len(word) > 4 and word.isalpha() and chance.random() < TYPO:
            at = int(chance.integers(1, len(word) - 2))
            kinds = (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
            parts[place] = kinds[int(chance.integers(3))]
    return "".join(parts)


@cache
def phrases() -> dict[str, dict[str, list[str]]]:
    """Style -> step -> lines."""
    found: dict[str, dict[str, list[str]]] = tomllib.loads(
        files("eval.simulate").joinpath("phrases.toml").read_text("utf-8")
    )
    return found


def _sum(price: int | None, *, above: bool) -> int:
    """A round sum above a price, or below it, in minor units."""
    price = price or 0
    step = next((step for step in _ROUND if price <= 8 * step), _ROUND[-1])
    return (price // step + 1) * step if above else max(price // step * step - step, step)
