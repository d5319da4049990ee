"""The rules and a small model on one message: the model where it is sure of what it wrote, the rules elsewhere.

A small model reads turns of phrase that no rule foresees, and goes astray where a message is like nothing it was
trained on; the rules know few phrasings and carry a conversation over many turns. Two figures tell the one case from
the other: how likely the model's own answer was to it, without any grammar, and how likely that of the rules would
be. Where the model would nearly have said what the rules say, they are right.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Sequence
from typing import Literal

from agent.planner.astray import astray, sums
from agent.planner.change_model import ChangePlanner
from agent.planner.chinese import has_chinese
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import OFFER, Conversation, Plan
from retrieval.errors import ModelOutputError, ModelTimeoutError

Reader = Literal["rules", "model"]
_SHARE = re.compile(r"\d+(?:[.,]\d+)?\s*(?:%|percent\b)")
_READ_OUT = frozenset({OFFER, "affordable"})  # what the rules make of "on sale" and "cheap"
_MARKUP = frozenset("<>{}[]\\")
LONG = 300  # characters; longer messages are stories, which the model was not trained on
UNSURE = math.log(0.5)  # of a less likely answer, words that no goods have are no query
SURE = 0.6  # the least probability of its whole answer at which a model is followed that can tell no more
# Else it is followed where its answer's log-probability is at least PART times that of the rules' answer; AWAY times
# where it leaves the wish that the rules still hold, as it does by mistake in long conversations. Both were chosen
# on 400 generated turns with held-out phrasings and on half of PSCon's conversations.
PART, AWAY = 0.2, 0.01
FOREVER = threading.TIMEOUT_MAX
HURRY = 4.0  # how often the patience passes while the model reads, until the rules read alone


class Together:
    """A planner of two.

    Args:
        rules: always asked.
        small: a model that says what a message changes.
        sure: the least probability of the whole answer, from 0 to 1, at which the model is followed.
        patience: seconds that a message waits for a model that reads one at a time and is at another's; then the rules
            read it alone. They are a whole planner: nothing is told as gone wrong. The model's answer may take `HURRY`
            times as long.
    """

    def __init__(
        self, rules: RulesPlanner, small: ChangePlanner, sure: float = SURE, patience: float = FOREVER
    ) -> None:
        self._rules, self._small, self._sure, self._patience = rules, small, sure, patience

    def plan(
        self, message: str, conversation: Conversation, *, deadline: float, history_lines: Sequence[str] = ()
    ) -> Plan:
        """What the shopper wants now; arguments and errors as for `read`."""
        return self.read(message, conversation, deadline=deadline)[0]

    def read(self, message: str, conversation: Conversation, *, deadline: float) -> tuple[Plan, Reader]:
        """What the shopper wants now, and who read it; the plan's confidence is the model's where it was followed.

        Args:
            message: the shopper's words.
            conversation: what was said before.
            deadline: on `time.monotonic()`'s clock.

        Raises:
            ModelError: the model can't be reached or is too slow. An answer that can't be believed is no failure of
                the turn: the rules' stands.
        """
        ruled, sure = self._rules.read(message, conversation)
        if sure or has_chinese(message) or len(message) > LONG or _MARKUP & {*message}:
            return ruled, "rules"  # nobody need read it again, or the model never saw the like
        with self._small.reserved(self._patience) as had:
            if not had:
                return ruled, "rules"
            hurried = time.monotonic() + HURRY * self._patience
            try:
                return self._judged(message, conversation, ruled, min(deadline, hurried))
            except ModelTimeoutError:
                if deadline < hurried:
                    raise  # it wasn't hurried: it is too slow
                return ruled, "rules"

    def _judged(self, message: str, conversation: Conversation, ruled: Plan, deadline: float) -> tuple[Plan, Reader]:
        """Whom to follow."""
        reading = self._small.reading(message, conversation)
        try:
            plan, done = self._small.read(reading, deadline=deadline)
        except ModelOutputError:
            return ruled, "rules"
        vocabulary = self._rules.vocabulary
        plan = _with_plain(_spelled(plan, vocabulary), ruled, message, conversation.plan)
        told = done.logprob if done.logprob is not None else 0.0
        if _agree(plan, ruled) or astray(plan, ruled, message, conversation, vocabulary, unsure=told < UNSURE):
            return ruled, "rules"
        other = self._small.likelihood(ruled, reading, deadline=deadline)
        part = AWAY if _leaves(plan, ruled, conversation.plan) else PART
        if told < (math.log(self._sure) if other is None else part * other):
            return ruled, "rules"
        return plan.model_copy(update={"confidence": round(math.exp(told), 3)}), "model"


def _agree(plan: Plan, ruled: Plan) -> bool:
    """Whether both read the same, so that nobody need ask which of them is right."""
    return plan.model_copy(update={"confidence": ruled.confidence, "question": ruled.question}) == ruled


def _with_plain(plan: Plan, ruled: Plan, message: str, before: Plan | None) -> Plan:
    """The model's plan with what patterns read surely.

    These are sums in figures (a figure in which the rules hear none is none: an age, a weight, a length, "90% off"),
    stock, which the model hears in any wish, that it should be cheap or on offer, and whom it is for.
    """
    update: dict[str, object] = {"in_stock": ruled.in_stock}
    before = before or Plan()
    if ruled.recipient != before.recipient and plan.recipient is None:
        update["recipient"] = ruled.recipient
    meant = [term for term in ruled.include if term in _READ_OUT and term not in before.include]
    update["include"] = tuple(dict.fromkeys([*plan.include, *meant]))
    old, spoken = sums(before), _SHARE.sub("", message)
    shares = spoken != message and not any(sign.isdigit() for sign in spoken)
    newly = sums(ruled) != old or sums(plan) not in (old, (None, None))
    if shares or (newly and any(sign.isdigit() for sign in message)):
        update |= {"price_min": ruled.price_min, "price_max": ruled.price_max, "currency": ruled.currency}
    return plan.model_copy(update=update)


def _spelled(plan: Plan, vocabulary: Vocabulary) -> Plan:
    """The model's plan with slips of the pen mended, as the rules mend them: it copies what was written."""

    def mended(text: str) -> str:
        return " ".join(vocabulary.correct(word) for word in text.split())

    lists = {name: tuple(map(mended, getattr(plan, name))) for name in ("include", "exclude")}
    return plan.model_copy(update={"query": mended(plan.query), **lists})


def _leaves(plan: Plan, ruled: Plan, before: Plan | None) -> bool:
    """Whether nothing is left of the query before, of which the rules keep something."""
    wish, ours, theirs = (
        {*query.casefold().split()} for query in (before.query if before else "", plan.query, ruled.query)
    )
    return bool(wish & theirs) and not wish & ours
