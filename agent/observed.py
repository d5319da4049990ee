"""One turn as it is observed while it goes: milliseconds by stage, tokens by task, and a span for each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from agent.models.usage import Usage, counted, counting
from agent.schema import Profile, Reply
from retrieval import tracing
from retrieval.tracing import Span, begin, span, through

T = TypeVar("T")
_TASKS = {"understand": "plan", "explain": "explain"}  # what a model is asked to do in which stage


class Observed:
    """Keeps what the trace tells; its spans are children of the turn's.

    Args:
        whole: the turn's own span, from `tracing.begin`.
        model: name of the language model and adapter, "" without one.

    Attributes:
        prompts: hashes of the prompts in use, by task; set them as soon as they are known.
        timings: milliseconds by stage.
        tokens: read and written by task, as in `Trace`.
    """

    def __init__(self, whole: Span, model: str) -> None:
        self.prompts: dict[str, str] = {}
        self.timings: dict[str, float] = {}
        self.tokens: dict[str, int] = {}
        self._whole, self._model = whole, model
        self._started = time.perf_counter()

    @property
    def so_far(self) -> float:
        """Milliseconds since the turn began."""
        return (time.perf_counter() - self._started) * 1e3

    @contextmanager
    def stage(self, name: str) -> Iterator[Span]:
        """Time a part of the turn during which nothing is handed out."""
        usage, started = Usage(), self.so_far
        with self._whole.current(), span(name) as told, counting(usage):
            try:
                yield told
            finally:
                self._ended(name, told, usage, started)

    def steps(self, name: str, steps: Iterator[T]) -> Iterator[T]:
        """Time a part of the turn that hands out a step at a time."""
        usage, started = Usage(), self.so_far
        with self._whole.current():
            told = begin(name)
        with told:
            try:
                yield from through(told, counted(usage, steps))
            finally:
                self._ended(name, told, usage, started)

    def tell(self, reply: Reply, profile: Profile, conversation: str, message: str, failure: str) -> None:
        """Note on the turn's span how it went: no words and no titles, unless that was allowed.

        Args:
            reply: the whole turn.
            profile: who speaks.
            conversation: its id.
            message: the shopper's words.
            failure: name of the error that the explaining model ended with, or "".
        """
        receipt, trace, whole = reply.receipt, reply.trace, self._whole
        whole.set(
            act=receipt.plan.act.value,
            planner=trace.planner,
            explainer=trace.explainer,
            degraded=trace.degraded,
            model_calls=trace.model_calls,
            sentences=trace.sentences,
            replaced=trace.replaced,
            items=len(receipt.items),
            needs=len(receipt.needs),
            language=profile.language,
            personalise=profile.consent.personalise,
            conversation=tracing.pseudonym(conversation),
            shopper=tracing.pseudonym(profile.shopper) if profile.shopper else "",
            cards_ms=round(trace.timings_ms.get("cards", 0.0), 2),
            total_ms=round(trace.timings_ms.get("total", 0.0), 2),
        )
        if self._model:
            whole.set(gen_ai__request__model=self._model)
        if failure:
            whole.set(explain_error=failure)
        if tracing.telling():
            whole.set(message=message, query=receipt.plan.query, reply=reply.text, problems="\n".join(trace.problems))
            whole.set(titles="\n".join(item.item.title for item in receipt.items))

    def _ended(self, name: str, told: Span, usage: Usage, started: float) -> None:
        self.timings[name] = self.so_far - started
        task = _TASKS.get(name)
        if task is None or not self._model:
            return
        told.set(gen_ai__request__model=self._model, prompt=self.prompts.get(task, ""))
        if usage.prompt or usage.completion:
            self.tokens |= {f"{task}_prompt": usage.prompt, f"{task}_completion": usage.completion}
            told.set(gen_ai__usage__input_tokens=usage.prompt, gen_ai__usage__output_tokens=usage.completion)
