"""What is told is judged by another than the check it has to pass, and lies are counted where they come through."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from agent.ground import Grounder, Verdict
from agent.models.scripted import Asked, ScriptedModel
from eval.explaining import explained
from eval.faithful import Judge
from eval.lies import KINDS, Scene
from retrieval.errors import EvaluationError
from retrieval.shop import Shop
from tests.agent.receipts import receipt, socks, torch
from tests.shops import sample_shop

NAME = "Lumo Nightjar 400 Head Torch"
SOCKS = "Tarn Merino Wool Socks, 2 Pairs"


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


@pytest.mark.parametrize(
    "sentence",
    [
        f"The {NAME} costs €34.90 on Harbour.",
        f"{NAME} is in stock and has 400 lumens.",
        f"Shoppers of Trail shoes go on to Head torches 3.2 times as often as others (58 shoppers): {NAME}.",
        f"{SOCKS} are cheaper than {NAME} by €16.40.",
    ],
)
def test_the_judge_lets_facts_stand(sentence: str) -> None:
    assert Judge(receipt(socks(), torch())).absent(sentence) == []


@pytest.mark.parametrize(
    ("sentence", "absent"),
    [
        (f"{NAME} costs €18.50.", ["18.50"]),
        (f"{NAME} is on Meadow.", ["meadow"]),
        (f"{NAME} is waterproof and has 900 lumens.", ["900", "waterproof"]),
        (f"{SOCKS} are in stock.", ["in stock"]),
        ("It is loved by doctors.", ["loved", "doctors"]),
    ],
)
def test_the_judge_names_what_is_absent(sentence: str, absent: list[str]) -> None:
    assert Judge(receipt(socks(), torch())).absent(sentence) == absent


def test_every_kind_of_lie_can_be_told_of_some_turn_and_none_is_grounded(shop: Shop) -> None:
    shown, rng = receipt(socks(), torch()), random.Random(5)
    told: Counter[str] = Counter()
    for number in range(40):
        scene = Scene(shown.items[number % 2], shown, shop.catalogue, rng)
        for kind, make in KINDS.items():
            sentence = make(scene)
            if sentence is not None:
                told[kind] += 1
                assert not Grounder(shown).check(sentence).grounded, sentence
    assert set(told) == set(KINDS)


def boasting(asked: Asked) -> str:
    """True and false sentences of a large model."""
    name = re.findall(r"^> 1\. (.*?) \|", asked.messages[-1].content, re.MULTILINE)[0]
    return f"Here is {name}. {name} was tested by doctors. It comes with a five year warranty."


def test_a_boasting_model_is_seen_through_and_served_without_its_boasts(shop: Shop) -> None:
    results = explained(shop, ScriptedModel(answer=boasting), turns=12).to_json()
    assert results["n"] == 12
    assert results["model"] == {"sentences": 36, "replaced": 24, "needless": 0, "failed": 0}
    assert results["sentences"]["model"] == {"told": 36, "with a fact absent": 24}
    assert results["sentences"]["served"]["with a fact absent"] == 0
    assert results["sentences"]["template"]["with a fact absent"] == 0
    assert results["systems"]["served"]["named"]["value"] == 1.0
    assert results["systems"]["model"]["named"]["value"] < 1.0
    assert sum(kind["planted"] for kind in results["lies"].values()) == 12
    assert sum(kind["came through"] for kind in results["lies"].values()) == 0


def test_lies_are_counted_where_nothing_checks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Grounder, "check", lambda *_: Verdict(True, "", ()))
    results = explained(shop, ScriptedModel(answer=boasting), turns=6).to_json()
    assert sum(kind["came through"] for kind in results["lies"].values()) == 6
    assert len(results["examples"]["lies"]) == 6
    assert results["sentences"]["served"]["with a fact absent"] >= 12


def test_without_a_model_the_template_is_judged_and_lied_to(shop: Shop) -> None:
    results = explained(shop, turns=4).to_json()
    assert set(results["systems"]) == {"template"}
    assert results["sentences"]["template"]["with a fact absent"] == 0


def test_a_model_that_was_not_made_for_it_is_refused(shop: Shop) -> None:
    with pytest.raises(EvaluationError, match="tune an adapter on explain"):
        explained(shop, ScriptedModel(tasks=("change",)), turns=1)
