"""The planner that needs no model: word lists and patterns, deterministic, a few milliseconds a message.

What a message says is laid over the previous plan:

- *keep*: nothing to search for is said ("cheaper", "under 50", "show me others"): the query stays.
- *refine*: a describing word, an answer to our question, the same thing again with more words: the query grows.
- *replace*: another thing is asked for. Its wishes, brands, aisles and budget go with the old one; the recipient, the
  platforms, "in stock" and everything refused stay, since they are about the shopper rather than about the thing.

A request taken back in the same message is such an earlier plan, too (see `agent.planner.retract`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.planner.acts import BESIDE, EVERYTHING, PAST
from agent.planner.answers import answered
from agent.planner.carry import carry
from agent.planner.chinese import has_chinese, plan_chinese
from agent.planner.hear import Heard, hear
from agent.planner.lexicon import said
from agent.planner.money import Price
from agent.planner.plainer import plainer
from agent.planner.query import main
from agent.planner.refer import asked_for, by_price
from agent.planner.retract import retraction
from agent.planner.tokens import shortened
from agent.planner.vocabulary import Vocabulary
from agent.schema import Act, Conversation, Message, Plan, Shown
from retrieval.text import words

_BUT = r"but (?:in|with|without|for|not|more|less|smaller|bigger|a|an|something)"  # praise that asks for a change
MAX_QUERY = 200  # characters
_THIS = (  # asks of "it", "these" or "this one" how it is; nothing that goods, places or the weather are named by
    r"(?<=^ )(?:(?:ok|okay|and|so|but|hi|hey|hello|,) )*(?:(?:is|are|does|do|has|have|can|will|would) @(?: ones?)? "
    r"(?!a |an |the |possible|true|there|for sale|shop|store|site|website|page|app|assistant|chat|sell|be |free to|"
    r"price|deliver|ship|open|right|rain|snow|better|normal|ok |okay |have )[a-z][\w-]*"
    r"(?= (?:for|in|with|to|from|on|at|as|than|enough|by|[.?!]) | $)|"
    r"(?:how \w+ (?:is|are)|what (?:size|colou?r|brand) (?:is|are)) @(?: ones?)?(?= [.?!] | $)|"
    r"(?:does|do) @ have [a-z ]+(?= [.?!] | $))"
).replace("@", "(?:this|that|these|those|it|they)")
_BRIEF = 7  # words; a longer question names goods more often than not
MOST_COMPARED = 4  # items, where none is pointed at


class RulesPlanner:
    """Reads messages by rules.

    Args:
        vocabulary: the shop's own words.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.plan("something nice for my sister under 20, not red", Conversation())  # compiles the patterns

    def plan(self, message: str, conversation: Conversation) -> Plan:
        """The plan for a message, with everything carried over from earlier turns. Never fails, whatever the text."""
        return self.read(message, conversation)[0]

    def read(self, message: str, conversation: Conversation) -> tuple[Plan, bool]:
        """The plan, and whether the message says no more than a fixed phrase, which nobody need read again.

        Such are another brand, shop or aisle, what goes with something, the shop's service, and past purchases.
        """
        said = shortened(message)
        message = plainer(said, self.vocabulary)
        parts = retraction(message, self.vocabulary)
        if parts is None:
            plan, sure = self._plan(message, conversation)
            asked = plan.question == message[:500] != ""
            return plan.model_copy(update={"question": said[:500]}) if asked else plan, sure
        first, rest = parts
        retracted = self._plan(first, conversation)[0].model_copy(update={"act": Act.RECOMMEND, "ask": None})
        before = Message(role="user", text=first), Message(role="assistant", text="", plan=retracted)
        return self._plan(rest, conversation.model_copy(update={"messages": (*conversation.messages, *before)}))

    def _plan(self, message: str, conversation: Conversation) -> tuple[Plan, bool]:
        previous = conversation.plan
        base = (previous or Plan()).model_copy(
            update={"targets": (), "cart_op": None, "quantity": 1, "ask": None, "question": "", "confidence": 1.0}
        )
        plan = self._plain(message, base, conversation)
        return (plan, False) if plan is not None else self._heard(message, base, conversation)

    def _plain(self, message: str, base: Plan, conversation: Conversation) -> Plan | None:
        """The plan where there is nothing for the readers to take apart."""
        previous = conversation.plan
        if not words(message):
            return _wordless(message, base, previous)
        if has_chinese(message):
            return plan_chinese(message, base, conversation, self.vocabulary)
        if not any(c.isascii() and c.isalnum() for c in message) and not _is_latin(message):
            return base.model_copy(update={"act": Act.RECOMMEND, "query": message[:MAX_QUERY], "confidence": 0.5})
        return answered(message, base.model_copy(update={"act": previous.act})) if previous is not None else None

    def _heard(self, message: str, base: Plan, conversation: Conversation) -> tuple[Plan, bool]:
        heard = hear(message, conversation, self.vocabulary)
        sure = _is_fixed(heard, conversation)
        if heard.reset and heard.cart is None:
            base, conversation = Plan(), Conversation()
        if heard.beside and base.query:
            return base.model_copy(update={"act": Act.RECOMMEND, "question": BESIDE, "confidence": 0.9}), sure
        served = heard.serves or heard.off_topic or heard.past
        if not conversation.shown and not base.query and not served and _of_nothing(heard):
            return base.model_copy(update={"act": Act.CLARIFY, "ask": "kind"}), True
        act = _act(heard, conversation)
        if act is Act.RECOMMEND:
            plan = carry(heard, base, conversation, self.vocabulary)
            if heard.beside_named and plan.query:
                return plan.model_copy(update={"question": BESIDE}), True
            return plan, sure
        return base.model_copy(update={"act": act, **_about(act, heard, conversation, message)}), sure


def _of_nothing(heard: Heard) -> bool:
    """Whether a message asks about what it takes for shown: "is this safe for kids?", "compare the first two"."""
    asks = heard.asks or heard.why or heard.compares
    brief = len(heard.text) <= _BRIEF and not heard.text.has("[,:;]")
    of_it = "reference" in heard.text.taken or (brief and heard.text.has(_THIS))
    return asks and of_it and not _asks_for_goods(heard)


def _is_fixed(heard: Heard, conversation: Conversation) -> bool:
    """Whether fixed phrases are all that was heard."""
    if heard.past or heard.serves or heard.beside:
        return True
    other = heard.other_brand or heard.other_platform or heard.other_aisle or heard.any_brand or heard.any_platform
    lifted = heard.edits.any_kind or heard.price == Price(clear=True)
    alike = bool(heard.similar and heard.references)
    return not heard.phrases and bool(lifted or heard.reset or alike or (other and conversation.shown))


def _about(act: Act, heard: Heard, conversation: Conversation, message: str) -> dict[str, Any]:
    """The fields of a turn that doesn't search."""
    if act is Act.CART:
        if heard.cart == "empty":
            return {"cart_op": "remove", "question": EVERYTHING}
        quantity = heard.quantity if heard.cart == "add" else 1
        return {"cart_op": heard.cart, "targets": _cart_targets(heard, conversation), "quantity": quantity}
    if act is Act.CHITCHAT:
        if heard.past:
            return {"question": PAST}
        focus = conversation.plan.targets if conversation.plan else ()
        return {"targets": tuple(item.id for item in heard.targets) or focus}
    return {"targets": _targets(heard, conversation, act), "question": message[:500]}


def _is_latin(message: str) -> bool:
    letters = [c for c in message if c.isalpha()]
    return bool(letters) and sum(c < "\u0250" for c in letters) * 2 >= len(letters)


def _wordless(message: str, base: Plan, previous: Plan | None) -> Plan:
    """Nothing, marks or emoji only: "?" asks for another try, a heart is small talk."""
    if previous is not None and "?" in message:
        return base.model_copy(update={"act": Act.RECOMMEND, "confidence": 0.5})
    if message:
        return base.model_copy(update={"act": Act.CHITCHAT, "confidence": 0.5})
    return base.model_copy(update={"act": Act.CLARIFY, "ask": "kind", "confidence": 0.5})


def _act(heard: Heard, conversation: Conversation) -> Act:
    """Which kind of turn it is; clarifying is decided later, when it is known what there is to search for."""
    if heard.cart is not None and not (heard.dislikes and heard.cart == "add") and not heard.similar:
        return Act.CART
    wants = bool(heard.more or heard.wishes.price or heard.price.said or heard.similar or heard.edits.exclude)
    about = _about_shown(heard, wants=wants) if conversation.shown else None
    if about is not None:
        return about
    if heard.past or heard.serves or (heard.off_topic and not _asks_for_goods(heard)):
        return Act.CHITCHAT
    named = heard.names.brands or heard.names.platforms or heard.names.categories
    if wants or heard.ideas or named or heard.recipient.said or (heard.dislikes and conversation.plan):
        return Act.RECOMMEND
    edited = (
        heard.wishes.cheap
        or heard.wishes.offer is not None
        or heard.wishes.stock is not None
        or heard.edits.unneeded
        or heard.edits.any_kind
        or heard.any_brand
        or heard.any_platform
        or heard.other_brand
        or heard.other_platform
    )
    if heard.small_talk and not edited:
        return Act.CHITCHAT
    return Act.RECOMMEND


def _about_shown(heard: Heard, *, wants: bool) -> Act | None:
    """Whether the message speaks of what is shown: compare, explain, or only praise; None if it asks for goods."""
    goods = _asks_for_goods(heard)
    if heard.compares and not heard.wishes.price and not goods:
        return Act.COMPARE
    if heard.off_topic or heard.dislikes:
        return None
    speaks = bool(heard.references) and not wants and not goods
    if heard.why or (speaks and heard.asks):
        return Act.EXPLAIN
    wishes = any(p.cue in {"request", "wish"} and p.names for p in heard.phrases) or heard.text.has(_BUT)
    if speaks and heard.likes and not wishes:
        return Act.CHITCHAT
    said_more = (
        heard.phrases
        or heard.edits.refused_references
        or heard.edits.refused_brand
        or heard.recipient.said
        or heard.names.brands
    )
    return Act.EXPLAIN if speaks and heard.definite and not said_more else None


def _asks_for_goods(heard: Heard) -> bool:
    chosen = main(list(heard.phrases))
    return chosen is not None and chosen.cue == "request" and chosen.names and not heard.definite


def _compared(heard: Heard, shown: Sequence[Shown]) -> tuple[str, ...]:
    """What to compare: the items pointed at; by price all that were asked for, the one in question first."""
    targets, asked = heard.targets, asked_for(shown)
    by = heard.extreme
    if by and (len(targets) <= 1 or not heard.definite):
        priced = by_price(shown) if by < 0 else by_price(shown)[::-1]
        return tuple(item.id for item in priced or asked[:MOST_COMPARED])
    if not heard.definite:
        targets = tuple(asked_for(targets)) if len(targets) > 1 else ()
    if len(targets) == 1 and len(shown) > 1:
        others = [item for item in (*asked, *shown) if item.id != targets[0].id]
        targets = (*targets, others[0])
    return tuple(item.id for item in targets or asked[:MOST_COMPARED])


def _targets(heard: Heard, conversation: Conversation, act: Act) -> tuple[str, ...]:
    shown, targets = conversation.shown, heard.targets
    if act is Act.COMPARE:
        return _compared(heard, shown)
    if targets and not (len(targets) > 1 and not heard.definite):
        return tuple(item.id for item in targets)
    focus = tuple(item.id for item in shown if conversation.plan and item.id in conversation.plan.targets)
    return focus or tuple(item.id for item in (targets or shown[:1]))


def _cart_targets(heard: Heard, conversation: Conversation) -> tuple[str, ...]:
    if heard.cart == "show" or heard.text.has(said("acts.empty_cart")):
        return ()  # "everything but the first": what is named is what stays, so it is better to ask
    focus = conversation.plan.targets if conversation.plan else ()
    vague = not heard.definite and len(heard.targets) <= 1 and not focus
    if not heard.targets or (vague and len(conversation.shown) > 1):
        return tuple(focus[:1])  # none: "it" may be any of several, so it is better to ask
    return tuple(item.id for item in heard.targets)
