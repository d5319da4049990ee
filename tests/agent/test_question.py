"""A question beside the cards: about what isn't known, at most twice, and never in the way."""

from __future__ import annotations

from agent.planner.question import MOST_ASKED, with_question
from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Message, Plan
from agent.understand import understand

PRICED = Vocabulary(brands=("Lumo", "Petzl"), currency="USD")
PRICELESS = Vocabulary(brands=("Lumo", "Petzl"))


def asked_after(*plans: Plan) -> Conversation:
    messages = [
        m for plan in plans for m in (Message(role="user", text="x"), Message(role="assistant", text="", plan=plan))
    ]
    return Conversation(messages=tuple(messages))


def test_a_bare_wish_is_shown_and_asked_about() -> None:
    plan = with_question(Plan(query="torch"), Conversation(), PRICED)
    assert (plan.act, plan.ask) == (Act.RECOMMEND, "features")


def test_what_is_known_is_not_asked() -> None:
    assert with_question(Plan(query="red torch"), Conversation(), PRICED).ask == "budget"
    assert with_question(Plan(query="red torch", price_max=100), Conversation(), PRICED).ask == "brand"
    assert with_question(Plan(query="red torch", price_max=100, brands=("Lumo",)), Conversation(), PRICED).ask is None


def test_no_budget_is_asked_where_no_price_is_told() -> None:
    assert with_question(Plan(query="red torch"), Conversation(), PRICELESS).ask == "brand"


def test_it_asks_about_a_wish_three_times_at_most_and_never_the_same() -> None:
    conversation, asked = Conversation(), []
    for _ in range(5):
        plan = with_question(Plan(query="torch"), conversation, PRICED)
        asked.append(plan.ask)
        before = [m.plan for m in conversation.messages if m.plan is not None]
        conversation = asked_after(*before, plan)
    found = [ask for ask in asked if ask]
    assert len(found) == MOST_ASKED == len(set(found))
    assert with_question(Plan(query="kettle"), conversation, PRICED).ask is not None  # another wish


def test_who_would_rather_look_is_asked_no_second_time() -> None:
    first = with_question(Plan(query="torch"), Conversation(), PRICED, "show me a torch")
    assert first.ask is not None
    again = Plan(query="torch")
    assert with_question(again, asked_after(first), PRICED, "anything is fine").ask is not None
    assert with_question(again, asked_after(first), PRICED, "let me see some pictures first").ask is None


def test_somebody_who_turns_things_down_or_buys_a_gift_is_not_asked() -> None:
    assert with_question(Plan(query="torch", not_items=("a:1",)), Conversation(), PRICED).ask is None
    assert with_question(Plan(query="torch", recipient="sister"), Conversation(), PRICED).ask is None
    assert with_question(Plan(act=Act.CART, cart_op="show"), Conversation(), PRICED).ask is None


def test_a_bare_sum_answers_the_question_about_the_budget() -> None:
    rules = RulesPlanner(PRICED)
    first = understand("red torch", Conversation(), rules).plan
    assert first.ask == "budget"
    second = understand("about 40", asked_after(first), rules).plan
    assert second.price_max is not None
    assert second.query == "red torch"
