"""Whom the goods are for.

Decisions: a person makes the shopper's own history no guide, so "for my sister" sets the recipient; a pet does not,
since its owner's history knows it: "toy for my dog" keeps the dog in the query. "for women" describes goods, it is
nobody. A gift for nobody named is for "someone". "for myself" ends it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.planner.lexicon import lexicon, said
from agent.planner.tokens import Text

_GROUPS = (
    "kid|kids|children|child|baby|toddler|couple|student|students|doctor|nurse|coach|family|host|guest|guests|twins"
)
_SPELT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_AGE = (
    r"(?:\d+ (?:- )?(?:years?|yrs?|months?|year-old|years-old|yo|yr-old|month-old)(?: (?:- )?old)?|"
    rf"(?:{'|'.join(_SPELT)})(?: | - |-)(?:year|month)s?(?: | - |-)old)"
)
_AGE_WRITTEN = r"\d+ ?-?(?:years?|yrs?|months?|yo)\b(?:[ -]*old\b)?"
GROWN_UP = 17  # years, the last at which goods are sold by age
_WORTH = (
    r"(?:little|older|younger|elder|big|best|dear|new|elderly|teenage|teen|lovely|good|future|baby|favou?rite|old|"
    r"beloved|close|-)"
)
_IN_LAW = r"(?:mother|father|sister|brother|son|daughter)s? in law"
_GROWN = "(?:boy|girl|kid|child|man|woman|teenager|baby|toddler|nephew|niece|lady|gentleman)"
_OWN = r"(?:my|our|his|her|their|your|this|that)"
_ANY = r"(?:a|an|the|some|another|my|our|his|her|their)"
_GIFT = (
    r"(?:as )?(?:(?:a|the|some|an) )?(?:{occasion} )?(?:gift|present)s?(?! (?:card|basket|box|wrap|bag|set|"
    r"wrapping|voucher|paper|tag|certificate|hamper)s? )(?: ideas?)?"
)
_ALONE = (  # "my brother", "no, my brother", and after the question whom it is for "a friend", "kids"
    r"(?<=^ )(?:(?:no|oh|yes|well|actually|wait|sorry|rather|it is|this is|he is|she is|for|,) )*{article}{middle}"
    r"(?P<who>{who})(?= (?:[.,!?;]|please|then|instead|actually|this|now|who|he|she|they|and) | $)"
)


@dataclass(frozen=True)
class Recipient:
    """What a message says of the recipient: `said` with `name` None is the shopper."""

    name: str | None = None
    said: bool = False
    gift: bool = False
    about: tuple[str, ...] = ()


def read_recipient(text: Text, earlier: str | None) -> Recipient:
    """Read whom a message is for and take the tokens that say it; words on the occasion are kept in `about`."""
    for match in text.find(said("recipient.myself")):
        text.take(text.span(match), "recipient")
        return Recipient(None, said=True)
    found = _with_age(text, _person(text, earlier), earlier)
    occasion = "|".join(lexicon().occasions)
    gift = False
    about = list(found.about)
    for match in text.find(_GIFT.format(occasion=f"(?P<occasion>{occasion})(?:'s)?")):
        gift = True
        about += [match["occasion"]] if match["occasion"] else []
        text.take(text.span(match), "recipient")
    if (gift or found.said) and not about:
        about = _occasion(text, occasion)
    if gift and not found.said:
        return Recipient(earlier or "someone", said=True, gift=True, about=tuple(about))
    return Recipient(found.name, found.said, gift, tuple(about))


def age_words(text: str) -> str:
    """The words of a child's age at the beginning of a recipient, which goods tell; "" for grown people's."""
    match = re.match(rf"({_AGE_WRITTEN})(?: (?:boys?|girls?|kid|child|baby|toddler)\b)?", text)
    child = match is not None and ("month" in match[1] or int(re.findall(r"\d+", match[1])[0]) <= GROWN_UP)
    return match[0] if match is not None and child else ""


def is_age(text: str) -> bool:
    """Whether words are an age, with or without who is of it: no word of goods, once it is known what is wanted."""
    return re.match(_AGE_WRITTEN, text) is not None


def _with_age(text: Text, found: Recipient, earlier: str | None) -> Recipient:
    """The recipient with an age told apart: "my nephew, he is 5" and, of whom the shopper spoke before, "she is 7"."""
    name = found.name or earlier
    if name is None or name == "someone":
        return found
    name = re.sub(rf"^{_AGE_WRITTEN} ?", "", name)
    for match in text.find(
        rf"(?:he|she|who|they) (?:is|are|will be|turns|turned|is turning|just turned|has turned)"
        rf"(?: (?:now|just|only|about))? "
        rf"(?:(?P<age>{_AGE})|(?P<n>\d{{1,2}}))(?= (?:and|now|today|next|[.,!?]) | $)"
    ):
        text.take(text.span(match), "recipient")
        age = text.surface(text.span(match, "age")) if match["age"] else f"{match['n']} year old"
        age = re.sub(r"(year|month)s\b", r"\1", age)
        return Recipient(f"{age} {name}".strip(), said=True, gift=found.gift, about=found.about)
    return found


def _in_digits(name: str) -> str:
    """A recipient with a spelt age in digits, as goods write it: "two year old girl" -> "2 year old girl"."""
    first = re.match(rf"({'|'.join(_SPELT)})(?=[ -]+(?:year|month))", name.lower())
    return name if first is None else f"{_SPELT.index(first[1]) + 1}{name[first.end() :]}"


def _occasion(text: Text, occasion: str) -> list[str]:
    for match in text.find(
        rf"(?:(?:for|on|his|her|their|the|a|upcoming|this) )*(?P<name>{occasion})(?: (?:party|day))?(?= "
        rf"(?:[.,!?]|is|next|in|this|on|and) | $)"
    ):
        text.take(text.span(match), "recipient")
        return [match["name"]]
    return []


def _person(text: Text, earlier: str | None) -> Recipient:
    groups = set(_GROUPS.split("|"))
    people = "|".join([_IN_LAW, *sorted(lexicon().relations - groups, key=len, reverse=True)])
    own = "|".join([_IN_LAW, *sorted(lexicon().relations, key=len, reverse=True)])
    middle = rf"(?:(?:{_WORTH}|(?P<age>{_AGE})) )*"
    patterns = (
        rf"(?:for|to|surprise|give|get|getting|buy|buying|treat) {_OWN} {middle}(?P<who>{own})(?:'s|s'|s)?(?! "
        rf"?(?:bed|room|shower|monitor) )",
        rf"(?:for|surprise|give|get|getting|buy|buying) {_ANY} {middle}(?P<who>{people})(?:'s|s')?",
        rf"{_OWN} {middle}(?P<who>{own})(?:'s|s')?(?= (?:birthday|wedding|graduation|anniversary|loves?|likes?|"
        rf"wants?|needs?|enjoys?|is|turns?|turning|turned|"
        r"prefers?|just|really|has|will|would|who|collects?|plays?|asked|hates?|does|can|always) )",
        r"for (?P<who>someone|somebody|mum|mom|dad|grandma|grandpa|mummy|daddy|mommy|granny)(?: (?:else|special))?",
        rf"(?:gift|present)s?(?: ideas?)? for {middle}(?P<who>{people})(?:'s|s')?(?= (?:[.,!?;]|under|who|that|about|"
        rf"around|birthday|budget|max|up|and|with|within|below|less|on|please|for) | $)",
        rf"for (?:an?|my|our|the) (?P<who>{_AGE}(?: {_GROWN})?)",
        rf"(?<=^ )(?:(?:it|this) is )?(?:an? )?(?P<who>{_AGE} {_GROWN})(?= (?:who|that|and|[.,!?]) | $)",
        r"(?:is )?for (?P<who>him|her|hers)(?! \w+(?: \w+)? (?:[.,!?] )?$)",
    )
    article = rf"(?:{_ANY} )?" if earlier == "someone" else f"{_OWN} "
    for expression in (*patterns, _ALONE.format(article=article, middle=middle, who=own)):
        for match in text.find(expression):
            span = text.span(match)
            text.take(span, "recipient")
            who = text.surface(text.span(match, "who"))
            who = earlier if who.lower() in {"him", "her", "hers"} and earlier else who
            name = who if any(c.isdigit() for c in who) or who is earlier else match["who"]
            age = text.surface(text.span(match, "age")) if match.groupdict().get("age") else ""
            return Recipient(_in_digits(f"{age} {name}" if age else name), said=True)
    return Recipient()
