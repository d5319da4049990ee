"""What is searched for now: the earlier query kept, refined or replaced by what was heard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise, takewhile

from agent.planner.hear import Heard
from agent.planner.lexicon import lexicon, said
from agent.planner.phrase import Phrase
from agent.planner.query import head_of, main, phrases, wishes, without_loose_ends
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan
from retrieval.text import label, short_name, singular, terms

MAX_QUERY = 200  # characters
MOST_REFUSED = 100  # terms; with the kinds that they cover
SOMETIMES = 0.05  # of the items with a phrase: then such things are sold for it
MOST_COMPANY = 2  # words of the earlier query that goods to go with it keep
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
    pointed = heard.references and not heard.companion and not heard.edits.refused_references
    if pointed and not any(p.cue in {"request", "wish"} for p in found):
        found = [p for p in found if not p.names]  # names beside "the second one" only describe it
    chosen = main(found)
    if chosen is None:
        return base
    more = [text for text in wishes(found, chosen) if text.casefold() != chosen.text.casefold()]
    how = _relation(heard, chosen, base, vocabulary)
    if how == "replace":
        query = " for ".join(part for part in (chosen.text, _company(heard, chosen, base, vocabulary)) if part)
        return fresh(base).model_copy(update={"query": query[:MAX_QUERY], "include": tuple(more)})
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


def _company(heard: Heard, chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> str:
    """What other goods tell of what these must be: a toy "to go with" dog food, or just "and a toy", is for a dog."""
    if not heard.companion and not heard.text.has(r"(?<=^ )(?:and|also|plus)"):
        return ""
    goods, lists = head_of(chosen.text), lexicon()
    plain = lists.stop | lists.describing | lists.units
    said = [w for w in (heard.companion or base.query).split() if w.isalpha() and w.casefold() not in plain]
    near = {w: vocabulary.related(w, goods) for w in said}
    least = max(SOMETIMES, max(near.values(), default=0.0) / 2)
    pets = {w for w in said if w.casefold() in lists.pets and not {*terms(chosen.text)} & lists.pets}
    if not heard.companion:
        return " ".join(w for w in said if w in pets and near[w] >= SOMETIMES)
    return " ".join([w for w in said if w in pets or near[w] >= least][:MOST_COMPANY]) or head_of(" ".join(said))


def _relation(heard: Heard, chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> str:
    """How the phrase relates to what was searched for: replace, correct, same, join or add."""
    described = lexicon().link | lexicon().describing
    content = {t for t in terms(chosen.text) if t not in described}
    goods, short = _names_goods(chosen, base, vocabulary), len(chosen.words) <= 3
    again, within = head_of(base.query) in content, bool(content) and content <= set(terms(base.query))
    about_it = chosen.generic or heard.text.has(said("topic.about_it"))
    asked = chosen.cue == "request" and not about_it
    answers = base.act is Act.CLARIFY and not (chosen.cue == "bare" and goods and base.ask not in {None, "kind"})
    bare = chosen.cue == "bare" and not (about_it or chosen.definite or chosen.attached or heard.references)
    describes = _describes(chosen, base, vocabulary) or _is_contrast(heard, chosen, base, vocabulary)
    rules = (
        (not base.query and chosen.attached and heard.text.low.startswith(" with "), "add"),
        (not base.query and base.recipient is not None and _is_quality(chosen), "add"),
        (not base.query, "correct"),
        ((bool(heard.companion) or _is_refused(heard, base)) and chosen.names and not again, "replace"),
        (again or set(terms(chosen.text)) <= set(terms(base.query)), "same"),
        (within, "add"),
        (chosen.names and heard.text.has(said("topic.meant")), "correct"),
        (_is_errand(heard, chosen, base, vocabulary), "replace"),
        (short and not goods and _is_proper(heard, chosen), "join"),
        (short and describes and chosen.cue == "wish" and heard.text.has("i (?:would )?prefer"), "join"),
        (not chosen.names, "join" if short and chosen.cue != "purpose" else "add"),
        (asked, "replace"),
        (answers, "join" if short else "add"),
        (bare and not chosen.indefinite and describes, "join" if short else "add"),
        (bare and (goods or _is_statement(heard)), "replace"),
    )
    return next((how for holds, how in rules if holds), "add")


def _is_quality(chosen: Phrase) -> bool:
    """Whether a phrase tells how something should be and names nothing: "smaller", "something blue"."""
    lists = lexicon()
    plain = lists.describing | lists.adjective | lists.stop
    return (
        bool(chosen.words)
        and not chosen.indefinite
        and all(
            word in plain or word.removesuffix("r") in plain or word.removesuffix("er") in plain
            for word in chosen.words
        )
    )


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
    """Whether a message is nothing but a thing, perhaps described: "garlic press", "a jacket, waterproof"."""
    return sum(phrase.names for phrase in heard.phrases) <= 1 and not heard.text.low.startswith(
        (" with ", " in ", " for ", " and ", " but ")
    )


def _describes(chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> bool:
    """Whether a phrase describes the thing: it is an adjective, or goods with it are such things rather than others."""
    last, head = chosen.words[-1], head_of(base.query)
    adjectival = last in lexicon().adjective or (len(last) > 5 and last.endswith(_ADJECTIVAL))
    adjectival |= len(chosen.words) > 1 and last in _ADJECTIVAL
    measuring = lexicon().units | lexicon().describing | {"size", "of"}  # "pack of 3"
    measured = all(word[0].isdigit() or word in measuring for word in chosen.words)
    measured |= len(chosen.words) == 2 and chosen.words[0].isdigit() and singular(last) == last  # "4 slice"
    if measured or (adjectival and not vocabulary.is_noun(last)):
        return True
    if vocabulary.is_goods(chosen.text, base.query, head):
        return False
    content = [word for word in chosen.words if word not in lexicon().stop]
    near = vocabulary.related(chosen.text, head) or max(vocabulary.related(word, head) for word in content or [""])
    return near >= SOMETIMES


def _is_contrast(heard: Heard, chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> bool:
    """Whether a word is set against one of its kind, as in "chocolate, not vanilla" after protein powder.

    "A rain jacket in green, not black" names other goods.
    """
    thing = list(takewhile(lambda word: word not in lexicon().link, chosen.words))
    if len(thing) > 1 and vocabulary.is_goods(" ".join(thing), base.query, head_of(base.query)):
        return False
    last = re.escape(chosen.words[-1])
    against = bool(heard.edits.exclude) and heard.text.has(rf"{last} (?:(?:,|but|and) )?not")
    return against and not _is_refused(heard, base)


def _is_refused(heard: Heard, base: Plan) -> bool:
    """Whether the thing itself isn't wanted any more, as in "gloves, not socks" after socks."""
    return any(head_of(base.query) in terms(phrase) for phrase in heard.edits.exclude)


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


def _names_goods(chosen: Phrase, base: Plan, vocabulary: Vocabulary) -> bool:
    content = [w for w in chosen.words if w not in lexicon().link]
    if not content or content[-1] in lexicon().describing:
        return False
    return vocabulary.is_goods(" ".join(content), base.query, head_of(base.query))


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
    """Query and wishes without words that new ones of their class replace: black by white, "4 slice" by "2 slice"."""
    new = [w.casefold() for w in new]
    kinds = {lexicon().kind(w) for w in new} - {""}
    same = {term for w in new for term in terms(w)}
    counted = _counts(new)

    def left(text: str) -> list[str]:
        said = text.split()
        counts = _counts([w.casefold() for w in said])
        gone = {at for unit, at in counts.items() if unit in counted for at in (at, at + 1)}
        return [w for at, w in enumerate(said) if at not in gone and stays(w)]

    def stays(word: str) -> bool:
        return lexicon().kind(word.casefold()) not in kinds or {*terms(word)} <= same

    include = tuple(t for t in base.include if len(left(t)) == len(t.split()))
    return without_loose_ends(left(base.query)), include


def _counts(said: list[str]) -> dict[str, int]:
    """Where each thing is counted or sized: of "2 slice toaster size 3" slice at 0 and size at 3."""
    pairs = enumerate(pairwise(said))
    found = {
        one if one == "size" else other: at for at, (one, other) in pairs if "size" in (one, other) or one.isdigit()
    }
    return {"".join(terms(unit)): at for unit, at in found.items()}


def join(*lists: Iterable[str], most: int = 24) -> tuple[str, ...]:
    """Terms of all lists in order, each once without regard to case, the latest `most`."""
    unique: dict[str, str] = {}
    for terms_ in lists:
        for term in terms_:
            unique.setdefault(term.casefold(), term)
    return tuple(unique.values())[-most:]
