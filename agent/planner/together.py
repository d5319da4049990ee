"""The rules and a small model on one message: the model where it is sure of what it wrote, the rules elsewhere.

A small model reads turns of phrase that no rule foresees, and goes astray where a message is like nothing it was
trained on; the rules know few phrasings and carry a conversation over many turns. How likely the model's own answer
was to it, without any grammar, tells the one case from the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.planner.change_model import ChangePlanner
from agent.planner.chinese import has_chinese
from agent.planner.rules import RulesPlanner
from agent.schema import Conversation, Plan

SURE = 0.6  # the least probability of the model's whole answer at which it is followed


class Together:
    """A planner of two.

    Args:
        rules: always asked.
        small: a model that says what a message changes.
        sure: the least probability of the whole answer, from 0 to 1, at which the model is followed.
    """

    def __init__(self, rules: RulesPlanner, small: ChangePlanner, sure: float = SURE) -> None:
        self._rules, self._small, self._sure = rules, small, sure

    def plan(
        self, message: str, conversation: Conversation, *, deadline: float, history_lines: Sequence[str] = ()
    ) -> Plan:
        """What the shopper wants now; arguments and errors as for `ChangePlanner.plan`.

        The plan's confidence is the model's where it was followed.
        """
        ruled = self._rules.plan(message, conversation)
        if has_chinese(message):
            return ruled  # the model never saw any
        plan, done = self._small.read(message, conversation, deadline=deadline)
        chance = math.exp(done.logprob) if done.logprob is not None else 1.0
        return plan.model_copy(update={"confidence": round(chance, 3)}) if chance >= self._sure else ruled
