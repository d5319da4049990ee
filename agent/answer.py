"""Answers to questions about shown items, and the short words of a turn that shows no new goods."""

from __future__ import annotations

from agent.ground import neutral_words
from agent.reason import did, telling, walk
from agent.schema import ItemReceipt, Plan, Shown
from agent.sentences import split
from agent.wording import money, stock
from retrieval.text import label, terms

_WHY = frozenset({"why", "reason", "because", "suggest", "recommend", "evidence"})
_ABOUT = {
    "price": frozenset({"price", "cost", "much", "expensive", "cheap", "pay"}),
    "stock": frozenset({"stock", "available", "availability", "deliver", "left"}),
    "brand": frozenset({"brand", "make", "maker", "manufacturer", "made"}),
    "platform": frozenset({"platform", "sell", "seller", "sold", "where"}),
}
_STEPS = 3  # further steps of evidence told after the first
_QUESTIONS = {
    "kind": "What kind of thing are you looking for?",
    "recipient": "Who is it for, and what do they like?",
    "budget": "About how much would you like to spend?",
    "item": "Which item do you mean? Tell me its number or its name.",
    "currency": "In which limit should I look?",
}


def answer(item: ItemReceipt, question: str) -> list[str]:
    """Answer a question about one item from its receipt; say plainly what the data doesn't tell."""
    asked = [term for term in terms(question) if term not in neutral_words()]
    spoken = set(terms(question))
    if spoken & _WHY or not spoken:
        return why(item)
    for field, cues in _ABOUT.items():
        if spoken & cues:
            return [_field(item, field)]
    asked = [term for term in asked if not term.isdigit()]
    if set(asked) <= {*terms(item.item.platform), *terms(item.item.brand)}:
        return [summary(item)]
    said = _quote(item, asked)
    if said:
        return [f"{item.name}: the shop's data says “{said}”"]
    lines = [f"The shop's data on {item.name} says nothing about “{' '.join(asked)}”."]
    first = next(iter(split(item.item.description)), "").strip()
    if first:
        lines.append(f"It says: “{first}”")
    return lines


def why(item: ItemReceipt) -> list[str]:
    """The evidence, step by step: what you did, where shoppers go from there, which limits it keeps."""
    lines = [
        f"{item.name}: {item.reason}" if item.reason else f"{item.name} came up among the nearest to your request."
    ]
    told, steps = item.reason, 0
    for evidence in (*item.evidence, *item.need.evidence):
        if evidence.edge is None or not telling(evidence.edge) or steps == _STEPS:
            continue
        step = f"{walk(evidence.edge)}."
        if step not in told:
            before = [f"{did(event)}." for event in evidence.events[:1] if did(event) not in told]
            lines.append(" ".join([*before, step]))
            told, steps = f"{told} {lines[-1]}", steps + 1
    kept = [f"{check.constraint} {check.asked}" for check in item.checks if check.passed]
    if kept:
        lines.append(f"It keeps your limits: {'; '.join(kept)}.")
    for guess in item.what_if[:1]:
        if guess.rank_without == guess.rank:
            lines.append("It would stay in its place without that event.")
        else:
            away = f"to place {guess.rank_without}" if guess.rank_without else "off this list"
            lines.append(f"Without that event it would move from place {guess.rank} {away}.")
    return lines


def summary(item: ItemReceipt) -> str:
    """All plain fields of an item in one line."""
    goods = item.item
    parts = [money(goods.price_minor, goods.currency) if goods.price_minor is not None else "", goods.brand]
    parts += [label(goods.category), f"on {goods.platform}" if goods.platform else "", stock(goods.availability)]
    parts += [f"{name.replace('_', ' ')}: {value}" for name, value in goods.attributes.items()]
    return f"{item.name} – {', '.join(part for part in parts if part)}. {goods.description}".strip()


def clarifying(plan: Plan) -> str:
    """The question that a clarifying turn asks."""
    if plan.ask in _QUESTIONS:
        return _QUESTIONS[plan.ask]
    return f"Which {plan.ask} would you like?" if plan.ask else _QUESTIONS["kind"]


def small_talk(message: str) -> str:
    """A short answer to what isn't about shopping."""
    spoken = set(terms(message))
    if spoken & {"thank", "thx", "cheer", "谢谢"}:
        return "You are welcome. Tell me whenever you would like to look for something."
    if spoken & {"bye", "goodbye", "再见"}:
        return "Goodbye, and come back any time."
    if spoken & {"hi", "hello", "hey", "morning", "evening", "afternoon", "你好"} and len(spoken) < 8:
        return "Hello! Tell me what you are looking for, or ask me for ideas."
    return "I can help with what this shop sells: tell me what you are looking for, or ask me for ideas."


def cart_words(op: str, names: list[str], lines: list[tuple[Shown, int]]) -> list[str]:
    """What happened to the cart and what is in it now."""
    verb = {"add": "I put {} in your cart.", "remove": "I took {} out of your cart."}.get(op)
    said = [verb.format(name) for name in names] if verb else []
    if not lines:
        return [*said, "Your cart is empty."]
    said.append("In your cart:")
    for shown, quantity in lines:
        price = f" – {money(shown.price_minor, shown.currency)}" if shown.price_minor is not None else ""
        said.append(f"{quantity} x {shown.name}{price}.")
    return said


def _field(item: ItemReceipt, field: str) -> str:
    goods = item.item
    if field == "price":
        known = money(goods.price_minor, goods.currency) if goods.price_minor is not None else ""
        return (
            f"{item.name} costs {known}." if known else f"The shop's data on {item.name} says nothing about its price."
        )
    value = {"stock": stock(goods.availability), "brand": goods.brand, "platform": goods.platform}[field]
    said = {"stock": "is", "brand": "is by", "platform": "is on"}[field]
    return (
        f"{item.name} {said} {value}." if value else f"The shop's data on {item.name} says nothing about its {field}."
    )


def _quote(item: ItemReceipt, asked: list[str]) -> str:
    goods = item.item
    fields = [
        *split(goods.description),
        *(f"{n.replace('_', ' ')}: {v}" for n, v in goods.attributes.items()),
        goods.title,
    ]
    hits = [(sum(term in terms(field) for term in asked), -place) for place, field in enumerate(fields)]
    best = max(hits, default=(0, 0))
    return fields[-best[1]].strip() if best[0] else ""
