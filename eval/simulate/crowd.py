"""A crowd of simulated shoppers as sessions' raw material: who, when, what they say, what they are after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agent.schema import Act
from eval.simulate.goals import Wish, cut_of, wishes
from eval.simulate.shopper import SimulatedShopper
from eval.simulate.styles import STYLES, Simulated, Style
from retrieval.errors import EvaluationError
from retrieval.shop import Shop


@dataclass(frozen=True)
class Simulation:
    """One simulated shopper's part: `said` is what they say if nobody asks, each with the act that fits."""

    key: str
    wish: Wish
    style: Style
    said: tuple[tuple[str, Act], ...]


def crowd(shop: Shop, spec: Simulated) -> tuple[list[Simulation], datetime]:
    """Draw the crowd.

    Returns:
        The shoppers, and the moment after which nothing may have been learnt from (see `eval.simulate.goals`).

    Raises:
        EvaluationError: the shop has no later purchases to be after, or all styles weigh nothing.
    """
    total = sum(spec.styles.values())
    if total <= 0:
        raise EvaluationError("all styles of simulated shoppers have the weight 0", "give one of them more")
    cut = cut_of(shop, spec.held_back)
    names = [name for name in STYLES if name in spec.styles]
    chance = np.random.default_rng((spec.seed, 0))
    found = []
    for number, wish in enumerate(wishes(shop, cut, spec.count, spec.seed)):
        style = names[int(chance.choice(len(names), p=[spec.styles[name] / total for name in names]))]
        said = SimulatedShopper(wish, style, (spec.seed, number + 1)).script()
        if said:
            found.append(Simulation(f"sim-{spec.seed}-{number:04}", wish, style, said))
    return found, cut


def shopper_of(key: str, wish: Wish, style: Style) -> SimulatedShopper:
    """The shopper behind a simulation's key, who answers as they would have then."""
    _, seed, number = key.rsplit("-", 2)
    return SimulatedShopper(wish, style, (int(seed), int(number) + 1))
