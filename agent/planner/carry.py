"""Lays what was heard over the previous plan: keep, refine or replace."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal

from agent.planner.covers import covered, with_covered
from agent.planner.hear import Heard
from agent.planner.lexicon import lexicon, said
from agent.planner.query import head_of, main, without_loose_ends
from agent.planner.recall import recalled
from agent.planner.recipient import age_words, is_age
from agent.planner.refer import asked_for
from agent.planner.topic import MOST_REFUSED, affirmed, fresh, join, topic
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import limit
from agent.schema import OFFER, Act, Conversation, Plan, Shown
from retrieval.text import key, terms, words

_ALSO = r"also|too|as well|and also|(?<=^ )or"
FEW = 5  # of the shown items, best first: what the shopper has before their eyes


def carry(heard: Heard, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """The plan for a turn that searches, or asks back where there is nothing to search for."""
    fields: dict[str, Any] = {"act": Act.RECOMMEND}
    base = recalled(heard, base, conversation)
    plan = topic(heard, fresh(base) if heard.anew or _bare_gift(heard, base) else base, vocabulary)
    if base.query and head_of(plan.query) != head_of(base.query):
        plan = plan.model_copy(update={"not_brands": spoken(plan.not_brands, conversation)})
    if not heard.anew and heard.affirms and base.query and base.act is Act.CLARIFY:
        plan = affirmed(plan, conversation, vocabulary)
    plan = _with_brand(heard, plan, vocabulary)
    fields |= _names(heard, plan, conversation, vocabulary)
    fields |= _terms(heard, plan, fields, vocabulary)
    fields |= _price(heard, plan, conversation)
    fields |= _people(heard, plan, conversation)
    if heard.wishes.stock is not None or heard.unfiltered:
        fields["in_stock"] = bool(heard.wishes.stock)
    plan = _aged(plan.model_copy(update=fields))
    ask = _ask(heard, plan)
    if ask is not None:
        return plan.model_copy(update={"act": Act.CLARIFY, "ask": ask})
    chosen = main(list(heard.phrases))
    return plan.model_copy(update={"confidence": 0.5 if chosen and chosen.cue in {"background", "other"} else 0.9})


def _aged(plan: Plan) -> Plan:
    """Search by a child's age while nothing else is known to search by; else an age is no word of goods."""
    include = tuple(term for term in plan.include if not is_age(term))
    known = plan.query or [t for t in include if t.casefold() not in lexicon().occasions]
    age = "" if known else age_words(plan.recipient or "")
    return plan.model_copy(update={"include": (*include, age) if age else include})


def _bare_gift(heard: Heard, base: Plan) -> bool:
    """Whether a gift is asked for, and for nobody and nothing named: another errand than the one before."""
    asks = heard.text.has(r"(?:need|want|buy|find|get|looking for)(?: \w+)? (?:gift|present)s?")
    nobody = heard.recipient.gift and heard.recipient.name == "someone"
    return asks and nobody and not heard.phrases and not heard.references and base.act is not Act.CLARIFY


def _with_brand(heard: Heard, plan: Plan, vocabulary: Vocabulary) -> Plan:
    """Take a brand in the query for one where a further one is named: "Sony headphones", then "Bose too"."""
    said = plan.query.split()
    hits = vocabulary.find_brands(said)
    further = heard.text.has(_ALSO) and (heard.names.brands or heard.names.wanted)
    if not further or not hits or hits[0].start or hits[0].end == len(said) or vocabulary.is_word(hits[0].names[0]):
        return plan
    return plan.model_copy(
        update={"query": " ".join(said[hits[0].end :]), "brands": join(plan.brands, hits[0].names)},
    )


def spoken(brands: tuple[str, ...], conversation: Conversation) -> tuple[str, ...]:
    """Brands that the shopper refused by name. Those that "another brand" left out go with the goods they were of."""
    if not brands:
        return ()
    said = " ".join(f" {' '.join(words(m.text))} " for m in conversation.messages if m.role == "user").casefold()
    return tuple(brand for brand in brands if f" {' '.join(words(brand))} ".casefold() in said)


def _names(heard: Heard, plan: Plan, conversation: Conversation, vocabulary: Vocabulary) -> dict[str, Any]:
    """Brands, categories, platforms: the last said counts, for and against."""
    names, edits = heard.names, heard.edits
    refused = list(edits.not_brands)
    if edits.refused_brand:
        refused += sorted({item.brand for item in heard.targets if item.brand})
    other_brand = heard.other_brand or (edits.refused_brand and not heard.targets)
    also = heard.text.has(_ALSO)
    fields: dict[str, Any] = {}
    for wanted, against, new, off in (
        ("brands", "not_brands", names.brands, refused),
        ("categories", "not_categories", names.categories, edits.not_categories),
        ("platforms", "not_platforms", names.platforms, edits.not_platforms),
    ):
        before = getattr(plan, wanted)
        kept = join(before if also or not new else (), new)
        fields[wanted] = tuple(name for name in kept if name not in off)
        mentioned = {key(name) for name in new}
        fields[against] = tuple(n for n in join(getattr(plan, against), off) if key(n) not in mentioned or n in off)
    if other_brand:
        fields["not_brands"] = join(
            fields["not_brands"], plan.brands or _seen(heard, conversation, "brand", vocabulary.brands)
        )
    if heard.other_platform:
        seen = plan.platforms or _seen(heard, conversation, "platform", vocabulary.platforms)
        fields["not_platforms"] = join(fields["not_platforms"], seen)
    if heard.unfiltered or (heard.any_brand and heard.text.has(said("acts.lifts"))):
        fields |= {"not_brands": tuple(refused), "not_platforms": tuple(edits.not_platforms)}
    elif heard.any_brand:
        fields["not_brands"] = spoken(fields["not_brands"], conversation)
    if heard.any_brand or other_brand or (names.wanted and not also):
        fields["brands"] = tuple(names.brands)
    if heard.any_platform or heard.other_platform:
        fields["platforms"] = tuple(names.platforms)
    dropped = {word for phrase in edits.unneeded for word in words(phrase)}
    accepted = set(edits.accepted)
    for name, new in (("not_brands", refused), ("not_categories", edits.not_categories)):
        fields[name] = tuple(n for n in fields[name] if n in new or not accepted & {*words(n), *terms(key(n))})
    unwanted = {*refused, *fields["not_brands"]}
    fields["brands"] = tuple(n for n in fields["brands"] if n not in unwanted and not set(words(n)) <= dropped)
    return fields


def _seen(
    heard: Heard, conversation: Conversation, name: Literal["brand", "platform"], known: Iterable[str]
) -> tuple[str, ...]:
    """What "another brand" is other than: that of the items spoken of, else those of the best shown.

    Suggestions from other aisles weren't asked for, so theirs stay. Where these are all there are in the shop, it is
    the first one's alone, so that something is left to show.
    """
    focus = conversation.plan.targets if conversation.plan else ()
    best = asked_for(conversation.shown)[:FEW]
    about = heard.targets or [item for item in conversation.shown if item.id in focus] or best
    seen = tuple(dict.fromkeys(value for item in about if (value := getattr(item, name))))
    return seen if {key(value) for value in known} - {key(value) for value in seen} else seen[:1]


def _terms(heard: Heard, plan: Plan, names: dict[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """Wishes and refusals in words: what is refused now is wished no longer, and the other way round."""
    edits = heard.edits
    new = [term for term in edits.exclude if terms(term)]
    wished = {t for p in heard.phrases for t in terms(p.text)} if plan.query or plan.include else set()
    dropped = {t for phrase in edits.unneeded for t in terms(phrase)}
    wishes = {word for text in (plan.query, *plan.include) for word in words(text)}
    dropped |= {t for word in wishes if lexicon().kind(word) in edits.any_kind for t in terms(word)}
    free = wished | dropped | set(edits.accepted)
    free |= {kind for term in free for kind in covered(term)}
    exclude = [t for t in plan.exclude if not set(terms(t)) <= free]
    head = head_of(plan.query)
    new = [t if t in edits.names else _headless(t, head) for t in new]
    held = {t for text in (plan.query, *plan.include) for t in terms(text)}
    gone = {t for phrase in new if phrase not in edits.names and held >= {*terms(phrase)} for t in terms(phrase)}
    extra = [
        *([OFFER] if heard.wishes.offer else []),
        *(["affordable"] if heard.wishes.cheap else []),
        *edits.soft,
        *heard.names.wanted,
        *heard.recipient.about,
    ]
    query, *include = (_nameless(text, {*edits.names, *edits.not_brands}) for text in (plan.query, *plan.include))
    include = [t for t in include if t and not set(terms(t)) & (gone | dropped)]
    if heard.wishes.offer is False or heard.unfiltered:
        include = [t for t in include if t != OFFER]
    query = without_loose_ends([w for w in query.split() if not terms(w) or not set(terms(w)) <= gone | dropped])
    query = "" if head in gone or all(w.casefold() in lexicon().stop for w in query.split()) else query
    categories = set(names.get("not_categories", ()))
    return {
        "query": query,
        "include": join(include, [t for t in extra if t.casefold() not in {i.casefold() for i in include}]),
        "exclude": join(exclude, with_covered(new, held, vocabulary.count), most=MOST_REFUSED),
        "categories": tuple(c for c in names["categories"] if c not in categories),
    }


def _headless(phrase: str, head: str) -> str:
    """A refused phrase without the thing searched for: of "leather bags" only the leather isn't wanted."""
    return " ".join(w for w in phrase.split() if head not in terms(w)) or phrase


def _nameless(text: str, names: Collection[str]) -> str:
    """A query or a wish without refused names, each as a whole: "coffee" stays where "Mr. Coffee" is refused."""
    kept = text.split()
    for name in names:
        length = len(name.split())
        for at in range(len(kept) - length, -1, -1):
            if terms(" ".join(kept[at : at + length])) == terms(name):
                del kept[at : at + length]
    return " ".join(kept)


def _price(heard: Heard, plan: Plan, conversation: Conversation) -> dict[str, Any]:
    """Limits: those said now over those said before; "cheaper" from what was shown."""
    price, low, high, currency = heard.price, plan.price_min, plan.price_max, plan.currency
    if price.clear:
        low = high = None
    if price.low is not None or price.high is not None:
        low, high = price.over(low, high, currency)
        currency = price.currency or currency
        if price.low is not None and price.high is not None:
            low, high = price.low, price.high
        elif price.high is not None:
            low, high = (low if low is not None and low < price.high else None), price.high
        elif price.low is not None:
            low, high = price.low, (high if high is not None and high > price.low else None)
    elif heard.wishes.price:
        bound = limit(
            heard.wishes.price, conversation.shown, heard.targets if heard.definite else (), far=heard.wishes.far
        )
        if bound is not None and heard.wishes.price < 0 and high is not None and bound[0] >= high:
            within = [item for item in conversation.shown if (item.price_minor or high) < high]
            bound = limit(-1, within, (), far=heard.wishes.far) or (max(high - 1, 0), bound[1])
        if bound is not None and heard.wishes.price < 0:
            high = bound[0] if high is None else min(high, bound[0])
            low = low if low is not None and low <= high else None
        elif bound is not None:
            low = bound[0] if low is None else max(low, bound[0])
            high = high if high is not None and high >= low else None
        currency = bound[1] or currency if bound is not None else currency
    return {"price_min": low, "price_max": high, "currency": currency}


def _people(heard: Heard, plan: Plan, conversation: Conversation) -> dict[str, Any]:
    """The recipient, and items turned down or seen enough."""
    recipient = heard.recipient.name if heard.recipient.said else plan.recipient
    if heard.mine:
        recipient = None
    shown = conversation.shown
    refused: tuple[Shown, ...] = ()
    if heard.edits.refused_references or (heard.dislikes and heard.references and not heard.edits.refused_brand):
        focused = (
            heard.definite or len(heard.targets) > 1 or (conversation.plan is not None and conversation.plan.targets)
        )
        refused = heard.targets if focused else shown
    elif heard.similar:
        refused = heard.targets
    elif (
        heard.dislikes
        and not (heard.edits.exclude or heard.edits.not_brands or heard.edits.refused_brand or heard.any_brand)
    ) or (heard.more and not heard.phrases and not heard.wishes.price):
        refused = shown
    if heard.more and not heard.similar and not heard.definite and not heard.wishes.price:
        refused = (*refused, *shown)
    if heard.anew:
        refused = tuple(item for message in conversation.messages for item in message.shown)
    return {"recipient": recipient, "not_items": join(plan.not_items, [item.id for item in refused])[-200:]}


def _ask(heard: Heard, plan: Plan) -> str | None:
    """What to ask back; None where there is enough to go by.

    A gift for a named person within a budget is enough; a gift of which only one of the two is known is not.
    """
    hints = [term for term in plan.include if term.casefold() not in lexicon().occasions]
    goods = (
        plan.query,
        hints,
        plan.brands,
        plan.categories,
        plan.platforms,
        plan.exclude,
        plan.not_brands,
        plan.not_platforms,
        plan.not_items,
    )
    moves = (heard.ideas, heard.more, heard.any_brand, heard.any_platform, heard.wishes.price, heard.price.clear)
    if heard.recipient.gift and plan.recipient == "someone" and not any((*goods[:4], *moves)):
        return "recipient"
    if any(goods) or any(moves):
        return None
    priced = plan.price_min is not None or plan.price_max is not None
    if (priced or plan.in_stock) and plan.recipient != "someone":
        return None
    return "recipient" if plan.recipient == "someone" else "kind"
