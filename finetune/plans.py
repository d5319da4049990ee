"""Examples of tasks "plan" and "change": generated conversations, in the prompts that serving uses."""

from __future__ import annotations

import random
from collections.abc import Iterator

from agent.planner.changes import change_of
from agent.planner.model import plan_messages
from agent.planner.reading import Reading
from agent.planner.slots import Slots, draft
from agent.prompting import Prompt
from finetune.conversations.generate import Turn, turns
from finetune.conversations.phrasing import Part
from finetune.conversations.world import World, made_up
from finetune.example import Example, Split, compact

SHOPS = 40  # made-up ones, beside the real one
REAL_SHARE = 0.3  # of the turns that take place in the real shop
_PARTS: dict[Split, Part] = {"train": "train", "valid": "train", "test": "held-out"}


def plan_examples(prompt: Prompt, real: World | None, split: Split, seed: int = 0) -> Iterator[Example]:
    """Messages with the plans they mean, without end.

    "train" and "valid" share phrasings and nouns, and differ in shops and turns; "test" uses phrasings, nouns and
    made-up words that neither of them has.

    Args:
        prompt: of task "plan", or "change" for models that only say what a message changes.
        real: the shop that the model is for, beside the made-up ones; None for made-up ones alone.
        split: which examples.
        seed: of everything drawn.
    """
    part = _PARTS[split]
    rng = random.Random(f"plan {split} {seed}")  # noqa: S311 (no secret)
    first = {"train": 0, "valid": SHOPS, "test": 0}[split] + 1000 * seed
    worlds = [made_up(first + number, part) for number in range(SHOPS if split == "train" else SHOPS // 4)]
    streams = [(world, turns(world, part, first + number)) for number, world in enumerate(worlds)]
    own = World(real.catalogue, part) if real is not None else None
    own_turns = turns(own, part, first) if own is not None else None
    made = change_example if prompt.task == "change" else plan_example
    while True:
        if own is not None and own_turns is not None and rng.random() < REAL_SHARE:
            yield made(prompt, own, next(own_turns), split)
        else:
            world, stream = rng.choice(streams)
            yield made(prompt, world, next(stream), split)


def plan_example(prompt: Prompt, world: World, turn: Turn, split: Split) -> Example:
    """One turn as an example."""
    slots = Slots.of(turn.message, turn.conversation, world.vocabulary)
    messages = plan_messages(prompt, turn.message, turn.conversation, slots)
    answer = compact(draft(turn.plan, slots.shown))
    return Example("plan", split, tuple(messages), answer, about={"move": turn.move, "act": turn.plan.act.value})


def change_example(prompt: Prompt, world: World, turn: Turn, split: Split) -> Example:
    """One turn as an example of saying what changes."""
    reading = Reading.of(turn.message, turn.conversation, world.vocabulary)
    change = change_of(turn.conversation.plan, turn.plan, turn.conversation.shown, reading.seen)
    about = {"move": turn.move, "act": turn.plan.act.value}
    return Example("change", split, tuple(reading.messages(prompt)), compact(change.written()), about=about)
