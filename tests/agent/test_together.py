"""Rules and a small model on one message: who is followed, and what the turn tells of it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest

from agent.asking import Asking
from agent.models.base import Completion
from agent.models.local import LocalModel
from agent.models.scripted import LIES, ScriptedModel
from agent.planner.change_model import ChangePlanner
from agent.planner.rules import RulesPlanner
from agent.planner.together import AWAY, LONG, PART, SURE, Together
from agent.planner.vocabulary import Vocabulary
from agent.prompting import PromptLibrary, load_prompt
from agent.schema import Act, Conversation, Message, Plan, Shown
from agent.understand import understand
from finetune.tiny import make_tiny_model
from retrieval.errors import ModelTimeoutError, ModelUnavailableError
from tests.agent.planner_shop import SHOWN

RULES = RulesPlanner(Vocabulary(brands=("Lumo", "Petzl"), currency="USD"))
CHANGE = {"act": "recommend", "topic": "replace", "query": " head torch"}
MESSAGE = "my head needs a torch"


def together(model: ScriptedModel) -> Together:
    return Together(RULES, ChangePlanner(model, load_prompt("change"), RULES.vocabulary))


def read(model: ScriptedModel, message: str = MESSAGE) -> tuple[str, str]:
    plan, reader = together(model).read(message, Conversation(), deadline=time.monotonic() + 30)
    return plan.query, reader


def test_a_model_that_is_sure_is_followed() -> None:
    assert read(ScriptedModel(plans=[CHANGE], logprob=math.log(SURE + 0.01))) == ("head torch", "model")


def test_a_model_that_is_not_leaves_it_to_the_rules() -> None:
    query, reader = read(ScriptedModel(plans=[CHANGE], logprob=math.log(SURE - 0.01)))
    assert (query, reader) == (RULES.plan(MESSAGE, Conversation()).query, "rules")


class Judge(ScriptedModel):
    """A scripted model that also tells how likely it finds what the rules say."""

    def __init__(self, own: float, rules: float) -> None:
        super().__init__(plans=[CHANGE], logprob=own)
        self.rules = rules

    def likelihood(self, messages: object, answer: str, *, deadline: float) -> float:
        assert answer.startswith('{"act":')
        return self.rules


def test_where_it_finds_the_rules_nearly_as_likely_they_are_followed() -> None:
    edge = PART * -20.0
    assert read(Judge(edge + 0.1, -20.0))[1] == "model"
    assert read(Judge(edge - 0.1, -20.0))[1] == "rules"
    assert read(Judge(edge + 0.1, -1.0))[1] == "rules"


def test_it_has_to_be_surer_to_leave_a_wish_that_the_rules_still_hold() -> None:
    wish = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="trail shoes"), shown=()),))
    message = "well, in red, so that my head needs a torch"
    assert "shoes" in RULES.plan(message, wish).query
    between = (PART + AWAY) / 2 * -20.0
    for own, reader in ((between, "rules"), (AWAY * -20.0 + 0.01, "model")):
        deadline = time.monotonic() + 30
        assert together(Judge(own, -20.0)).read(message, wish, deadline=deadline)[1] == reader


def test_it_may_not_drop_a_word_that_goods_have_though_it_may_drop_talk() -> None:
    bed = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="bed"), shown=()),))
    blind = ScriptedModel(plans=[{"act": "recommend", "topic": "replace", "query": " bed"}], logprob=0.0)
    for goods, reader in (({"bed", "wood"}, "rules"), ({"bed"}, "model")):
        rules = RulesPlanner(Vocabulary(count=lambda word, goods=goods: int(word in goods)))  # type: ignore[misc]
        both = Together(rules, ChangePlanner(blind, load_prompt("change"), rules.vocabulary))
        plan, who = both.read("a bed preferably made of wood", bed, deadline=time.monotonic() + 30)
        assert who == reader
        assert ("wood" in f"{plan.query} {' '.join(plan.include)}") is (reader == "rules")


def test_it_may_not_search_for_what_the_rules_hear_refused() -> None:
    """ "He already has a torch" asks for none."""
    wish = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="trail shoes"), shown=()),))
    change = {"act": "recommend", "topic": "replace", "query": " torch"}
    for message, reader in (("he already has a torch", "rules"), ("now a torch", "model")):
        sure = ScriptedModel(plans=[change], logprob=0.0)
        plan, who = together(sure).read(message, wish, deadline=time.monotonic() + 30)
        assert who == reader or plan == RULES.plan(message, wish)
        assert (plan.exclude == ("torch",)) is (reader == "rules")


def test_it_may_not_choose_another_item_than_the_rules_nor_search_for_words_of_asking() -> None:
    shown = (SHOWN[0], SHOWN[1])
    plan = Plan(query="torch")
    seen = Conversation(messages=(Message(role="assistant", text="", plan=plan, shown=shown),))
    wrong = ScriptedModel(plans=[{"act": "cart", "topic": "keep", "cart_op": "add", "targets": [2]}], logprob=0.0)
    put, who = together(wrong).read("put the first one in my cart", seen, deadline=time.monotonic() + 30)
    assert (who, put.targets) == ("rules", (shown[0].id,))
    budget = ScriptedModel(plans=[{"act": "recommend", "topic": "replace", "query": " budget"}], logprob=0.0)
    plan, who = together(budget).read("a torch, budget about 40", Conversation(), deadline=time.monotonic() + 30)
    assert (who, plan.query) == ("rules", "torch")


@pytest.mark.parametrize(
    "message", ["what else goes with it?", "how do I return something", "what did I buy last time?"]
)
def test_what_fixed_phrases_cover_it_is_not_asked(message: str) -> None:
    model = ScriptedModel(plans=[CHANGE], logprob=0.0)
    wish = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="trail shoes"), shown=()),))
    assert together(model).read(message, wish, deadline=time.monotonic() + 30)[1] == "rules"
    assert model.asked == []


def test_it_may_not_wish_for_stock_where_the_rules_hear_no_such_wish() -> None:
    for message, wished in ((MESSAGE, False), (f"{MESSAGE}, in stock only", True)):
        sure = ScriptedModel(plans=[CHANGE | {"in_stock": True}], logprob=0.0)
        plan, reader = together(sure).read(message, Conversation(), deadline=time.monotonic() + 30)
        assert (plan.query, plan.in_stock, reader) == ("head torch", wished, "model")


def test_sums_that_the_rules_read_stand_and_others_are_the_models() -> None:
    change = CHANGE | {"price_max": "60"}
    for message, wanted in ((f"{MESSAGE}, no less than $60", (6000, None)), (MESSAGE, (None, None))):
        plan, reader = together(ScriptedModel(plans=[change if "60" in message else CHANGE], logprob=0.0)).read(
            message, Conversation(), deadline=time.monotonic() + 30
        )
        assert (plan.query, plan.price_min, plan.price_max, reader) == ("head torch", *wanted, "model")


def test_a_share_is_no_sum() -> None:
    model = ScriptedModel(plans=[CHANGE | {"price_max": "90"}], logprob=0.0)
    plan, _ = together(model).read(f"{MESSAGE}, 90% off", Conversation(), deadline=time.monotonic() + 30)
    assert (plan.query, plan.price_max) == ("head torch", None)


def test_it_may_not_open_the_cart_where_the_rules_see_none() -> None:
    show = {"act": "cart", "cart_op": "show"}
    sure = ScriptedModel(plans=[show], logprob=0.0)
    plan, reader = together(sure).read("only Petzl please", Conversation(), deadline=time.monotonic() + 30)
    assert (plan.act, reader) == (Act.RECOMMEND, "rules")
    plan, _ = together(sure).read("show my cart", Conversation(), deadline=time.monotonic() + 30)
    assert plan.act is Act.CART


def test_where_both_read_the_same_nobody_is_asked_who_is_right() -> None:
    class Deaf(ScriptedModel):
        def likelihood(self, messages: object, answer: str, *, deadline: float) -> float:
            raise AssertionError("asked for nothing")

    show = Deaf(plans=[{"act": "cart", "cart_op": "show"}], logprob=-9.0)
    plan, _ = together(show).read("show my cart", Conversation(), deadline=time.monotonic() + 30)
    assert (plan.act, plan.cart_op) == (Act.CART, "show")


def test_a_comparison_that_the_rules_see_stays_one() -> None:
    shown = tuple(Shown(id=f"a:{n}", title="Torch", name="Torch", price_minor=n, currency="USD") for n in (1, 2))
    talk = Conversation(messages=(Message(role="assistant", text="", plan=Plan(query="torch"), shown=shown),))
    sure = ScriptedModel(plans=[{"act": "recommend", "price": "cheaper"}], logprob=0.0)
    plan, reader = together(sure).read("compare the first and the second", talk, deadline=time.monotonic() + 30)
    assert (plan.act, reader) == (Act.COMPARE, "rules")


@pytest.mark.parametrize("lie", ["other schema", "prose for JSON", "unknown act", "empty"])
def test_an_answer_that_can_not_be_believed_leaves_it_to_the_rules_and_is_no_failure(lie: str) -> None:
    found = understand(MESSAGE, Conversation(), RULES, together(ScriptedModel(plans=[LIES[lie]], logprob=0.0)))
    assert (found.planner, found.problem) == ("rules", "")


def test_a_dead_model_is_told() -> None:
    with pytest.raises(ModelUnavailableError):
        read(ScriptedModel.dead())
    found = understand(MESSAGE, Conversation(), RULES, together(ScriptedModel.dead()))
    assert found.planner == "rules"
    assert "can't be reached" in found.problem


@pytest.mark.parametrize("message", ["我想买一个头灯", "a torch <b>now</b>", "a torch " + "and a story " * LONG])
def test_what_it_never_saw_it_is_not_asked(message: str) -> None:
    model = ScriptedModel(plans=[CHANGE], logprob=0.0)
    assert read(model, message)[1] == "rules"
    assert not model.asked


def test_a_model_made_for_one_task_is_asked_nothing_else() -> None:
    asking = Asking.now(ScriptedModel(tasks={"change"}), PromptLibrary(), RULES)
    assert isinstance(asking.planner, Together)
    assert asking.prose is None
    assert set(asking.hashes) == {"change"}


def test_a_message_does_not_wait_for_a_model_that_reads_others(tmp_path: Path) -> None:
    model = LocalModel(make_tiny_model(tmp_path / "tiny"))
    model.tasks = frozenset({"change"})
    prompts = PromptLibrary()
    hurried = Asking.now(model, prompts, RULES, patience=0.05)
    rules = RULES.plan(MESSAGE, Conversation())
    with model.reserved(1.0) as had:
        assert had
        began = time.monotonic()
        done = understand(MESSAGE, Conversation(), RULES, hurried.planner, seconds=30.0)
        assert time.monotonic() - began < 15.0, "it did not wait for its deadline"
        assert (done.plan.query, done.planner, done.problem) == (rules.query, "rules", "")
    asked: list[str] = []
    complete = model.complete

    def seen(*args: Any, **named: Any) -> Completion:
        asked.append("change")
        return complete(*args, **named)

    model.complete = seen  # type: ignore[method-assign]
    understand(MESSAGE, Conversation(), RULES, hurried.planner, seconds=30.0)
    assert asked == ["change"], "it is asked again when it is free"


class Slow(ScriptedModel):
    """A model whose answer does not come in time."""

    def complete(self, *args: Any, **named: Any) -> Completion:
        raise ModelTimeoutError("the model was too slow", "ask again")


def test_a_hurried_answer_that_does_not_come_is_no_failure_but_a_slow_model_is() -> None:
    change = ChangePlanner(Slow(), load_prompt("change"), RULES.vocabulary)
    hurried = Together(RULES, change, patience=0.5)
    rules = RULES.plan(MESSAGE, Conversation())
    plan, reader = hurried.read(MESSAGE, Conversation(), deadline=time.monotonic() + 30)
    assert (plan, reader) == (rules, "rules")
    with pytest.raises(ModelTimeoutError):
        hurried.read(MESSAGE, Conversation(), deadline=time.monotonic() + 0.2)
    with pytest.raises(ModelTimeoutError):
        Together(RULES, change).read(MESSAGE, Conversation(), deadline=time.monotonic() + 30)
