"""How well the served planner reads human conversations: its act, and the query that it carries from turn to turn.

It reads what it reads when products are ranked: the shopper's words alone, with its own earlier plans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Plan
from eval.protocols.conversations import Talk
from eval.statistics import Interval, interval
from eval.systems.crossaisle_words import plans
from retrieval.catalogue import Catalogue
from retrieval.text import terms

ACTS = {"clarify": Act.CLARIFY, "recommend": Act.RECOMMEND}


def understood(talks: Sequence[Talk], catalogue: Catalogue, seed: int = 0) -> dict[str, Interval]:
    """Figures of the rules planner.

    Args:
        talks: the conversations.
        catalogue: whose words the planner knows.
        seed: of the bootstrap.

    Returns:
        "act accuracy": of turns that the seller answered with a question or a recommendation, the share in which the
        planner does the same. "slot F1": over turns with annotated keywords, F1 of the words of the carried query,
        wishes and brands. What no turn tells is left out.
    """
    rules = RulesPlanner(Vocabulary.of(catalogue))
    acts: list[float] = []
    slots: list[float] = []
    for talk in talks:
        said = [message.text for message in talk.messages if message.shopper]
        carried = iter(plans(rules, said))
        for message, answer in zip(talk.messages, (*talk.messages[1:], None), strict=True):
            if not message.shopper:
                continue
            plan = next(carried)
            if message.keywords and any(terms(word) for word in message.keywords):
                slots.append(f1(_carried(plan), terms(" ".join(message.keywords))))
            if answer is not None and not answer.shopper and answer.action in ACTS:
                acts.append(float(plan.act is ACTS[answer.action]))
    found = {"act accuracy": acts, "slot F1": slots}
    return {name: interval(np.array(values), seed=seed) for name, values in found.items() if values}


def commonest(talks: Sequence[Talk]) -> tuple[str, float]:
    """The act that sellers chose most, and the accuracy of choosing nothing else: what a planner must beat."""
    acts = Counter(
        answer.action
        for talk in talks
        for message, answer in zip(talk.messages, talk.messages[1:], strict=False)
        if message.shopper and not answer.shopper and answer.action in ACTS
    )
    act, count = acts.most_common(1)[0] if acts else ("clarify", 0)
    return act, count / max(acts.total(), 1)


def f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    """F1 of the tokens of two texts, repeated ones counted."""
    both = sum((Counter(found) & Counter(wanted)).values())
    return 2.0 * both / (len(found) + len(wanted)) if found or wanted else 1.0


def _carried(plan: Plan) -> list[str]:
    return sorted(set(terms(" ".join((plan.query, *plan.include, *plan.brands)))))
