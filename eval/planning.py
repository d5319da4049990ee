"""How well messages are read: `crossaisle eval plan`, the rules, a model and what is served side by side.

On generated turns the whole plan is compared, field by field; on human conversations, where no plan is known, the words
of the query that is carried and whether a question is asked (see `eval.understanding`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import ValidationError

from agent.models.base import ChatModel, tasks_of
from agent.planner.change_model import ChangePlanner
from agent.planner.model import ModelPlanner
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.prompting import PromptLibrary
from agent.schema import Conversation, Plan
from eval.files import fault, objects
from eval.protocols.conversations import Talk
from eval.results import Results
from eval.statistics import Values
from eval.understanding import SECONDS, Planner, f1, read_talks, served
from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.errors import EvaluationError, ModelError
from retrieval.progress import Progress, silent

_FORM = "give what `crossaisle finetune turns` writes: conversation, message, plan, shop and, once a shop, catalogue"
_LISTS = (
    "include", "exclude", "brands", "not_brands", "categories", "not_categories", "platforms", "not_platforms",
    "not_items", "targets",
)  # fmt: skip
_SINGLE = ("act", "price_min", "price_max", "in_stock", "recipient", "cart_op", "ask")


@dataclass(frozen=True)
class Asked:
    """One message with the plan that it means; `vocabulary` is its shop's."""

    message: str
    conversation: Conversation
    plan: Plan
    move: str
    vocabulary: Vocabulary


def read_turns(path: Path) -> Iterator[Asked]:
    """Turns in the file's order. Raises `EvaluationError` naming the line that is none."""
    shops: dict[str, Vocabulary] = {}
    for number, record in objects(path):
        shop = str(record.get("shop", ""))
        if "catalogue" in record:
            shops[shop] = Vocabulary.of(_catalogue(record["catalogue"]))
        try:
            conversation = Conversation.model_validate(record.get("conversation"))
            plan = Plan.model_validate(record.get("plan"))
        except ValidationError as error:
            raise fault(path, f"the turn is none ({error.errors()[0]['msg']})", _FORM, line=number) from None
        if shop not in shops or not isinstance(record.get("message"), str):
            raise fault(path, "the turn has no message, or nothing is known of its shop", _FORM, line=number)
        yield Asked(record["message"], conversation, plan, str(record.get("move", "")), shops[shop])


def planned(
    turns: Sequence[Asked] = (),
    talks: Sequence[Talk] = (),
    catalogue: Catalogue | None = None,
    model: ChatModel | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Results:
    """Score the rules, the model alone and both together as they are served.

    Args:
        turns: with the plans they mean.
        talks: human conversations.
        catalogue: whose words planners know in these conversations.
        model: None for the rules alone.
        seed: of the bootstrap.
        progress: told how far it is.

    Returns:
        "exact" (the whole plan), "slot F1" of turns; "query F1" and "act accuracy" of conversations; differences to
        the rules; milliseconds a plan; how often the model's answer couldn't be used.

    Raises:
        EvaluationError: there is nothing to score.
    """
    if not turns and not talks:
        raise EvaluationError("there is nothing to read", "give --turns, --conversations or both")
    names = ("rules", "model", "served") if model is not None else ("rules", "served")
    values: dict[str, dict[str, Values]] = {name: {} for name in names}
    took: dict[str, list[float]] = {name: [] for name in names}
    moves: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    desk = _Desk(model)
    for name in names:
        exact, slots = np.zeros(len(turns)), np.zeros(len(turns))
        for number, turn in enumerate(turns):
            progress(f"reading turns with {name}", number, len(turns))
            plan = desk.timed(name, turn.vocabulary, took[name])(turn.message, turn.conversation)
            exact[number] = same(plan, turn.plan)
            slots[number] = slot_f1(plan, turn.plan)
            moves[name].setdefault(turn.move, []).append(float(exact[number]))
        if turns:
            values[name] |= {"exact": exact, "slot F1": slots}
        if talks:
            words = Vocabulary.of(catalogue if catalogue is not None else Catalogue(pl.DataFrame(schema=SCHEMA)))
            read = read_talks(talks, desk.timed(name, words, took[name]))
            values[name] |= {metric: np.array(found) for metric, found in read.items()}
    results = Results.of("plan", values, _seconds(took), against=("rules",), seed=seed)
    notes = [f"{desk.failed} answers of the model could not be used; served, the rules take their place."]
    shares = {name: {move: float(np.mean(found)) for move, found in sorted(of.items())} for name, of in moves.items()}
    extra: Mapping[str, Any] = {"exact by move": shares, "model": model.name if model is not None else ""}
    return results.with_(notes=tuple(notes if model is not None else ()), extra=extra)


class _Desk:
    """Planners by name, made once a shop."""

    def __init__(self, model: ChatModel | None) -> None:
        self._model, self._prompts = model, PromptLibrary()
        self._made: dict[tuple[str, int], Planner] = {}
        self.failed = 0

    def timed(self, name: str, vocabulary: Vocabulary, took: list[float]) -> Planner:
        """A planner that notes how long each plan takes, in milliseconds."""
        key = name, id(vocabulary)
        if key not in self._made:
            self._made[key] = self._make(name, vocabulary)
        made = self._made[key]

        def read(message: str, conversation: Conversation) -> Plan:
            began = time.perf_counter()
            plan = made(message, conversation)
            took.append(1000 * (time.perf_counter() - began))
            return plan

        return read

    def _make(self, name: str, vocabulary: Vocabulary) -> Planner:
        if name == "rules":
            return RulesPlanner(vocabulary).plan
        return served(vocabulary, self._model) if name == "served" else self._alone(vocabulary)

    def _alone(self, vocabulary: Vocabulary) -> Planner:
        if self._model is None:  # not asked for then
            raise EvaluationError("there is no model", "give one")
        small = "change" in tasks_of(self._model)
        make: Callable[..., Any] = ChangePlanner if small else ModelPlanner
        planner = make(self._model, self._prompts.load("change" if small else "plan"), vocabulary)

        def read(message: str, conversation: Conversation) -> Plan:
            try:
                plan: Plan = planner.plan(message, conversation, deadline=time.monotonic() + SECONDS)
            except ModelError:
                self.failed += 1
                return conversation.plan or Plan()
            return plan

        return read


def same(plan: Plan, wanted: Plan) -> bool:
    """Whether two plans mean the same: small and capital letters and the order of names make no difference.

    A question beside what is shown is no part of what was said, and isn't compared.
    """
    return _told(plan) == _told(wanted)


def slot_f1(plan: Plan, wanted: Plan) -> float:
    """F1 of the plan's facts, one for each word of the query and each value of every other field."""
    return f1(_facts(plan), _facts(wanted))


def _told(plan: Plan) -> dict[str, Any]:
    told: dict[str, Any] = {name: sorted(str(v).casefold() for v in getattr(plan, name)) for name in _LISTS}
    told |= {name: getattr(plan, name) for name in _SINGLE}
    told["ask"] = plan.ask if plan.act.value == "clarify" else None
    told["recipient"] = (plan.recipient or "").casefold()
    told["quantity"] = plan.quantity if plan.cart_op == "add" and plan.quantity > 1 else None
    return told | {"query": " ".join(plan.query.casefold().split())}


def _facts(plan: Plan) -> list[str]:
    told = _told(plan)
    facts = [f"query:{word}" for word in told.pop("query").split()]
    for name, value in told.items():
        values = value if isinstance(value, list) else [value] if value not in (None, "", False) else []
        facts += [f"{name}:{one}" for one in values]
    return facts


def _catalogue(goods: Any) -> Catalogue:
    """The goods of a made-up shop, as far as planners look at them."""
    known = [good for good in goods if isinstance(good, dict)] if isinstance(goods, list) else []
    plain: dict[str, object] = {name: "" for name in SCHEMA}
    plain |= {"category_path": [], "attributes": "{}", "listed_at": None, "as_of": datetime(2026, 1, 1, tzinfo=UTC)}
    rows = [plain | {"availability": "unknown", "price_minor": None} | good for good in known]
    return Catalogue(pl.DataFrame(rows, schema=SCHEMA, orient="row").unique("item").sort("item"))


def _seconds(took: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    return {
        name: {"median_ms": float(np.median(ms)), "p95_ms": float(np.quantile(ms, 0.95))}
        for name, ms in took.items()
        if ms
    }
