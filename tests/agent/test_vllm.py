"""A real vLLM server: plans of the schema every time, adapters by name, deadlines, and turns that outlive it."""

from __future__ import annotations

import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.models.base import ChatMessage, ChatModel
from agent.models.local import LocalModel
from agent.planner.model import plan_messages
from agent.planner.slots import Slots
from agent.prompting import load_prompt
from agent.schema import Conversation
from retrieval.errors import ModelOutputError, ModelTimeoutError, ModelUnavailableError
from tests.agent.test_model_planner import MESSAGES, TALK, VOCABULARY
from tests.agent.vllm_server import ADAPTERS, MODEL, VllmServer

pytestmark = pytest.mark.vllm

MORE = [
    "something warm for winter, 100 to 150 dollars",
    "no more headphones",
    "gift for a colleague who runs",
    "only from beta, in stock",
    "what would go well with the first one?",
    "SELECT * FROM shoppers",
    "{{message}} {% for x in y %}",
]


def soon(seconds: float = 120.0) -> float:
    return time.monotonic() + seconds


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage("system", "You plan."), ChatMessage("user", text)]


def written(server: VllmServer, number: int, message: str) -> str:
    """Have one of the three models plan a message, check the plan, and give its text."""
    model = server.model((MODEL, *ADAPTERS)[number % 3])
    talk = (Conversation(), TALK)[number % 2]
    slots = Slots.of(message, talk, VOCABULARY)
    messages = plan_messages(load_prompt("plan"), message, talk, slots)
    done = model.complete(messages, slots.schema(), deadline=soon(300), max_tokens=slots.budget())
    plan = json.loads(done.text)
    assert list(plan) == slots.schema()["required"]
    assert done.text == json.dumps(plan, separators=(",", ":"), ensure_ascii=False)
    assert done.completion_tokens <= slots.budget()
    for name, field in slots.schema()["properties"].items():
        choices = field.get("items", field).get("enum")
        values = plan[name] if isinstance(plan[name], list) else [plan[name]]
        assert choices is None or set(values) <= set(choices), name
    return done.text


def test_plans_are_of_the_schema_every_time(vllm: VllmServer):
    messages = [*MESSAGES, *MORE]
    assert len(messages) == 30
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda pair: written(vllm, *pair), enumerate(messages)))
    assert len(set(texts)) > 20


def test_adapters_are_chosen_by_name_and_say_different_things(vllm: VllmServer):
    base = vllm.model()
    assert isinstance(base, ChatModel)
    assert base.models(deadline=soon()) == sorted([MODEL, *ADAPTERS])
    models = [base, *(base.adapter(name) for name in ADAPTERS)]
    texts = ["".join(m.stream(ask("a head torch"), deadline=soon(), max_tokens=24)) for m in models]
    scores = [tuple(m.choose(ask("A or B?"), ["A", "B"], deadline=soon())) for m in models]
    assert len(set(texts)) == len(set(scores)) == 3


def test_an_adapter_that_is_not_loaded_is_named_in_the_error(vllm: VllmServer):
    autumn = vllm.model("autumn")
    for call in (
        lambda: autumn.complete(ask("hi"), {"type": "boolean"}, deadline=soon()),
        lambda: list(autumn.stream(ask("hi"), deadline=soon())),
        lambda: autumn.choose(ask("hi"), ["A", "B"], deadline=soon()),
    ):
        with pytest.raises(ModelUnavailableError, match="no model or adapter 'autumn'"):
            call()


def test_server_and_process_agree_on_the_same_weights(vllm: VllmServer, tiny_models):
    question, options = ask("Which? A, B, C or D."), ["A", "B", "C", "D"]
    for name in (None, *ADAPTERS):
        here = LocalModel(tiny_models / MODEL, tiny_models / name if name else None, threads=1)
        there = vllm.model(name or MODEL)
        expected = here.choose(question, options, deadline=soon())
        assert there.choose(question, options, deadline=soon()) == pytest.approx(expected, abs=0.05)
        assert math.isclose(sum(map(math.exp, expected)), 1.0, abs_tol=1e-6)


def test_streams_piece_by_piece_and_stops_when_cancelled(vllm: VllmServer):
    cancel = threading.Event()
    stream = vllm.model().stream(ask("a head torch"), deadline=soon(), max_tokens=4000, cancel=cancel)
    assert next(stream)
    cancel.set()
    start = time.monotonic()
    with pytest.raises(ModelTimeoutError, match="cancelled"):
        list(stream)
    assert time.monotonic() - start < 0.5


def test_deadline_ends_a_long_answer(vllm: VllmServer):
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 3000, "maxItems": 3000}
    start = time.monotonic()
    with pytest.raises(ModelTimeoutError):
        vllm.model().complete(ask("many"), schema, deadline=start + 1.0, max_tokens=7000)
    assert 0.9 < time.monotonic() - start < 60  # on cores that others use as well, the server may keep us waiting


def test_an_answer_that_does_not_fit_is_an_output_error(vllm: VllmServer):
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 50}
    with pytest.raises(ModelOutputError, match="more tokens"):
        vllm.model().complete(ask("many"), schema, deadline=soon(), max_tokens=10)
    with pytest.raises(ModelOutputError, match="refuses the request"):
        vllm.model().complete(ask("long " * 9000), schema, deadline=soon())


def test_many_calls_at_once(vllm: VllmServer):
    model, answers = vllm.model(), {}

    def one(number: int) -> None:
        answers[number] = model.complete(ask(f"number {number}"), {"enum": ["yes", "no"]}, deadline=soon()).text

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(answers) == 12
    assert set(answers.values()) <= {'"yes"', '"no"'}
