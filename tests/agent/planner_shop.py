"""A small shop's vocabulary and a shown list, made by hand for the planner's tests."""

from __future__ import annotations

from agent.planner.rules import RulesPlanner
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Message, Plan, Shown

WORDS = {"wireless": 300, "headphone": 400, "waterproof": 200, "blanket": 90, "keyboard": 80, "leather": 150}
VOCABULARY = Vocabulary(
    brands=(
        "Acme", "Apple", "BLACK+DECKER", "Brita", "Dove", "Garmin", "Kilo", "Logitech", "Nike",
        "Sony", "Target", "Trek & Co",
    ),
    categories=(
        "Backpacks", "Coffee beans", "HEADPHONES", "Head torches", "LAMP", "Mugs", "PET_FOOD",
        "SHOES", "WATCH", "Water jugs",
    ),
    platforms=("Harbour", "Meadow", "Old Mill"),
    currency="USD",
    count=lambda term: WORDS.get(term, 0),
    carried=lambda brand, word: (brand, word) in {("Apple", "watch"), ("Dove", "soap"), ("Target", "bag")},
    related=lambda phrase, word: float((phrase.lower(), word) in {("loose leaf", "tea"), ("over ear", "headphone")}),
)  # fmt: skip
PLANNER = RulesPlanner(VOCABULARY)


def shown(number: int, title: str, price: int, platform: str, brand: str, category: str = "Water jugs") -> Shown:
    return Shown(
        id=f"s:{number}", title=title, name=title.split(",", maxsplit=1)[0], price_minor=price, currency="USD",
        platform=platform, category=category, brand=brand,
    )  # fmt: skip


SHOWN = (
    shown(1, "Brita Marella filter jug, black", 2000, "Harbour", "Brita"),
    shown(2, "Acme glass carafe, white, waterproof base", 3500, "Meadow", "Acme"),
    shown(3, "Kilo steel pitcher, blue", 5000, "Harbour", "Kilo"),
    shown(4, "Acme bamboo pot, green", 4000, "Old Mill", "Acme"),
)


def talk(*turns: str) -> Plan:
    """Plan every turn in its conversation; every recommending turn shows `SHOWN`. Returns the last plan."""
    conversation, plan = Conversation(), Plan()
    for turn in turns:
        plan = PLANNER.plan(turn, conversation)
        answer = Message(
            role="assistant", text="Here you are.", plan=plan, shown=SHOWN if plan.act is Act.RECOMMEND else ()
        )
        conversation = Conversation(messages=(*conversation.messages, Message(role="user", text=turn), answer))
    return plan
