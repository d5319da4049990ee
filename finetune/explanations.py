"""Examples of task "explain": prose that states nothing but its receipt, beside prose that slips in an invented fact.

The receipts come from real turns of the shop. Every sentence to learn passes the very check that serving makes; every
rejected one fails it, so the pair differs in being true and in little else.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from itertools import count

from agent.explain import questions
from agent.ground import Grounder
from agent.prompting import Prompt
from agent.schema import Act, Consent, Conversation, ItemReceipt, Profile, Receipt
from agent.turn import Assistant
from agent.wording import money, stock
from finetune.behaviour import query_of
from finetune.example import Example, Split
from retrieval.shop import Shop
from retrieval.text import label

SAYINGS = (
    "{name} costs {price} on {platform}.",
    "{name} is {price} on {platform}.",
    "At {price} on {platform}, there is {name}.",
    "{name} comes from {category} and costs {price}.",
    "For {price} you get {name}.",
)
LIES = (
    "{name} is now half price.",
    "{name} costs {wrong} on {platform}.",
    "{name} has a five year warranty.",
    "Other customers love {name}.",
    "{name} is waterproof and the lightest of its kind.",
    "{name} is free with your next order.",
    "{name} was tested by doctors.",
    "You bought {name} last week.",
)
ASKS = ("I'm looking for {thing}", "{thing}", "do you have {thing}?", "show me {thing}", "I need {thing} please")
IDEAS = ("surprise me", "what should I buy next?", "any ideas for me?")
SPLITS: dict[int, Split] = {8: "valid", 9: "test"}  # of ten turns, by number; all others train


def explain_examples(
    prompt: Prompt, assistant: Assistant, shoppers: Collection[str], split: Split, seed: int = 0
) -> Iterator[Example]:
    """Turns of a split with their facts, true prose and a lie, without end where the shop holds goods.

    Args:
        prompt: of task "explain"; one that asks for the facts alone gives an example an item.
        assistant: of the shop, without a model.
        shoppers: who may be learnt from; visitors without history are among the turns too.
        split: whose turns; no turn is of two.
        seed: of everything drawn.
    """
    shop = assistant.shop
    known = sorted(shoppers)
    if len(shop.catalogue) == 0:
        return
    for number in count():
        if SPLITS.get(number % 10, "train") != split:
            continue
        rng = random.Random(f"explain {seed} {number}")  # noqa: S311 (no secret)
        shopper = rng.choice(known) if known and rng.random() < 0.7 else None
        message = rng.choice(IDEAS) if rng.random() < 0.25 else rng.choice(ASKS).format(thing=_thing(shop, rng))
        profile = Profile(shopper=shopper, consent=Consent(personalise=True, prompt=True))
        receipt = assistant.cards(message, Conversation(), profile)
        if receipt.plan.act is not Act.RECOMMEND or not receipt.items:
            continue
        for messages, those in questions(prompt, receipt, message, with_history=shopper is not None):
            told = _told(receipt, those, message, rng)
            if told:
                lied = _lied(receipt, those, message, told, rng)
                yield Example("explain", split, tuple(messages), " ".join(told), lied)


def _told(receipt: Receipt, those: Sequence[ItemReceipt], message: str, rng: random.Random) -> list[str]:
    """One or two true sentences an item, in order."""
    grounder = Grounder(receipt, message)
    told: list[str] = []
    for item in those:
        fields = _fields(item)
        forms = [form for form in SAYINGS if all(fields[name] for name in fields if f"{{{name}}}" in form)]
        first = rng.choice(forms).format(**fields) if forms else f"{item.name} is worth a look."
        more = [sentence for sentence in (item.reason, _stocked(item)) if sentence and rng.random() < 0.8]
        told += [sentence for sentence in (first, *more[:1]) if grounder.check(sentence).grounded]
    return told


def _lied(receipt: Receipt, those: Sequence[ItemReceipt], message: str, told: list[str], rng: random.Random) -> str:
    """The same prose with one sentence that no receipt bears out; "" if every lie tried is true by accident."""
    for form in rng.sample(LIES, len(LIES)):
        item = rng.choice(those)
        lie = form.format(**_fields(item))
        if not Grounder(receipt, message).check(lie).grounded:
            place = rng.randrange(len(told) + 1)
            return " ".join([*told[:place], lie, *told[place:]])
    return ""


def _fields(item: ItemReceipt) -> dict[str, str]:
    goods = item.item
    minor = goods.price_minor
    return {
        "name": item.name,
        "price": money(minor, goods.currency) if minor is not None else "",
        "wrong": money(minor * 7 // 10 + 13, goods.currency) if minor is not None else "nothing",
        "platform": goods.platform,
        "category": label(goods.category),
    }


def _stocked(item: ItemReceipt) -> str:
    words = stock(item.item.availability)
    return f"It is {words}." if words else ""


def _thing(shop: Shop, rng: random.Random) -> str:
    row = rng.randrange(len(shop.catalogue))
    brand = shop.catalogue.brand
    return query_of(shop.catalogue.titles[row], brand.names[brand.codes[row]]) or "something nice"
