"""What a shopper can do next: each move words a message and works out the plan that it means.

A move takes the talk and gives the message with the whole plan after it, or None where it makes no sense now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.schema import Act, Plan
from finetune.conversations.limits import LIMITS, limited, priced
from finetune.conversations.phrasing import phrasings, with_article
from finetune.conversations.talk import COUNTS, Talk, joined, refined

Moved = tuple[str, Plan]
Move = Callable[[Talk], Moved | None]
COMPOSED = 0.35  # of new wishes are put together from parts
ASIDE = 0.12  # of new wishes come with a sentence that is about something else


def ask(talk: Talk) -> Moved:
    """Something new is asked for, often with limits; the first wish, or one in place of the last."""
    thing = talk.world.thing(talk.rng)
    fresh, move = _fresh(), "open.thing"
    slots = {"thing": thing, "a_thing": with_article(thing, talk.rng), "thing_last": thing}
    if talk.plan is not None and (talk.plan.query or talk.plan.include) and talk.rng.random() < 0.75:
        move = "open.instead"
    elif talk.rng.random() < 0.12:
        move, slots["who"] = "open.gift", talk.pick("recipients")
        fresh["recipient"] = slots["who"]
    text = talk.say(move, **slots) if move == "open.gift" or talk.rng.random() > COMPOSED else _composed(talk, thing)
    plan = talk.base.model_copy(update=fresh | {"query": thing})
    talk.keep.append(thing)
    sentences: list[str] = []
    for clause in talk.rng.sample(sorted(LIMITS), talk.rng.choices((0, 1, 2, 3), (35, 35, 20, 10))[0]):
        worded = limited(talk, plan, clause, tail=not sentences and "?" not in text)
        if worded is None:
            continue
        words, plan, tail = worded
        if tail:
            text = f"{text} {words}"
        else:
            sentences.append(words)
    text = " ".join([text if not sentences or text.endswith("?") else f"{text}.", *sentences])
    return (f"{talk.aside()} {text}" if talk.rng.random() < ASIDE else text), plan


def _composed(talk: Talk, thing: str) -> str:
    """A request put together from parts, of which there are many more than of whole ones."""
    talk.keep.append(thing)
    named = with_article(thing, talk.rng)
    if talk.rng.random() < 0.5:
        return f"{talk.rng.choice(phrasings('open.find', talk.part))} {named}"
    who, want = (talk.rng.choice(phrasings(f"open.{name}", talk.part)) for name in ("start", "want"))
    return f"{who} {want} {named}"


def limit(talk: Talk) -> Moved | None:
    """A limit alone, said of what is looked for already."""
    if talk.plan is None:
        return None
    worded = limited(talk, talk.base, talk.rng.choice(sorted(LIMITS)), tail=False)
    return None if worded is None else (worded[0], worded[1])


def correct(talk: Talk) -> Moved | None:
    """A budget and its correction in one breath: the last sum counts."""
    if talk.plan is None:
        return None
    high = talk.sum()
    wrong = max(100, high + 100 * talk.rng.choice((-20, -10, 10, 25, 50)))
    if wrong == high:
        return None
    text = talk.say("sentence.corrected", wrong=talk.money(wrong), max=talk.money(high))
    return text, priced(talk, talk.base, None, high)


def gift(talk: Talk) -> Moved | None:
    """Whom it is for, or that it is for oneself after all."""
    if talk.plan is None or not talk.plan.query:
        return None
    if talk.plan.recipient and talk.rng.random() < 0.4:
        return talk.say("sentence.me"), talk.base.model_copy(update={"recipient": None})
    who = talk.pick("recipients")
    return talk.say("sentence.who", who=who), talk.base.model_copy(update={"recipient": who})


def refine(talk: Talk) -> Moved | None:
    """One describing word more."""
    if talk.plan is None or not talk.plan.query:
        return None
    adjective = talk.pick("adjectives")
    if adjective in talk.plan.query:
        return None
    query = refined(talk.plan.query, adjective)
    return talk.say("edit.refine", adj=adjective), talk.base.model_copy(update={"query": query})


def use(talk: Talk) -> Moved | None:
    """What it is to be used for."""
    if talk.plan is None or not talk.plan.query or " for " in talk.plan.query:
        return None
    purpose = talk.pick("uses")
    query = f"{talk.plan.query} for {purpose}"
    return talk.say("edit.use", use=purpose), talk.base.model_copy(update={"query": query})


def cheaper(talk: Talk) -> Moved | None:
    """Cheaper or dearer than what was shown."""
    if not talk.shown or talk.plan is None:
        return None
    direction = -1 if talk.rng.random() < 0.75 else 1
    limits = talk.cheaper(direction)
    if not limits:
        return None
    return talk.say("edit.cheaper" if direction < 0 else "edit.dearer"), talk.base.model_copy(update=limits)


def relax(talk: Talk) -> Moved | None:
    """A limit taken back."""
    plan = talk.base
    options: list[tuple[str, dict[str, Any], dict[str, str]]] = []
    if plan.price_min is not None or plan.price_max is not None:
        options.append(("edit.any_price", {"price_min": None, "price_max": None}, {}))
    if plan.brands:
        options.append(("edit.any_brand", {"brands": ()}, {}))
    if plan.exclude:
        back = talk.rng.choice(plan.exclude)
        options.append(("edit.accept", {"exclude": tuple(t for t in plan.exclude if t != back)}, {"not": back}))
    if not options:
        return None
    move, update, slots = talk.rng.choice(options)
    return talk.say(move, **slots), plan.model_copy(update=update)


def more(talk: Talk) -> Moved | None:
    """Other things than those shown."""
    if not talk.shown:
        return None
    gone = joined(talk.base.not_items, *(item.id for item in talk.shown))
    return talk.say("edit.more"), talk.base.model_copy(update={"not_items": gone})


def dismiss(talk: Talk) -> Moved | None:
    """One shown thing is turned down."""
    if not talk.shown:
        return None
    place = talk.rng.randrange(len(talk.shown))
    gone = joined(talk.base.not_items, talk.shown[place].id)
    return talk.say("talk.dismiss", n=talk.ordinal(place)), talk.base.model_copy(update={"not_items": gone})


def compare(talk: Talk) -> Moved | None:
    """Two shown things side by side."""
    if len(talk.shown) < 2:
        return None
    first, second = talk.rng.sample(range(len(talk.shown)), 2)
    text = talk.say("talk.compare", n=talk.ordinal(first), m=talk.ordinal(second))
    targets = (talk.shown[first].id, talk.shown[second].id)
    return text, talk.base.model_copy(update={"act": Act.COMPARE, "targets": targets, "question": text})


def explain(talk: Talk) -> Moved | None:
    """A question about one shown thing."""
    if not talk.shown:
        return None
    place = talk.rng.randrange(len(talk.shown))
    slots = {"n": talk.ordinal(place), "adj": talk.pick("adjectives"), "feature": talk.pick("features")}
    text = talk.say("talk.explain", **slots)
    update = {"act": Act.EXPLAIN, "targets": (talk.shown[place].id,), "question": text}
    return text, talk.base.model_copy(update=update)


def cart(talk: Talk) -> Moved | None:
    """Into the cart, out of it, or a look at it."""
    if not talk.shown or talk.rng.random() < 0.2:
        return talk.say("talk.cart"), talk.base.model_copy(update={"act": Act.CART, "cart_op": "show"})
    place = talk.rng.randrange(len(talk.shown))
    op = "remove" if talk.rng.random() < 0.2 else "add"
    update: dict[str, Any] = {"act": Act.CART, "cart_op": op, "targets": (talk.shown[place].id,)}
    if op == "add" and talk.rng.random() < 0.25:
        update["quantity"] = talk.rng.choice(sorted(COUNTS))
        count = talk.rng.choice(COUNTS[update["quantity"]])
        text = talk.say("talk.add_many", n=talk.ordinal(place), count=count)
    else:
        text = talk.say(f"talk.{op}", n=talk.ordinal(place))
    return text, talk.base.model_copy(update=update)


def ideas(talk: Talk) -> Moved:
    """Nothing named: the shop may choose, but nothing that it showed before."""
    seen = tuple(item.id for message in talk.said for item in message.shown)
    gone = {"not_items": joined(talk.base.not_items, *seen)}
    return talk.say("open.ideas"), talk.base.model_copy(update=_fresh() | gone)


def vague(talk: Talk) -> Moved | None:
    """Too little to go by: the shop has to ask."""
    if talk.plan is not None and talk.plan.query:
        return None
    return talk.say("open.vague"), talk.base.model_copy(update={"act": Act.CLARIFY, "ask": "kind"})


def nothing(talk: Talk) -> Moved | None:
    """An answer that adds no wish to those there are."""
    if talk.plan is None or not talk.plan.query:
        return None
    return talk.say("edit.nothing"), talk.base


def praise(talk: Talk) -> Moved | None:
    """A good word for one shown thing, which asks for nothing."""
    if not talk.shown:
        return None
    place = talk.rng.randrange(len(talk.shown))
    update = {"act": Act.CHITCHAT, "targets": (talk.shown[place].id,)}
    return talk.say("talk.praise", n=talk.ordinal(place)), talk.base.model_copy(update=update)


def chat(talk: Talk) -> Moved:
    """A greeting, thanks, or something that no shop is for."""
    kind = talk.rng.choice(("greet", "off") if talk.plan is None else ("thanks", "off", "thanks"))
    return talk.say(f"chat.{kind}"), talk.base.model_copy(update={"act": Act.CHITCHAT})


def _fresh() -> dict[str, Any]:
    """What goes with an old wish when a new one takes its place; what is about the shopper stays."""
    gone: dict[str, Any] = dict.fromkeys(("include", "brands", "categories"), ())
    return gone | {"query": "", "price_min": None, "price_max": None}


MOVES: dict[str, tuple[float, Move]] = {  # name -> how often, what
    "ask": (22, ask),
    "limit": (22, limit),
    "correct": (4, correct),
    "gift": (5, gift),
    "refine": (10, refine),
    "use": (5, use),
    "cheaper": (7, cheaper),
    "relax": (5, relax),
    "more": (5, more),
    "dismiss": (5, dismiss),
    "compare": (6, compare),
    "explain": (7, explain),
    "cart": (7, cart),
    "nothing": (6, nothing),
    "praise": (2, praise),
    "ideas": (2, ideas),
    "vague": (3, vague),
    "chat": (5, chat),
}
