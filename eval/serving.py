"""How fast a model plans: `crossaisle bench model`, one after another and many at once, with and without a schema.

The same messages are asked each time, in the prompts and under the schemas that serving makes for them, so that the
share of valid plans, the price of the schema and the price of several adapters at once come from one run.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.models.base import ChatMessage, ChatModel, Schema, tasks_of
from agent.models.usage import Usage, counting
from agent.planner.change_model import MAX_TOKENS, Reading
from agent.planner.model import plan_messages
from agent.planner.slots import Slots
from agent.prompting import load_prompt
from eval.planning import Asked, read_turns
from retrieval.errors import EvaluationError, ModelError

SECONDS = 120.0  # for one call: here it is measured, not cut off
WARM = 3


@dataclass(frozen=True)
class Request:
    """One plan to ask for."""

    messages: list[ChatMessage]
    schema: Schema
    tokens: int


@dataclass
class Call:
    """How one call went: seconds, tokens written, and whether the answer was of the schema."""

    seconds: float
    tokens: int
    valid: bool


def bench_model(models: Sequence[ChatModel], turns: Path, count: int = 64, concurrent: int = 32) -> dict[str, object]:
    """Measure.

    Args:
        models: the same model under several adapters, the first alone for all but the last measurement.
        turns: what `crossaisle finetune turns` writes.
        count: plans of each measurement.
        concurrent: shoppers at once.

    Returns:
        "alone" and "at once": plans and tokens a second, milliseconds of a plan (p50, p95), share of valid plans;
        "schema overhead": share of tokens a second lost to the schema, beside as many tokens written freely, at once;
        "adapter overhead": share of plans a second lost when shoppers are parted over all models; null for one.

    Raises:
        EvaluationError: there are no turns, or the model answered none.
    """
    asked = [turn for _, turn in zip(range(count), read_turns(turns), strict=False)]
    if not asked:
        raise EvaluationError(f"{turns} holds no turns", "write some with crossaisle finetune turns")
    requests = [request_of(turn, models[0]) for turn in asked]
    first = models[:1]
    _run(first, requests[:WARM], 1, _plan)
    alone, at_once = _run(first, requests, 1, _plan), _run(first, requests, concurrent, _plan)
    lengths = {id(r.messages): max(call.tokens, 1) for r, call in zip(requests, at_once.calls, strict=True)}
    free = _run(first, requests, concurrent, lambda model, request: _freely(model, request, lengths))
    parted = _run(models, requests, concurrent, _plan) if len(models) > 1 else None
    return {
        "model": [model.name for model in models],
        "plans": len(requests),
        "concurrent": concurrent,
        "alone": alone.told(),
        "at once": at_once.told(),
        "freely at once": free.told(),
        "schema overhead": round(1 - at_once.tokens_per_second / free.tokens_per_second, 4),
        "parted over adapters": parted.told() if parted else None,
        "adapter overhead": round(1 - parted.plans_per_second / at_once.plans_per_second, 4) if parted else None,
    }


def request_of(turn: Asked, model: ChatModel) -> Request:
    """The call that serving would make for a turn."""
    if tasks_of(model) == {"change"}:
        reading = Reading.of(turn.message, turn.conversation, turn.vocabulary)
        return Request(reading.messages(load_prompt("change")), reading.schema(), MAX_TOKENS)
    slots = Slots.of(turn.message, turn.conversation, turn.vocabulary)
    messages = plan_messages(load_prompt("plan"), turn.message, turn.conversation, slots)
    return Request(messages, slots.schema(), slots.budget())


@dataclass(frozen=True)
class _Measured:
    calls: list[Call]
    seconds: float

    @property
    def plans_per_second(self) -> float:
        return len(self.calls) / self.seconds

    @property
    def tokens_per_second(self) -> float:
        return sum(call.tokens for call in self.calls) / self.seconds

    def told(self) -> dict[str, float]:
        """The figures."""
        took = sorted(1000 * call.seconds for call in self.calls)
        return {
            "plans_per_second": round(self.plans_per_second, 2),
            "tokens_per_second": round(self.tokens_per_second, 1),
            "p50_ms": round(statistics.median(took), 1),
            "p95_ms": round(took[min(len(took) - 1, int(0.95 * len(took)))], 1),
            "valid": round(sum(call.valid for call in self.calls) / len(self.calls), 4),
        }


def _run(
    models: Sequence[ChatModel], requests: Sequence[Request], workers: int, ask: Callable[[ChatModel, Request], Call]
) -> _Measured:
    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        calls = list(pool.map(ask, [models[n % len(models)] for n in range(len(requests))], requests))
    found = _Measured(calls, time.perf_counter() - began)
    if not found.tokens_per_second:
        raise EvaluationError(f"model {models[0].name} answered nothing", "see that it runs and serves this name")
    return found


def _plan(model: ChatModel, request: Request) -> Call:
    began = time.perf_counter()
    try:
        done = model.complete(
            request.messages, request.schema, deadline=time.monotonic() + SECONDS, max_tokens=request.tokens
        )
    except ModelError:
        return Call(time.perf_counter() - began, 0, valid=False)
    return Call(
        time.perf_counter() - began, done.completion_tokens, valid=_valid(json.loads(done.text), request.schema)
    )


def _freely(model: ChatModel, request: Request, lengths: dict[int, int]) -> Call:
    """As many tokens as the plan took, of whatever the model likes to say."""
    began, usage = time.perf_counter(), Usage()
    with counting(usage):
        for _ in model.stream(
            request.messages, deadline=time.monotonic() + SECONDS, max_tokens=lengths[id(request.messages)]
        ):
            pass
    return Call(time.perf_counter() - began, usage.completion, valid=True)


def _valid(value: Any, schema: Schema) -> bool:
    """Whether an answer is of a schema that serving made: every field known, required ones there, choices kept."""
    if "anyOf" in schema:
        return any(_valid(value, option) for option in schema["anyOf"])
    if not isinstance(value, dict) or not set(schema["required"]) <= set(value) <= set(schema["properties"]):
        return False
    return all(_fits(found, schema["properties"][name]) for name, found in value.items())


def _fits(value: Any, field: Schema) -> bool:
    if "anyOf" in field:
        return any(_fits(value, option) for option in field["anyOf"])
    if "enum" in field:
        return value in field["enum"]
    if field.get("type") == "array":
        return (
            isinstance(value, list) and len(value) <= field["maxItems"] and all(_fits(v, field["items"]) for v in value)
        )
    if field.get("type") == "string":
        return isinstance(value, str) and re.search(field["pattern"], value) is not None
    return value is None if field.get("type") == "null" else isinstance(value, bool)
