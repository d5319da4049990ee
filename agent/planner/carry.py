"""Lays what was heard over the previous plan: keep, refine or replace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from agent.planner.hear import Heard
from agent.planner.lexicon import lexicon
from agent.planner.query import Phrase, main, phrases, wishes
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import limit
from agent.schema import Act, Conversation, Plan, Shown
from retrieval.text import key, label, short_name, terms, words

MAX_QUERY = 200  # characters
_YES_NO = r"(?:(?:ok|okay|sure|great|got it)[,. ]+)?(?:do|does|is|are|would|should|how about|what about|can|could|shall|will|any)\b"
_MEANT = r"(?:what|all) (?:i|we) (?:really |actually )?(?:want|need|am looking for|meant|mean)(?: is)?|i (?:meant|mean)|i said"
_IT = r"(?:want|need|like|prefer|use|using|wear|have|would be|should be|must be|is|are|be|for|use) (?:it|them|this)|(?:it|they) (?:should|must|has|have|need|needs|can|is|are|could|will|would)|(?:one|ones|something|anything|those|these) (?:with|in|that|for|which)"


def carry(heard: Heard, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """The plan for a turn that searches, or asks back where there is nothing to search for."""
    fields: dict[str, Any] = {"act": Act.RECOMMEND}
    plan = _topic(heard, base, conversation, vocabulary)
    if heard.fresh and not heard.phrases and not heard.similar:
        plan = _fresh(plan)
    elif heard.affirms and base.query and base.act is Act.CLARIFY:
        plan = _affirmed(plan, conversation, vocabulary)
    fields |= _names(heard, plan, conversation)
    fields |= _terms(heard, plan, fields)
    fields |= _price(heard, plan, conversation)
    fields |= _people(heard, plan, conversation)
    if heard.wishes.stock is not None:
        fields["in_stock"] = heard.wishes.stock
    plan = plan.model_copy(update=fields)
    ask = _ask(heard, plan)
    if ask is not None:
        return plan.model_copy(update={"act": Act.CLARIFY, "ask": ask})
    chosen = main(list(heard.phrases))
    return plan.model_copy(update={"confidence": 0.5 if chosen and chosen.cue in {"background", "other"} else 0.9})


def _topic(heard: Heard, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """Decide on the query; `include` takes what else was wished."""
    found = [p for p in heard.phrases if not (heard.similar and p.cue == "background")]
    if heard.similar and heard.targets:
        item = heard.targets[0]
        query = short_name(item.name or item.title, 60) or label(item.category)
        return base.model_copy(update={"query": query, "include": _join(base.include, [p.text for p in found])})
    if heard.references and not any(p.cue in {"request", "wish"} for p in found):
        found = [p for p in found if not p.names or p.cue in {"request", "wish"}] if conversation.shown else found
    chosen = main(found)
    if chosen is None:
        return base
    more = [text for text in wishes(found, chosen) if text.casefold() != chosen.text.casefold()]
    how = _relation(heard, chosen, base, conversation, vocabulary)
    if how == "replace":
        return _fresh(base).model_copy(update={"query": chosen.text[:MAX_QUERY], "include": tuple(more)})
    if how == "correct":
        return base.model_copy(update={"query": chosen.text[:MAX_QUERY], "include": _join(base.include, more)})
    if how == "same":
        return _again(base, chosen, more)
    if how == "join":
        query, include = _without_rivals(base, chosen.words)
        query = query if set(terms(chosen.text)) <= set(terms(query)) else f"{chosen.text} {query}".strip()
        return base.model_copy(update={"query": query[:MAX_QUERY], "include": _join(include, more)})
    query, include = _without_rivals(base, [w for p in found for w in p.words])
    return base.model_copy(update={"query": query, "include": _join(include, [chosen.text, *more])})


def _affirmed(base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """ "yes" to "Would you like a wireless one?" wishes for what the question offered."""
    asked = next((m.text for m in reversed(conversation.messages) if m.role == "assistant"), "")
    question = next((s for s in reversed(re.split(r"(?<=[.!?])\s+", asked)) if s.endswith("?")), "")
    if not re.match(_YES_NO, question.casefold()):
        return base
    chosen = main(phrases(Text(question), vocabulary))
    if chosen is None or len(chosen.words) > 4 or set(terms(chosen.text)) <= set(terms(base.query)):
        return base
    return base.model_copy(update={"include": _join(base.include, [chosen.text])})


def _relation(heard: Heard, chosen: Phrase, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> str:
    """How the phrase relates to what was searched for: replace, correct, same, join or add."""
    if not base.query:
        return "correct"
    links = lexicon().link | lexicon().describing
    content = {t for t in terms(chosen.text) if t not in links}
    if _head(base.query) in content or (content and content <= set(terms(base.query))):
        return "same"
    if heard.text.has(_MEANT):
        return "correct"
    answering = base.act is Act.CLARIFY
    short = len(chosen.words) <= 3
    if short and _is_proper(heard, chosen) and not _names_goods(chosen, vocabulary):
        return "join"
    if not chosen.names:
        return "join" if short and chosen.cue != "purpose" else "add"
    if chosen.cue == "request" and not chosen.generic and not heard.text.has(_IT):
        return "add" if answering and not _names_goods(chosen, vocabulary) and heard.references else "replace"
    if answering and not (chosen.cue == "bare" and _names_goods(chosen, vocabulary) and base.ask not in {None, "kind"}):
        return "join" if short else "add"
    if (
        chosen.cue == "bare"
        and not chosen.generic
        and not chosen.definite
        and not heard.text.has(_IT)
        and not heard.references
    ):
        return "replace" if _names_goods(chosen, vocabulary) or _is_statement(heard) else "add"
    return "add"


def _head(query: str) -> str:
    """The word that names the thing: the last before "for", "with" and the like."""
    head = ""
    for word in query.casefold().split():
        if word in lexicon().link and head:
            break
        if word not in lexicon().link:
            head = word
    return (terms(head) or [""])[-1]


def _is_statement(heard: Heard) -> bool:
    """A message that is nothing but a thing: "garlic press"."""
    return (
        len(heard.phrases) == 1
        and heard.phrases[0].text
        and not heard.text.low.strip().startswith(("with ", "in ", "for ", "and ", "but "))
    )


def _is_proper(heard: Heard, chosen: Phrase) -> bool:
    """A name in capitals that the catalogue has no column for: a brand or a series, so a wish about the same thing."""
    at = heard.text.raw.find(chosen.text)
    capital = all(word[:1].isupper() for word in chosen.text.split() if word not in lexicon().link)
    return (
        capital
        and at > 0
        and not heard.text.raw.isupper()
        and not heard.text.raw.istitle()
        and heard.text.raw[at - 2 : at - 1] not in ".!?"
    )


def _names_goods(chosen: Phrase, vocabulary: Vocabulary) -> bool:
    content = [w for w in chosen.words if w not in lexicon().link]
    return bool(content) and vocabulary.is_noun(content[-1]) and content[-1] not in lexicon().describing


def _fresh(base: Plan) -> Plan:
    """The plan without what belonged to the old topic."""
    return base.model_copy(
        update={"include": (), "brands": (), "categories": (), "price_min": None, "price_max": None, "query": ""}
    )


def _again(base: Plan, chosen: Phrase, more: list[str]) -> Plan:
    """The same thing in other words: the new words are the query, describing words said before become wishes."""
    query, include = _without_rivals(base, chosen.words)
    said = set(terms(chosen.text))
    kept = [w for w in query.split() if not set(terms(w)) <= said and w.casefold() not in lexicon().stop]
    if said <= set(terms(base.query)):
        return base.model_copy(update={"query": query, "include": _join(include, more)})
    return base.model_copy(update={"query": chosen.text[:MAX_QUERY], "include": _join(include, [*kept, *more])})


def _without_rivals(base: Plan, new: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Query and wishes without words that new ones of their class replace: black by white, small by large."""
    new = [w.casefold() for w in new]
    kinds = {lexicon().kind(w) for w in new} - {""}

    def stays(word: str) -> bool:
        low = word.casefold()
        return lexicon().kind(low) not in kinds or low in new

    query = " ".join(w for w in base.query.split() if stays(w))
    include = tuple(t for t in base.include if all(stays(w) for w in t.split()))
    return query, include


def _join(*lists: Iterable[str]) -> tuple[str, ...]:
    unique: dict[str, str] = {}
    for terms_ in lists:
        for term in terms_:
            unique.setdefault(term.casefold(), term)
    return tuple(unique.values())[-24:]


def _names(heard: Heard, plan: Plan, conversation: Conversation) -> dict[str, Any]:
    """Brands, categories, platforms: the last said counts, for and against."""
    names, edits = heard.names, heard.edits
    refused = list(edits.not_brands)
    if edits.refused_brand:
        about = heard.targets or conversation.shown
        brands = {item.brand for item in about if item.brand}
        refused += sorted(brands) if len(brands) == 1 or heard.targets else []
    also = heard.text.has(r"also|too|as well|and also|or")
    fields: dict[str, Any] = {}
    for wanted, against, new, off in (
        ("brands", "not_brands", names.brands, refused),
        ("categories", "not_categories", names.categories, edits.not_categories),
        ("platforms", "not_platforms", names.platforms, edits.not_platforms),
    ):
        before = getattr(plan, wanted)
        kept = _join(before if also or not new else (), new)
        fields[wanted] = tuple(name for name in kept if name not in off)
        mentioned = {key(name) for name in new}
        fields[against] = tuple(n for n in _join(getattr(plan, against), off) if key(n) not in mentioned or n in off)
    accepted = [name for name in plan.not_brands if set(words(name)) & set(edits.accepted) and name not in refused]
    fields["not_brands"] = tuple(name for name in fields["not_brands"] if name not in accepted)
    return fields


def _terms(heard: Heard, plan: Plan, names: dict[str, Any]) -> dict[str, Any]:
    """Wishes and refusals in words: what is refused now is wished no longer, and the other way round."""
    edits = heard.edits
    new = [term for term in edits.exclude if terms(term)]
    wished = {t for p in heard.phrases for t in terms(p.text)} if plan.query or plan.include else set()
    dropped = {t for phrase in edits.unneeded for t in terms(phrase)}
    exclude = [
        t for t in plan.exclude
        if not set(terms(t)) <= wished | dropped | set(edits.accepted)
    ]  # fmt: skip
    head = _head(plan.query)
    new = [" ".join(w for w in t.split() if head not in terms(w)) or t if len(t.split()) > 1 else t for t in new]
    gone = {t for phrase in new for t in terms(phrase)}
    include = [t for t in plan.include if not set(terms(t)) & (gone | dropped)]
    extra = [
        *(["promotion"] if heard.wishes.offer else []),
        *(["affordable"] if heard.wishes.cheap or edits.soft else []),
        *heard.recipient.about,
    ]
    query = " ".join(w for w in plan.query.split() if not terms(w) or not set(terms(w)) <= gone | dropped)
    query = "" if head in gone or all(w.casefold() in lexicon().stop for w in query.split()) else query
    categories = set(names.get("not_categories", ()))
    return {
        "query": query,
        "include": _join(include, [t for t in extra if t.casefold() not in {i.casefold() for i in include}]),
        "exclude": _join(exclude, new),
        "categories": tuple(c for c in names["categories"] if c not in categories),
    }


def _price(heard: Heard, plan: Plan, conversation: Conversation) -> dict[str, Any]:
    """Limits: those said now over those said before; "cheaper" from what was shown."""
    price, low, high, currency = heard.price, plan.price_min, plan.price_max, plan.currency
    if price.clear:
        low = high = None
    if price.low is not None or price.high is not None:
        currency = price.currency or currency
        if price.low is not None and price.high is not None:
            low, high = price.low, price.high
        elif price.high is not None:
            low, high = (low if low is not None and low <= price.high else None), price.high
        elif price.low is not None:
            low, high = price.low, (high if high is not None and high >= price.low else None)
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
    shown = conversation.shown
    refused: tuple[Shown, ...] = ()
    if heard.edits.refused_references or (heard.dislikes and heard.references):
        focused = (
            heard.definite or len(heard.targets) > 1 or (conversation.plan is not None and conversation.plan.targets)
        )
        refused = heard.targets if focused else shown
    elif heard.similar:
        refused = heard.targets
    elif (heard.dislikes and not heard.edits.exclude and not heard.edits.not_brands) or (
        heard.more and not heard.phrases
    ):
        refused = shown
    if heard.more and not heard.similar and not heard.definite and not heard.wishes.price:
        refused = (*refused, *shown)
    return {"recipient": recipient, "not_items": _join(plan.not_items, [item.id for item in refused])[-200:]}


def _ask(heard: Heard, plan: Plan) -> str | None:
    """What to ask back; None where there is enough to go by."""
    limits = (plan.query, plan.include, plan.brands, plan.categories, plan.platforms, plan.exclude, plan.not_brands)
    if any(limits) or heard.ideas or heard.more or heard.price.said or heard.wishes.price or plan.not_items:
        occasion = set(plan.include) <= set(heard.recipient.about) and bool(plan.include)
        if (
            not (occasion and heard.recipient.said and not any((plan.query, plan.brands, plan.categories)))
            or heard.ideas
        ):
            return None
    if heard.wishes.stock is not None and not heard.recipient.said:
        return None
    return "recipient" if heard.recipient.gift and plan.recipient == "someone" else "kind"
