"""How well the served planner reads human conversations: its act, and the query that it carries from turn to turn.

It reads what it reads when products are ranked: the shopper's words alone, with its own earlier plans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from agent.asking import Asking
from agent.models.base import ChatModel
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.prompting import PromptLibrary
from agent.schema import Act, Conversation, Message, Plan
from agent.understand import understand
from eval.protocols.conversations import Talk
from eval.statistics import Interval, interval
from retrieval.catalogue import Catalogue
from retrieval.text import terms

SECONDS = 60.0  # for one plan: here it is measured, not cut off
ACTS = {"clarify": Act.CLARIFY, "recommend": Act.RECOMMEND}
Planner = Callable[[str, Conversation], Plan]


def understood(talks: Sequence[Talk], catalogue: Catalogue, seed: int = 0) -> dict[str, Interval]:
    """Figures of what a shop serves without a language model.

    Args:
        talks: the conversations.
        catalogue: whose words the planner knows.
        seed: of the bootstrap.

    Returns:
        "act accuracy" and "slot F1", see `read_talks`; what no turn tells is left out.
    """
    found = read_talks(talks, served(Vocabulary.of(catalogue), None))
    named = {"act accuracy": found.get("act accuracy", []), "slot F1": found.get("query F1", [])}
    return {name: interval(np.array(values), seed=seed) for name, values in named.items() if values}


def read_talks(talks: Sequence[Talk], planner: Planner) -> dict[str, list[float]]:
    """Let a planner read conversations.

    Args:
        talks: the conversations.
        planner: from a message and what was said before it to the whole plan.

    Returns:
        Turn by turn: "act accuracy", of turns that the seller answered with a question or a recommendation, 1 where the
        planner does the same. A seller shows goods or asks; CrossAisle shows goods all the same while it asks, and
        such a turn counts as asking. "query F1", of turns with annotated keywords, F1 of the words of the carried
        query, wishes and brands.
    """
    acts: list[float] = []
    queries: list[float] = []
    for talk in talks:
        said = [message.text for message in talk.messages if message.shopper]
        carried = iter(plans(planner, said))
        for message, answer in zip(talk.messages, (*talk.messages[1:], None), strict=True):
            if not message.shopper:
                continue
            plan = next(carried)
            if message.keywords and any(terms(word) for word in message.keywords):
                queries.append(f1(_carried(plan), terms(" ".join(message.keywords))))
            if answer is not None and not answer.shopper and answer.action in ACTS:
                acts.append(float(_act(plan) is ACTS[answer.action]))
    found = {"query F1": queries, "act accuracy": acts}
    return {name: values for name, values in found.items() if values}


def served(vocabulary: Vocabulary, model: ChatModel | None) -> Planner:
    """The planner of a shop: the rules, and beside them the model if there is one; each message has all the time."""
    rules = RulesPlanner(vocabulary)
    asking = Asking.now(model, PromptLibrary(), rules)
    return lambda said, before: understand(said, before, rules, asking.planner, seconds=SECONDS).plan


def plans(planner: Planner, said: Sequence[str]) -> list[Plan]:
    """The plan after each of the shopper's messages; what the shop answered between them isn't known."""
    messages: tuple[Message, ...] = ()
    found = []
    for text in said:
        plan = planner(text, Conversation(messages=messages))
        messages += (Message(role="user", text=text), Message(role="assistant", text="", plan=plan))
        found.append(plan)
    return found


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


def _act(plan: Plan) -> Act:
    return Act.CLARIFY if plan.act is Act.RECOMMEND and plan.ask else plan.act


def _carried(plan: Plan) -> list[str]:
    return sorted(set(terms(" ".join((plan.query, *plan.include, *plan.brands)))))
