"""Conversations without end: `for turn in turns(world, seed=0): ...` gives messages with the plans they mean."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from agent.schema import Conversation, Plan
from finetune.conversations.moves import MOVES, ask, chat, ideas, vague
from finetune.conversations.phrasing import Part, noisy
from finetune.conversations.talk import Talk
from finetune.conversations.world import World

MOST_TURNS = 7


@dataclass(frozen=True)
class Turn:
    """One message to read.

    Attributes:
        conversation: what was said before it.
        message: the shopper's words.
        plan: what they mean, with everything carried over.
        move: what the shopper did, by its name in `MOVES`.
    """

    conversation: Conversation
    message: str
    plan: Plan
    move: str


def turns(world: World, phrasings: Part, seed: int = 0) -> Iterator[Turn]:
    """Turns of one conversation after another, for ever; the same arguments give the same turns.

    Args:
        world: the shop; its part decides about nouns.
        phrasings: "train", or "held-out" for phrasings that no training turn uses.
        seed: of everything drawn.
    """
    rng = random.Random(f"{world.part} {phrasings} {seed}")  # noqa: S311 (no secret)
    while True:
        talk = Talk(world, phrasings, rng)
        for number in range(rng.randint(1, MOST_TURNS)):
            turn = _next(talk, first=number == 0)
            yield turn
            talk.answered(turn.message, turn.plan)


def _next(talk: Talk, *, first: bool) -> Turn:
    names = list(MOVES)
    weights = [MOVES[name][0] for name in names]
    while True:
        talk.keep.clear()
        name = talk.rng.choices(names, weights)[0]
        if first:
            name = talk.rng.choices(("ask", "chat", "vague", "ideas"), (80, 8, 8, 4))[0]
        move = {"ask": ask, "chat": chat, "vague": vague, "ideas": ideas}.get(name) or MOVES[name][1]
        moved = move(talk)
        if moved is not None:
            text, plan = moved
            return Turn(talk.conversation, noisy(text, talk.keep, talk.part, talk.rng), plan, name)
