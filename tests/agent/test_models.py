"""The scripted model keeps every promise of the protocol, and breaks it in exactly the ways it was told to."""

from __future__ import annotations

import json
import math
import threading
import time

import pytest

from agent.models.base import ChatMessage, ChatModel, Watch, parsed
from agent.models.scripted import LIES, ScriptedModel
from retrieval.errors import ModelOutputError, ModelTimeoutError, ModelUnavailableError

ASK = [ChatMessage("system", "You plan."), ChatMessage("user", "a head torch")]


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_scripted_model_is_a_chat_model_and_answers_in_order():
    model = ScriptedModel(plans=[{"query": "头灯"}, '{"query":"b"}'], texts=["one  two\nthree "])
    assert isinstance(model, ChatModel)
    answers = [json.loads(model.complete(ASK, {}, deadline=soon()).text)["query"] for _ in range(3)]
    assert answers == ["头灯", "b", "b"]
    pieces = list(model.stream(ASK, deadline=soon()))
    assert "".join(pieces) == "one  two\nthree "
    assert len(pieces) == 4
    assert [asked.call for asked in model.asked] == ["complete"] * 3 + ["stream"]
    assert model.asked[0].messages == tuple(ASK)


def test_answer_can_be_decided_by_what_was_asked():
    model = ScriptedModel(answer=lambda asked: json.dumps({"words": len(asked.messages[-1].content.split())}))
    assert model.complete(ASK, {}, deadline=soon()).text == '{"words": 3}'


def test_choose_is_normalised_over_the_options():
    scores = ScriptedModel(scores=[2.0, 0.0, 1.0]).choose(ASK, ["A", "B", "C"], deadline=soon())
    assert math.isclose(sum(math.exp(score) for score in scores), 1.0)
    assert scores.index(max(scores)) == 0
    with pytest.raises(ModelOutputError, match="3 options"):
        ScriptedModel(scores=[1.0, 2.0]).choose(ASK, ["A", "B", "C"], deadline=soon())


def test_dead_model_cannot_be_reached():
    with pytest.raises(ModelUnavailableError, match="start the model server"):
        ScriptedModel.dead().complete(ASK, {}, deadline=soon())
    with pytest.raises(ModelUnavailableError):
        list(ScriptedModel.dead().stream(ASK, deadline=soon()))


@pytest.mark.parametrize("how", [{"delay": 30.0}, {"drip": 0.15}])
def test_slow_and_dripping_models_end_at_the_deadline(how):
    model = ScriptedModel(plans=[{"a": " ".join("x" * 200)}], texts=["w " * 200], **how)
    for call in (lambda d: model.complete(ASK, {}, deadline=d), lambda d: list(model.stream(ASK, deadline=d))):
        start = time.monotonic()
        with pytest.raises(ModelTimeoutError):
            call(soon(0.4))
        assert 0.3 < time.monotonic() - start < 1.0


def test_cancel_ends_a_stream_within_a_fifth_of_a_second():
    cancel = threading.Event()
    stream = ScriptedModel(texts=["one two three"], drip=30).stream(ASK, deadline=soon(60), cancel=cancel)
    assert next(stream) == "one"
    threading.Timer(0.1, cancel.set).start()
    start = time.monotonic()
    with pytest.raises(ModelTimeoutError, match="cancelled"):
        next(stream)
    assert time.monotonic() - start < 0.4


def test_connection_can_break_in_the_middle():
    stream = ScriptedModel(texts=["one two three"], fail_after=2).stream(ASK, deadline=soon())
    assert [next(stream), next(stream)] == ["one", " two"]
    with pytest.raises(ModelUnavailableError, match="broke after 2"):
        next(stream)


@pytest.mark.parametrize("lie", ["prose for JSON", "cut off", "empty", "noise"])
def test_what_is_not_json_is_an_output_error(lie):
    with pytest.raises(ModelOutputError):
        ScriptedModel(plans=[LIES[lie]]).complete(ASK, {}, deadline=soon())


def test_parsed_refuses_what_only_python_takes_for_json():
    for text in ('{"a":NaN}', "[" * 100_000, '{"a":1}{"b":2}'):
        with pytest.raises(ModelOutputError):
            parsed(text, "m")
    assert parsed('{"a":1}', "m") == {"a": 1}


def test_watch_sleeps_no_longer_than_it_may():
    start = time.monotonic()
    with pytest.raises(ModelTimeoutError):
        Watch(start + 0.2).sleep(10, "m")
    assert time.monotonic() - start < 0.5
