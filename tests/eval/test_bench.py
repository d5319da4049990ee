"""The benchmarks drive real turns, and the hostile one notices every kind of breach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.act import Actor
from agent.models.scripted import LIES, ScriptedModel
from agent.turn import Assistant, CardsReady, TextDelta, TurnDone
from eval.bench import bench_turn
from eval.fitting import bench_fit
from eval.hostile import bench_hostile
from retrieval.channels.registry import CHANNELS
from tests.shops import hostile_shop, sample_shop


def test_a_turn_bench_reports_both_kinds_with_cards() -> None:
    report = bench_turn(sample_shop(), turns=30)
    for kind in ("unfiltered", "filtered"):
        figures = report[kind]
        assert isinstance(figures, dict)
        assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["max_ms"]
        assert figures["cards"] >= 1
    assert report["stock"] == "from the feed"


def test_a_fit_bench_times_every_channel_and_the_learned_order() -> None:
    report = bench_fit(sample_shop(), train=False)
    seconds, total = report["seconds"], report["total"]
    assert isinstance(seconds, dict)
    assert isinstance(total, dict)
    assert {*CHANNELS, "reading", "vectors", "ranker"} == set(seconds)
    assert sum(part["wall"] for part in seconds.values()) == pytest.approx(total["wall"], abs=0.2)
    assert seconds["ranker"]["wall"] > 0.5  # it fits what it hears once more


def test_hostile_turns_break_nothing_on_the_sample_market() -> None:
    report = bench_hostile(sample_shop(), turns=400, seed=1)
    assert report["examples"] == []
    assert report["passed"]
    assert report["hostile"] == 100
    assert int(str(report["turns_with_items"])) > 150


def test_hostile_titles_break_nothing() -> None:
    report = bench_hostile(hostile_shop(), turns=120, seed=2)
    assert report["examples"] == []


def test_a_lying_model_breaks_nothing() -> None:
    model = ScriptedModel(plans=list(LIES.values()), texts=list(LIES.values()))
    report = bench_hostile(sample_shop(), turns=80, seed=3, model=model)
    assert report["examples"] == []
    assert int(str(report["model_sentences_replaced"])) > 0


@pytest.mark.parametrize("breach", ["foreign", "unnamed", "crash", "constraint"])
def test_a_breach_is_noticed(monkeypatch: pytest.MonkeyPatch, breach: str) -> None:
    whole = Assistant.turn

    def broken(self: Assistant, *args: object, **named: object) -> Iterator[CardsReady | TextDelta | TurnDone]:
        if breach == "crash":
            raise RuntimeError("broken on purpose")
        for event in whole(self, *args, **named):  # type: ignore[arg-type]
            if isinstance(event, TurnDone) and event.reply.receipt.items and breach != "constraint":
                first = event.reply.receipt.items[0]
                change = (
                    {"item": first.item.model_copy(update={"id": "evil:1"})} if breach == "foreign" else {"name": "?¿"}
                )
                items = (first.model_copy(update=change), *event.reply.receipt.items[1:])
                receipt = event.reply.receipt.model_copy(update={"items": items})
                event = TurnDone(event.reply.model_copy(update={"receipt": receipt}), event.conversation)  # noqa: PLW2901
            yield event

    def lenient(self: Actor, *args: object) -> object:
        acted = recommend(self, *args)  # type: ignore[arg-type]
        plan = acted.receipt.plan.model_copy(update={"price_max": 1, "currency": "EUR"})
        return type(acted)(acted.receipt.model_copy(update={"plan": plan}), acted.history)

    recommend = Actor._recommend
    monkeypatch.setattr(Assistant, "turn", broken)
    if breach == "constraint":
        monkeypatch.setattr(Actor, "_recommend", lenient)
    report = bench_hostile(sample_shop(), turns=24, seed=4)
    assert breach in report["breaches"]  # type: ignore[operator]
    assert not report["passed"]
