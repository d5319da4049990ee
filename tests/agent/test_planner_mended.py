"""Readings that once went wrong with real shoppers' words, each by the mechanism that now gets them right.

Rows are as in `tests.agent.test_planner`. Where what the goods themselves tell bears on the reading, the words are read
in a small shop made below.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from agent.planner.acts import BESIDE, PAST
from agent.planner.covers import with_covered
from agent.planner.rules import RulesPlanner
from agent.planner.spelling import bases, redoubled
from agent.planner.tokens import Text
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import limit
from agent.schema import Act, Conversation, Message, Plan
from retrieval.catalogue import SCHEMA, Catalogue
from tests.agent.planner_shop import SHOWN, shown, talk
from tests.agent.test_planner import C, E, K, R, S, check, row

NAMES = [
    row(
        "coffee maker with a timer | anything but Mr. Coffee",
        query="coffee maker with a timer",
        exclude=("mr. coffee",),
    ),
    row("coffee | not mr. coffee", query="coffee", exclude=("mr. coffee",)),
    row("Mr. Coffee coffee maker | not Mr. Coffee", query="coffee maker", exclude=("mr. coffee",)),
    row("cat litter | not Dr. Elsey's", query="cat litter", exclude=("dr. elsey's",)),
    row("lotion | no St. Ives please", query="lotion", exclude=("st. ives",)),
    row("duffel bag | except L.L. Bean", query="duffel bag", exclude=("l.l. bean",)),
    row("shirts | no J. Crew or L. L. Bean", query="shirts", exclude=("j. crew", "l. l. bean")),
    row("sheets | not from Crate & Barrel, please", query="sheets", exclude=("crate & barrel",)),
    row("bike | not Trek & Co", query="bike", not_brands=("Trek & Co",), exclude=()),
    row("Mr. Coffee coffee maker", query="Mr. Coffee coffee maker", include=()),
    row("G.Skill ram", query="G.Skill ram"),
    row("I need a lamp.It should be blue", query="lamp", include=("blue",)),
    row("take vitamin C. Show me mugs", words="mug"),
    row("leather bag | no brown leather", query="leather bag", exclude=("brown leather",)),
    row("jug | no not Acme, Kilo", not_brands=("Acme",), brands=("Kilo",), exclude=()),
    row("jeans | not slim fit", query="jeans", exclude=("slim fit",)),
    row("anything but plastic lunch box", query="lunch box", exclude=("plastic",)),
    row("tv | Vizio or TCL.", query="tv", include=("Vizio", "TCL"), brands=()),
    row("tv | Sony, Vizio or TCL please", query="tv", include=("Sony", "Vizio", "TCL"), brands=()),
    row("tv | sony or vizio", query="tv", include=("sony", "vizio"), brands=()),
    row("Nike shoes | Sony or Logitech", query="shoes", brands=("Sony", "Logitech")),
    row("lamp | mugs or backpacks", query="mugs or backpacks", brands=()),
    row("tv | sony or vizio | not sony", include=("vizio",), not_brands=("Sony",)),
]

MONEY = [
    row("under 50 in stock headphones", query="headphones", price_max=5000, in_stock=True),
    row("jacket under 80 in blue", query="jacket", price_max=8000, words="blue"),
    row("mugs under 20 in sets of 4", query="mugs", price_max=2000),
    row("rug under 50 in wide", price_max=None),
    row("tv under 50 in", price_max=None),
    row("headphones under 50 wireless", words="headphone wireless", price_max=5000),
    row("under 25 mugs for kids", query="mugs for kids", price_max=2500),
    row("novel under 300 pages", price_max=None),
    row("I have 2 large dogs", price_max=None),
    row("jug | cheaper than 30", price_max=3000),
    row("jug over 50 | no wait, under 50", price_max=5000, price_min=None),
    row("jug under 30 | no limit", price_max=None, exclude=()),
]

TOPICS = [
    row("I want to see the backpacks you showed me", query="backpacks", include=()),
    row("red backpack | I want to see the backpacks you showed me", query="red backpack", include=()),
    row("red backpack under 50 | socks | the backpacks you showed me before", query="red backpack", price_max=5000),
    row("red backpack under 50 | socks | go back to the backpacks", query="red backpack", price_max=5000, include=()),
    row("back to school backpack", words="backpack school"),
    row("two of the red mugs under 20", query="red mugs", price_max=2000),
    row("I need three red mugs", query="red mugs"),
    row("three pairs of socks", query="socks"),
    row("two person tent", query="two person tent"),
    row("seven dwarfs costume", query="seven dwarfs costume"),
    row("dog food under 40 | and a toy to go with it", query="toy for dog", price_max=None),
    row("dog food | a toy for it", query="toy for dog"),
    row("camera | do you have a bag for it?", query="bag for camera", act=R),
    row("camera | I need a bag for the second one", query="bag for camera", act=R),
    row("camera | does the second one go with it", act=E),
    row("dog food | cat food", query="cat food", include=()),
    row("tea for my parents | and a mug for them", words="mug", recipient="parents"),
    row("backpack | for hiking and camping", query="backpack", include=("hiking and camping",)),
    row("dog bed | for a large dog", query="dog bed", include=("large dog",)),
    row("toaster | 4 slice | no wait 2 slice", query="2 slice toaster"),
    row("kettle | 4 cups | no, 2 cups", query="2 cups kettle"),
    row("shoes | size 9", words="size 9 shoe"),
    row("gloves | gloves not socks", query="gloves", exclude=("socks",)),
    row("socks | gloves not socks", query="gloves", exclude=("socks",)),
    row("protein powder | chocolate not vanilla", query="chocolate protein powder", exclude=("vanilla",)),
    row("hose | it does not kink", query="hose", include=(), exclude=()),
    row("jacket in leather | not leather", query="jacket", exclude=("leather",)),
    row("I need running shoes my old ones are worn out", query="running shoes", include=()),
    row("this is for a wedding: a blue tie", query="blue tie"),
    row("tent | a jacket, waterproof and not black", query="jacket", include=("waterproof",), exclude=("black",)),
    row("tent | for cold weather", query="tent", act=R),
    row("tent | from a good brand", query="tent", act=R),
    row("headphones | I said wireless", words="wireless headphone"),
    row("need a gift for dad, hes a golfer", query="golfer", recipient="dad"),
]

RETRACTED = [
    row("do you sell pregnancy tests? actually no, show me backpacks", query="backpacks", include=()),
    row("a scarf for my sister under 40, no wait, gloves", query="gloves", recipient="sister", price_max=None),
    row("I want a tent, actually a backpack", query="backpack", include=()),
    row("show me tents. On second thought, sleeping bags under 60", query="sleeping bags", price_max=6000),
    row("jug | add the second to my cart. Actually no, show me lamps", act=R, query="lamps", cart_op=None),
    row("a red mug, actually blue", query="blue mug", include=()),
    row("a gift for my sister, no wait, my brother", recipient="brother", query=""),
    row("backpack under 50, no wait, 80", query="backpack", price_max=8000),
    row("I need a lamp that actually works", query="lamp"),
    row("do you have mugs? actually, are they dishwasher safe?", query="mugs"),
]

PEOPLE = [
    row("I need a gift | my brother", recipient="brother", query="", act=C),
    row("I need a gift | a friend", recipient="friend", query=""),
    row("I need a gift | kids", recipient="kids", query=""),
    row("scarf for my sister | no, my brother", recipient="brother", query="scarf", include=()),
    row("a present for my boyfriends birthday next week", recipient="boyfriend", query="", include=("birthday",)),
    row("my daughter's turning 7, what should I get her", recipient="daughter", query=""),
]

TURNS = [
    row("jug | two of the second one please", act=K, cart_op="add", targets=("s:2",), quantity=2),
    row("jug | I want them in red", act=R, words="red jug"),
    row("jug | I like the first one but in white", act=R, words="white jug"),
    row("jug | who makes the second one | what about its lid", act=E, targets=("s:2",)),
    row("jug | page 2", act=R, query="jug", not_items=("s:1", "s:2", "s:3", "s:4")),
    row("jug | yes, I am satisfied with this one", act=S),
    row("I want to cancel my order", act=S),
]


IN_PASSING = [
    row("jug | add the first one | and 2 of the third one", act=K, targets=("s:3",), cart_op="add", quantity=2),
    row("jug | plus three of the second", act=K, targets=("s:2",), cart_op="add", quantity=3),
    row("running shoes | not for trail, for road", query="running shoes", words="road", exclude=("trail",)),
    row("mill | not for espresso but for filter", without="espresso", words="filter", exclude=("espresso",)),
    row("mugs for my dad | not for my dad, for my mum", query="mugs", recipient="mum", exclude=()),
    row("blue running shoes | ok forget the colour", act=R, query="running shoes"),
    row("blue jug | any colour is fine", act=R, query="jug"),
    row("blue jug | the colour doesn't matter to me", act=R, query="jug"),
    row("large blue jug | any size will do", act=R, query="blue jug"),
    row("jug | something fancier", act=R, query="jug", price_min=3501),
    row("jug | a bit posher", act=R, query="jug", price_min=3501),
    row("jug | how do I return something", act=S, query="jug"),
    row("jug | how do i send this back?", act=S, query="jug"),
    row("jug | can I get a refund", act=S, query="jug"),
    row("jug | what did i buy last time?", act=S, query="jug", question=PAST),
    row("show me my purchase history", act=S, question=PAST),
    row("jug | recommend me something new based on what I've bought", act=R, query=""),
    row("jug | suggest something from my history", act=R, query=""),
    row("jug | how much would all of that cost", act=K, cart_op="show", targets=()),
    row("jug | how much is it altogether?", act=K, cart_op="show", targets=()),
    row("jug | how much is the second one", act=E, targets=("s:2",)),
    row("camping w my kids", without="w"),
    row("head torch with at least 300 lumens", query="head torch 300 lumens"),
    row(
        "mugs | not too expensive leather backpack in blue, not black",
        words="backpack blue",
        without="mug",
        price_max=None,
    ),
    row("mugs | leather backpack with pockets, not black", words="backpack", without="mug", exclude=("black",)),
    row("jug | what else goes with it?", act=R, query="jug", question=BESIDE),
    row("jug | ok what else would I need for that", act=R, query="jug", question=BESIDE),
    row("jug | a lid that goes with it", act=R, words="lid", question=""),
    row("jug | can I return it if he doesn't like it", act=S, query="jug"),
]


@pytest.mark.parametrize(("turns", "expected"), [*NAMES, *MONEY, *TOPICS, *RETRACTED, *PEOPLE, *TURNS, *IN_PASSING])
def test_a_mended_reading(turns: str, expected: dict[str, Any]) -> None:
    check(talk(*turns.split(" | ")), expected)


def small_shop() -> Vocabulary:
    """Coffee, mugs, watches and jeans; the brand Kilo stands mostly in the text of cases by another brand."""
    goods = [
        *[(f"Decaf coffee dark roast {n}", "COFFEE", "Bean Co") for n in range(6)],
        *[(f"Coffee mug, dark {n}", "DRINKING_CUP", "Potter") for n in range(6)],
        *[(f"Case for Kilo watch {n}", "CASE", "Shield") for n in range(6)],
        ("Kilo watch", "WATCH", "Kilo"),
        ("Sony watch", "WATCH", "Sony"),
        ("Jeans, stretch", "PANTS", "Levi's"),
        ("Cofee scoop", "SPOON", "Potter"),
        *[(f"Coffee {n}", "COFFEE", "Bean Co") for n in range(200)],
    ]
    rows = [
        {"item": f"a:{n}", "title": title, "description": "", "category": category, "category_path": [category],
         "brand": brand, "price_minor": 100, "currency": "USD", "availability": "in_stock", "platform": "Harbour",
         "promotion": "", "attributes": "{}", "image": "", "url": "", "store": "", "listed_at": None, "as_of": None}
        for n, (title, category, brand) in enumerate(goods)
    ]  # fmt: skip
    return Vocabulary.of(Catalogue(pl.DataFrame(rows, schema=SCHEMA)))


def test_what_gathers_in_one_category_is_goods_and_what_is_spread_describes() -> None:
    vocabulary = small_shop()
    assert vocabulary.placed("mug") == ("DRINKING_CUP", 1.0)
    assert vocabulary.placed("big mug") == ("DRINKING_CUP", 1.0)  # no item has both: its last word tells
    assert vocabulary.placed("zorblax") == ("", 0.0)
    assert vocabulary.is_goods("mug", "coffee")
    assert not vocabulary.is_goods("decaf", "coffee")  # only coffee is decaf, so it is a property of coffee
    assert vocabulary.is_goods("decaf")
    planner = RulesPlanner(vocabulary)
    assert said(planner, "coffee", "decaf").query == "decaf coffee"
    assert said(planner, "coffee", "mug").query == "mug"


def test_a_list_of_brands_makes_a_doubtful_name_one() -> None:
    planner = RulesPlanner(small_shop())
    assert planner.vocabulary.is_ordinary("Kilo")  # mostly the watch that a case is for
    for answer in ("Kilo or Sony.", "kilo or sony", "Kilo/Sony"):
        plan = said(planner, "a watch", answer)
        assert (plan.query, plan.brands) == ("watch", ("Kilo", "Sony")), answer
    assert said(planner, "watch", "kilo").brands == ("Kilo",)
    assert said(planner, "jeans by levis").brands == ("Levi's",)


def test_forms_of_known_words_are_no_slips_and_odd_doublings_are() -> None:
    vocabulary = small_shop()
    assert [vocabulary.correct(word) for word in ("showed", "cofee", "coffe")] == ["showed", "coffee", "coffee"]
    assert bases("stopped") == ["stop", "stopp"]
    assert "run" not in bases("runing")
    assert "hike" in bases("hiking")
    assert redoubled("matress", lambda term: {"matress": 1, "mattress": 100}.get(term, 0)) == "mattress"
    assert redoubled("mater", lambda term: {"mater": 5, "matter": 400}.get(term, 0)) == "mater"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Mr. Coffee. Thanks", "mr coffee . thanks"),
        ("no L.L. Bean, e.l.f. or G.Skill", "no l.l bean , e.l.f or g skill"),
        ("by J. Crew. Or StarTech.com", "by j crew . or startech.com"),
        ("vitamin C. Show me", "vitamin c . show me"),
        ("size 9.5. Under 3.50", "size 9.5 . under 3.50"),
    ],
)
def test_the_dot_of_a_name_ends_no_sentence(text: str, tokens: str) -> None:
    assert Text(text).low.split() == tokens.split()


def said(planner: RulesPlanner, *turns: str) -> Plan:
    """The plan after the last of some turns; every recommending turn shows `SHOWN`."""
    messages: tuple[Message, ...] = ()
    plan = Plan()
    for turn in turns:
        plan = planner.plan(turn, Conversation(messages=messages))
        shown = SHOWN if plan.act is Act.RECOMMEND else ()
        messages += (Message(role="user", text=turn), Message(role="assistant", text="", plan=plan, shown=shown))
    return plan


def test_cheaper_is_measured_by_what_was_asked_for_not_by_suggestions_beside_it() -> None:
    asked = [shown(number, f"Jug {number}", price, "market", "Alder") for number, price in enumerate((4000, 5000))]
    beside = [s.model_copy(update={"beside": True}) for s in (shown(7, "Towel", 900, "market", "Birk"),) * 2]
    assert limit(-1, [*asked, *beside], (), far=False) == (4999, asked[0].currency)
    assert limit(-1, [*asked, *beside], (), far=True) == (3999, asked[0].currency)
    assert limit(-1, beside, (), far=False) == (899, asked[0].currency)


def test_who_wants_no_wool_wants_no_merino_either_where_there_is_some() -> None:
    assert with_covered(["wool"], (), lambda term: int(term == "merino")) == ["wool", "merino"]
