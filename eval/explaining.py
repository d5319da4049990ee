"""Is what is told of a receipt in the receipt? `crossaisle eval explain`: the template, a model, and what is served.

Turns of a shop are told three ways: by the template, by a model as it writes, and by that model as it is served, where
every sentence is grounded. All are judged by `eval.faithful`, which has nothing in common with that check. Besides, a
sentence that is false by how it is made (`eval.lies`) is slipped into every telling: how many come through?
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agent.asking import Asking
from agent.explain import reply_lines
from agent.memory import Memory
from agent.models.base import ChatModel
from agent.models.scripted import ScriptedModel
from agent.planner.rules import RulesPlanner
from agent.prompting import PromptLibrary, load_prompt
from agent.prose import Prose, Told
from agent.schema import Act, Consent, Conversation, Profile, Receipt
from agent.sentences import split
from agent.turn import Assistant, Settings
from eval.faithful import Judge
from eval.lies import KINDS, Scene, lie
from eval.results import Results
from eval.scripts import polite_message
from retrieval.catalogue import Catalogue
from retrieval.errors import EvaluationError
from retrieval.progress import Progress, silent
from retrieval.shop import Shop

SECONDS = 120.0
_EXAMPLES = 8
_KNOWN = 0.6  # of turns are of shoppers with a history
_TRIES = 50  # messages a turn wanted, at most: not every message asks for goods


@dataclass
class _Way:
    """What one way of telling came to."""

    faithful: list[float] = field(default_factory=list)
    named: list[float] = field(default_factory=list)
    sentences: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, receipt: Receipt, text: str) -> None:
        """Judge one telling."""
        judge, names = Judge(receipt), [item.name for item in receipt.items]
        found = [(sentence.strip(), judge.absent(sentence)) for sentence in split(text, names) if sentence.strip()]
        wrong = [f"{sentence} ({', '.join(facts)})" for sentence, facts in found if facts]
        self.sentences += len(found)
        self.wrong += wrong
        self.faithful.append(1 - len(wrong) / len(found) if found else np.nan)
        self.named.append(sum(name in text for name in names) / len(names))


class _Hearing:
    """Every telling of every turn, and what came of the lies among them."""

    def __init__(self, prose: Prose | None, catalogue: Catalogue, seed: int) -> None:
        self._prose, self._catalogue, self._seed = prose, catalogue, seed
        self.ways = {name: _Way() for name in (("template", "model", "served") if prose else ("template",))}
        self.counts = dict.fromkeys(("sentences", "replaced", "needless", "failed"), 0)
        self.lies = {kind: dict.fromkeys(("planted", "found by the judge", "came through"), 0) for kind in KINDS}
        self.through: list[str] = []
        self.took: list[float] = []

    def hear(self, number: int, message: str, receipt: Receipt, *, with_history: bool) -> None:
        """Tell one turn every way."""
        text = "\n".join(reply_lines(receipt))
        self.ways["template"].judge(receipt, text)
        if self._prose is not None:
            began = time.perf_counter()
            told = _told(self._prose, receipt, message, with_history=with_history)
            self.took.append(1000 * (time.perf_counter() - began))
            text = "".join(sentence for sentence, _ in told.written)
            self.ways["model"].judge(receipt, text)
            self.ways["served"].judge(receipt, told.text)
            self.counts["sentences"] += len(told.written)
            self.counts["replaced"] += len(told.taken_out)
            self.counts["needless"] += _needless(receipt, told)
            self.counts["failed"] += bool(told.problem)
        rng = random.Random(f"lie {self._seed} {number}")  # noqa: S311 (no secret)
        self._slip_in(text, message, Scene(rng.choice(receipt.items), receipt, self._catalogue, rng))

    def _slip_in(self, text: str, message: str, scene: Scene) -> None:
        """Set a lie between two sentences of a telling, and let the whole be checked."""
        false = lie(scene)
        if false is None:
            return
        kind, sentence = false
        said = [one.strip() for one in split(text, [item.name for item in scene.receipt.items]) if one.strip()]
        said.insert(scene.rng.randrange(len(said) + 1), sentence)
        saying = Prose(ScriptedModel(texts=["\n".join(said)]), load_prompt("explain"))
        through = sentence in _told(saying, scene.receipt, message, with_history=True).text
        self.lies[kind]["planted"] += 1
        self.lies[kind]["found by the judge"] += bool(Judge(scene.receipt).absent(sentence))
        self.lies[kind]["came through"] += through
        self.through += [f"{kind}: {sentence}"] if through else []

    def notes(self) -> Iterator[str]:
        """What the figures count, in sentences."""
        for name, way in self.ways.items():
            yield f"{name}: {len(way.wrong):,} of {way.sentences:,} sentences with a fact that the receipt lacks."
        if self._prose is not None:
            written, replaced = self.counts["sentences"], self.counts["replaced"]
            share = f"{replaced / max(written, 1):.1%}"
            yield (
                f"Grounding replaced {replaced:,} of the model's {written:,} sentences ({share}); the judge "
                f"finds nothing wrong with {self.counts['needless']:,} of these."
            )
            yield f"In {self.counts['failed']:,} turns the model failed, and the template told the rest."
        sums = {name: sum(kind[name] for kind in self.lies.values()) for name in next(iter(self.lies.values()))}
        kinds = "; ".join(f"{kind} {of['came through']} of {of['planted']}" for kind, of in self.lies.items())
        yield (
            "Lies: " + ", ".join(f"{name} {count:,}" for name, count in sums.items()) + f". Through, by kind: {kinds}."
        )

    def extra(self) -> dict[str, Any]:
        """More keys of the results."""
        told = {name: {"told": way.sentences, "with a fact absent": len(way.wrong)} for name, way in self.ways.items()}
        shown = {name: way.wrong[:_EXAMPLES] for name, way in self.ways.items()}
        return {"sentences": told, "model": self.counts, "lies": self.lies, "examples": shown | {"lies": self.through}}


def explained(
    shop: Shop,
    model: ChatModel | None = None,
    *,
    turns: int = 2000,
    cards: int = 6,
    seed: int = 0,
    progress: Progress = silent,
) -> Results:
    """Tell turns in which goods are shown, and judge every sentence.

    Args:
        shop: an opened shop; its state is not touched.
        model: one that explains; None for the template alone, into which lies are slipped as well.
        turns: how many, on shoppers' messages, with histories and without.
        cards: items shown in a turn at most.
        seed: of messages, shoppers and lies.
        progress: told how far it is.

    Returns:
        "faithful" (share of sentences without a fact that the receipt lacks) and "named" (share of shown items that are
        named), a turn each, for `template`, `model` and `served`; `sentences`, `model` (how many grounding replaced),
        `lies` by kind and `examples`.

    Raises:
        EvaluationError: the shop has no goods, or the model was not made for explaining.
    """
    if len(shop.catalogue) == 0:
        raise EvaluationError("the shop holds no goods", "ingest some")
    with tempfile.TemporaryDirectory() as folder, Memory.at(Path(folder) / "state.sqlite3") as memory:
        assistant = Assistant(shop, memory, settings=Settings(cards=cards))
        prose = _prose(model, assistant.rules) if model is not None else None
        hearing = _Hearing(prose, shop.catalogue, seed)
        for number, (message, receipt, allowed) in enumerate(_turns(assistant, turns, seed)):
            progress("telling turns", number, turns)
            hearing.hear(number, message, receipt, with_history=allowed)
    values = {
        name: {"faithful": np.array(way.faithful), "named": np.array(way.named)} for name, way in hearing.ways.items()
    }
    took = np.array(hearing.took or [0.0])
    seconds = {"served": {"median_ms": float(np.median(took)), "p95_ms": float(np.quantile(took, 0.95))}}
    results = Results.of("explain", values, seconds if model else {}, against=("template",), seed=seed)
    extra = hearing.extra() | {"seed": seed, "model name": model.name if model else ""}
    return results.with_(notes=tuple(hearing.notes()), extra=extra)


def _prose(model: ChatModel, rules: RulesPlanner) -> Prose:
    """As a turn would ask the model now."""
    prose = Asking.now(model, PromptLibrary(), rules).prose
    if prose is None:
        raise EvaluationError(
            f"model {model.name} was not made for explaining",
            "tune an adapter on explain (finetune sft --tasks explain)",
        )
    return prose


def _turns(assistant: Assistant, count: int, seed: int) -> Iterator[tuple[str, Receipt, bool]]:
    """Messages with the receipts of what is shown, and whether the shopper's history may be told to a model."""
    rng = random.Random(f"explain {seed}")  # noqa: S311 (no secret)
    shoppers, found = assistant.shop.shoppers(), 0
    for _ in range(_TRIES * count):
        shopper = rng.choice(shoppers) if shoppers and rng.random() < _KNOWN else None
        message = polite_message(assistant.shop.catalogue, rng)
        profile = Profile(shopper=shopper, consent=Consent(personalise=True, prompt=True))
        receipt = assistant.cards(message, Conversation(), profile)
        if receipt.plan.act is Act.RECOMMEND and receipt.items:
            yield message, receipt, shopper is not None
            found += 1
            if found == count:
                return


def _told(prose: Prose, receipt: Receipt, message: str, *, with_history: bool) -> Told:
    told = Told(explainer="template")
    for _ in prose.tell(receipt, message, told, with_history=with_history, deadline=time.monotonic() + SECONDS):
        pass
    return told


def _needless(receipt: Receipt, told: Told) -> int:
    """How many sentences that grounding took out the judge would have left."""
    judge = Judge(receipt)
    return sum(not judge.absent(sentence) and bool(why) for sentence, why in told.written)
