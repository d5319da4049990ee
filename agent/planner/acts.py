"""What kind of turn a message asks for."""

from __future__ import annotations

import re
from typing import Literal

from agent.planner.lexicon import lexicon
from agent.planner.tokens import Text

_CART = r"(?:cart|basket|trolley|shopping bag|bag)"
_SHOW_CART = (
    rf"(?:what is|what have i got|what do i have|what did i (?:put|add)|see|show(?: me)?|view|open|check|list|how much is|total of)(?: \w+){{0,4}} (?:my|the) {_CART}(?! for)|"
    rf"(?:my|the) {_CART}(?: please)?(?= [.?!] $| $)|check ?out|checkout|(?:empty|clear) (?:my|the) {_CART}"
)
_ADD = rf"(?:add|put|place|throw|pop|stick|drop)(?: \S+){{0,8}} (?:to|in|into) (?:my |the |a )?{_CART}|add (?:to {_CART}|it|this|that|them|both|these|those|the)"
_REMOVE = rf"(?:remove|delete|take|drop|throw|kick)(?: \S+){{0,8}} (?:from|out of|off) (?:my |the )?{_CART}|(?:remove|delete) (?:it|this|that|them|the|both|everything|#|number|\d)|take (?:it|that|them|the \S+(?: one)?) (?:out|off|back out)"
_TAKE = (
    r"(?:i|we) (?:will|would like to|want to|shall|am going to|am gonna) (?:take|have|buy|get|order|purchase|go (?:for|with))|(?:i|we) (?:would like|choose|pick)|(?:let us|i will) go (?:for|with)|"
    r"(?:can|could|may) (?:i|you|we)(?: \w+)? (?:buy|order|purchase|get|have|take)|buy|order|purchase|get(?: me)?|take|i want|"
    r"(?:place|make)(?: \w+)? (?:an |the |my )?order|grab|give me|sold"
)
_BETWEEN = frozenset(
    "to buy get take have order purchase the of x for with two three four five six a couple dozen please also just both and then".split()
)
_COMPARE = (
    r"compar(?:e|ed|ing|ison)|versus|vs|(?:what is the |what are the |any |the )?differen(?:ce|ces|t) (?:between|from)|how do (?:they|these|those|the) \w*(?: \w+)* differ|"
    r"which(?: \w+){0,4} (?:is|are|has|have|would|do you|should|of|lasts|costs|works)(?: \w+)* (?:better|best|cheaper|cheapest|bigger|lighter|smaller|nicer|stronger|faster|more|less|longer|recommend|prefer|choose|pick|value|larger|heavier|most)|"
    r"(?:better|cheaper|bigger|nicer|stronger|lighter) than|which one(?: of| should| would)?|or(?: \w+){1,3} (?:better|best)|pros and cons"
)
_WHY = r"why(?! not)|how come|what makes|explain|reason(?:s)? (?:for|behind|why)"
_TELL = (
    r"(?:tell|say)(?: me)?(?: \w+)? (?:more|about|something)(?: \w+)*|(?:more|further|any|some) (?:details?|info|information|specs) (?:on|about|of|for)|"
    r"(?:give me|i want|show me) (?:more )?(?:the )?(?:details?|info|information|specs)|details? (?:of|on|about|for)|what (?:do you know|can you tell me|else) about|describe|(?:include|show|tell|give|what is|what are|how much is|know)(?: (?:me|us|the|their|its|you|please))* (?:prices?|costs?)(?= [.?!] | $| of )"
)
_QUESTION = (
    r"(?:is|are|does|do|did|was|has|have|can|could|will|would|should|how (?:big|small|heavy|long|much|many|tall|wide|old|good|large|loud|fast|strong|does|do|is|are)|what (?:is|are|does|do|colou?rs?|sizes?|materials?|brand)|"
    r"what's|who (?:makes|made|sells)|where (?:is|are|was|were)|when|which (?:colou?rs?|sizes?|materials?|brand))"
)
IDEAS = (
    r"surprise me|any (?:other )?(?:ideas?|suggestions?|recommendations?|thoughts)|(?:what|anything) (?:else )?(?:should|could|can|might|would|do) (?:i|you|we) (?:get|buy|want|need|recommend|suggest|like|try|have)(?: next| now| today| for me)?|"
    r"what(?: is)? (?:new|next|popular|trending|hot)|inspire me|(?:recommend|suggest|show)(?: \w+){0,3} (?:something|anything|some (?:things|stuff|products|items|goods)|a few (?:things|items))|what do you (?:recommend|suggest|have)|what have you got|you (?:choose|pick|decide)|"
    r"(?:recommend|suggest)(?: me)?(?: please)?(?= [.?!] | $)|(?:recommendations?|suggestions?)(?: please| for me)?(?= [.?!] | $)|just browsing|i am bored|what goes (?:well )?with"
)
FRESH = (
    r"surprise me|inspire me|(?:what|anything) (?:else )?(?:should|could|might) (?:i|we) (?:get|buy|want|need|try)(?: next)?|what(?: is)? (?:next|popular|trending|hot)|"
    r"(?:recommend|suggest|show)(?: me)? (?:something|anything)(?: (?:new|nice|else|fun|cool|good|interesting|for me))?(?= [.?!] | $)|just browsing|i am bored|something (?:completely |totally )?(?:new|else entirely)(?= [.?!] | $)"
)
_YES = r"(?:(?:yes|yea|yeah|yep|yup|sure|ok|okay|of course|certainly|definitely|absolutely|right|correct|exactly|please|very good|good|great|i do|that is right|sounds good|i love it|i like it|love it|that one|go ahead|do it|why not|it is|they are|i would|thanks|thank you) (?:[,.!] )*)+"
_ABOUT_SHOP = (
    r"who (?:are|made|created|built|programmed) you|what are you(?! (?:selling|offering))|what is your (?:name|favou?rite|age)|your name|are you (?:a |an )?(?:\w+ )?(?:robot|bot|human|real|ai|person|machine|chatbot|there|ok|okay|alive)|what can you do|"
    r"how (?:are|have|is|was) (?:you|things|your|it going|everything|life)(?: \w+){0,3}|how (?:do|does) (?:you|this) work|how is it going|what is up|"
    r"how old are you|where are you(?: from)?|do you (?:like|love|sleep|dream|speak|understand|think|feel|have feelings|know)|nice to meet you|who am i|can you (?:speak|hear|understand)"
)
_OFF_TOPIC = (
    r"weather(?! ?(?:station|proof|app|resistant|radio|gear))|(?:tell|say|know)(?: me)? (?:a|another|any|some) (?:\w+ )?(?:jokes?|story|poem|riddle)|capital (?:city )?of|president of|prime minister|"
    r"the (?:latest )?news(?: today)?|who won|who is (?:the )?(?:\w+ )?(?:president|king|queen|ceo|winner)|what (?:time|day|date|year) is it|meaning of life|"
    r"stock (?:market|prices?)|football (?:score|match)|write (?:me )?(?:a|an|some) (?:poem|essay|story|song|code|email|letter)|translate|how (?:tall|old|far|deep|high) is (?:the (?!first|second|third|last|one|\w+ one)|mount)|"
    r"what is \d+|\d+ (?:[*+]|plus|minus|times|divided by) \d+|solve|sing|(?:is|will) it (?:going to )?(?:rain|snow|be sunny)\w*|who (?:was|is|were|invented|discovered|wrote|painted) "
)
MORE = (
    r"(?:show|see|give|find|recommend|suggest|any|some|have|got|for|with|want|need|a few|few|are there|look at)(?: \w+){0,3}? (?:more|others?|another|different|alternatives?|new|else)(?: \w+)?|something (?:else|different|other)|anything else|next(?: ones?| page)?|"
    r"(?:more|other|different|alternative|another)(?: one| ones| options?| choices?| results?| items?| products?| ideas?| suggestions?| recommendations?| set)?(?= (?:please|[.?!]|of|like)| $)|"
    r"what else|alternatives?|change (?:it|this|that|them)(?! to)|make a change|replace (?:it|this|that|them)|(?:try|recommend|search|look) again|keep (?:looking|going)|refresh"
)
DISLIKE = (
    r"(?:do|did|does) not (?:really |quite |much |particularly |very )*(?:like|love|want|fancy|suit|work|fit|appeal|meet|look)|not (?:(?:really|very|quite|so|too|that|all that) )*(?:what|quite what|my|for me|fond|satisfied|happy|good|right|quite right|suitable|a fan|great|these|those|this|that|any of|it)|dislike|hate|"
    r"none of (?:these|those|them)|no good|wrong|ugly|awful|terrible|not interested"
)
LIKE = r"(?:i|we)(?: \w+)? (?:like|love|prefer)|(?:looks?|is|are|seems?|sounds?)(?: \w+)? (?:good|nice|great|perfect|fine|cool|lovely|amazing|ok|okay|interesting|beautiful|suitable|cute|awesome|excellent)|perfect|i (?:am )?(?:pleased|happy|satisfied)|suits|works for me|nice one|great choice"


def cart_op(text: Text, pointed: bool, wishes: bool = False) -> Literal["add", "remove", "show"] | None:
    """What a message does to the cart; `pointed` whether it points at shown items."""
    if text.has(_REMOVE):
        return "remove"
    if text.has(_ADD) and (pointed or text.has(rf"{_CART}")):
        return "add"
    if text.has(_SHOW_CART):
        return "show"
    if (
        pointed
        and _takes(text)
        and not text.has(r"why|how|what|which|similar|(?:more|something|anything|ones?|others?|just) like")
    ):
        return "add"
    return None


def _takes(text: Text) -> bool:
    """Whether a word of taking is followed by what is pointed at, or is an order as such ("place the order")."""
    for match in text.find(_TAKE, free=False):
        if match.group().startswith(("place", "make")) or match.group() == "sold":
            return True
        for at in range(text.span(match)[-1] + 1, len(text)):
            if text.taken[at] == "reference" or text.tokens[at].low in {"it", "this", "that", "them", "these", "those"}:
                return True
            if text.tokens[at].low not in _BETWEEN and not text.tokens[at].low.isdigit():
                break
    return False


def compares(text: Text) -> bool:
    """Whether a message compares."""
    return text.has(_COMPARE)


def asks_why(text: Text) -> bool:
    """Whether a message asks for reasons or details."""
    return text.has(_WHY) or text.has(_TELL)


def asks(text: Text) -> bool:
    """Whether a sentence of the message is built as a question."""
    return bool(
        re.search(
            rf"(?:^ |[.!?,] |\band |\bbut |\bso )(?:(?:ok|okay|and|so|but|well|hmm|hey|hi|please|also|great|nice|thanks) ,? ?)*{_QUESTION} ",
            text.low,
        )
    )


def affirms(text: Text) -> bool:
    """Whether a message only says yes."""
    return bool(re.fullmatch(rf" {_YES}", text.low))


def ideas(text: Text) -> bool:
    """Whether a message leaves the choice to the shop."""
    return text.has(IDEAS)


def off_topic(text: Text) -> bool:
    """Whether a message speaks of the assistant or the world rather than of goods."""
    return text.has(_ABOUT_SHOP) or text.has(_OFF_TOPIC)


def is_small_talk(text: Text) -> bool:
    """Whether nothing but greetings, thanks, yes and filler stands there, and no request."""
    lists = lexicon()
    wanting = text.has(
        r"want|need|looking|recommend|suggest|buy|find|show|help|search|shop|shopping|get|gift|present|more|else|again|change|purchase|other|others|another"
    )
    return not wanting and all(
        not t.low[0].isalnum() or t.low in lists.stop or t.low in lists.generic for t in text.tokens
    )
