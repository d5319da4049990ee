"""Answers to questions about shown items, and the short words of a turn that shows no new goods."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.ground import neutral_words
from agent.language import marked, say
from agent.planner.acts import privacy, serves
from agent.planner.tokens import Text
from agent.reason import QUOTED, did, telling, walk
from agent.schema import Check, ItemReceipt, Plan, Shown
from agent.sentences import split
from agent.wording import listed, money, sentence, stock
from retrieval.catalogue import Catalogue
from retrieval.history import History
from retrieval.schema import EventKind, Item
from retrieval.text import label, short_name, terms

_WHY = frozenset({"why", "reason", "because", "suggest", "recommend", "evidence"})
_ABOUT = {
    "price": frozenset({"price", "cost", "much", "expensive", "cheap", "cheaper", "cheapest", "pay"}),
    "stock": frozenset({"stock", "available", "availability", "deliver", "left"}),
    "brand": frozenset({"brand", "make", "maker", "manufacturer", "made"}),
    "platform": frozenset({"platform", "sell", "seller", "sold", "where"}),
}
_MEASURES = {
    "weigh": "weight", "heavy": "weight", "light": "weight", "bright": "light", "small": "size", "short": "length",
    "long": "length", "wide": "width", "tall": "height", "high": "height",
    "thick": "thickness", "deep": "depth", "big": "size", "large": "size", "coloured": "colour", "colors": "colour",
}  # fmt: skip
_LIMITS = {
    "price": marked("price"),
    "stock": marked("stock"),
    "brand": marked("brand"),
    "category": marked("category"),
    "platform": marked("platform"),
    "offer": marked("offer"),
    "unwanted": marked("unwanted"),
}
_ASKED_ZH = {
    "why": re.compile("为什么|为何|理由|怎么推荐"),
    "price": re.compile("价格|多少钱|什么价|贵"),
    "stock": re.compile("有货|现货|库存"),
    "brand": re.compile("品牌|牌子"),
    "platform": re.compile("平台|哪里(?:买|卖)|哪儿"),
}
_PLACE_ZH = re.compile(
    r"(?:我(?:要|想要|选|喜欢)|就(?:要|是)?|看看|介绍一下)?第[一二三四五六七八九\d](?:个|款|件|双)?的?(?:呢|吧|好了|怎么样)?"
)
_OF = r"(?: ones?| of (?:them|these|those|all))?"
_MOST = re.compile(  # "which one is softest?", and nothing after it that might be what is told
    rf"(?:\W|and|so|ok|okay|but)*(?:which|what){_OF} (?:is|are|would be|feels?|looks?|sounds?) (?:the )?"
    rf"(?P<said>(?:most|least) (?P<most>[a-z]{{3,}})|(?P<most_of>[a-z]{{3,}})est){_OF}\W*"
)
_COUNTED = frozenset(
    {"cheap", "expensive", "affordable", "costly", "low", "high", "dear", "new", "late", "near", "popular", "sold"}
)
_PRIVACY_ZH = re.compile("忘(?:记|掉)|删除|清除|删掉")
_SERVICE_ZH = re.compile("退货|退款|退换|(?:怎么|如何|可以)退|换货|发货|物流|快递|运费|配送|支付|付款|订单|保修|客服")
_LATEST = 6  # purchases told
_STEPS = 3  # further steps of evidence told after the first
_QUESTIONS = {
    "kind": marked("What kind of thing are you looking for?"),
    "recipient": marked("Who is it for, and what do they like?"),
    "budget": marked("About how much would you like to spend?"),
    "features": marked("Is there anything it should have or be, such as a colour or a size?"),
    "brand": marked("Do you have a brand in mind?"),
    "use": marked("What would you use it for?"),
    "item": marked("Which item do you mean? Tell me its number or its name."),
}


def answer(item: ItemReceipt, question: str) -> list[str]:
    """Answer a question about one item from its receipt; say plainly what the data doesn't tell."""
    question, pointed = _PLACE_ZH.subn(" ", question)
    asked = [term for term in terms(question) if term not in neutral_words()]
    spoken = set(terms(question))
    if spoken & _WHY or not (spoken or pointed) or _ASKED_ZH["why"].search(question):
        return why(item)
    for field, cues in _ABOUT.items():
        if spoken & cues or _ASKED_ZH[field].search(question):
            return [_field(item, field)]
    asked = [_MEASURES.get(term, term) for term in asked if not term.isdigit()]
    if set(asked) <= {*terms(item.item.platform), *terms(item.item.brand)}:
        return [summary(item)]
    said = _quote(item, asked)
    if said:
        return [say("{name}: the shop's data says “{said}”", name=item.name, said=said)]
    lines = [_silent(item, f"“{' '.join(asked)}”")]
    first = next(iter(split(item.item.description)), "").strip()
    if first:
        lines.append(say("It says: “{said}”", said=first))
    return lines


def why(item: ItemReceipt) -> list[str]:
    """The evidence, step by step: what you did, where shoppers go from there, which limits it keeps."""
    lines = [
        f"{item.name}: {item.reason}"
        if item.reason
        else say("{name} came up among the nearest to your request.", name=item.name)
    ]
    told, steps = item.reason, 0
    for evidence in (*item.evidence, *item.need.evidence):
        if evidence.edge is None or not telling(evidence.edge) or steps == _STEPS:
            continue
        step = sentence(walk(evidence.edge))
        if step not in told:
            before = [sentence(did(event)) for event in evidence.events[:1] if did(event) not in told]
            lines.append(" ".join([*before, step]))
            told, steps = f"{told} {lines[-1]}", steps + 1
    kept = [_limit(check) for check in item.checks if check.passed]
    if kept:
        lines.append(say("It keeps your limits: {limits}.", limits="; ".join(kept)))
    for guess in item.what_if[:1]:
        moved = {"event": short_name(guess.event, QUOTED), "rank": guess.rank, "then": guess.rank_without}
        if guess.rank_without == guess.rank:
            lines.append(say("Without “{event}” it would stay in its place.", **moved))
        elif guess.rank_without:
            lines.append(say("Without “{event}” it would move from place {rank} to place {then}.", **moved))
        else:
            lines.append(say("Without “{event}” it would move from place {rank} off this list.", **moved))
    return lines


def summary(item: ItemReceipt) -> str:
    """All plain fields of an item in one line."""
    goods = item.item
    parts = [money(goods.price_minor, goods.currency) if goods.price_minor is not None else "", goods.brand]
    parts += [
        label(goods.category),
        say("on {names}", names=goods.platform) if goods.platform else "",
        stock(goods.availability),
    ]
    parts += [f"{name.replace('_', ' ')}: {value}" for name, value in goods.attributes.items()]
    return f"{sentence(f'{item.name} – {listed([part for part in parts if part])}')} {goods.description}".strip()


def untold(question: str, items: Sequence[Item]) -> list[str]:
    """Say so where a question asks which of some items is softest, or most durable, and no text has such a word."""
    found = _MOST.fullmatch(question.casefold())
    if found is None:
        return []
    quality = found["most"] or found["most_of"]
    bases = {quality, f"{quality}e", quality[:-1], re.sub("i$", "y", quality)} if found["most_of"] else {quality}
    if bases & _COUNTED:
        return []
    words = {term for base in bases for term in terms(_MEASURES.get(base, base))}
    told = (" ".join((i.title, i.description, *i.attributes, *i.attributes.values())) for i in items)
    if words & {term for text in told for term in terms(text)}:
        return []
    return [
        say(
            "The shop's data doesn't say in so many words which is {quality}; this is what it tells.",
            quality=found["said"],
        )
    ]


def clarifying(plan: Plan) -> str:
    """The question that a clarifying turn asks."""
    if plan.ask == "meaning":
        return say("I understood “{query}”: is that what you meant?", query=plan.query)
    if plan.ask in _QUESTIONS:
        return say(_QUESTIONS[plan.ask])
    return say("Which {kind} would you like?", kind=plan.ask) if plan.ask else say(_QUESTIONS["kind"])


def small_talk(message: str) -> str:
    """A short answer to what isn't about shopping."""
    spoken = set(terms(message))
    if privacy(Text(message)) or _PRIVACY_ZH.search(message):
        return say(
            "What I know of you is in the panels beside the chat: History forgets one event, Interests a whole aisle, "
            "and “Forget me here” everything. I can't forget anything from within a message."
        )
    if serves(Text(message)) or _SERVICE_ZH.search(message):
        return say(
            "Orders, delivery, returns and payment are for the shop itself to answer: I can't see them. I can help you "
            "find something it sells."
        )
    if spoken & {"thank", "thx", "cheer", "谢谢"}:
        return say("You are welcome. Tell me whenever you would like to look for something.")
    if spoken & {"bye", "goodbye", "再见"}:
        return say("Goodbye, and come back any time.")
    if spoken & {"hi", "hello", "hey", "morning", "evening", "afternoon", "你好"} and len(spoken) < 8:
        return say("Hello! Tell me what you are looking for, or ask me for ideas.")
    return say("I can help with what this shop sells: tell me what you are looking for, or ask me for ideas.")


def cart_words(op: str, names: list[str], lines: list[tuple[Shown, int]]) -> list[str]:
    """What happened to the cart and what is in it now."""
    verb = {"add": marked("I put {name} in your cart."), "remove": marked("I took {name} out of your cart.")}.get(op)
    said = [say(verb, name=name) for name in names] if verb else []
    if not lines:
        return [*said, say("Your cart is empty.")]
    said.append(say("In your cart:"))
    for shown, quantity in lines:
        price = f" – {money(shown.price_minor, shown.currency)}" if shown.price_minor is not None else ""
        said.append(sentence(f"{quantity} x {shown.name}{price}"))
    return [*said, *_together(lines)]


def _together(lines: list[tuple[Shown, int]]) -> list[str]:
    """What all of a cart costs, where that can be told and isn't told by its only line."""
    currencies = {shown.currency for shown, _ in lines}
    prices = [(shown.price_minor, quantity) for shown, quantity in lines]
    if sum(quantity for _, quantity in lines) < 2 or len(currencies) > 1 or any(price is None for price, _ in prices):
        return []
    total = sum((price or 0) * quantity for price, quantity in prices)
    return [say("Together: {total}.", total=money(total, currencies.pop()))]


def past_words(history: History, catalogue: Catalogue) -> list[str]:
    """The shopper's latest purchases, newest first; that none is known where none is."""
    bought = history.of_kind(EventKind.PURCHASE)
    refs = [bought.ref(index, catalogue) for index in range(len(bought) - 1, max(-1, len(bought) - 1 - _LATEST), -1)]
    if not refs:
        return [say("I know of nothing that you bought here.")]
    return [say("This is what you bought last, as far as I know:"), *(sentence(did(ref)) for ref in refs)]


def limit_name(constraint: str) -> str:
    """A checked constraint's name in the language spoken now."""
    return say(_LIMITS[constraint]) if constraint in _LIMITS else constraint


def _limit(check: Check) -> str:
    """A checked limit in words; what isn't wanted is told by its own "no ...", not as "unwanted no ..."."""
    return check.asked if check.constraint == "unwanted" else f"{limit_name(check.constraint)} {check.asked}"


def _field(item: ItemReceipt, field: str) -> str:
    goods = item.item
    value = {
        "price": money(goods.price_minor, goods.currency) if goods.price_minor is not None else "",
        "stock": stock(goods.availability),
        "brand": goods.brand,
        "platform": goods.platform,
    }[field]
    said = {
        "price": marked("{name} costs {value}."),
        "stock": marked("{name} is {value}."),
        "brand": marked("{name} is by {value}."),
        "platform": marked("{name} is on {value}."),
    }[field]
    if value:
        return say(said, name=item.name, value=value)
    return say("The shop's data on {name} says nothing about its {field}.", name=item.name, field=limit_name(field))


def _silent(item: ItemReceipt, asked: str) -> str:
    return say("The shop's data on {name} says nothing about {asked}.", name=item.name, asked=asked)


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
