"""The compact model in vLLM: the same logits as in transformers, and the same changes said under the same grammar."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from agent.models.compact import FOLDER, compact_model
from agent.models.openai_server import OpenAIServer
from agent.planner.change_model import MAX_TOKENS
from agent.planner.reading import Reading
from agent.prompting import load_prompt
from finetune.conversations.generate import turns
from finetune.conversations.world import made_up
from tests.agent.vllm_server import VllmServer, need_vllm

pytestmark = pytest.mark.vllm
torch = pytest.importorskip("torch")
TOLERANCE = 0.02  # of a log-probability: float32 on both sides, other orders of summing
PROMPT = (
    '<|im_start|>user\nMessage:\n> a red kettle, but not from Lumo<|im_end|>\n<|im_start|>assistant\n{"act":"recommend"'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    need_vllm()
    log = tmp_path_factory.mktemp("compact") / "vllm.log"
    running = VllmServer(FOLDER.parent, log, FOLDER.name, adapters=(), context=512)
    try:
        running.wait()
        yield running
    finally:
        running.kill()


def prompt_logprobs(server: VllmServer, ids: list[int]) -> list[float]:
    """Log-probability of each token after the first, by the server."""
    body = {"model": FOLDER.name, "prompt": ids, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 1}
    request = urllib.request.Request(
        f"{server.url}/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        told: list[dict[str, Any]] = json.load(answer)["choices"][0]["prompt_logprobs"]
    return [place[str(token)]["logprob"] for place, token in zip(told[1:], ids[1:], strict=True)]


def test_logits_are_those_of_transformers(server: VllmServer) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(FOLDER, local_files_only=True, dtype=torch.float32).eval()
    ids = tokenizer.encode(PROMPT, add_special_tokens=False)
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    ours = [float(logprobs[place, token]) for place, token in enumerate(ids[1:])]
    assert prompt_logprobs(server, ids) == pytest.approx(ours, abs=TOLERANCE)


def test_changes_are_those_of_the_process(server: VllmServer) -> None:
    world, here = made_up(11, "held-out"), compact_model()
    there = OpenAIServer(server.url, FOLDER.name, tasks=here.tasks)
    same = 0
    asked = list(islice(turns(world, "held-out", 11), 12))
    for turn in asked:
        reading = Reading.of(turn.message, turn.conversation, world.vocabulary)
        messages, schema = reading.messages(load_prompt("change")), reading.schema()
        ours, theirs = (
            model.complete(messages, schema, deadline=time.monotonic() + 120, max_tokens=MAX_TOKENS)
            for model in (here, there)
        )
        if json.loads(ours.text) == json.loads(theirs.text):
            same += 1
        assert ours.logprob is not None
        assert theirs.logprob is not None
        assert ours.logprob <= theirs.logprob + 0.6 <= 0.6  # the server applies the grammar before it tells
    assert same >= len(asked) - 2  # near ties may fall either way


def test_the_weights_are_small_enough_to_be_shipped() -> None:
    assert sum(path.stat().st_size for path in Path(FOLDER).iterdir()) < 40_000_000
