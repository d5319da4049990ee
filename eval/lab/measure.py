"""From turns to figures: what each turn is worth, read from replies or from exported files alike.

A turn is a query: what it recommends is its ranking, what the shopper took later is right. A turn that recommends
nothing scores 0 where something was right. Figures are means over a session's turns, and sessions are what is drawn in
every bootstrap: turns of one session are no independent witnesses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agent.schema import Act, Reply
from eval.lab.folder import Turn
from eval.lab.sessions import Session
from eval.metrics import per_query
from retrieval.schema import Frozen

RANKING = ("NDCG@10", "Recall@10", "MRR")
ACT, GROUNDED = "act accuracy", "grounded"
CLARIFYING, TOKENS_IN, TOKENS_OUT = "clarifying turns", "tokens in", "tokens out"
P50, P95 = "p50 ms", "p95 ms"
MEANS = (*RANKING, ACT, GROUNDED, CLARIFYING, TOKENS_IN, TOKENS_OUT)
QUANTILES = {P50: 0.5, P95: 0.95}

Values = dict[str, NDArray[np.float64]]
Run = dict[str, list[tuple[str, float]]]


class Measure(Frozen):
    """What is measured of one turn.

    Attributes:
        act: what the system did; `label`: what should have been done.
        sentences: that the model wrote; `replaced`: that grounding took out of them.
        ms: milliseconds for the whole turn; `cards_ms`: until the cards.
        tokens_in, tokens_out: that the model read and wrote.
        problems: how often the model failed and rules or templates stood in.
    """

    session: str
    turn: int
    act: Act
    label: Act | None = None
    sentences: int = 0
    replaced: int = 0
    ms: float
    cards_ms: float
    tokens_in: int = 0
    tokens_out: int = 0
    problems: int = 0
    items: tuple[str, ...] = Field(default=(), repr=False)

    @classmethod
    def of(cls, turn: Turn) -> Measure:
        """From a whole turn."""
        reply, trace = turn.reply, turn.reply.trace
        tokens: Mapping[str, int] = trace.model_dump().get("tokens") or {}
        return cls(
            session=turn.session,
            turn=turn.turn,
            act=reply.receipt.plan.act,
            label=turn.label,
            sentences=trace.sentences,
            replaced=trace.replaced,
            ms=trace.timings_ms.get("total", 0.0),
            cards_ms=trace.timings_ms.get("cards", 0.0),
            tokens_in=sum(count for name, count in tokens.items() if name.endswith("_prompt")),
            tokens_out=sum(count for name, count in tokens.items() if name.endswith("_completion")),
            problems=len(trace.problems),
            items=recommended(reply),
        )


@dataclass(frozen=True)
class Measured:
    """Everything that the table is made of.

    Attributes:
        runs: cell -> query -> (item, score), best first.
        qrels: query -> item -> gain, for every turn of a session of which it is known.
        turns: cell -> its turns by session, then turn; the same sessions in every cell.
    """

    runs: Mapping[str, Run]
    qrels: Mapping[str, Mapping[str, float]]
    turns: Mapping[str, Sequence[Measure]]

    @property
    def sessions(self) -> list[str]:
        """The sessions in order."""
        return sorted({one.session for turns in self.turns.values() for one in turns})


def recommended(reply: Reply) -> tuple[str, ...]:
    """The items that a turn recommends, best first; none where it speaks of items or of the cart."""
    if reply.receipt.plan.act is not Act.RECOMMEND:
        return ()
    return tuple(entry.item.id for entry in reply.receipt.items)


def query_of(session: str, turn: int) -> str:
    """The name of a turn in runs and judgments."""
    return f"{session}/{turn}"


def measured(turns: Mapping[str, Iterable[Turn]], sessions: Iterable[Session]) -> Measured:
    """Measure the turns of every cell.

    Args:
        turns: cell's name -> its turns, in any order.
        sessions: that were replayed.
    """
    rows = {
        cell: sorted((Measure.of(t) for t in own), key=lambda m: (m.session, m.turn)) for cell, own in turns.items()
    }
    runs = {
        cell: {
            query_of(one.session, one.turn): [(item, float(len(one.items) - n)) for n, item in enumerate(one.items)]
            for one in own
            if one.items
        }
        for cell, own in rows.items()
    }
    took = {session.key: session.took for session in sessions if session.took}
    every = {(one.session, one.turn) for own in rows.values() for one in own if one.session in took}
    qrels = {query_of(session, turn): took[session] for session, turn in sorted(every)}
    return Measured(runs, qrels, rows)


def by_session(found: Measured) -> dict[str, Values]:
    """Cell -> figure -> (s,) one value a session, in the order of `found.sessions`; NaN where it can't be told."""
    place = {session: number for number, session in enumerate(found.sessions)}
    queries = sorted(found.qrels)
    values: dict[str, Values] = {}
    for cell, turns in found.turns.items():
        said = {query_of(one.session, one.turn) for one in turns}
        ranked = per_query(found.runs[cell], found.qrels, RANKING) if queries else {}
        sums: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for metric, scores in ranked.items():
            for query, score in zip(queries, scores.tolist(), strict=True):
                if query in said:  # where answers differ, so may the number of turns
                    sums[metric][place[query.rpartition("/")[0]]].append(score)
        for one in turns:
            _add(one, sums, place[one.session])
        values[cell] = {metric: _means(sums[metric], len(place)) for metric in MEANS}
        values[cell][GROUNDED] = _grounded(turns, place)
    return values


def milliseconds(found: Measured) -> dict[str, list[NDArray[np.float64]]]:
    """Cell -> for each session, in the order of `found.sessions`, the milliseconds of its turns."""
    place = {session: number for number, session in enumerate(found.sessions)}
    parts: dict[str, list[list[float]]] = {cell: [[] for _ in place] for cell in found.turns}
    for cell, turns in found.turns.items():
        for one in turns:
            parts[cell][place[one.session]].append(one.ms)
    return {cell: [np.array(own) for own in rows] for cell, rows in parts.items()}


def _add(one: Measure, sums: Mapping[str, Mapping[int, list[float]]], place: int) -> None:
    if one.label is not None:
        sums[ACT][place].append(float(one.act is one.label))
    sums[CLARIFYING][place].append(float(one.act is Act.CLARIFY))
    sums[TOKENS_IN][place].append(float(one.tokens_in))
    sums[TOKENS_OUT][place].append(float(one.tokens_out))


def _means(parts: Mapping[int, list[float]], sessions: int) -> NDArray[np.float64]:
    values = np.full(sessions, np.nan)
    for place, own in parts.items():
        values[place] = float(np.mean(own))
    return values


def _grounded(turns: Sequence[Measure], place: Mapping[str, int]) -> NDArray[np.float64]:
    """Of a session's sentences that a model wrote, the share that passed the check; NaN where it wrote none."""
    wrote, passed = np.zeros(len(place)), np.zeros(len(place))
    for one in turns:
        wrote[place[one.session]] += one.sentences
        passed[place[one.session]] += one.sentences - one.replaced
    shares: NDArray[np.float64] = np.divide(passed, wrote, out=np.full(len(place), np.nan), where=wrote > 0)
    return shares
