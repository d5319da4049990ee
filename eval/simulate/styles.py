"""How simulated shoppers talk, and how many of whom: the `[sessions.simulated]` table of a grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from retrieval.schema import Frozen

Style = Literal["cooperative", "vague", "changes-mind", "impatient", "typo-prone"]
STYLES: tuple[Style, ...] = ("cooperative", "vague", "changes-mind", "impatient", "typo-prone")


class Simulated(Frozen):
    """A crowd of simulated shoppers.

    Attributes:
        count: how many; fewer where the shop has fewer shoppers with a later purchase.
        seed: of who is drawn, how they talk and what they say.
        styles: weights of the styles; equal if left out.
        answers: whether they answer what they are asked. Then what is said may differ between cells; without it every
            cell hears the same words.
        held_back: share of the shop's purchases, the latest, from which goals are drawn and which nothing is learnt
            from.
    """

    count: int = Field(default=50, ge=1, le=100_000)
    seed: int = Field(default=7, ge=0)
    styles: dict[Style, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=lambda: dict.fromkeys(STYLES, 1.0), min_length=1
    )
    answers: bool = False
    held_back: float = Field(default=0.15, gt=0.0, lt=0.9)
