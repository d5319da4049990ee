"""Random weights under a grammar: what is well-formed here is the grammar's doing."""

from __future__ import annotations

import json
import math
import threading
import time

import pytest
import torch

from agent.models.base import ChatMessage, ChatModel, Watch
from agent.models.local import LocalModel
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import ModelOutputError, ModelTimeoutError, ModelUnavailableError

SCHEMA = {
    "type": "object",
    "properties": {
        "act": {"enum": ["recommend", "compare"]},
        "query": {"type": "string", "pattern": "^(?:(?:head|torch|灯)(?: (?:head|torch|灯)){0,3})?$"},
        "price": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9999}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 2},
        "sure": {"type": "boolean"},
    },
    "required": ["act", "query", "price", "tags", "sure"],
    "additionalProperties": False,
}


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage("system", "You plan."), ChatMessage("user", text)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    tiny = make_tiny_model(root / "tiny")
    return tiny, make_tiny_adapter(tiny, root / "winter", seed=1), make_tiny_adapter(tiny, root / "summer", seed=2)


@pytest.fixture(scope="module")
def model(folders):
    return LocalModel(folders[0], threads=1)


def test_grammar_makes_random_weights_answer_in_the_schema_every_time(model):
    assert isinstance(model, ChatModel)
    answers = set()
    for number in range(12):
        done = model.complete(ask(f"message {number} 头灯 {'x' * number}"), SCHEMA, deadline=soon(), max_tokens=200)
        plan = json.loads(done.text)
        assert list(plan) == SCHEMA["required"]
        assert plan["act"] in ("recommend", "compare")
        assert set(plan["query"].split()) <= {"head", "torch", "灯"}
        assert plan["price"] is None or 0 <= plan["price"] <= 9999
        assert len(plan["tags"]) <= 2
        assert all(len(tag) <= 5 for tag in plan["tags"])
        assert done.text == json.dumps(plan, separators=(",", ":"), ensure_ascii=False)  # no white space between fields
        assert done.prompt_tokens > 10
        assert 10 < done.completion_tokens <= 200
        answers.add(done.text)
    assert len(answers) > 1


def test_what_the_grammar_forces_is_read_together_and_counted_as_likely_as_the_model_finds_it(model, monkeypatch):
    prompt = model._prompt(ask("a head torch"))
    found = list(model._tokens(prompt, Watch(soon()), 200, model._matcher(SCHEMA)))
    tokens = torch.tensor([token for token, _ in found])
    with torch.inference_mode():
        logits = model._model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    plain = torch.log_softmax(logits, -1)[torch.arange(len(tokens)), tokens]
    assert [logprob for _, logprob in found] == pytest.approx(plain.tolist(), abs=1e-3)
    done = model.complete(ask("a head torch"), SCHEMA, deadline=soon(), max_tokens=200)
    assert done.logprob == pytest.approx(float(plain.sum()), abs=0.02)
    passes, read = [], model._read
    monkeypatch.setattr(model, "_read", lambda tokens, *more: passes.append(len(tokens)) or read(tokens, *more))
    again = model.complete(ask("a head torch"), SCHEMA, deadline=soon(), max_tokens=200)
    assert again == done
    assert len(passes) < done.completion_tokens / 2  # field names, quotes and brackets cost no pass of their own
    with pytest.raises(ModelOutputError, match="after 3 tokens"):  # in the midst of a field's name
        model.complete(ask("a head torch"), SCHEMA, deadline=soon(), max_tokens=3)


def test_without_grammar_the_same_model_talks_nonsense(model):
    text = "".join(model.stream(ask("message 1"), deadline=soon(), max_tokens=60))
    with pytest.raises(ValueError, match=r"."):
        json.loads(text)


def test_same_question_same_answer(model):
    first, second = (list(model.stream(ask("a head torch"), deadline=soon(), max_tokens=30)) for _ in range(2))
    assert first == second
    assert len(first) > 5


def test_adapters_change_what_is_said_and_how_likely(folders, model):
    tiny, winter, summer = folders
    models = [model, LocalModel(tiny, winter), LocalModel(tiny, summer)]
    said = ["".join(m.stream(ask("a head torch"), deadline=soon(), max_tokens=30)) for m in models]
    assert len(set(said)) == 3
    scores = [tuple(m.choose(ask("A or B?"), ["A", "B"], deadline=soon())) for m in models]
    assert len(set(scores)) == 3
    assert [m.name for m in models] == ["tiny", "tiny+winter", "tiny+summer"]


def test_choose_is_a_distribution_over_the_options_and_what_the_model_would_say(model):
    options = ["A", "B", "C", "D"]
    scores = model.choose(ask("Which? A, B, C or D."), options, deadline=soon())
    assert math.isclose(sum(map(math.exp, scores)), 1.0, abs_tol=1e-6)
    said = model.complete(ask("Which? A, B, C or D."), {"enum": [f"{o}" for o in options]}, deadline=soon())
    assert json.loads(said.text) in options
    with pytest.raises(ModelOutputError, match="same token"):
        model.choose(ask("?"), ["trail shoes", "trail shoes, red"], deadline=soon())


def test_choose_agrees_with_the_logits_of_a_plain_forward_pass(folders, model):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, plain = (kind.from_pretrained(folders[0]) for kind in (AutoTokenizer, AutoModelForCausalLM))
    question = ask("long " * 400)  # longer than a slice of the prompt
    chat = [{"role": m.role, "content": m.content} for m in question]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    assert ids.shape[1] > 300
    with torch.inference_mode():
        logits = plain(ids).logits[0, -1]
    letters = [tokenizer.encode(letter)[0] for letter in "ABC"]
    expected = torch.log_softmax(logits[letters].double(), dim=-1).tolist()
    assert model.choose(question, ["A", "B", "C"], deadline=soon()) == pytest.approx(expected, abs=1e-3)


def test_deadline_holds_in_the_answer_in_the_prompt_and_in_the_queue(model):
    for question, wait in ((ask("hi"), 0.3), (ask("many words " * 1000), 0.05)):
        start = time.monotonic()
        with pytest.raises(ModelTimeoutError):
            list(model.stream(question, deadline=start + wait, max_tokens=100_000))
        assert time.monotonic() - start < wait + 1.0
    busy = model.stream(ask("hi"), deadline=soon(), max_tokens=100)
    next(busy)
    start = time.monotonic()
    with pytest.raises(ModelTimeoutError):
        model.complete(ask("hi"), SCHEMA, deadline=start + 0.3)
    assert 0.2 < time.monotonic() - start < 0.8
    busy.close()
    model.complete(ask("hi"), SCHEMA, deadline=soon(), max_tokens=200)


def test_cancel_ends_a_stream_and_frees_the_model(model):
    cancel = threading.Event()
    stream = model.stream(ask("hi"), deadline=soon(), max_tokens=100_000, cancel=cancel)
    next(stream)
    cancel.set()
    with pytest.raises(ModelTimeoutError, match="cancelled"):
        list(stream)
    assert list(model.stream(ask("hi"), deadline=soon(), max_tokens=30))


def test_what_does_not_fit_is_an_output_error(model):
    with pytest.raises(ModelOutputError, match="not finished its JSON after 8 tokens"):
        model.complete(ask("hi"), SCHEMA, deadline=soon(), max_tokens=8)
    with pytest.raises(ModelOutputError, match="reads 8192"):
        model.complete(ask("很" * 9000), SCHEMA, deadline=soon())
    with pytest.raises(ModelOutputError, match="no grammar"):
        model.complete(ask("hi"), {"type": "nonsense"}, deadline=soon())


def test_a_folder_that_is_no_model_is_unavailable(tmp_path, folders):
    with pytest.raises(ModelUnavailableError, match="transformers"):
        LocalModel(tmp_path)
    with pytest.raises(ModelUnavailableError, match="adapter"):
        LocalModel(folders[0], tmp_path)


def test_openings_are_what_each_answer_would_have_been_worth_alone(model):
    question = ask("Which aisle?")
    answers = ['{"needs":["tents"', '{"needs":["tents and mats"', '{"needs":["灯"', '{"needs":["mats"']
    found = model.openings(question, answers, deadline=soon())
    assert sum(map(math.exp, found)) == pytest.approx(1.0)
    end = [model.likelihood(question, answer, deadline=soon()) for answer in answers]
    alone = [whole - _last(model, question, answer) for whole, answer in zip(end, answers, strict=True)]
    total = math.log(sum(map(math.exp, alone)))
    assert found == pytest.approx([one - total for one in alone], abs=1e-3)
    with pytest.raises(ModelOutputError, match="reads"):
        model.openings(ask("x " * 20_000), answers, deadline=soon())


def _last(model, question, answer):
    """The end token's share of a whole answer's likelihood, by a plain forward pass."""
    import torch

    tokens = [*model._prompt(question), *model._tokenizer.encode(answer, add_special_tokens=False)]
    with torch.inference_mode():
        logits = model._model(input_ids=torch.tensor([tokens])).logits[0, -1].double()
    return float(torch.log_softmax(logits, -1)[model._tokenizer.eos_token_id])
