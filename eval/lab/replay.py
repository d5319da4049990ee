"""Replaying one session in one cell: the shopper's words, the system's own plans, and no knowledge from later on."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, timedelta

import numpy as np
import polars as pl

from agent.act import Actor
from agent.memory import Memory
from agent.memory.hidden import Hidden
from agent.models.base import ChatModel
from agent.schema import Act, Conversation, Profile
from agent.turn import Assistant, TurnDone
from eval.lab.cells import Cell
from eval.lab.folder import Turn
from eval.lab.sessions import MOST_TURNS, Said, Session
from eval.simulate.crowd import shopper_of
from eval.simulate.goals import Wish
from retrieval.history import EVENT_SCHEMA, History
from retrieval.shop import Shop

ANSWERS = 3
"""Questions that a simulated shopper answers in a session at most."""
_MOMENT = timedelta(minutes=1)  # between two turns of a replayed session


class Replay(Assistant):
    """Answers a session as a cell would have when it took place; each session is told to a memory of its own.

    Args:
        shop: as the cell sees it.
        cell: prompts and settings.
        model: the cell's model with its adapter, None for none.
        hidden: what shoppers forgot, which nobody knows in a replay either; asked in every turn.
    """

    def __init__(self, shop: Shop, cell: Cell, model: ChatModel | None, hidden: Hidden | None = None) -> None:
        with Memory("sqlite://") as nothing:
            super().__init__(shop, nothing, model, cell.retrieval.settings, cell.library())
        self.cell, self._hidden = cell, hidden
        self.session: Session | None = None

    def history(self, profile: Profile) -> History:
        """What was known of the shopper when the session began, and what they did in it."""
        session = self.session
        if session is None or session.shopper is None:
            return History.empty(self.shop.now if session is None else _moment(session))
        if not (profile.consent.personalise and self.cell.retrieval.history):
            return History.empty(_moment(session))
        during = [
            event.model_copy(update={"at": session.at + _MOMENT}) for event in self.memory.events_of(session.shopper)
        ]
        records = [event.model_dump() | {"kind": event.kind.value} for event in (*session.events, *during)]
        hidden = self._hidden.of(session.shopper) if self._hidden is not None else frozenset()
        before = self.shop.events_of(session.shopper, hidden).filter(pl.col("at") < session.at)
        frame = pl.concat([before, pl.DataFrame(records, schema=EVENT_SCHEMA)])
        now = _moment(session) + np.timedelta64(int(bool(during) * _MOMENT.total_seconds()), "s")
        history = History.of(frame, self.shop.catalogue, now)
        return history.select(~self.shop.sensitive.mask[history.rows])

    def replay(
        self, session: Session, done: Sequence[Turn], cancel: threading.Event, answers: bool = False
    ) -> Iterator[Turn]:
        """The turns of a session that aren't done yet, one after the other.

        Args:
            session: what is said, by whom and when.
            done: its turns so far, from another run; they are taken up, not made again.
            cancel: set it to stop; a turn that was under way is not handed out.
            answers: whether a simulated shopper answers questions.
        """
        with Memory("sqlite://") as memory:
            fork = copy.copy(self)
            fork.session, fork.memory = session, memory
            fork.actor = Actor(self.shop, memory, self.settings.cards, self.settings.across)
            yield from fork._turns(session, list(done), cancel, _words(session, answers))

    def _turns(
        self, session: Session, done: list[Turn], cancel: threading.Event, words: Callable[[Sequence[str]], Said | None]
    ) -> Iterator[Turn]:
        profile = Profile(shopper=session.shopper, consent=session.consent)
        conversation = self._taken_up(session, done, profile)
        heard = [turn.reply.text for turn in done]
        said = words(heard)
        while said is not None and not cancel.is_set():
            steps = self.turn(said.text, conversation, profile, cancel)
            ended = next((step for step in steps if isinstance(step, TurnDone)), None)
            if ended is None or cancel.is_set():
                return
            conversation = ended.conversation
            heard.append(ended.reply.text)
            after = words(heard)
            yield Turn(
                cell=self.cell.hash,
                session=session.key,
                turn=len(heard) - 1,
                words=said.text,
                label=said.act,
                last=after is None,
                reply=ended.reply,
            )
            said = after

    def _taken_up(self, session: Session, done: Sequence[Turn], profile: Profile) -> Conversation:
        """The conversation after the turns that are done; what these put into the cart lies in it again."""
        conversation = self.memory.open_conversation(session.shopper, session.key)
        for turn in done:
            plan = turn.reply.receipt.plan
            if plan.act is Act.CART:
                self.actor.act(plan, turn.words, conversation, profile, self.history(profile))
            conversation = self.memory.save_turn(conversation, turn.words, turn.reply)
        return conversation


def _words(session: Session, answers: bool) -> Callable[[Sequence[str]], Said | None]:
    """What is said after the replies that were heard; None at the end."""
    if not (answers and session.goal is not None and session.style and session.shopper):
        return lambda heard: session.turns[len(heard)] if len(heard) < len(session.turns) else None
    wish = Wish(shopper=session.shopper, at=session.at, goal=session.goal)
    shopper = shopper_of(session.key, wish, session.style)  # type: ignore[arg-type]

    def next_of(heard: Sequence[str]) -> Said | None:
        scripted, answered = 0, 0
        for place in range(min(len(heard) + 1, MOST_TURNS)):  # told anew each time: nothing is lost with a kill
            answer = shopper.answer(heard[place - 1], answered) if place and answered < ANSWERS else ""
            said = Said(text=answer, act=Act.RECOMMEND) if answer else None
            if said is not None:
                answered += 1
            elif scripted < len(session.turns):
                said, scripted = session.turns[scripted], scripted + 1
            if said is None or place == len(heard):
                return said
        return None

    return next_of


def _moment(session: Session) -> np.datetime64:
    return np.datetime64(session.at.astimezone(UTC).replace(tzinfo=None), "us")
