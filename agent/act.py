"""What each act does: search and rank, look up, change the cart, ask back. The result is a receipt, no prose yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.answer import answer, cart_words, clarifying, past_words, small_talk, untold
from agent.checks import checkable
from agent.forgetting import history_of
from agent.language import marked, say
from agent.memory import Memory
from agent.planner.acts import BESIDE, EVERYTHING, PAST
from agent.planner.chinese import unknown
from agent.planner.refer import asked_for
from agent.reason import speaking_for
from agent.receipt import build_receipt, constraints_of, plain_receipt
from agent.relax import nothing_fits, only_near
from agent.schema import Act, Conversation, ItemReceipt, Plan, Profile, Receipt, Shown, WhatIf
from agent.wording import both
from retrieval.history import KINDS, History
from retrieval.infer import infer_needs
from retrieval.meant import meant
from retrieval.rank import rank
from retrieval.recommend import recommend
from retrieval.schema import Candidates, Event, EventKind, Need
from retrieval.search import search
from retrieval.shop import Shop
from retrieval.whatif import Forgetting
from retrieval.wording import LATEST

FORGOTTEN = 6  # distinct events whose forgetting is tried out in a turn, as many as cards on a usual list


@dataclass(frozen=True)
class Acted:
    """A receipt, the history that guided it, what was found for each need, the cart after the turn, milliseconds."""

    receipt: Receipt
    history: History
    found: tuple[Candidates, ...] = ()
    cart: tuple[Shown, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass
class Actor:
    """Carries out plans on one shop.

    Attributes:
        cards: items shown in a turn.
        across: of these, at most so many from other aisles beside what was asked for.
    """

    shop: Shop
    memory: Memory
    cards: int
    across: int

    def act(self, plan: Plan, message: str, conversation: Conversation, profile: Profile, history: History) -> Acted:
        """Do what the plan says."""
        if plan.act is Act.RECOMMEND and unknown(plan.query, self.shop.catalogue.term_index.count):
            return self._puzzled(plan, conversation, profile, history)
        if plan.act is Act.RECOMMEND:
            said = tuple(m.text for m in conversation.messages if m.role == "user")
            return self._recommend(plan, (*said, message), profile, history)
        if plan.act is Act.CART:
            return self._cart(plan, conversation, profile, history)
        if plan.act in (Act.COMPARE, Act.EXPLAIN):
            return self._speak_of(plan, message, conversation, profile, history)
        if plan.act is Act.CHITCHAT and plan.question == PAST:
            own = history_of(self.shop, self.memory, profile.shopper) if profile.shopper else history
            notes = past_words(own, self.shop.catalogue)  # to know one's own purchases is no personalising
        else:
            notes = [clarifying(plan) if plan.act is Act.CLARIFY else small_talk(message)]
        return Acted(plain_receipt(self.shop, plan, (), profile.shopper, notes), history)

    def _recommend(self, plan: Plan, said: tuple[str, ...], profile: Profile, history: History) -> Acted:
        plan, notes = checkable(plan, self.shop.catalogue)
        plan, unpayable = self._payable(plan)
        plan, unrefusable = self._refusable(plan, said[-1])
        notes += unpayable + unrefusable
        if plan.act is Act.CLARIFY:
            return Acted(plain_receipt(self.shop, plan, (), profile.shopper, notes), history)
        guide = history if plan.recipient is None else History.empty(history.now)
        limits = constraints_of(plan)
        started = time.perf_counter()
        if plan.query or plan.wanted:
            text = plan.query or " ".join(plan.wanted)
            asked = Need(text=text, wanted=plan.wanted, constraints=limits, said=said[-LATEST:])
            first = meant(self.shop.catalogue, search(self.shop, asked, guide))
            others = [search(self.shop, need, guide) for need in self._across(asked, first, guide, plan)]
            searched = tuple(others) if others and plan.question == BESIDE else (first, *others)
            ranked = time.perf_counter()
            ranking = rank(self.shop, searched, self.cards, guide)
        else:
            ranked = started  # needs, search and ranking go hand in hand: all of it is told as ranking
            ranking = recommend(self.shop, guide, self.cards, limits)
            searched = tuple(Candidates(need=need) for need in ranking.needs)
        timings = {"search": (ranked - started) * 1e3, "rank": (time.perf_counter() - ranked) * 1e3}
        receipt = build_receipt(self.shop, plan, ranking, guide, shopper=profile.shopper, notes=notes)
        found_wanting = only_near if receipt.items else nothing_fits
        more = found_wanting(self.shop, receipt, guide)
        if plan.recipient and not (plan.query or plan.wanted):
            more.append(say("What do they like, and about how much would you like to spend?"))
        if plan.ask and receipt.items and not any(note.endswith(("?", "？")) for note in (*notes, *more)):
            more.append(clarifying(plan))
        return Acted(receipt.model_copy(update={"notes": (*notes, *more)}), guide, searched, timings_ms=timings)

    def _puzzled(self, plan: Plan, conversation: Conversation, profile: Profile, history: History) -> Acted:
        """Say that a Chinese wish has no word of this shop's goods; what was talked of before stays."""
        note = say("I know no “{words}” in this shop. Please say it in other words, or in English.", words=plan.query)
        before = conversation.plan.query if conversation.plan else ""
        ask = plan.model_copy(update={"act": Act.CLARIFY, "ask": "kind", "query": before})
        return Acted(plain_receipt(self.shop, ask, (), profile.shopper, [note]), history)

    def _refusable(self, plan: Plan, message: str) -> tuple[Plan, list[str]]:
        """Tell what is refused in Chinese words that no goods here are told in, nor can be put into any."""
        count = self.shop.catalogue.term_index.count
        lost = [term for term in plan.exclude if term in message and unknown(term, count)]
        told = marked(
            "I know no “{words}” in this shop, so I can't leave it out. Please say it in other words, or in English."
        )
        kept = tuple(term for term in plan.exclude if term not in lost)
        return plan.model_copy(update={"exclude": kept}), [say(told, words=term) for term in lost]

    def _across(self, asked: Need, found: Candidates, history: History, plan: Plan) -> tuple[Need, ...]:
        """Needs in other aisles beside what was asked; the shopper's limits hold there as well."""
        most = max(self.across, self.cards // 2) if plan.question == BESIDE else self.across
        if (plan.categories or plan.brands) and plan.question != BESIDE:
            return ()
        return infer_needs(self.shop, history, most, asked=asked, found=found) if most else ()

    def _payable(self, plan: Plan) -> tuple[Plan, list[str]]:
        """Give a price limit this shop's currency; where it is in another, ask for one, beside goods of any price."""
        if plan.price_min is None and plan.price_max is None:
            return plan, []
        known = [name for name in self.shop.catalogue.currency.names if name]
        if plan.currency is None:
            return plan.model_copy(update={"currency": self.shop.catalogue.default_currency}), []
        if plan.currency not in known:
            note = say(
                "Prices here are in {known}, and I do not convert {currency}. What is your limit?",
                known=both(known),
                currency=plan.currency,
            )
            # the sum is dropped, so that a bare amount in answer to the question counts in this shop's currency
            unpayable = {"ask": "budget", "price_min": None, "price_max": None, "currency": None}
            act = Act.RECOMMEND if plan.query else Act.CLARIFY
            return plan.model_copy(update=unpayable | {"act": act}), [note]
        return plan, []

    def _speak_of(
        self, plan: Plan, message: str, conversation: Conversation, profile: Profile, history: History
    ) -> Acted:
        asked = asked_for(conversation.shown)
        wanted = plan.targets or tuple(item.id for item in asked[: 3 if plan.act is Act.COMPARE else 1])
        rows = [self.shop.catalogue.row_of[item] for item in wanted if item in self.shop.catalogue.row_of]
        if not rows or (not plan.targets and plan.act is Act.EXPLAIN and len(conversation.shown) > 1):
            ask = plan.model_copy(update={"act": Act.CLARIFY, "ask": "item", "targets": ()})
            return Acted(plain_receipt(self.shop, ask, (), profile.shopper, [clarifying(ask)]), history)
        receipt = plain_receipt(self.shop, plan, rows, profile.shopper)
        before = self._earlier(conversation)
        items = tuple(_remembered(item, before) for item in receipt.items)
        if plan.act is Act.EXPLAIN:
            notes = [line for item in items for line in answer(item, plan.question or message)]
            missing = [item.name for item in items if not any(item.name in note for note in notes)]
            notes = [*missing, *notes]
        else:
            notes = untold(message, [item.item for item in items])
        return Acted(receipt.model_copy(update={"items": items, "notes": tuple(notes)}), history)

    def _earlier(self, conversation: Conversation) -> dict[str, ItemReceipt]:
        """What this conversation's earlier receipts say of each item; the latest one wins."""
        replies = self.memory.turns(conversation.id) if conversation.id else []
        return {item.item.id: item for reply in replies for item in reply.receipt.items if item.reason}

    def _cart(self, plan: Plan, conversation: Conversation, profile: Profile, history: History) -> Acted:
        owner = profile.shopper or f"visitor:{conversation.id}"
        operation = plan.cart_op or "show"
        if operation == "remove" and plan.question == EVERYTHING:
            return self._emptied(plan, owner, profile, history)
        targets = [item for item in plan.targets if item in self.shop.catalogue.row_of]
        if operation == "remove" and not targets:
            held = [line.item for line in self.memory.cart(owner)]
            targets = [item for item in held if len(held) == 1 and item in self.shop.catalogue.row_of]
        if operation != "show" and not targets:
            ask = plan.model_copy(update={"act": Act.CLARIFY, "ask": "item"})
            return Acted(plain_receipt(self.shop, ask, (), profile.shopper, [clarifying(ask)]), history)
        inside_before = {line.item for line in self.memory.cart(owner)}
        missing = [item for item in targets if operation == "remove" and item not in inside_before]
        for item in targets:
            if operation == "add":
                self.memory.cart_add(owner, item, plan.quantity)
                self._record(profile, item, EventKind.CART)
            elif operation == "remove" and item in inside_before:
                self.memory.cart_remove(owner, item)
        lines = [
            (line.item, line.quantity) for line in self.memory.cart(owner) if line.item in self.shop.catalogue.row_of
        ]
        counts = dict(lines)
        rows = [self.shop.catalogue.row_of[item] for item in counts]
        goods = [item.shown for item in plain_receipt(self.shop, plan, rows, profile.shopper).items]
        inside = [(item, counts[item.id]) for item in goods]
        rows = [self.shop.catalogue.row_of[item] for item in targets] or rows
        receipt = plain_receipt(self.shop, plan, rows, profile.shopper)
        names = [i.name for i in receipt.items if i.item.id not in missing] if operation != "show" else []
        words = [say("{name} is not in your cart.", name=i.name) for i in receipt.items if i.item.id in missing]
        words += cart_words(operation, names, inside)
        return Acted(
            receipt.model_copy(update={"notes": tuple(words)}), history, cart=tuple(item for item, _ in inside)
        )

    def _emptied(self, plan: Plan, owner: str, profile: Profile, history: History) -> Acted:
        """Take everything out of the cart, also what the shop no longer has."""
        inside = [line.item for line in self.memory.cart(owner)]
        for item in inside:
            self.memory.cart_remove(owner, item)
        rows = [self.shop.catalogue.row_of[item] for item in inside if item in self.shop.catalogue.row_of]
        words = [say("I took everything out of your cart.")] if inside else []
        return Acted(
            plain_receipt(self.shop, plan, rows, profile.shopper, [*words, *cart_words("show", [], [])]), history
        )

    def _record(self, profile: Profile, item: str, kind: EventKind) -> None:
        if profile.shopper:
            self.memory.record(event_now(self.shop, profile.shopper, item, kind))

    def with_what_ifs(self, acted: Acted) -> Receipt:
        """The receipt with, for each item that an event speaks for, what forgetting that event would do to its rank."""
        receipt, history = acted.receipt, acted.history
        if receipt.plan.act is not Act.RECOMMEND or not len(history):
            return receipt
        forgetting = Forgetting(self.shop, acted.found, history, self.cards)
        ranks: dict[int, dict[str, int]] = {}
        items = []
        for item in receipt.items:
            index = _event_index(item, history, self.shop)
            if index is not None and (index in ranks or len(ranks) < FORGOTTEN):
                if index not in ranks:
                    entries = forgetting.without(index).entries
                    ranks[index] = {entry.candidate.item: place for place, entry in enumerate(entries, start=1)}
                title = history.ref(index, self.shop.catalogue).title
                guess = WhatIf(event=title, rank=item.rank, rank_without=ranks[index].get(item.item.id))
                item = item.model_copy(update={"what_if": (guess,)})  # noqa: PLW2901 - the item, with its guess
            items.append(item)
        return receipt.model_copy(update={"items": tuple(items)})


def event_now(shop: Shop, shopper: str, item: str, kind: EventKind, quantity: float = 1.0) -> Event:
    """An event that happens now, on an item of the catalogue. Raises `UnknownItemError`."""
    goods = shop.catalogue.item(shop.catalogue.row(item))
    return Event(
        shopper=shopper,
        item=item,
        kind=kind,
        at=datetime.now(UTC),
        value_minor=goods.price_minor,
        currency=goods.currency,
        quantity=quantity,
        platform=goods.platform,
    )


def _remembered(item: ItemReceipt, before: dict[str, ItemReceipt]) -> ItemReceipt:
    """The item with the evidence under which it was shown earlier, if it was."""
    known = before.get(item.item.id)
    if known is None:
        return item
    kept = ("aisle", "need", "reason", "channels", "evidence", "checks", "what_if", "score")
    return item.model_copy(update={name: getattr(known, name) for name in kept})


def _event_index(item: ItemReceipt, history: History, shop: Shop) -> int | None:
    """Where in the history the event stands that the item's reason tells, or else the first of its evidence."""
    told = speaking_for(item)
    for evidence in (*(() if told is None else (told,)), *item.evidence, *item.need.evidence):
        for event in evidence.events:
            row = shop.catalogue.row_of.get(event.item, -1)
            for index in range(len(history) - 1, -1, -1):
                if history.rows[index] == row and KINDS[history.kinds[index]] == event.kind.value:
                    return index
    return None
