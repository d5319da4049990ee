"""What one message changes: a plan told as its difference from the plan before.

A small model does better to say what changes than to write the whole wish again: on "cheaper" there is no query to
copy, so none can be lost or made up. `applied` lays a change over the previous plan; `change_of` is its inverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent.planner.slots import MAX_QUANTITY, in_major
from agent.planner.wishes import limit
from agent.schema import Act, Plan, Shown

Topic = Literal["keep", "refine", "replace"]
Price = Literal["cheaper", "dearer"]
CartOp = Literal["add", "remove", "show"]
Ask = Literal["budget", "kind", "recipient"]
Cleared = Literal["brand", "category", "platform", "price", "stock", "recipient"]
Text = Annotated[
    str, BeforeValidator(lambda said: said.strip() if isinstance(said, str) else said), Field(max_length=120)
]
Sum = Annotated[str, BeforeValidator(lambda said: said.strip() if isinstance(said, str) else said)]
Texts = Annotated[list[Text], Field(max_length=8)]
Numbers = Annotated[list[int], Field(max_length=24)]
NAMES = ("brands", "categories", "platforms")
TURN: dict[str, Any] = {"targets": (), "cart_op": None, "quantity": 1, "ask": None, "question": "", "confidence": 1.0}
_NAMED = tuple(prefix + name for prefix in ("", "not_") for name in NAMES)
_TEXTS = frozenset({"query", "include", "exclude", "allow", "price_min", "price_max", "recipient", *_NAMED})
_CLEARS: dict[str, tuple[str, ...]] = {
    "brand": ("brands",),
    "category": ("categories",),
    "platform": ("platforms",),
    "price": ("price_min", "price_max"),
    "stock": ("in_stock",),
    "recipient": ("recipient",),
}


class Change(BaseModel):
    """What a message changes; what it leaves out stays as it is.

    Attributes:
        act: what the turn does.
        topic: "keep" the query, "refine" it (`query` is the new whole), or "replace" it: another thing, whose wishes,
            names and budget go with the old one, while what is about the shopper stays.
        query: the new query, for refine and replace.
        include, exclude: wishes and refusals said now; allow: refusals taken back.
        price_min, price_max: sums said now, in major units; price: "cheaper" or "dearer" than what was shown.
        brands to not_platforms: names said now.
        clear: what no longer matters.
        items: numbers of the shown things it speaks of, from 1; dismiss: numbers of those turned down; others: true
            if it wants other things than those shown.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    act: Literal["recommend", "clarify", "compare", "explain", "cart", "chitchat"]
    topic: Topic = "keep"
    query: Text = ""
    include: Texts = []
    exclude: Texts = []
    allow: Texts = []
    price_min: Sum | None = None
    price_max: Sum | None = None
    price: Price | None = None
    brands: Texts = []
    not_brands: Texts = []
    categories: Texts = []
    not_categories: Texts = []
    platforms: Texts = []
    not_platforms: Texts = []
    clear: list[Cleared] = []
    in_stock: bool = False
    recipient: Text | None = None
    items: Numbers = []
    dismiss: Numbers = []
    others: bool = False
    cart_op: CartOp | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    ask: Ask | None = None

    def written(self) -> dict[str, Any]:
        """The change as a model writes it: what says nothing is left out, and texts are as `spaced` gives them."""
        told = self.model_dump(exclude_defaults=True)
        return {name: spaced(value) if name in _TEXTS else value for name, value in told.items()}


def spaced(value: Any) -> Any:
    """A text, or each of several, in small letters and with a space before it.

    Tokenizers know a word with the space before it; where a JSON string begins, the word would be other tokens than in
    the message that it is copied from.
    """
    if isinstance(value, str):
        return f" {value.casefold().strip()}" if value.strip() else ""
    return [spaced(one) for one in value]


def applied(
    change: Change,
    previous: Plan | None,
    shown: Sequence[Shown],
    sums: dict[str, tuple[int, str | None]],
    seen: Iterable[str] = (),
) -> Plan:
    """The whole plan after a change.

    Args:
        change: what the message changes.
        previous: the plan before it, None at the beginning.
        shown: what was shown last, numbered from 1.
        sums: sums in major units -> (minor units, currency); every sum of the change is among them.
        seen: ids of everything shown in the conversation, for wishes of something new altogether.
    """
    plan = (previous or Plan()).model_copy(update=TURN | {"act": Act(change.act)})
    if plan.act is not Act.RECOMMEND:
        return plan.model_copy(update=_turn(change, shown))
    fields: dict[str, Any] = {}
    if change.topic == "replace":
        fields = dict.fromkeys(("include", "brands", "categories"), ())
        fields |= {"query": "", "price_min": None, "price_max": None}
    if change.topic != "keep":
        fields["query"] = change.query
    plan = plan.model_copy(update=fields)
    plan = plan.model_copy(
        update={field: Plan.model_fields[field].default for c in change.clear for field in _CLEARS[c]}
    )
    plan = plan.model_copy(update=_words(change, plan) | _names(change, plan) | _prices(change, plan, shown, sums))
    gone = [shown[number - 1].id for number in change.dismiss if number <= len(shown)]
    gone += [item.id for item in shown] if change.others else []
    gone += list(seen) if change.topic == "replace" and not change.query else []
    return plan.model_copy(update={"not_items": _joined(plan.not_items, gone)})


def change_of(previous: Plan | None, plan: Plan, shown: Sequence[Shown], seen: Iterable[str] = ()) -> Change:
    """The change that leads from one plan to the next: `applied(change_of(a, b), a) == b` for plans that follow.

    Args:
        previous: the plan before; None at the beginning.
        plan: the plan after.
        shown: what was shown last.
        seen: as for `applied`.
    """
    before = previous or Plan()
    place = {item.id: number for number, item in enumerate(shown, start=1)}
    if plan.act is not Act.RECOMMEND:
        items = [place[item] for item in plan.targets if item in place]
        quantity = plan.quantity if plan.cart_op == "add" else 1
        turn = {"act": plan.act.value, "items": items, "cart_op": plan.cart_op, "quantity": quantity, "ask": plan.ask}
        return Change.model_validate(turn)
    topic = _topic(before, plan)
    base = applied(
        Change(act="recommend", topic=topic, query=plan.query if topic != "keep" else ""), before, shown, {}, seen
    )
    told: dict[str, Any] = {"act": "recommend", "topic": topic, "query": plan.query if topic != "keep" else ""}
    told["include"] = [term for term in plan.include if term not in base.include]
    told["exclude"] = [term for term in plan.exclude if term not in base.exclude]
    told["allow"] = [term for term in base.exclude if term not in plan.exclude]
    for name in NAMES:
        for field in (name, f"not_{name}"):
            told[field] = [n for n in getattr(plan, field) if n not in getattr(base, field)]
    told |= _price_told(base, plan, shown)
    told["in_stock"] = plan.in_stock and not base.in_stock
    told["recipient"] = plan.recipient if plan.recipient != base.recipient else None
    told["clear"] = (told.pop("cleared_price")) + [
        clear
        for clear, empty in (
            ("brand", base.brands and not plan.brands and not set(base.brands) & set(plan.not_brands)),
            ("category", base.categories and not plan.categories),
            ("platform", base.platforms and not plan.platforms and not set(base.platforms) & set(plan.not_platforms)),
            ("stock", base.in_stock and not plan.in_stock),
            ("recipient", base.recipient and not plan.recipient),
        )
        if empty
    ]
    new = [item for item in plan.not_items if item not in base.not_items]
    told["others"] = bool(shown) and {item.id for item in shown} <= {*new, *base.not_items} and len(new) > 1
    told["dismiss"] = [] if told["others"] else [place[item] for item in new if item in place]
    return Change(**told)


def _turn(change: Change, shown: Sequence[Shown]) -> dict[str, Any]:
    targets = tuple(dict.fromkeys(shown[number - 1].id for number in change.items if number <= len(shown)))
    if change.act == "clarify":
        return {"ask": change.ask or "kind"}
    if change.act == "cart":
        return {"targets": targets, "cart_op": change.cart_op or "show", "quantity": change.quantity}
    return {"targets": targets}


def _words(change: Change, plan: Plan) -> dict[str, Any]:
    refused, allowed = set(change.exclude), {term.casefold() for term in change.allow}
    return {
        "include": tuple(term for term in _joined(plan.include, change.include) if term not in refused),
        "exclude": tuple(t for t in _joined(plan.exclude, change.exclude) if t.casefold() not in allowed),
        "in_stock": plan.in_stock or change.in_stock,
        "recipient": change.recipient or plan.recipient,
    }


def _names(change: Change, plan: Plan) -> dict[str, Any]:
    """Names said now: those wanted take the place of earlier ones, those refused join them; the last said counts."""
    fields: dict[str, Any] = {}
    for name in NAMES:
        wanted, refused = getattr(change, name), getattr(change, f"not_{name}")
        kept = tuple(wanted) or getattr(plan, name)
        fields[name] = tuple(n for n in kept if n not in refused)
        fields[f"not_{name}"] = tuple(n for n in _joined(getattr(plan, f"not_{name}"), refused) if n not in wanted)
    return fields


def _prices(
    change: Change, plan: Plan, shown: Sequence[Shown], sums: dict[str, tuple[int, str | None]]
) -> dict[str, Any]:
    low, high, currency = plan.price_min, plan.price_max, plan.currency
    if change.price_min is not None:
        low, said = sums[change.price_min]
        currency = said or currency
    if change.price_max is not None:
        high, said = sums[change.price_max]
        currency = said or currency
    if change.price_max is None and change.price_min is None and change.price is not None:
        bound = limit(-1 if change.price == "cheaper" else 1, shown, (), far=False)
        if bound is not None and change.price == "cheaper":
            high, currency = (bound[0] if high is None else min(high, bound[0])), bound[1]
        elif bound is not None:
            low, currency = (bound[0] if low is None else max(low, bound[0])), bound[1]
    if low is not None and high is not None and low > high:  # the bound that was not spoken of gives way
        low, high = (None, high) if change.price_max is not None or change.price == "cheaper" else (low, None)
    return {"price_min": low, "price_max": high, "currency": currency}


def _price_told(base: Plan, plan: Plan, shown: Sequence[Shown]) -> dict[str, Any]:
    told: dict[str, Any] = {"cleared_price": []}
    for price in ("cheaper", "dearer"):
        probe = _prices(Change(act="recommend", price=price), base, shown, {})
        same = (probe["price_min"], probe["price_max"]) == (plan.price_min, plan.price_max)
        if same and (plan.price_min, plan.price_max) != (base.price_min, base.price_max):
            return told | {"price": price}
    if (base.price_min, base.price_max) != (None, None) and (plan.price_min, plan.price_max) == (None, None):
        return told | {"cleared_price": ["price"]}
    for field in ("price_min", "price_max"):
        minor = getattr(plan, field)
        if minor is not None and minor != getattr(base, field):
            told[field] = in_major(minor, plan.currency)
    return told


def _topic(before: Plan, plan: Plan) -> Topic:
    if plan.query == before.query and (plan.query or set(before.include) <= set(plan.include)):
        return "keep"
    old, new = set(before.query.casefold().split()), set(plan.query.casefold().split())
    return "refine" if before.query and len(old & new) * 2 >= len(old) and plan.query else "replace"


def _joined(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))


def _vocabulary() -> tuple[str, ...]:
    """Every word of which answers are made beside those of shopper and shop."""
    choices = (Act, *(get_args(choice) for choice in (Topic, Cleared, Price, CartOp, Ask)))
    named = [*Change.model_fields, *(str(value) for choice in choices for value in choice), "true", "false", "null"]
    return tuple(dict.fromkeys(part for name in named for part in name.split("_")))


WORDS = _vocabulary()
