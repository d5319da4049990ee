"""How fast a model plans: `crossaisle bench model`, one after another and many at once, with and without a schema.

The same messages are asked each time, in the prompts and under the schemas that serving makes for them, so that the
share of valid plans, the time to the first token, the price of the schema and the price of several adapters at once
come from one run. `eval.generation` puts `transformers.generate` beside it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jsonschema import Draft202012Validator

from agent.models.base import ChatMessage, ChatModel, Schema, tasks_of
from agent.models.usage import Usage, counting
from agent.planner.change_model import MAX_TOKENS
from agent.planner.model import plan_messages
from agent.planner.reading import Reading
from agent.planner.slots import Slots
from agent.prompting import load_prompt
from eval.generation import Generator
from eval.planning import Asked, read_turns
from eval.rates import Call, Measured
from retrieval.errors import EvaluationError, ModelError

SECONDS = 120.0  # for one call: here it is measured, not cut off
WARM = 3
ROUNDS = 3  # in which what is compared takes turns, since machines are noisy
FIRST = 16  # tokens asked for where only the wait for the first of them counts
SLOW = 16  # prompts that `transformers.generate` answers one by one


@dataclass(frozen=True)
class Request:
    """One plan to ask for."""

    messages: list[ChatMessage]
    schema: Schema
    tokens: int


def bench_model(
    models: Sequence[ChatModel],
    turns: Path,
    count: int = 64,
    concurrent: int = 32,
    *,
    generate: Path | None = None,
) -> dict[str, object]:
    """Measure.

    Args:
        models: the same model under several adapters.
        turns: what `crossaisle finetune turns` writes; of twice `count` the second half is read for the first token at
            once, since prompts that were read before may be remembered.
        count: plans of each measurement.
        concurrent: shoppers at once.
        generate: folder of the same model, whose `generate` of transformers is to answer the same prompts with as
            many tokens each.

    Returns:
        "alone", "at once" and "freely at once" of the first model, "parted over adapters" of all, "each adapter" of
        every one at once: plans and tokens a second, milliseconds of a plan (p50, p95), share of valid plans.
        "first token": milliseconds to it (p50, p95), of prompts not asked before, alone and at once.
        "schema overhead": share of tokens a second lost to the schema, beside as many tokens written freely, at once;
        "adapter overhead": share of plans a second lost when shoppers are parted evenly over the models, beside what
        that many plans take each model by itself; null for one. Both are medians over rounds, whose values follow.
        "transformers.generate": its rates alone (of the first prompts) and in batches of `concurrent`, and how many
        times as many tokens a second the first model writes; null where it isn't asked for.

    Raises:
        EvaluationError: there are no turns, or a model answered none.
        ModelUnavailableError: there is no model at `generate`.
    """
    asked = [turn for _, turn in zip(range(2 * count), read_turns(turns), strict=False)]
    if not asked:
        raise EvaluationError(f"{turns} holds no turns", "write some with crossaisle finetune turns")
    requests = [request_of(turn, models[0]) for turn in asked[:count]]
    others = [request_of(turn, models[0]) for turn in asked[count:]] or requests
    for model in models:
        _run([model], requests[:WARM], 1, _plan)
    first = {
        "alone": _run(models[:1], requests, 1, _first).waited(),
        "at once": _run(models[:1], others, concurrent, _first).waited(),
    }
    rounds = [_Round.of(models, requests, concurrent) for _ in range(ROUNDS)]
    middle = sorted(rounds, key=lambda one: one.each[0].plans_per_second)[ROUNDS // 2]
    schema = [one.schema_overhead for one in rounds]
    adapters = [one.adapter_overhead for one in rounds if one.parted]
    alone = _run(models[:1], requests, 1, _plan)
    return {
        "model": [model.name for model in models],
        "plans": len(requests),
        "concurrent": concurrent,
        "alone": alone.told(),
        "at once": middle.each[0].told(),
        "freely at once": middle.free.told(),
        "first token": first,
        "schema overhead": round(statistics.median(schema), 4),
        "schema overhead by round": [round(value, 4) for value in schema],
        "each adapter": {model.name: run.told() for model, run in zip(models, middle.each, strict=True)},
        "parted over adapters": middle.parted.told() if middle.parted else None,
        "adapter overhead": round(statistics.median(adapters), 4) if adapters else None,
        "adapter overhead by round": [round(value, 4) for value in adapters],
        "transformers.generate": _beside(generate, requests, alone, middle.each[0], concurrent) if generate else None,
    }


def _beside(
    folder: Path, requests: Sequence[Request], alone: Measured, at_once: Measured, concurrent: int
) -> dict[str, object]:
    """What `transformers.generate` makes of the same prompts, with as many tokens each."""
    generator = Generator(folder)
    told: dict[str, object] = {"device": generator.device}
    for name, run, batch in (("alone", alone, 1), ("at once", at_once, concurrent)):
        count = SLOW if batch == 1 else len(requests)
        lengths = [max(call.tokens, 1) for call in run.calls[:count]]
        seconds = generator.seconds([request.messages for request in requests[:count]], lengths, batch)
        rate = sum(lengths) / seconds
        told[name] = {"plans_per_second": round(len(lengths) / seconds, 2), "tokens_per_second": round(rate, 1)}
        told[f"ratio {name}"] = round(run.tokens_per_second / rate, 2)
    return told


def request_of(turn: Asked, model: ChatModel) -> Request:
    """The call that serving would make for a turn."""
    if "change" in tasks_of(model):
        reading = Reading.of(turn.message, turn.conversation, turn.vocabulary)
        return Request(reading.messages(load_prompt("change")), reading.schema(), MAX_TOKENS)
    slots = Slots.of(turn.message, turn.conversation, turn.vocabulary)
    messages = plan_messages(load_prompt("plan"), turn.message, turn.conversation, slots)
    return Request(messages, slots.schema(), slots.budget())


@dataclass(frozen=True)
class _Round:
    """What is compared, measured one straight after another."""

    each: list[Measured]
    free: Measured
    parted: Measured | None

    @classmethod
    def of(cls, models: Sequence[ChatModel], requests: Sequence[Request], concurrent: int) -> _Round:
        first = _run(models[:1], requests, concurrent, _plan)
        lengths = {id(r.messages): max(call.tokens, 1) for r, call in zip(requests, first.calls, strict=True)}
        free = _run(models[:1], requests, concurrent, lambda model, request: _freely(model, request, lengths))
        others = [_run([model], requests, concurrent, _plan) for model in models[1:]]
        return cls([first, *others], free, _run(models, requests, concurrent, _plan) if others else None)

    @property
    def schema_overhead(self) -> float:
        return 1 - self.each[0].tokens_per_second / self.free.tokens_per_second

    @property
    def adapter_overhead(self) -> float:
        alone = statistics.harmonic_mean([run.plans_per_second for run in self.each])
        return 1 - self.parted.plans_per_second / alone if self.parted else 0.0


def _run(
    models: Sequence[ChatModel], requests: Sequence[Request], workers: int, ask: Callable[[ChatModel, Request], Call]
) -> Measured:
    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        calls = list(pool.map(ask, [models[n % len(models)] for n in range(len(requests))], requests))
    found = Measured(calls, time.perf_counter() - began)
    if not found.tokens_per_second:
        why = next((call.failure for call in calls if call.failure), None)
        raise EvaluationError(
            f"model {models[0].name} answered nothing" + (f": {why}" if why else ""),
            "see that it runs, serves this name and reads this much",
        )
    return found


def _plan(model: ChatModel, request: Request) -> Call:
    began = time.perf_counter()
    try:
        done = model.complete(
            request.messages, request.schema, deadline=time.monotonic() + SECONDS, max_tokens=request.tokens
        )
    except ModelError as error:
        return Call(time.perf_counter() - began, 0, valid=False, failure=error)
    return Call(time.perf_counter() - began, done.completion_tokens, valid=_valid(done.text, request.schema))


def _freely(model: ChatModel, request: Request, lengths: dict[int, int]) -> Call:
    """As many tokens as the plan took, of whatever the model likes to say."""
    return _written(model, request, lengths[id(request.messages)])


def _first(model: ChatModel, request: Request) -> Call:
    """A few tokens, for the time to the first."""
    return _written(model, request, FIRST)


def _written(model: ChatModel, request: Request, tokens: int) -> Call:
    began, usage, first = time.perf_counter(), Usage(), None
    with counting(usage):
        for _ in model.stream(request.messages, deadline=time.monotonic() + SECONDS, max_tokens=tokens):
            first = first or time.perf_counter() - began
    return Call(time.perf_counter() - began, usage.completion, valid=True, first=first)


def _valid(answer: str, schema: Schema) -> bool:
    return bool(Draft202012Validator(schema).is_valid(json.loads(answer)))
