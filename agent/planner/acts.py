"""What kind of turn a message asks for."""

from __future__ import annotations

import re
from typing import Literal

from agent.planner.lexicon import lexicon, said
from agent.planner.tokens import Text

PAST = "what was bought before"
"""The question of a plan of small talk that asks for the shopper's own purchases."""
BESIDE = "what goes with it"
"""The question of a plan that asks for goods of other aisles that go with what was asked for before."""
EVERYTHING = "everything"
"""The question of a plan that removes all that is in the cart, which the planner can't see; it has no targets."""
_CART = r"(?:cart|basket|trolley|shopping bag|bag)"
_SO_MANY = (
    r"(?<=^ )(?:(?:ok|okay|yes|then|and|also|plus|,) )*(?:\d{1,2}|two|three|four|five|six|a couple|a dozen) of the "
    r"(?:first|second|third|fourth|last|\w+ ones?)"
)
_BETWEEN = frozenset(
    [
        "to",
        "buy",
        "get",
        "take",
        "have",
        "order",
        "purchase",
        "the",
        "of",
        "x",
        "for",
        "with",
        "two",
        "three",
        "four",
        "five",
        "six",
        "a",
        "couple",
        "dozen",
        "please",
        "also",
        "just",
        "both",
        "and",
        "then",
    ]
)
_YES = (
    r"(?:(?:yes|yea|yeah|yep|yup|sure|ok|okay|of course|certainly|definitely|absolutely|right|correct|exactly|"
    r"please|very good|good|great|i do|that is right|sounds good|i love it|i like it|love it|that one|go ahead|do "
    r"it|why not|it is|they are|i would|thanks|thank you) (?:[,.!] )*)+"
)


def cart_op(text: Text, pointed: bool, wishes: bool = False) -> Literal["add", "remove", "show", "empty"] | None:
    """What a message does to the cart; `pointed` whether it points at shown items."""
    if text.has(said("acts.empty_cart")):
        return _emptying(text)
    lifts = text.has(said("acts.lifts")) or (text.has(said("acts.lifts_some")) and not pointed)
    if text.has(said("acts.remove")) and not lifts:
        return "remove"
    if text.has(said("acts.add")) and (pointed or text.has(rf"{_CART}")):
        return "add"
    if text.has(said("acts.show_cart")):
        return "show"
    if (
        pointed
        and (_takes(text) or text.has(_SO_MANY))
        and not text.has(r"why|how|what|which|similar|(?:more|something|anything|ones?|others?|just) like")
    ):
        return "add"
    return None


def _emptying(text: Text) -> Literal["remove", "show", "empty"]:
    """Empty the cart only where that is wanted for sure: not on "don't", on a question how, or with an exception."""
    if text.has(rf"(?:not|never|how|why)(?: \w+){{0,3}} {said('acts.empty_cart')}"):
        return "show"
    return "remove" if text.has(r"except|but|besides|apart from|aside from|other than") else "empty"


def extreme(text: Text) -> int:
    """Whether a message asks which of the shown items is cheapest (-1) or dearest (1); 0 if neither."""
    return -1 if text.has(said("acts.cheapest")) else int(text.has(said("acts.dearest")))


def _takes(text: Text) -> bool:
    """Whether a word of taking is followed by what is pointed at, or is an order as such ("place the order")."""
    for match in text.find(said("acts.take"), free=False):
        if match.group().startswith(("place", "make")) or match.group() == "sold":
            return True
        for at in range(text.span(match)[-1] + 1, len(text)):
            if text.taken[at] == "reference" or text.tokens[at].low in {"it", "this", "that", "them", "these", "those"}:
                after = text.tokens[at + 1].low if at + 1 < len(text) else ""
                if match.group() != "i want" or after not in {"in", "with", "without", "to"}:
                    return True
                break
            if text.tokens[at].low not in _BETWEEN and not text.tokens[at].low.isdigit():
                break
    return False


def compares(text: Text) -> bool:
    """Whether a message compares."""
    return text.has(said("acts.compare"))


def asks_why(text: Text) -> bool:
    """Whether a message asks for reasons or details."""
    return text.has(said("acts.why")) or text.has(said("acts.tell"))


def asks(text: Text) -> bool:
    """Whether a sentence of the message is built as a question."""
    return bool(
        re.search(
            rf"(?:^ |[.!?,] |\band |\bbut |\bso )(?:(?:ok|okay|and|so|but|well|hmm|hey|hi|please|also|great|"
            rf"nice|thanks) ,? ?)*{said('acts.question')} ",
            text.low,
        )
    )


def past(text: Text) -> bool:
    """Whether a message asks what the shopper bought before."""
    return text.has(said("acts.past"))


def serves(text: Text) -> bool:
    """Whether a message asks about delivery, returns, payment: the shop's service rather than its goods."""
    return refunds(text) or ((asks(text) or text.has(r"how|where|when|can|do you")) and text.has(said("more.service")))


def privacy(text: Text) -> bool:
    """Whether a message wants what is known of the shopper told or forgotten: the page has its own places for that."""
    return text.has(said("acts.privacy"))


def refunds(text: Text) -> bool:
    """Whether a message wants money or goods to go back, whatever it points at."""
    return text.has(said("more.refund"))


def affirms(text: Text) -> bool:
    """Whether a message only says yes."""
    return bool(re.fullmatch(rf" {_YES}", text.low))


def ideas(text: Text) -> bool:
    """Whether a message leaves the choice to the shop."""
    return text.has(said("acts.ideas"))


def off_topic(text: Text) -> bool:
    """Whether a message speaks of the assistant or the world rather than of goods."""
    return text.has(said("acts.about_shop")) or text.has(said("acts.off_topic"))


def is_places(text: Text) -> bool:
    """Whether a message is nothing but places in the list: "3", "1 and 2 please"."""
    return bool(
        re.fullmatch(r" (?:(?:the|number|no|option|#|\d{1,2}|and|or|,|&|please|\.|ok|okay|yes|maybe|then) )+", text.low)
    ) and any(t.low.isdigit() for t in text.tokens)


def is_small_talk(text: Text) -> bool:
    """Whether nothing but greetings, thanks, yes and filler stands there, and no request."""
    lists = lexicon()
    wanting = text.has(
        r"want|need|looking|recommend|suggest|buy|find|show|help|search|shop|shopping|get|gift|present|more|else|again|change|purchase|other|others|another|different"
    )
    wanting |= text.has(r"(?:from|by|with|of|in) (?:a |an |the )?(?:\w+ )?(?:brand|quality|colou?r|size|style)")
    return not wanting and all(
        not t.low[0].isalnum() or t.low in lists.stop or t.low in lists.generic for t in text.tokens
    )
