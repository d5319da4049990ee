"""A causal LM in this very process, with a LoRA adapter or without, held to a schema by a grammar.

Every next token is chosen among those that keep the answer valid: llguidance turns the JSON schema into a mask over the
vocabulary, white space between fields forbidden. Decoding is greedy, so that an answer can be had again.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.models.about import about
from agent.models.adapter import merged
from agent.models.base import ChatMessage, Completion, Schema, Watch, parsed
from agent.models.usage import spent
from retrieval.errors import ModelOutputError, ModelUnavailableError

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from torch import Tensor

_SMALL = 1_000_000_000  # bytes of weights
_SLICE = 256
"""Prompt tokens read at once; between two slices the watch is looked at."""


class LocalModel:
    """A `ChatModel` from a folder; calls from several threads wait for each other, within their deadlines.

    Attributes:
        tasks: the only tasks that it was made for, as its folder and its adapter's tell; empty if any.
        label: how it is called in pages; "" for its name.
        context: tokens that it reads, None where its configuration doesn't say.

    Args:
        folder: a model in transformers' layout, with a fast tokenizer that has a chat template.
        adapter: folder of a LoRA adapter in peft's layout for it; merged into the weights.
        device: as torch names it, `cpu`, `cuda`, `mps`.
        threads: CPU threads of torch, for the whole process; None leaves them as they are.
    """

    def __init__(
        self, folder: Path, adapter: Path | None = None, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        import torch
        from llguidance.hf import from_tokenizer
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        if threads is not None:
            torch.set_num_threads(threads)
        self.name = folder.name + (f"+{adapter.name}" if adapter is not None else "")
        self._device, self._lock, self._queue = device, threading.Lock(), threading.Lock()
        dtype = "float32" if device == "cpu" and is_small(folder) else "auto"
        try:
            disable_progress_bar()  # a second of work needs none, and commands speak for themselves
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=dtype)
            self._model = (merged(model, adapter) if adapter is not None else model).to(device).eval()
            self._grammar = from_tokenizer(self._tokenizer, n_vocab=self._model.config.vocab_size)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelUnavailableError(
                f"no model can be loaded from {folder}"
                + (f" with adapter {adapter}" if adapter else "")
                + f" ({error})",
                "name a folder that transformers (and peft) can load, with a fast tokenizer",
            ) from error
        if not self._tokenizer.chat_template:
            raise ModelUnavailableError(f"the tokenizer in {folder} has no chat template", "use an instruct model")
        self._ends = self._end_tokens()
        self.context: int | None = getattr(self._model.config, "max_position_embeddings", None)
        told = about(folder, adapter)
        self.tasks, self.label = told.tasks, told.label

    def complete(
        self, messages: Sequence[ChatMessage], schema: Schema, *, deadline: float, max_tokens: int = 256
    ) -> Completion:
        """Answer with one JSON value of a schema; see `ChatModel`."""
        watch = Watch(deadline)
        prompt = self._prompt(messages)
        matcher = self._matcher(schema)
        with self._turn(watch):
            chosen = list(self._tokens(prompt, watch, max_tokens, matcher))
        tokens = [token for token, _ in chosen]
        spent(len(prompt), len(tokens))
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        if not matcher.is_accepting():
            raise ModelOutputError(
                f"model {self.name} had not finished its JSON after {max_tokens} tokens", "allow more tokens"
            )
        parsed(text, self.name)
        return Completion(text, len(prompt), len(tokens), sum(logprob for _, logprob in chosen))

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        deadline: float,
        max_tokens: int = 512,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Answer in prose, piece by piece; see `ChatModel`."""
        watch = Watch(deadline, cancel)
        prompt = self._prompt(messages)
        tokens: list[int] = []
        said = ""
        with self._turn(watch):
            for token, _ in self._tokens(prompt, watch, max_tokens, None):
                tokens.append(token)
                text = self._tokenizer.decode(tokens, skip_special_tokens=True)
                text = text.rstrip("\ufffd")  # a character that is several tokens waits for the last of them
                if len(text) > len(said):
                    yield text[len(said) :]
                    said = text
        spent(len(prompt), len(tokens))

    def choose(self, messages: Sequence[ChatMessage], options: Sequence[str], *, deadline: float) -> list[float]:
        """Log-probabilities of the options' first tokens from one forward pass; see `ChatModel`."""
        import torch

        watch = Watch(deadline)
        first = [self._tokenizer.encode(option, add_special_tokens=False)[0] for option in options]
        if len(set(first)) < len(first):
            raise ModelOutputError(
                f"two of the options {list(options)} begin with the same token of model {self.name}",
                "choose among letters",
            )
        with self._turn(watch), torch.inference_mode():
            logits, _ = self._read(self._prompt(messages), watch, None)
            scores = torch.log_softmax(logits[-1, first].double(), dim=-1)
        return [float(score) for score in scores]

    def likelihood(self, messages: Sequence[ChatMessage], answer: str, *, deadline: float) -> float:
        """Natural logarithm of how likely the model would answer just so, from one forward pass; errors as for all."""
        import torch

        watch = Watch(deadline)
        prompt = self._prompt(messages)
        tokens = [*self._tokenizer.encode(answer, add_special_tokens=False), self._tokenizer.eos_token_id]
        self._fitting(len(prompt) + len(tokens))
        with self._turn(watch), torch.inference_mode():
            whole = torch.tensor([[*prompt, *tokens]], device=self._device)
            logits = self._model(input_ids=whole, logits_to_keep=len(tokens) + 1).logits[0, :-1].float()
            chosen = logits[torch.arange(len(tokens)), torch.tensor(tokens, device=self._device)]
            return float((chosen - logits.logsumexp(-1)).sum())

    def openings(self, messages: Sequence[ChatMessage], answers: Sequence[str], *, deadline: float) -> list[float]:
        """Natural logarithms of how likely the model would begin its answer in each of several ways, without a grammar.

        The prompt is read once for all of them.

        Args:
            messages: as for all.
            answers: different beginnings, at least one.
            deadline: as for all.

        Returns:
            One value an answer, normalised over the answers: their exponentials sum to 1.

        Raises:
            ModelError: as for all.
        """
        import torch

        watch = Watch(deadline)
        prompt = self._prompt(messages)
        written = [self._tokenizer.encode(answer, add_special_tokens=False) for answer in answers]
        self._fitting(len(prompt) + max(map(len, written)))
        same = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*written, strict=False))
        shared = [tokens[0] for tokens in same][: min(map(len, written)) - 1]
        ends = [tokens[len(shared) :] for tokens in written]
        with self._turn(watch), torch.inference_mode():
            first, past = self._read([*prompt, *shared], watch, None)
            past.batch_repeat_interleave(len(ends))
            width = max(map(len, ends))
            padded = torch.tensor([end + end[-1:] * (width - len(end)) for end in ends], device=self._device)
            after = self._model(input_ids=padded, past_key_values=past, use_cache=True).logits[:, :-1]
            logits = torch.cat([first.expand(len(ends), 1, -1), after], dim=1).double()
            chances = torch.log_softmax(logits, -1).gather(2, padded[:, :, None])[:, :, 0]
            counted = torch.arange(width, device=self._device) < torch.tensor(list(map(len, ends)))[:, None].to(padded)
            sums = torch.where(counted, chances, 0.0).sum(1)
            return [float(score) for score in torch.log_softmax(sums, -1)]

    @contextmanager
    def reserved(self, seconds: float) -> Iterator[bool]:
        """Have the model to oneself among all who ask so; False where that can't be had within `seconds`."""
        had = self._queue.acquire(timeout=seconds)
        try:
            yield had
        finally:
            if had:
                self._queue.release()

    @contextmanager
    def _turn(self, watch: Watch) -> Iterator[None]:
        """One generation at a time; waits no longer than the call may take."""
        while not self._lock.acquire(timeout=min(0.1, watch.left)):
            watch.check(self.name)
        try:
            watch.check(self.name)
            yield
        finally:
            self._lock.release()

    def _prompt(self, messages: Sequence[ChatMessage]) -> list[int]:
        text = self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            add_generation_prompt=True,
            tokenize=False,
            enable_thinking=False,  # templates that know no such thing pass over it
        )
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False, verbose=False)
        self._fitting(len(tokens) + 1)
        return tokens

    def _fitting(self, length: int) -> None:
        if self.context is not None and length > self.context:
            raise ModelOutputError(
                f"the prompt has {length} tokens, model {self.name} reads {self.context}",
                "use a model with more context",
            )

    def _matcher(self, schema: Schema) -> LLMatcher:
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        matcher = LLMatcher(self._grammar, grammar, log_level=0)
        if matcher.is_error():
            raise ModelOutputError(f"the schema is no grammar ({matcher.get_error()})", "correct the schema")
        return matcher

    def _read(self, tokens: Sequence[int], watch: Watch, past: Any, last: int = 1) -> tuple[Tensor, Any]:
        """Read tokens after what was read before; returns the (last, vocabulary) logits after each of the last ones."""
        import torch

        logits, watched = [], len(tokens) - last
        for start in range(0, len(tokens), _SLICE):
            watch.check(self.name)
            ids = tokens[start : start + _SLICE]
            kept = max(min(start + len(ids) - watched, len(ids)), 1)
            batch = torch.tensor([ids], device=self._device)
            out = self._model(input_ids=batch, past_key_values=past, use_cache=True, logits_to_keep=kept)
            logits.append(out.logits[0])
            past = out.past_key_values
        if not logits:
            raise ModelOutputError("the prompt is empty", "ask something")
        return torch.cat(logits)[-last:], past

    def _tokens(
        self, prompt: Sequence[int], watch: Watch, max_tokens: int, matcher: LLMatcher | None
    ) -> Iterator[tuple[int, float]]:
        """The answer's tokens, each with its log-probability without the grammar.

        Tokens to which the grammar leaves no alternative, such as a field's name, are read together.
        """
        import torch

        fresh, past, left = [*prompt], None, max_tokens
        while left > 0:
            forced = matcher.compute_ff_tokens()[:left] if matcher is not None else []
            self._consume(matcher, forced)
            with torch.inference_mode():
                logits, past = self._read([*fresh, *forced], watch, past, len(forced) + 1)
                logits = logits.float()
                sums = logits.logsumexp(1)
            yield from ((token, float(logits[n, token] - sums[n])) for n, token in enumerate(forced))
            left -= len(forced)
            if not left or (matcher is not None and matcher.is_stopped()):
                break
            allowed = logits[-1]
            if matcher is not None:
                allowed = allowed.masked_fill(~self._allowed(matcher, len(allowed)), -math.inf)
            token = int(allowed.argmax())
            self._consume(matcher, [token])
            if token in self._ends:
                return
            yield token, float(logits[-1, token] - sums[-1])
            left -= 1
            if matcher is not None and matcher.is_stopped():
                return
            fresh = [token]
        watch.check(self.name)

    def _consume(self, matcher: LLMatcher | None, tokens: list[int]) -> None:
        if matcher is not None and tokens and not matcher.consume_tokens(tokens):
            raise ModelOutputError(f"the grammar failed ({matcher.get_error()})", "simplify the schema")

    def _allowed(self, matcher: LLMatcher, size: int) -> Tensor:
        """(size,) mask of the tokens that keep the answer within the grammar."""
        import torch

        bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
        mask = np.zeros(size, dtype=np.bool_)
        mask[: min(size, len(bits))] = bits[:size]
        return torch.from_numpy(mask).to(self._device)

    def _end_tokens(self) -> frozenset[int]:
        ends = self._model.generation_config.eos_token_id
        listed = ends if isinstance(ends, list) else [ends]
        return frozenset(token for token in [*listed, self._tokenizer.eos_token_id] if token is not None)


def is_small(folder: Path) -> bool:
    """Whether a CPU computes with a model's weights in full precision, which is the faster where it has no other."""
    return 0 < sum(file.stat().st_size for file in folder.glob("*.safetensors")) < _SMALL
