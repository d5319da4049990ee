"""One message, read by every reader in turn: what it says, before it is laid over what was said earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.planner import acts
from agent.planner.edits import Edits, read_edits
from agent.planner.lexicon import lexicon, said
from agent.planner.money import Price, read_price
from agent.planner.names import Names, read_names
from agent.planner.phrase import Phrase
from agent.planner.query import head_of, phrases
from agent.planner.recipient import Recipient, read_recipient
from agent.planner.refer import Reference, items, refer
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import Wishes, read_wishes
from agent.schema import Act, Conversation, Plan, Shown

_SIGN = r"[$£€¥₹]|dollars?|euros?|pounds|bucks|quid|usd|eur|gbp"
_PARTING = r"thanks|thank you|bye|goodbye|hello|hi|hey|that is great|great"  # no answer to a question
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_COUNTS |= {"a dozen": 12, "a couple": 2}


@dataclass(frozen=True)
class Heard:
    """Everything that one message says.

    `extreme` is -1 where it asks for the cheapest of the shown items, 1 for the dearest,
    `fresh` asks for ideas anew, `other_aisle` for goods unlike those shown, `mine` for what the shopper may need,
    `unfiltered` for no limits any more, `returns` for what was shown before, `beside` for what goes with that and
    nothing named, `beside_named` for what goes with goods that it names; `companion` tells the goods that others are to
    go with.
    """

    text: Text
    price: Price
    wishes: Wishes
    recipient: Recipient
    references: tuple[Reference, ...]
    edits: Edits
    names: Names
    phrases: tuple[Phrase, ...]
    cart: Literal["add", "remove", "show", "empty"] | None
    quantity: int
    compares: bool
    extreme: int
    why: bool
    asks: bool
    ideas: bool
    more: bool
    dislikes: bool
    likes: bool
    similar: bool
    fresh: bool
    affirms: bool
    reset: bool
    unfiltered: bool
    any_brand: bool
    any_platform: bool
    other_brand: bool
    other_platform: bool
    other_aisle: bool
    mine: bool
    small_talk: bool
    off_topic: bool
    serves: bool
    past: bool
    beside: bool
    beside_named: bool
    returns: bool
    companion: str

    @property
    def targets(self) -> tuple[Shown, ...]:
        """Items referred to."""
        return items(self.references)

    @property
    def anew(self) -> bool:
        """Whether the old topic is left without a new one being named."""
        return self.other_aisle or (not self.phrases and not self.similar and (self.fresh or self.mine))

    @property
    def definite(self) -> bool:
        """Whether an item is pointed at by place, name or trait."""
        return any(reference.definite for reference in self.references)


def hear(message: str, conversation: Conversation, vocabulary: Vocabulary) -> Heard:
    """Read a message in the light of what was shown and asked last."""
    text, previous, shown = Text(message), conversation.plan, conversation.shown
    reads = {name: text.has(said(f"acts.{name}")) for name in ("more", "dislike", "like", "ideas", "fresh", "mine")}
    refunds = acts.refunds(text)
    asks, why, extreme = acts.asks(text), acts.asks_why(text), acts.extreme(text)
    compares = acts.compares(text) or (
        extreme != 0 and text.has(r"which|costs?|of (?:these|those)|the best (?:deal|price|value)(?= [.?!] | $)")
    )
    changes = text.has(said("acts.add")) or text.has(said("acts.remove"))
    similar = bool(shown) and text.has(said("hear.similar"))
    returns = [_take(text, f"hear.{name}", "idiom") for name in ("shown_before", "back_to") if previous is not None]
    quantity = _quantity(text)
    currency = (previous.currency if previous else None) or vocabulary.currency
    priced = not ((compares or why) and shown) or text.has(_SIGN)
    some = text.has(said("acts.lifts_some"))
    named = some and bool(refer(Text(message), shown, (), True))  # "remove the filter", and one is shown
    unfiltered = previous is not None and not named and _take(text, "hear.unfiltered", "idiom")
    price = Price(clear=unfiltered)
    if priced and not unfiltered:
        sells = vocabulary.sells
        price = read_price(text, currency, expected=_expected(previous), most_shown=len(shown), sells=sells)
    wishes = read_wishes(text, shown=bool(shown))
    companion = _companion(text, previous or Plan())
    any_platform, any_brand = _take(text, "more.any_platform", "idiom"), _take(text, "more.any_brand", "idiom")
    references = _references(text, conversation, act=changes or why or compares or asks or acts.is_places(text))
    _take(text, "hear.not_them", "edit")
    recipient = read_recipient(text, previous.recipient if previous else None)
    cart = acts.cart_op(text, bool(references) or (quantity > 1 and bool(shown)))
    _take(text, "hear.similar", "reference")
    other_platform, other_aisle = _take(text, "more.other_platform", "idiom"), _take(text, "more.other_aisle", "idiom")
    other_brand = _take(text, "more.other_brand", "idiom")
    edits = read_edits(text, vocabulary, (*previous.exclude, *previous.not_brands) if previous else ())
    edits.any_kind += ["colour", "size"] if unfiltered else []
    reset = _take(text, "more.reset", "idiom")
    _take(text, "acts.mine", "idiom")
    _take(text, "acts.ideas", "idiom")
    _take(text, "acts.fresh", "idiom")
    names = read_names(text, vocabulary, head_of(previous.query) if previous else "")
    ideas = reads["ideas"] or reads["mine"] or other_aisle
    serves = refunds or acts.privacy(text) or (acts.serves(text) and not references)
    answering = previous is not None and previous.act is Act.CLARIFY and not text.has(_PARTING)
    return Heard(
        text=text, price=price, wishes=wishes, recipient=recipient, references=tuple(references), edits=edits,
        names=names, phrases=tuple(phrases(text, vocabulary)), cart=cart, quantity=quantity, compares=compares,
        extreme=extreme,
        why=why, asks=asks, ideas=ideas, more=reads["more"], dislikes=reads["dislike"], likes=reads["like"],
        fresh=reads["fresh"], similar=similar, affirms=acts.affirms(text), reset=reset, unfiltered=unfiltered,
        any_brand=any_brand or unfiltered, any_platform=any_platform or unfiltered,
        other_brand=other_brand, other_platform=other_platform, other_aisle=other_aisle,
        mine=reads["mine"] and not recipient.name, small_talk=not answering and acts.is_small_talk(text),
        off_topic=acts.off_topic(text) or serves, serves=serves, past=acts.past(text),
        beside=text.has(said("hear.beside")), beside_named=text.has(said("hear.beside_named")),
        returns=any(returns), companion=companion or _fitted(text, references, previous or Plan()),
    )  # fmt: skip


def _companion(text: Text, previous: Plan) -> str:
    """What the goods named are to go with: the earlier goods in "a toy to go with it" and "a case for it"; else ""."""
    found = ""
    for match in text.find(said("hear.companion")):
        if previous.query and _names_before(text, text.span(match)[0]):
            people = match.group() == "for them" and previous.recipient is not None
            text.take(text.span(match), "recipient" if people else "idiom")
            found = found if people else previous.query
    return found


def _fitted(text: Text, references: Sequence[Reference], previous: Plan) -> str:
    """What a shown item that the goods named are for was searched as: "a bag for the second one"; else ""."""
    starts = [reference.span[0] for reference in references if reference.definite and reference.span[0]]
    fitted = any(text.tokens[at - 1].low in {"for", "with"} and _names_before(text, at - 1) for at in starts)
    return previous.query if fitted else ""


def _names_before(text: Text, at: int) -> bool:
    """Whether the word before is left, and may name goods."""
    before = text.tokens[at - 1].low if at else ""
    return before[:1].isalpha() and not text.taken[at - 1] and before not in lexicon().stop


def _take(text: Text, name: str, role: str) -> bool:
    """Take every occurrence of a phrase list; whether there was one."""
    matches = list(text.find(said(name)))
    for match in matches:
        text.take(text.span(match), role)
    return bool(matches)


def _expected(previous: Plan | None) -> str:
    if previous is None:
        return ""
    if previous.ask == "budget":
        return "ask"
    return "max" if previous.price_max is not None else "min" if previous.price_min is not None else ""


def _references(text: Text, conversation: Conversation, *, act: bool) -> list[Reference]:
    plan = conversation.plan
    focus = [item for item in conversation.shown if plan and item.id in plan.targets]
    found = refer(text, conversation.shown, focus, act)
    if any(reference.definite for reference in found) or not act:
        return found
    earlier = [message.shown for message in reversed(conversation.messages) if message.shown][1:]
    for shown in earlier:
        older = [reference for reference in refer(text, shown, (), act) if reference.definite]
        if older:
            return older
    return found


def _quantity(text: Text) -> int:
    for match in text.find(said("hear.quantity")):
        spoken = match["n"] or match["m"] or match["p"] or match["k"]
        number = _COUNTS.get(spoken) or int(spoken)
        return number if 0 < number <= 99 else 1
    return 1
