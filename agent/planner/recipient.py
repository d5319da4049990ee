"""Whom the goods are for.

Decisions: a person makes the shopper's own history no guide, so "for my sister" sets the recipient; a pet does not,
since its owner's history knows it: "toy for my dog" keeps the dog in the query. "for women" describes goods, it is
nobody. A gift for nobody named is for "someone". "for myself" ends it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.planner.lexicon import lexicon, said
from agent.planner.tokens import Text

_GROUPS = (
    "kid|kids|children|child|baby|toddler|couple|student|students|doctor|nurse|coach|family|host|guest|guests|twins"
)
_AGE = r"\d+ (?:- )?(?:years?|yrs?|months?|year-old|years-old|yo|yr-old|month-old)(?: (?:- )?old)?"
_WORTH = (
    r"(?:little|older|younger|elder|big|best|dear|new|elderly|teenage|teen|lovely|good|future|baby|favou?rite|old|"
    r"beloved|close|-)"
)
_IN_LAW = r"(?:mother|father|sister|brother|son|daughter)s? in law"
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
    """Read whom a message is for and take the tokens that say it; words on age and occasion are kept in `about`."""
    for match in text.find(said("recipient.myself")):
        text.take(text.span(match), "recipient")
        return Recipient(None, said=True)
    found = _person(text, earlier)
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
        rf"for (?:an?|my|our|the) (?P<who>(?P<age>{_AGE})(?: (?:boy|girl|kid|child|man|woman|teenager|nephew|niece))?)",
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
            age = match.groupdict().get("age")
            about = name if any(c.isdigit() for c in name) else age
            return Recipient(name, said=True, about=(about,) if about else ())
    return Recipient()
