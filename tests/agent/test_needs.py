"""What a model is asked of a history: which aisles come next, which thing is taken; at length or briefly."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import pytest

from agent.letters import choose, letters_messages
from agent.models.scripted import ScriptedModel
from agent.needs import listed, needs_messages, weigh
from agent.past import brief_lines
from agent.prompting import load_prompt, wording
from retrieval.history import History
from retrieval.shop import Shop
from tests.shops import sample_shop


@dataclass
class Weigher:
    """Says that later answers are likelier, and keeps what it was asked."""

    asked: list[str] = field(default_factory=list)

    def openings(self, messages, answers, *, deadline):
        self.asked = list(answers)
        return [float(place) for place in range(len(answers))]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


@pytest.fixture(scope="module")
def history(shop: Shop) -> History:
    return max((shop.history(shopper).liked() for shopper in shop.shoppers()[:50]), key=len)


def soon() -> float:
    return time.monotonic() + 60


def test_models_that_read_little_are_asked_briefly() -> None:
    assert [wording(reads) for reads in (512, 1023, 1024, None)] == ["brief", "brief", "production", "production"]
    assert load_prompt("infer", "brief") != load_prompt("infer")


def test_a_brief_prompt_holds_the_latest_different_things_and_no_dates(shop: Shop, history: History) -> None:
    lines = brief_lines(history, shop.catalogue)
    assert 1 < len(lines) == len(set(lines)) <= 8
    latest = int(history.rows[-1])
    assert lines[-1].endswith(" ".join(shop.catalogue.titles[latest].split()[:3])) or shop.catalogue.titles[
        latest
    ].startswith(lines[-1].partition(": ")[2])
    aisles = list(listed(shop.catalogue, range(5)))
    text = needs_messages(load_prompt("infer", "brief"), history, shop.catalogue, aisles)[-1].content
    whole = needs_messages(load_prompt("infer"), history, shop.catalogue, aisles)[-1].content
    year = str(history.now)[:4]
    assert all(line in text for line in (*lines, *aisles))
    assert year + "-" not in text
    assert year + "-" in whole or str(int(year) - 1) + "-" in whole
    assert len(text) < len(whole)


def test_aisles_are_listed_by_name_so_that_their_order_tells_nothing(shop: Shop) -> None:
    codes = list(range(8))
    assert listed(shop.catalogue, codes) == listed(shop.catalogue, codes[::-1])
    assert list(listed(shop.catalogue, codes)) == sorted(listed(shop.catalogue, codes))


def test_aisles_are_weighed_as_the_first_that_the_answer_names() -> None:
    model = Weigher()
    assert weigh(model, [], ['Tents "XL"', "Mats"], deadline=soon()) == [0.0, 1.0]
    assert [json.loads(answer + "}]}") for answer in model.asked] == [
        {"needs": [{"category": 'Tents "XL"'}]},
        {"needs": [{"category": "Mats"}]},
    ]


def test_things_are_chosen_by_letter_in_one_pass(shop: Shop, history: History) -> None:
    model = ScriptedModel(scores=[0.1, 0.7, 0.2])
    rows = [5, 9, 11]
    found = choose(model, load_prompt("choose"), history, shop.catalogue, rows, request="a gift", deadline=soon())
    assert max(range(3), key=found.__getitem__) == 1
    whole = letters_messages(load_prompt("choose"), history, shop.catalogue, rows, "a gift")[-1].content
    brief = letters_messages(load_prompt("choose", "brief"), history, shop.catalogue, rows, "a gift")[-1].content
    assert "> a gift" in whole
    assert all(f"> {letter}. " in whole and f"> {letter}. " in brief for letter in "ABC")
    assert shop.catalogue.titles[9].split()[0] in brief
