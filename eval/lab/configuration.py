"""Retrieval configurations: named settings that search, learned order and cards really have, laid over an opened shop.

A channel that is off proposes nothing and explains nothing. The learned order, where it is on, still reads what that
channel would have said, as one of its features; switch it off too to do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from agent.planner.together import FOREVER
from agent.turn import Settings
from retrieval.channels.base import Channel
from retrieval.channels.dense import Dense
from retrieval.channels.interests import Interests
from retrieval.channels.registry import EVERY
from retrieval.errors import EvaluationError
from retrieval.ranker.items import ItemRanker
from retrieval.schema import Frozen
from retrieval.shop import Shop

CHANNELS = (Dense.name, Interests.name, *EVERY)
SERVED = Settings()


class Retrieval(Frozen):
    """One configuration.

    Attributes:
        on: channels that may propose, None for all that the shop has.
        off: channels that may not.
        learned_order: whether what is found is put in the learned order, where the shop has one.
        cards: items shown in a turn.
        across: of these, at most so many from other aisles beside what was asked for.
        history: whether the shopper's own events may steer, as far as the shopper allows.
    """

    on: tuple[str, ...] | None = None
    off: tuple[str, ...] = ()
    learned_order: bool = True
    cards: int = Field(default=SERVED.cards, ge=1, le=50)
    across: int = Field(default=SERVED.across, ge=0, le=50)
    history: bool = True

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in (*(self.on or ()), *self.off):
            if name not in CHANNELS:
                raise ValueError(f"there is no channel {name!r}; choose among {', '.join(CHANNELS)}")
        if self.on is not None and self.off:
            raise ValueError("give on or off, not both")
        return self

    @property
    def settings(self) -> Settings:
        """What the agent is told of it; a replay waits for its model, or its results would hang on who else does."""
        return SERVED.model_copy(update={"cards": self.cards, "across": self.across, "patience": FOREVER})

    def channels_of(self, shop: Shop) -> dict[str, Channel]:
        """The shop's channels that may propose.

        Raises:
            EvaluationError: a channel is named that this shop doesn't have, or none is left.
        """
        there: Mapping[str, Channel] = shop.channels
        missing = [name for name in (*(self.on or ()), *self.off) if name not in there]
        if missing:
            had = ", ".join(name for name in CHANNELS if name in there)
            raise EvaluationError(f"the shop {shop.name} has no channel {missing[0]!r}", f"choose among {had}")
        chosen = {
            name: channel
            for name, channel in there.items()
            if (name == ItemRanker.name and self.learned_order)
            or (name != ItemRanker.name and name not in self.off and (self.on is None or name in self.on))
        }
        if not chosen.keys() - {ItemRanker.name}:
            raise EvaluationError("a retrieval configuration leaves no channel on", "leave one on at least")
        return chosen


class Configured(Shop):
    """A shop seen through other channels; everything else is the very same, and is closed with it.

    Args:
        shop: the opened shop.
        channels: by name, for rows of the shop's catalogue.
    """

    def __init__(self, shop: Shop, channels: Mapping[str, Channel]) -> None:
        self.__dict__.update(shop.__dict__)
        self._seen = dict(channels)

    @property
    def channels(self) -> dict[str, Channel]:
        """The channels that may propose."""
        return self._seen
