"""The OpenAI client against real sockets that behave badly in every way a server can."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from agent.models.base import ChatMessage, ChatModel
from agent.models.openai_server import OpenAIServer
from retrieval.errors import ModelOutputError, ModelTimeoutError, ModelUnavailableError

ASK = [ChatMessage("system", "You plan."), ChatMessage("user", "a head torch")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
Handler = Callable[[socket.socket, str, dict], None]


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def event(text: str | None = None, finish: str | None = None, logprobs: dict | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish, "logprobs": logprobs}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def usage() -> bytes:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return (
        b"data: "
        + json.dumps(chunk | {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}).encode()
        + b"\n\ndata: [DONE]\n\n"
    )


def status(code: int, body: dict) -> bytes:
    payload = json.dumps(body).encode()
    head = f"HTTP/1.1 {code} Status\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + payload


def read_request(peer: socket.socket) -> tuple[str, dict]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += peer.recv(65536)
    head, body = raw.split(b"\r\n\r\n", 1)
    size = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")), 0)
    while len(body) < size:
        body += peer.recv(65536)
    return head.split(b" ")[1].decode(), json.loads(body) if body else {}


@contextmanager
def serving(handler: Handler) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def one(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            handler(peer, *read_request(peer))

    def loop() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


def sends(*parts: bytes) -> Handler:
    return lambda peer, path, body: [peer.sendall(part) for part in parts] and None


def dripping(data: bytes) -> Handler:
    def handler(peer: socket.socket, path: str, body: dict) -> None:
        for byte in data * 100:
            peer.sendall(bytes([byte]))
            time.sleep(0.02)

    return handler


def test_answers_with_text_usage_and_the_request_that_vllm_expects():
    seen: list[tuple[str, dict]] = []

    def handler(peer, path, body):
        seen.append((path, body))
        peer.sendall(HEAD + event('{"query":') + event('"灯"}') + event(finish="stop") + usage())

    with serving(handler) as url:
        model = OpenAIServer(url, "shop-adapter", extra={"chat_template_kwargs": {"enable_thinking": False}})
        assert isinstance(model, ChatModel)
        done = model.complete(ASK, {"type": "object"}, deadline=soon(), max_tokens=99)
    assert (done.text, done.prompt_tokens, done.completion_tokens) == ('{"query":"灯"}', 7, 3)
    path, body = seen[0]
    assert path == "/v1/chat/completions"
    assert body["model"] == "shop-adapter"
    assert body["messages"][1] == {"role": "user", "content": "a head torch"}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (body["max_tokens"], body["temperature"], body["stream"]) == (99, 0.0, True)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


def test_streams_pieces_as_they_come():
    gate = threading.Event()

    def handler(peer, path, body):
        peer.sendall(HEAD + event("one "))
        gate.wait(5)
        peer.sendall(event("two") + event(finish="stop") + usage())

    with serving(handler) as url:
        stream = OpenAIServer(url, "m").stream(ASK, deadline=soon())
        assert next(stream) == "one "  # before the server has said anything more
        gate.set()
        assert list(stream) == ["two"]


def test_an_adapter_is_a_model_name():
    names: list[str] = []

    def handler(peer, path, body):
        names.append(body["model"])
        sends(HEAD, event("x", "stop"), usage())(peer, path, body)

    with serving(handler) as url:
        base = OpenAIServer(url, "base")
        for model in (base, base.adapter("winter"), base.adapter("summer")):
            list(model.stream(ASK, deadline=soon()))
    assert names == ["base", "winter", "summer"]


BAD = {
    "silent": lambda peer, path, body: time.sleep(20),
    "drips headers": dripping(b"X-Slow: 1\r\n"),
    "drips a body": lambda peer, path, body: (peer.sendall(HEAD), dripping(b": keep-alive\n\n")(peer, path, body)),
    "drips a line without an end": lambda peer, path, body: (peer.sendall(HEAD), dripping(b"x")(peer, path, body)),
    "drips tokens": lambda peer, path, body: (peer.sendall(HEAD), dripping(event("a"))(peer, path, body)),
}


@pytest.mark.parametrize("how", BAD)
def test_whatever_a_slow_server_does_the_call_ends_at_its_deadline(how):
    with serving(BAD[how]) as url:
        model = OpenAIServer(url, "m")
        for call in (lambda d: model.complete(ASK, {}, deadline=d), lambda d: list(model.stream(ASK, deadline=d))):
            start = time.monotonic()
            with pytest.raises(ModelTimeoutError, match="did not finish"):
                call(start + 0.6)
            assert 0.5 < time.monotonic() - start < 1.0


def test_cancel_ends_a_stream_while_the_server_is_silent():
    cancel = threading.Event()
    with serving(lambda peer, path, body: (peer.sendall(HEAD + event("one")), time.sleep(20))) as url:
        stream = OpenAIServer(url, "m").stream(ASK, deadline=soon(60), cancel=cancel)
        assert next(stream) == "one"
        threading.Timer(0.1, cancel.set).start()
        start = time.monotonic()
        with pytest.raises(ModelTimeoutError, match="cancelled"):
            next(stream)
        assert time.monotonic() - start < 0.5


def test_a_call_whose_time_is_over_is_not_begun():
    with pytest.raises(ModelTimeoutError):
        OpenAIServer("http://127.0.0.1:9/v1", "m").complete(ASK, {}, deadline=time.monotonic() - 1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1", "localhost:1", "nonsense"])
def test_nobody_there_is_unavailable_and_names_the_address(url):
    with pytest.raises(ModelUnavailableError, match="can't be reached") as caught:
        OpenAIServer(url, "m").complete(ASK, {}, deadline=soon(10))
    assert url in str(caught.value)


@pytest.mark.parametrize(
    ("handler", "error", "words"),
    [
        (sends(HEAD, event('{"a":1')), ModelUnavailableError, "ended in the middle"),
        (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), ModelUnavailableError, "broke"),
        (lambda peer, path, body: peer.shutdown(socket.SHUT_RDWR), ModelUnavailableError, "broke"),
        (sends(HEAD, b"data: {oops\n\n"), ModelUnavailableError, "not JSON"),
        (sends(HEAD, b"data: 5\n\n", b'data: {"choices":null}\n\n'), ModelUnavailableError, "no chat completion"),
        (sends(HEAD, b'data: {"error":{"message":"out of memory"}}\n\n'), ModelUnavailableError, "out of memory"),
        (sends(status(404, {"error": {"message": "no such model"}})), ModelUnavailableError, "--lora-modules"),
        (sends(status(401, {"error": {"message": "who"}})), ModelUnavailableError, "API key"),
        (sends(status(503, {"error": {"message": "busy"}})), ModelUnavailableError, "queue"),
        (sends(HEAD, b'data: {"error":{"message":"busy","code":503}}\n\n'), ModelUnavailableError, "503: busy.*queue"),
        (sends(status(400, {"error": {"message": "bad schema"}})), ModelOutputError, "bad schema"),
        (sends(HEAD, event("Sure! Let me see.", "stop"), usage()), ModelOutputError, "not whole JSON"),
        (sends(HEAD, event('{"a":"xxx', "length"), usage()), ModelOutputError, "more tokens"),
        (sends(HEAD, event('{"a":' + " " * 100), event(" ")), ModelOutputError, "white space"),
    ],
)
def test_every_failure_tells_its_cause_and_remedy(handler, error, words):
    with serving(handler) as url, pytest.raises(error, match=words):
        OpenAIServer(url, "m").complete(ASK, {}, deadline=soon())


def test_choose_reads_log_probabilities_of_exactly_the_options():
    asked: list[dict] = []
    top = [{"token": t, "logprob": p, "bytes": None} for t, p in (("B", -0.5), ("A", -1.5), ("zebra", -0.1))]

    def handler(peer, path, body):
        if path == "/tokenize":
            peer.sendall(status(200, {"tokens": [{"A": 11, "B": 12, "C": 13}[body["prompt"]]], "count": 1}))
            return
        asked.append(body)
        peer.sendall(
            HEAD + event("B", "length", {"content": [top[0] | {"top_logprobs": top}], "refusal": None}) + usage()
        )

    with serving(handler) as url:
        scores = OpenAIServer(url, "m").choose(ASK, ["A", "B", "C"], deadline=soon())
    assert asked[0]["logprob_token_ids"] == [11, 12, 13]
    assert asked[0]["max_tokens"] == 1
    assert math.isclose(sum(map(math.exp, scores)), 1.0)
    assert math.isclose(scores[1] - scores[0], 1.0)
    assert scores[2] == scores[0]  # "C" is not in the answer: as likely as the least likely token


def test_choose_asks_servers_without_tokenize_for_the_likeliest_tokens():
    top = [{"token": t, "logprob": p, "bytes": None} for t, p in (("A", -0.1), ("B", -3.1))]

    def handler(peer, path, body):
        if path == "/tokenize":
            peer.sendall(status(404, {"detail": "Not Found"}))
            return
        assert body["top_logprobs"] == 20
        peer.sendall(HEAD + event("A", "length", {"content": [top[0] | {"top_logprobs": top}]}) + usage())

    with serving(handler) as url:
        scores = OpenAIServer(url, "m").choose(ASK, ["A", "B"], deadline=soon())
    assert math.isclose(scores[0] - scores[1], 3.0)
    with (
        serving(sends(HEAD, event("A", "length"), usage())) as url,
        pytest.raises(ModelOutputError, match="probability"),
    ):
        OpenAIServer(url, "m").choose(ASK, ["A", "B"], deadline=soon())


def test_one_model_serves_many_threads_at_once():
    together = threading.Barrier(4)

    def handler(peer, path, body):
        together.wait(5)  # all four calls are in flight at once
        peer.sendall(HEAD + event(body["messages"][0]["content"], "stop") + usage())

    with serving(handler) as url:
        model = OpenAIServer(url, "m")
        results: dict[str, list[str]] = {}

        def ask(text: str) -> None:
            results[text] = list(model.stream([ChatMessage("user", text)], deadline=soon()))

        for _ in range(2):  # the second round leases the clients of the first
            threads = [threading.Thread(target=ask, args=(text,)) for text in "abcd"]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            assert results == {text: [text] for text in "abcd"}
            results.clear()
        model.close()
