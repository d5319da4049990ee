"""One turn of the conversation, from words to a reply whose every part comes from the receipt.

    understand -> (retrieval) -> receipt -> cards, now -> explain -> ground -> reply, log

At most two model calls. A model that is dead, slow or lying costs its part only: rules plan, the template explains,
grounding replaces, and the reply's trace says so.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.act import Acted, Actor
from agent.asking import Asking
from agent.cards_first import CardsFirst
from agent.explain import reply_lines
from agent.forgetting import history_of
from agent.language import steps_in
from agent.memory import Memory
from agent.models.base import ChatModel, tasks_of
from agent.observed import Observed
from agent.past import past_lines
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.pressed import PRESSED
from agent.prompting import PromptLibrary
from agent.prose import Told, told_by_template
from agent.schema import Act, Conversation, Plan, Profile, Receipt, Reply, Trace
from agent.understand import Understood, understand
from retrieval.history import History
from retrieval.schema import Frozen, Need
from retrieval.search import search
from retrieval.shop import Shop
from retrieval.text import clean
from retrieval.timing import timing
from retrieval.tracing import begin

AFTERWARDS = 2.0  # seconds that what a receipt tells besides waits at most while other shoppers wait for cards


class Settings(Frozen):
    """What a shop may turn.

    Attributes:
        cards: items shown in a turn.
        across: of these, at most so many from other aisles beside what was asked for.
        plan_seconds, explain_seconds: how long the model may take for either.
        patience: seconds that a message waits for the small model while it reads others'; then the rules read it.
        max_message: characters of a message that are read.
    """

    cards: int = 6
    across: int = 2
    plan_seconds: float = 4.0
    explain_seconds: float = 30.0
    patience: float = 0.3
    max_message: int = 4000


@dataclass(frozen=True)
class CardsReady:
    """What to show, before any prose."""

    receipt: Receipt


@dataclass(frozen=True)
class TextDelta:
    """The next piece of prose, already grounded."""

    text: str


@dataclass(frozen=True)
class TurnDone:
    """The whole turn; it is in the log already. `conversation` goes into the next turn."""

    reply: Reply
    conversation: Conversation


class Assistant:
    """Answers turns for one shop; safe to use from many threads.

    Args:
        shop: an opened shop.
        memory: the state database.
        model: a language model, or None for rules and templates alone.
        settings: numbers a shop may turn.
        prompts: what the model is asked with; without it the shipped ones, and over them what was promoted in
            `memory`. It is asked in every turn, so that a promotion counts in the next one.
    """

    def __init__(
        self,
        shop: Shop,
        memory: Memory,
        model: ChatModel | None = None,
        settings: Settings | None = None,
        prompts: PromptLibrary | None = None,
    ) -> None:
        self.shop, self.memory, self.model = shop, memory, model
        self.settings = settings or Settings()
        self.prompts = prompts or PromptLibrary(shelf=memory.prompts)
        self.vocabulary = Vocabulary.of(shop.catalogue)
        self.rules = RulesPlanner(self.vocabulary)
        self.actor = Actor(shop, memory, self.settings.cards, self.settings.across)
        self._order = CardsFirst()

    def warm(self) -> None:
        """Load what the first turn would wait for: vocabulary, encoder, channels, Chroma's index.

        From then on the process is one that serves: what is loaded stays, and BLAS computes in one thread a turn.
        """
        self.shop.warm()
        self.rules.plan("warm", Conversation())
        if self.model is not None and tasks_of(self.model):  # a small one reads every message, so from the first on
            self._understand("warm", Conversation(), Profile(), History.empty(self.shop.now), self._asking())
        search(self.shop, Need(text="warm"), History.empty(self.shop.now), 10)
        gc.collect()
        gc.freeze()  # the shop lives as long as the process: walking it in every full collection costs 100 ms

    def profile(self, shopper: str | None) -> Profile:
        """A shopper with the consents they gave; None is a visitor."""
        return Profile(shopper=shopper, consent=self.memory.consent(shopper)) if shopper else Profile()

    def cards(self, message: str, conversation: Conversation, profile: Profile) -> Receipt:
        """What a turn would show, and nothing after it: no prose is written, and the turn isn't kept."""
        for event in self.turn(message, conversation, profile):
            if isinstance(event, CardsReady):
                return event.receipt
        raise AssertionError("a turn begins with CardsReady")  # pragma: no cover

    def reply(self, message: str, conversation: Conversation, profile: Profile) -> TurnDone:
        """A whole turn at once."""
        for event in self.turn(message, conversation, profile):
            if isinstance(event, TurnDone):
                return event
        raise AssertionError("a turn ends with TurnDone")  # pragma: no cover

    def turn(
        self,
        message: str,
        conversation: Conversation,
        profile: Profile,
        cancel: threading.Event | None = None,
        plan: Plan | None = None,
    ) -> Iterator[CardsReady | TextDelta | TurnDone]:
        """Answer a message: cards first, then prose piece by piece, then the whole reply.

        Args:
            message: the shopper's words, from anywhere, of any length.
            conversation: everything said before.
            profile: who speaks, and what they allow.
            cancel: set it when the shopper leaves; the model stops, the turn is finished by the template and logged.
            plan: what to do where that is known already (a button was pressed); the message only tells it.
        """
        return steps_in(profile.language, self._turn(message, conversation, profile, cancel, plan))

    def _turn(
        self,
        message: str,
        conversation: Conversation,
        profile: Profile,
        cancel: threading.Event | None,
        plan: Plan | None,
    ) -> Iterator[CardsReady | TextDelta | TurnDone]:
        with begin("turn") as whole:
            seen = Observed(whole, self.model.name if self.model is not None else "")
            words = clean(message, self.settings.max_message)
            asking = self._asking()
            seen.prompts = asking.hashes
            history = self.history(profile)
            with self._order.early(), seen.stage("understand") as stage:
                understood = (
                    self._understand(words, conversation, profile, history, asking)
                    if plan is None
                    else Understood(plan, PRESSED)
                )
                stage.set(planner=understood.planner)
            timings = {"plan": seen.so_far}
            with self._order.early(), seen.stage("act") as stage, timing() as channels:
                acted = self.actor.act(understood.plan, words, conversation, profile, history)
                stage.set(act=acted.receipt.plan.act.value, items=len(acted.receipt.items))
            timings["cards"] = seen.so_far
            yield CardsReady(acted.receipt)
            told = Told(explainer="template")
            for piece in seen.steps("explain", self._tell(acted, words, profile, told, asking=asking, cancel=cancel)):
                yield TextDelta(piece)
            with self._order.late(AFTERWARDS), seen.stage("what_if"):
                receipt = self.actor.with_what_ifs(acted)
            timings |= acted.timings_ms | seen.timings | {"total": seen.so_far}
            trace = self._trace(understood, told, asking, {name: round(ms, 2) for name, ms in timings.items()})
            channels = {name: round(ms, 2) for name, ms in channels.items()}
            trace = trace.model_copy(update={"tokens": seen.tokens, "channels_ms": channels})
            reply = Reply(text=told.text, receipt=receipt, trace=trace, cart=acted.cart)
            with seen.stage("remember"):
                done = TurnDone(reply, self.memory.save_turn(conversation, words, reply))
            seen.tell(reply, profile, done.conversation.id, words, told.failure)
        yield done

    def history(self, profile: Profile) -> History:
        """What may guide this shopper's ranking: shop events and those recorded since, as consent allows."""
        if profile.shopper is None:
            return History.empty(self.shop.now)
        return history_of(self.shop, self.memory, profile.shopper, personalise=profile.consent.personalise)

    @property
    def prompts_in_use(self) -> Mapping[str, str]:
        """Hashes by task of the prompts that the model is asked with now; empty without one."""
        return self._asking().hashes

    def _asking(self) -> Asking:
        """The model with the prompts that serve now."""
        return Asking.now(self.model, self.prompts, self.rules, self.settings.patience)

    def _understand(
        self, words: str, conversation: Conversation, profile: Profile, history: History, asking: Asking
    ) -> Understood:
        lines = past_lines(history, self.shop.catalogue) if asking.planner and profile.consent.prompt else []
        return understand(
            words,
            conversation,
            self.rules,
            asking.planner,
            seconds=self.settings.plan_seconds,
            history_lines=lines,
        )

    def _tell(
        self,
        acted: Acted,
        words: str,
        profile: Profile,
        told: Told,
        *,
        asking: Asking,
        cancel: threading.Event | None,
    ) -> Iterator[str]:
        receipt = acted.receipt
        grounded = profile.language == "en"  # what a model writes can be checked in English only
        if asking.prose is not None and grounded and receipt.items and receipt.plan.act is Act.RECOMMEND:
            deadline = time.monotonic() + self.settings.explain_seconds
            return asking.prose.tell(
                receipt, words, told, with_history=profile.consent.prompt, deadline=deadline, cancel=cancel
            )
        return told_by_template(reply_lines(receipt), told)

    def _trace(self, understood: Understood, told: Told, asking: Asking, timings: dict[str, float]) -> Trace:
        problems = tuple(problem for problem in (understood.problem, told.problem, *asking.problems) if problem)
        return Trace(
            planner=understood.planner,
            explainer=told.explainer,
            degraded=bool(problems),
            problems=problems,
            model_calls=int(asking.planner is not None and understood.planner != PRESSED) + told.model_calls,
            sentences=len(told.written),
            replaced=len(told.taken_out),
            taken_out=told.taken_out,
            timings_ms=timings,
            prompts=asking.hashes,
            model=self.model.name if self.model is not None else "",
        )
