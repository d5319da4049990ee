"""What is searched for now: the earlier query kept, refined or replaced by what was heard."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.planner.hear import Heard
from agent.planner.lexicon import lexicon, said
from agent.planner.phrase import Phrase
from agent.planner.query import head_of, main, phrases, wishes
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan
from retrieval.text import label, short_name, terms

MAX_QUERY = 200  # characters
OFTEN = 0.3  # of the items with a phrase that have the word: then the phrase describes the word
SOMETIMES = 0.05  # of the items with a phrase: then such things are sold for it
_ADJECTIVAL = (
    "ing",
    "ed",
    "able",
    "ible",
    "proof",
    "less",
    "free",
    "friendly",
    "resistant",
    "ous",
    "ful",
    "ish",
    "shaped",
    "sized",
)
_YES_NO = (
    r"(?:(?:ok|okay|sure|great|got it)[,. ]+)?(?:do|does|is|are|would|should|how about|what about|can|could|shall|"
    r"will|any)\b"
)


def topic(heard: Heard, base: Plan, vocabulary: Vocabulary) -> Plan:
    """Decide on the query; `include` takes what else was wished."""
    found = [p for p in heard.phrases if not (heard.similar and p.cue == "background")]
    if heard.similar and heard.targets:
        item = heard.targets[0]
        query = short_name(item.name or item.title, 60) or label(item.category)
        return base.model_copy(update={"query": query, "include": join(base.include, [p.text for p in found])})
    if heard.references and not any(p.cue in {"request", "wish"} for p in found):
        found = [p for p in found if not p.names]  # names beside "the second one" only describe it
    chosen = main(found)
    if chosen is None:
        return base
    more = [text for text in wishes(found, chosen) if text.casefold() != chosen.text.casefold()]
    how = _relation(heard, chosen, base, vocabulary)
    if how == "replace":
        return fresh(base).model_copy(update={"query": chosen.text[:MAX_QUERY], "include": tuple(more)})
    if how == "same":
        return _again(base, chosen, more)
    return _grown(how, base, found, chosen, more)


def _grown(how: str, base: Plan, found: list[Phrase], chosen: Phrase, more: list[str]) -> Plan:
    """The query corrected, joined by the phrase, or with the phrase as one more wish."""
    if how == "correct":
        return base.model_copy(update={"query": chosen.text[:MAX_QUERY], "include": join(base.include, more)})
    if how == "add":
        query, include = _without_rivals(base, [w for p in found for w in p.words])
        return base.model_copy(update={"query": query, "include": join(include, [chosen.text, *more])})
    query, include = _without_rivals(base, chosen.words)
    query = query if set(terms(chosen.text)) <= set(terms(query)) else f"{chosen.text} {query}".strip()
    return base.model_copy(update={"query": query[:MAX_QUERY], "include": join(include, more)})


def affirmed(base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """Take "yes" to "Would you like a wireless one?" as a wish for what the question offered."""
    asked = next((m.text for m in reversed(conversation.messages) if m.role == "assistant"), "")
    question = next((s for s in reversed(re.split(r"(?<=[.!?])\s+", asked)) if s.endswith("?")), "")
    if not re.match(_YES_NO, question.casefold()):
        return base
    chosen = main(phrases(Text(question), vocabulary))
    if chosen is None or len(chosen.words) > 4 or set(terms(chosen.text)) <= set(terms(base.query)):
        return base
    return base.model_copy(update={"include": join(base.include, [chosen.text])})


def _relation(heard: Heard, chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> str:
    """How the phrase relates to what was searched for: replace, correct, same, join or add."""
    described = lexicon().link | lexicon().describing
    content = {t for t in terms(chosen.text) if t not in described}
    goods, short = _names_goods(chosen, vocabulary), len(chosen.words) <= 3
    again = head_of(base.query) in content or (bool(content) and content <= set(terms(base.query)))
    about_it = chosen.generic or heard.text.has(said("topic.about_it"))
    asked = chosen.cue == "request" and not about_it
    answers = base.act is Act.CLARIFY and not (chosen.cue == "bare" and goods and base.ask not in {None, "kind"})
    bare = chosen.cue == "bare" and not about_it and not chosen.definite and not heard.references
    rules = (
        (not base.query, "correct"),
        (again, "same"),
        (heard.text.has(said("topic.meant")), "correct"),
        (_is_errand(heard, chosen, base, vocabulary), "replace"),
        (short and not goods and _is_proper(heard, chosen), "join"),
        (not chosen.names, "join" if short and chosen.cue != "purpose" else "add"),
        (asked, "replace"),
        (answers, "join" if short else "add"),
        (bare and not chosen.indefinite and _describes(chosen, base, vocabulary), "join" if short else "add"),
        (bare and (goods or _is_statement(heard)), "replace"),
    )
    return next((how for holds, how in rules if holds), "add")


def _is_errand(heard: Heard, chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> bool:
    """Whether "something for a headache" or "I can't sleep" tells of another need than the thing searched for.

    It does unless such things are sold for it ("something for work" after boots) or it is what the thing is to do.
    """
    last = chosen.words[-1]
    if base.act is Act.CLARIFY or last in lexicon().describing | lexicon().occasions or last.endswith("ing"):
        return False
    first = re.escape(chosen.words[0])
    told = any(p.cue in {"request", "wish"} for p in heard.phrases if p is not chosen)
    if told or not heard.text.has(rf"{said('topic.errand')} {first}"):
        return False
    return vocabulary.related(chosen.text, head_of(base.query)) < SOMETIMES


def _is_statement(heard: Heard) -> bool:
    """Whether a message is nothing but a thing: "garlic press"."""
    return len(heard.phrases) == 1 and not heard.text.low.startswith((" with ", " in ", " for ", " and ", " but "))


def _describes(chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> bool:
    """Whether a phrase describes the thing: goods with the phrase mostly are such things, or it is an adjective."""
    if vocabulary.related(chosen.text, head_of(base.query)) >= OFTEN:
        return True
    last = chosen.words[-1]
    adjectival = last in lexicon().adjective or (len(last) > 5 and last.endswith(_ADJECTIVAL))
    return adjectival and not vocabulary.is_noun(last)


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


def fresh(base: Plan) -> Plan:
    """The plan without what belonged to the old topic."""
    return base.model_copy(
        update={"include": (), "brands": (), "categories": (), "price_min": None, "price_max": None, "query": ""}
    )


def _again(base: Plan, chosen: Phrase, more: list[str]) -> Plan:
    """The same thing in other words: the new words are the query, describing words said before become wishes."""
    query, include = _without_rivals(base, chosen.words)
    mine = set(terms(chosen.text))
    kept = [w for w in query.split() if not set(terms(w)) <= mine and w.casefold() not in lexicon().stop]
    if mine <= set(terms(base.query)):
        return base.model_copy(update={"query": query, "include": join(include, more)})
    return base.model_copy(update={"query": chosen.text[:MAX_QUERY], "include": join(include, [*kept, *more])})


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


def join(*lists: Iterable[str]) -> tuple[str, ...]:
    """Terms of all lists in order, each once without regard to case, the latest 24."""
    unique: dict[str, str] = {}
    for terms_ in lists:
        for term in terms_:
            unique.setdefault(term.casefold(), term)
    return tuple(unique.values())[-24:]
