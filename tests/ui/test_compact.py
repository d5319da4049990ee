"""The model that comes with the project: served where none is named, told as what it is, and left out on request."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.models.base import called
from agent.models.compact import FOLDER, compact_model
from agent.models.local import LocalModel
from agent.planner.change_model import ChangePlanner
from agent.planner.rules import RulesPlanner
from agent.planner.together import Together
from agent.planner.vocabulary import Vocabulary
from agent.prompting import load_prompt
from agent.schema import Act, Conversation, Message, Plan, Shown
from retrieval.errors import ModelUnavailableError
from tests.ui.conftest import crossaisle

SHOWN = tuple(
    Shown(id=f"a:{n}", title=name, name=name, price_minor=1000 * n, currency="USD")
    for n, name in enumerate(("Kettle One", "Kettle Two", "Kettle Three"), start=1)
)
WISH = Plan(query="kettle", price_max=8000, currency="USD")
TALK = Conversation(
    messages=(Message(role="user", text="a kettle"), Message(role="assistant", text="", plan=WISH, shown=SHOWN))
)
VOCABULARY = Vocabulary(brands=("Lumo", "Petzl"), categories=("Kettles",), currency="USD")


@pytest.fixture(scope="module")
def planner() -> Together:
    rules = RulesPlanner(VOCABULARY)
    return Together(rules, ChangePlanner(compact_model(), load_prompt("change"), VOCABULARY))


def test_a_chat_without_a_named_model_is_read_by_the_compact_one(shop: Path) -> None:
    told = crossaisle("chat", "--shop", shop, "--json", "do you have trail shoes?").json
    assert told["prompts"].keys() == {"change"}
    assert told["items"]
    assert not told["degraded"]


def test_none_leaves_it_out(shop: Path) -> None:
    told = crossaisle("chat", "--shop", shop, "--model", "none", "--json", "do you have trail shoes?").json
    assert told["prompts"] == {}
    assert told["planner"] == "rules"


def test_it_says_what_it_is() -> None:
    model = compact_model()
    assert called(model) == "compact, offline"
    assert model.tasks == {"change"}


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("no preference really", {"act": Act.RECOMMEND, "query": "kettle", "price_max": 8000}),
        ("do you also have toasters?", {"query": "toasters", "price_max": None}),
        ("I'd rather have something cheaper", {"query": "kettle", "price_max": 1999}),
        ("not the second one please", {"not_items": ("a:2",)}),
        ("nothing by Lumo", {"query": "kettle", "not_brands": ("Lumo",)}),
        ("who painted the Mona Lisa?", {"act": Act.CHITCHAT}),
        ("compare the first and the third", {"act": Act.COMPARE, "targets": ("a:1", "a:3")}),
        ("put the first one into my basket", {"act": Act.CART, "cart_op": "add", "targets": ("a:1",)}),
    ],
)
def test_served_together_with_the_rules_it_reads_plain_messages(
    planner: Together, message: str, wanted: dict[str, object]
) -> None:
    plan = planner.plan(message, TALK, deadline=time.monotonic() + 60)
    assert {name: getattr(plan, name) for name in wanted} == wanted


def test_alone_it_reads_most_of_what_no_rule_is_written_for() -> None:
    """The weights are trained ones: random weights under the same grammar get none of these."""
    alone = ChangePlanner(compact_model(), load_prompt("change"), VOCABULARY)
    asked = {
        "I was hoping to get a drill": ("recommend", "drill"),
        "we are running low on coffee beans": ("recommend", "coffee beans"),
        "any good backpack?": ("recommend", "backpack"),
        "hello there": ("chitchat", ""),
        "thanks a lot": ("chitchat", ""),
        "help me choose": ("clarify", ""),
    }
    read = {said: alone.plan(said, Conversation(), deadline=time.monotonic() + 60) for said in asked}
    assert sum((plan.act.value, plan.query) == asked[said] for said, plan in read.items()) >= 5


def test_a_folder_that_says_nonsense_of_itself_is_named(tmp_path: Path) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "crossaisle.json").write_text("[1, 2", encoding="utf-8")
    with pytest.raises(ModelUnavailableError, match=r"crossaisle\.json"):
        LocalModel(tmp_path)
