"""What is searched for now: the earlier query kept, refined or replaced by what was heard."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.planner.hear import Heard
from agent.planner.lexicon import lexicon
from agent.planner.phrase import Phrase
from agent.planner.query import main, phrases, wishes
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Plan
from retrieval.text import label, short_name, terms

MAX_QUERY = 200  # characters
OFTEN = 0.3  # of the items with a phrase that have the word: then the phrase describes the word
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
_YES_NO = r"(?:(?:ok|okay|sure|great|got it)[,. ]+)?(?:do|does|is|are|would|should|how about|what about|can|could|shall|will|any)\b"
_MEANT = r"(?:what|all) (?:i|we) (?:really |actually )?(?:want|need|am looking for|meant|mean)(?: is)?|i (?:meant|mean)|i said"
_IT = r"(?:want|need|like|prefer|use|using|wear|have|would be|should be|must be|is|are|be|for|use) (?:it|them|this)|(?:it|they) (?:should|must|has|have|need|needs|can|is|are|could|will|would)|(?:one|ones|something|anything|those|these) (?:with|in|that|for|which)"


def topic(heard: Heard, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """Decide on the query; `include` takes what else was wished."""
    found = [p for p in heard.phrases if not (heard.similar and p.cue == "background")]
    if heard.similar and heard.targets:
        item = heard.targets[0]
        query = short_name(item.name or item.title, 60) or label(item.category)
        return base.model_copy(update={"query": query, "include": join(base.include, [p.text for p in found])})
    if heard.references and not any(p.cue in {"request", "wish"} for p in found):
        found = [p for p in found if not p.names or p.cue in {"request", "wish"}] if conversation.shown else found
    chosen = main(found)
    if chosen is None:
        return base
    more = [text for text in wishes(found, chosen) if text.casefold() != chosen.text.casefold()]
    how = _relation(heard, chosen, base, conversation, vocabulary)
    if how == "replace":
        return fresh(base).model_copy(update={"query": chosen.text[:MAX_QUERY], "include": tuple(more)})
    if how == "correct":
        return base.model_copy(update={"query": chosen.text[:MAX_QUERY], "include": join(base.include, more)})
    if how == "same":
        return _again(base, chosen, more)
    if how == "join":
        query, include = _without_rivals(base, chosen.words)
        query = query if set(terms(chosen.text)) <= set(terms(query)) else f"{chosen.text} {query}".strip()
        return base.model_copy(update={"query": query[:MAX_QUERY], "include": join(include, more)})
    query, include = _without_rivals(base, [w for p in found for w in p.words])
    return base.model_copy(update={"query": query, "include": join(include, [chosen.text, *more])})


def affirmed(base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """ "yes" to "Would you like a wireless one?" wishes for what the question offered."""
    asked = next((m.text for m in reversed(conversation.messages) if m.role == "assistant"), "")
    question = next((s for s in reversed(re.split(r"(?<=[.!?])\s+", asked)) if s.endswith("?")), "")
    if not re.match(_YES_NO, question.casefold()):
        return base
    chosen = main(phrases(Text(question), vocabulary))
    if chosen is None or len(chosen.words) > 4 or set(terms(chosen.text)) <= set(terms(base.query)):
        return base
    return base.model_copy(update={"include": join(base.include, [chosen.text])})


def _relation(heard: Heard, chosen: Phrase, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> str:
    """How the phrase relates to what was searched for: replace, correct, same, join or add."""
    if not base.query:
        return "correct"
    links = lexicon().link | lexicon().describing
    content = {t for t in terms(chosen.text) if t not in links}
    if head_of(base.query) in content or (content and content <= set(terms(base.query))):
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
        if vocabulary.related(chosen.text, head_of(base.query)) >= OFTEN or _describes(chosen, vocabulary):
            return "join" if short else "add"
        return "replace" if _names_goods(chosen, vocabulary) or _is_statement(heard) else "add"
    return "add"


def head_of(query: str) -> str:
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


def _describes(chosen: Phrase, vocabulary: Vocabulary) -> bool:
    """Whether a phrase ends like an adjective ("noise cancelling") and is no kind of thing sold here ("clothing")."""
    last = chosen.words[-1]
    return len(last) > 5 and last.endswith(_ADJECTIVAL) and not vocabulary.is_noun(last)


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
    said = set(terms(chosen.text))
    kept = [w for w in query.split() if not set(terms(w)) <= said and w.casefold() not in lexicon().stop]
    if said <= set(terms(base.query)):
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
    unique: dict[str, str] = {}
    for terms_ in lists:
        for term in terms_:
            unique.setdefault(term.casefold(), term)
    return tuple(unique.values())[-24:]
