"""Any OpenAI-compatible server, vLLM above all; an adapter is chosen by its model name.

Start vLLM with `--structured-outputs-config` and the value of `WHITE_SPACE`: a schema alone lets a model fill its
budget with white space between two fields. Answers that start to do so are cut short here.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.models.base import ChatMessage, Completion, Schema, Watch, parsed
from agent.models.usage import spent
from retrieval.errors import ModelError, ModelOutputError, ModelUnavailableError

if TYPE_CHECKING:
    from openai import APIError, OpenAI
    from openai.types.chat import ChatCompletionChunk

    from agent.models.transport import WatchedTransport

WHITE_SPACE = '{"backend": "guidance", "disable_any_whitespace": true}'
"""vLLM's setting against white space between fields; the grammar engine is the one that is used in process too."""


def _failures() -> tuple[type[Exception], ...]:
    """What the client and the layers below it raise on the server's account."""
    import httpcore2
    import httpx2
    import openai

    below = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol)
    return (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, *below)


_BLANKS = 40
"""White space in a row that no sensible JSON answer holds."""


class OpenAIServer:
    """A `ChatModel` behind the OpenAI protocol; safe to use from many threads at once.

    Args:
        url: base address with the version, such as `http://127.0.0.1:8000/v1`.
        model: what the server calls the model or the LoRA adapter.
        api_key: sent as a bearer token, if the server wants one.
        extra: further fields of every request body, such as `{"chat_template_kwargs": {"enable_thinking": False}}`.
        tasks: the only tasks that the model was made for, by the names of their prompts; none stands for any. Where
            there are some, it is asked how likely its answers were to it.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        api_key: str | None = None,
        extra: dict[str, Any] | None = None,
        tasks: Iterable[str] = (),
    ) -> None:
        self.url, self.name, self.tasks = url.rstrip("/"), model, frozenset(tasks)
        self._api_key, self._extra = api_key, dict(extra or {})
        self._idle: list[tuple[OpenAI, WatchedTransport]] = []
        self._tokens: dict[str, int | None] = {}
        self._lock = threading.Lock()

    def adapter(self, name: str) -> OpenAIServer:
        """The same server under another model or adapter name."""
        return OpenAIServer(self.url, name, api_key=self._api_key, extra=self._extra, tasks=self.tasks)

    def models(self, *, deadline: float) -> list[str]:
        """Names that the server serves: its model and its adapters."""
        with self._client(Watch(deadline)) as client:
            return sorted(model.id for model in client.models.list().data)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client, _ in idle:
            client.close()

    def complete(
        self, messages: Sequence[ChatMessage], schema: Schema, *, deadline: float, max_tokens: int = 256
    ) -> Completion:
        """Answer with one JSON value of a schema; see `ChatModel`."""
        text, usage, finish, logprob = "", (0, 0), None, 0.0
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        for chunk in self._chunks(messages, Watch(deadline), max_tokens, response_format=form):
            if chunk.usage is not None:
                usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                spent(*usage)
            for choice in chunk.choices[:1]:
                text += choice.delta.content or ""
                content = choice.logprobs.content if choice.logprobs else None
                logprob += sum(token.logprob for token in content or ())
                finish = choice.finish_reason or finish
            if len(text) >= _BLANKS and text[-_BLANKS:].isspace():
                raise ModelOutputError(
                    f"model {self.name} fills its answer with white space",
                    f"start vLLM with --structured-outputs-config '{WHITE_SPACE}'",
                )
        if finish == "length":
            raise ModelOutputError(
                f"model {self.name} had not finished its JSON after {max_tokens} tokens", "allow more tokens"
            )
        parsed(text, self.name)
        return Completion(text, *usage, logprob if self.tasks else None)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        deadline: float,
        max_tokens: int = 512,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Answer in prose, piece by piece; see `ChatModel`."""
        for chunk in self._chunks(messages, Watch(deadline, cancel), max_tokens):
            if chunk.usage is not None:
                spent(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in chunk.choices[:1]:
                if choice.delta.content:
                    yield choice.delta.content

    def choose(self, messages: Sequence[ChatMessage], options: Sequence[str], *, deadline: float) -> list[float]:
        """Log-probabilities of the options from one forward pass; see `ChatModel`.

        vLLM is asked for exactly the options' first tokens. From another server the 20 likeliest tokens are taken;
        an option that is not among them gets the probability of the last, and none at all is a `ModelOutputError`.
        """
        watch = Watch(deadline)
        tokens = self._first_tokens(options, watch)
        asked: dict[str, Any] = {"logprobs": True}
        asked |= {"extra_body": {"logprob_token_ids": tokens}} if tokens else {"top_logprobs": 20}
        found: dict[str, float] = {}
        for chunk in self._chunks(messages, watch, 1, **asked):
            for choice in chunk.choices[:1]:
                content = choice.logprobs.content if choice.logprobs else None
                for top in content[0].top_logprobs if content else []:
                    found.setdefault(top.token.strip(), max(top.logprob, -1e4))
        known = [found.get(option.strip()) for option in options]
        if all(score is None for score in known):
            raise ModelOutputError(
                f"model {self.name} gave none of the options {list(options)} a probability",
                "use a server that returns log-probabilities, such as vLLM",
            )
        floor = min(found.values())
        scores = [floor if score is None else score for score in known]
        best = max(scores)
        total = best + math.log(sum(math.exp(score - best) for score in scores))
        return [score - total for score in scores]

    def _first_tokens(self, options: Sequence[str], watch: Watch) -> list[int] | None:
        """Ids of the options' first tokens by vLLM's `/tokenize`, or None on a server that has no such thing."""
        import openai

        for option in options:
            if option in self._tokens:
                continue
            body = {"model": self.name, "prompt": option, "add_special_tokens": False}
            root = self.url.removesuffix("/v1")
            try:
                with self._client(watch) as client:
                    answer = client.post(f"{root}/tokenize", body=body, cast_to=object)
            except ModelUnavailableError as error:
                if not isinstance(error.__cause__, openai.APIStatusError):
                    raise
                answer = None
            ids = answer.get("tokens") if isinstance(answer, dict) else None
            self._tokens[option] = int(ids[0]) if ids else None
        tokens = [token for option in options if (token := self._tokens[option]) is not None]
        return tokens if len(set(tokens)) == len(options) else None

    def _chunks(
        self, messages: Sequence[ChatMessage], watch: Watch, max_tokens: int, **asked: Any
    ) -> Iterator[ChatCompletionChunk]:
        asked["extra_body"] = {**self._extra, **asked.get("extra_body", {})}
        if self.tasks:
            asked["logprobs"] = True
        with self._client(watch) as client:
            create: Any = client.chat.completions.create
            with create(
                model=self.name,
                messages=[{"role": message.role, "content": message.content} for message in messages],
                max_tokens=max_tokens,
                temperature=0.0,
                seed=0,
                stream=True,
                stream_options={"include_usage": True},
                **asked,
            ) as chunks:
                finished = False
                for chunk in chunks:
                    watch.check(self.name)
                    if not isinstance(getattr(chunk, "choices", None), list):
                        raise self._broken("it sent something that is no chat completion")
                    finished = finished or any(choice.finish_reason for choice in chunk.choices)
                    yield chunk
                if not finished:
                    raise self._broken("the answer ended in the middle")

    def _broken(self, why: str) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"the connection to model {self.name} at {self.url} broke ({why})",
            "look at the server's log and start it again",
        )

    @contextmanager
    def _client(self, watch: Watch) -> Iterator[OpenAI]:
        """A client for one call; what goes wrong becomes a `ModelError`."""
        watch.check(self.name)
        with self._lock:
            leased = self._idle.pop() if self._idle else None
        client, transport = leased or self._connect()
        transport.watch = watch
        done = False
        try:
            yield client
            done = True
        except ModelError:
            raise
        except _failures() as error:
            raise (watch.error(self.name) if watch.over else self._translated(error)) from error
        except json.JSONDecodeError as error:
            raise self._broken("it sent something that is not JSON") from error
        finally:
            if done:
                with self._lock:
                    self._idle.append((client, transport))
            else:
                client.close()

    def _connect(self) -> tuple[OpenAI, WatchedTransport]:
        import httpx2
        from openai import OpenAI

        from agent.models.transport import WatchedTransport

        transport = WatchedTransport()
        http = httpx2.Client(transport=transport, trust_env=False)
        return OpenAI(base_url=self.url, api_key=self._api_key or "none", max_retries=0, http_client=http), transport

    def _translated(self, error: Exception) -> ModelError:
        import httpcore2
        import openai

        if isinstance(error, openai.APIStatusError) or (isinstance(error, openai.APIError) and error.code == "503"):
            return self._refused(error)
        if isinstance(error, openai.APIConnectionError):
            error = error.__cause__ if isinstance(error.__cause__, Exception) else error
        elif isinstance(error, openai.APIError):
            return self._broken(f"it reports: {error.message[:300]}")
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        if isinstance(error, httpcore2.ReadError | httpcore2.WriteError | httpcore2.RemoteProtocolError):
            return self._broken(why)
        return ModelUnavailableError(
            f"model {self.name} at {self.url} can't be reached ({why})", "start the server, or correct the address"
        )

    def _refused(self, error: APIError) -> ModelError:
        """The error of a request that the server took in and refused; vLLM may do so in a stream begun with 200."""
        import openai

        status = error.status_code if isinstance(error, openai.APIStatusError) else int(error.code or 0)
        if status == 404:
            return ModelUnavailableError(
                f"the server at {self.url} has no model or adapter {self.name!r}",
                "choose one that GET /v1/models lists, or start the server with --lora-modules NAME=FOLDER",
            )
        if status in (401, 403):
            return ModelUnavailableError(f"the server at {self.url} refuses the key", "give the right API key")
        reason = f"status {status}: {error.message[:300]}"
        if status == 503:
            return ModelUnavailableError(
                f"the server at {self.url} takes no more requests ({reason})", "ask again later, or lengthen its queue"
            )
        kind = ModelOutputError if status in (400, 422) else ModelUnavailableError
        return kind(f"the server at {self.url} refuses the request ({reason})", "look at the server's log")
