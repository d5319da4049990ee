"""What shoppers say over several turns, and what the rules planner must make of it.

Each row: turns separated by " | ", then the expected fields of the last turn's plan. `query` is compared as words in
order; `words` are terms that query and include together must hold, `without` terms that neither may hold.
"""

from __future__ import annotations

from typing import Any

import pytest

from agent.schema import Plan
from retrieval.text import terms, words
from tests.agent.planner_shop import talk

R, C, X, E, K, S = "recommend", "clarify", "compare", "explain", "cart", "chitchat"


def row(turns: str, **expected: Any) -> Any:
    return pytest.param(turns, expected, id=turns[:70])


MONEY = [
    row("backpack under 50, no wait, 80", query="backpack", price_max=8000, currency="USD"),
    row("backpack | under 50 | no, 80", query="backpack", price_max=8000),
    row("backpack below 50 | actually make that 60", price_max=6000),
    row("backpack up to 50 | let's say 45", price_max=4500),
    row("backpack for at most £15.50", query="backpack", price_max=1550, currency="GBP"),
    row("lamp between 20 and 40 euros", query="lamp", price_min=2000, price_max=4000, currency="EUR"),
    row("lamp from $20 to $40", price_min=2000, price_max=4000),
    row("a lamp, 20-40 dollars", price_min=2000, price_max=4000, query="lamp"),
    row("lamp around 30", price_min=2400, price_max=3600),
    row("laptop for 1,000 dollars", price_max=100000, query="laptop"),
    row("laptop for 1.000 €", price_max=100000, currency="EUR"),
    row("1.234,56 € for a laptop", price_max=123456, currency="EUR"),
    row("mug, 50 bucks max", price_max=5000, query="mug"),
    row("a mug for twenty dollars", price_max=2000),
    row("something for the kitchen, my budget is 100", price_max=10000, query="kitchen"),
    row("watch over 100", price_min=10000, price_max=None),
    row("watch ¥5000", price_max=5000, currency="JPY"),
    row("camera under 5k", price_max=500000, query="camera"),
    row("I don't want to spend more than 25 on a mug", price_max=2500, price_min=None, exclude=()),
    row("nothing over 75 please, I need a lamp", price_max=7500, query="lamp"),
    row("lamp, not less than 30", price_min=3000, price_max=None),
    row("lamp 100 dollars or more", price_min=10000),
    row("lamp 30 or less", price_max=3000),
    row("lamp under a hundred and fifty dollars", price_max=15000),
    row("soap for 99 cents", price_max=99, query="soap"),
    row("USD 45 for a watch", price_max=4500, currency="USD"),
    row("watch under 40 | no limit on price", price_max=None, query="watch"),
    row("watch under 40 | price doesn't matter", price_max=None, query="watch"),
    row("watch under 40 | forget the budget", price_max=None, query="watch"),
    row("watch under 40 | over 60 actually", price_min=6000, price_max=None),
    row("watch over 60 | under 40", price_min=None, price_max=4000),
    row("a watch under 10 and over 50", price_min=5000, price_max=1000),
    row("watch under $50 | can you raise it to 90", price_max=9000, query="watch"),
    row("shoes size 10", price_max=None, words="shoe size 10"),
    row("12 inch pan", price_max=None, words="12 inch pan"),
    row("2 pack of socks", price_max=None, words="sock"),
    row("tent for 3 people", price_max=None, words="tent 3 people"),
    row("tent under 2 kg", price_max=None, words="tent"),
    row("laptop less than 1.5kg", price_max=None, words="laptop"),
    row("toys for kids under 5", price_max=None, words="toy"),
    row("novel under 300 pages", price_max=None, words="novel"),
    row("case for iphone 12", price_max=None, words="case iphone 12"),
    row("windows 11 laptop", price_max=None, words="windows 11 laptop"),
    row("4k tv", price_max=None, words="tv"),
    row("a 50 dollar gift card", price_max=None, words="gift card", recipient=None),
    row("jug | cheaper", query="jug", price_max=3999),
    row("jug | much cheaper please", price_max=1999),
    row("jug | something cheaper than the second", price_max=3499),
    row("jug | these are too expensive", price_max=3999, query="jug", exclude=()),
    row("jug | got anything less expensive?", price_max=3999, act=R),
    row("jug | more expensive ones", price_min=3501),
    row("jug under 30 | something more premium", price_min=3501, price_max=None),
    row("jug under 30 | cheaper", price_max=1999),
]

REFUSALS = [
    row("bag | not leather", query="bag", exclude=("leather",)),
    row("leather bag | not leather", query="bag", exclude=("leather",)),
    row("bag, no leather, plastic or metal", query="bag", exclude=("leather", "plastic", "metal")),
    row("I don't want plastic or metal, just a mug", query="mug", exclude=("plastic", "metal")),
    row("cookies without sugar", query="cookies", exclude=("sugar",)),
    row("cookies without sugar and gluten", exclude=("sugar", "gluten")),
    row("a sweater but I hate wool", query="sweater", exclude=("wool",)),
    row("a cream with nothing with fragrance", words="cream", exclude=("fragrance",)),
    row("sugar-free gum", query="sugar-free gum", exclude=()),
    row("a non-toxic, fragrance free candle", exclude=(), words="candle non toxic fragrance free"),
    row("sweater, I'm allergic to wool", query="sweater", exclude=("wool",)),
    row("free of gluten please, pasta", exclude=("gluten",), words="pasta"),
    row("bag | not leather | leather is fine after all", query="bag", exclude=()),
    row("bag | not leather | I don't mind leather", query="bag", exclude=()),
    row("bag | not leather | show me leather bags then", exclude=(), words="leather bag"),
    row("anything but Nike running shoes", query="running shoes", not_brands=("Nike",), brands=()),
    row("headphones except Sony", query="headphones", not_brands=("Sony",)),
    row("headphones | I don't like Sony", query="headphones", not_brands=("Sony",)),
    row("Sony headphones | not Sony", brands=(), not_brands=("Sony",), query="headphones"),
    row("headphones, not Sony | Sony is ok too", not_brands=(), query="headphones"),
    row("headphones not from Meadow", query="headphones", not_platforms=("Meadow",)),
    row("no more headphones", query="", exclude=("headphones",), not_categories=("HEADPHONES",), act=R),
    row("wireless headphones | no more headphones", query="", exclude=("headphones",)),
    row("a waterproof jacket | it doesn't have to be waterproof", query="jacket", exclude=()),
    row("a jacket, no preference on colour", query="jacket", exclude=()),
    row("jacket | not sure", query="jacket", exclude=()),
    row("no thanks", act=S, exclude=()),
    row("a jacket that's not too expensive", query="jacket", exclude=(), price_max=None),
    row("jug | I don't like the second", not_items=("s:2",), exclude=(), query="jug"),
    row("jug | not the first one", not_items=("s:1",), query="jug"),
    row("jug | none of these", not_items=("s:1", "s:2", "s:3", "s:4")),
    row("jug | anything else?", not_items=("s:1", "s:2", "s:3", "s:4"), query="jug", act=R),
    row("jug | show me other options", not_items=("s:1", "s:2", "s:3", "s:4"), query="jug"),
    row("jug | I'm not happy with any of them", not_items=("s:1", "s:2", "s:3", "s:4"), query="jug", act=R),
    row("red shoes | no red shoes please", exclude=("red",), query="shoes"),
    row("shoes, avoid leather and suede", exclude=("leather", "suede"), query="shoes"),
    row("a scarf instead of a hat", query="scarf", exclude=("hat",)),
]

NAMES = [
    row("Sony headphones", query="headphones", brands=("Sony",)),
    row("headphones from sony or logitech", brands=("Sony", "Logitech"), query="headphones"),
    row("headphones | Sony", query="headphones", brands=("Sony",)),
    row("Sony headphones | Logitech instead", brands=("Logitech",)),
    row("black+decker drill", brands=("BLACK+DECKER",), query="drill"),
    row("trek and co bike", brands=(), words="bike"),
    row("apple juice", brands=(), query="apple juice"),
    row("I want an Apple watch", brands=("Apple",), query="watch"),
    row("I want Apple juice", brands=(), query="Apple juice"),
    row("soap by dove", brands=("Dove",), query="soap"),
    row("a target for archery", brands=(), words="target archery"),
    row("case for my Garmin", brands=(), words="case garmin"),
    row("headphones on Harbour", platforms=("Harbour",), query="headphones"),
    row("headphones from old mill only", platforms=("Old Mill",), query="headphones"),
    row("harbour photo book", platforms=(), query="harbour photo book"),
    row("show me something in Coffee beans", categories=("Coffee beans",)),
    row("only from the head torches aisle", categories=("Head torches",)),
    row("category shoes, in red", categories=("SHOES",), words="red"),
    row("pet food section", categories=("PET_FOOD",)),
    row("I'm interested in coffee beans", categories=(), query="coffee beans"),
    row("a mug in stock", in_stock=True, query="mug"),
    row("mug, available now", in_stock=True, query="mug"),
    row("mug in stock | doesn't have to be in stock", in_stock=False, query="mug"),
    row("a mug on sale", query="mug", include=("promotion",)),
]

RECIPIENTS = [
    row("a scarf for my sister", recipient="sister", query="scarf"),
    row("scarf | it's for my little brother", recipient="brother", query="scarf"),
    row("gift for my dad's birthday", recipient="dad", act=C, query=""),
    row("something for my 6 year old nephew who loves dinosaurs", recipient="nephew", words="dinosaur 6 year old"),
    row("toy for my dog", recipient=None, words="toy dog"),
    row("scarf for my sister | for me", recipient=None, query="scarf"),
    row("scarf for my sister | actually it's for myself", recipient=None, query="scarf"),
    row("scarf for my sister | under 30", recipient="sister", price_max=3000, query="scarf"),
    row("scarf for my sister | show me gloves", recipient="sister", query="gloves"),
    row("running shoes for women", recipient=None, words="running shoe women"),
    row("books for kids", recipient=None, words="book kid"),
    row("a present for a colleague, she likes tea", recipient="colleague", words="tea"),
    row("my mom loves gardening, any ideas?", recipient="mom", words="gardening", act=R),
    row("something for someone special", recipient="someone"),
    row("I need a gift", act=C, recipient="someone", ask="recipient"),
    row("I need a gift | for my wife | she enjoys yoga", act=R, recipient="wife", words="yoga"),
    row("gift for my boss | he collects pens", recipient="boss", words="pen", act=R),
    row("watch for my husband | he wants something for her too", recipient="husband"),
]

TARGETS = [
    row("jug | why the second?", act=E, targets=("s:2",)),
    row("jug | why this?", act=E, targets=("s:1",)),
    row("jug | tell me more about the Brita", act=E, targets=("s:1",)),
    row("jug | is it waterproof?", act=E, targets=("s:1",)),
    row("jug | does the third one come in black", act=E, targets=("s:3",)),
    row("jug | how big is #2?", act=E, targets=("s:2",)),
    row("jug | what is the last one made of", act=E, targets=("s:4",)),
    row("jug | tell me about the second | is it heavy?", act=E, targets=("s:2",)),
    row("jug | more details on number 3 please", act=E, targets=("s:3",)),
    row("jug | how much is the blue one?", act=E, targets=("s:3",)),
    row("jug | can the glass one go in the dishwasher?", act=E, targets=("s:2",)),
    row("jug | compare the first two", act=X, targets=("s:1", "s:2")),
    row("jug | which is better, 1 or 3", act=X, targets=("s:1", "s:3")),
    row("jug | what's the difference between the Brita and the Kilo?", act=X, targets=("s:1", "s:3")),
    row("jug | compare them", act=X, targets=("s:1", "s:2", "s:3", "s:4")),
    row("jug | first vs last", act=X, targets=("s:1", "s:4")),
    row("jug | which one is cheaper", act=X),
    row("jug | add the second to my cart", act=K, cart_op="add", targets=("s:2",)),
    row("jug | put the Brita one in my basket", act=K, cart_op="add", targets=("s:1",)),
    row("jug | I'll take it", act=K, cart_op="add", targets=()),  # which of four? it is asked
    row("jug | is the Brita one heavy? | thanks | I'll take it", act=K, cart_op="add", targets=("s:1",)),
    row("jug | tell me more about the third | I'll take it", act=K, targets=("s:3",)),
    row("jug | The first one is good, I'll take it.", act=K, cart_op="add", targets=("s:1",)),
    row("jug | please order the third one for me", act=K, cart_op="add", targets=("s:3",), recipient=None),
    row("jug | buy 2 of the first", act=K, quantity=2, targets=("s:1",)),
    row("jug | I want both of them", act=K, targets=("s:1", "s:2")),
    row("jug | add the cheapest one to the cart", act=K, targets=("s:1",)),
    row("jug | I'd like the most expensive one", act=K, targets=("s:3",)),
    row("jug | add the one from Old Mill to my cart", act=K, targets=("s:4",)),
    row("jug | add the first to cart | remove it from the cart", act=K, cart_op="remove", targets=("s:1",)),
    row("jug | add #2 to my bag | what's in my cart?", act=K, cart_op="show", targets=()),
    row("show my basket", act=K, cart_op="show"),
    row("checkout", act=K, cart_op="show"),
    row("I want to buy a lamp", act=R, query="lamp", cart_op=None),
    row("jug | I want to buy a lamp", act=R, query="lamp"),
    row("jug | more like the third", act=R, words="kilo steel pitcher"),
    row("jug | something similar to the second but in red", act=R, words="acme glass carafe red"),
    row("jug | I like the second one, thanks", act=S, targets=("s:2",)),
    row("jug | the second one is ok but I want a lighter jug", act=R, words="jug lighter"),
    row("jug | the black one", act=E, targets=("s:1",)),
]

TOPICS = [
    row("wireless headphones | black", words="wireless headphone black"),
    row("black headphones | actually in white", words="white headphone", without="black"),
    row("small backpack | make it large", words="large backpack", without="small"),
    row("backpack | waterproof please", words="backpack waterproof"),
    row("backpack under 50 red | socks", query="socks", price_max=None, without="red"),
    row("Sony headphones | do you have running shoes?", query="running shoes", brands=()),
    row("headphones | with a long cable", words="headphone long cable"),
    row("tea | I prefer green tea", words="green tea"),
    row("gaming mouse | a wireless gaming mouse", words="wireless gaming mouse"),
    row("laptop | I need more memory", words="laptop memory"),
    row("laptop | it should have a good keyboard", words="laptop keyboard"),
    row("lamp | I want a black one", words="lamp black"),
    row("a lamp for my desk", words="lamp desk"),
    row("headphones | I want to use it for gaming", words="headphone gaming", act=R),
    row("headphones | what I meant is earbuds", words="earbud", without="headphone"),
    row("mug with a lid | now I also need a kettle", query="kettle"),
    row("hi could you please help me find a nice leather bag thanks", query="leather bag"),
    row("Hello! I'm looking for some really good running shoes, please.", query="running shoes"),
    row("do you sell rice cookers?", query="rice cookers"),
    row("got any umbrellas?", query="umbrellas"),
    row("I was wondering if you have a garlic press", query="garlic press"),
    row(
        "my old headphones broke, so I need new ones. Can you show me wireless headphones?", query="wireless headphones"
    ),
    row("I'm going camping next week. I need a tent that is easy to set up.", words="tent"),
    row("wireles hedphones", query="wireless headphones"),
    row("watrproof blankets", query="waterproof blankets"),
    row("what headphones are good for running", words="headphone running", act=R),
    row("what should I get for a camping trip?", words="camping", act=R),
    row("work boots", query="work boots"),
    row("stock pot", query="stock pot"),
    row("over-the-ear headphones", words="over the ear headphone"),
    row("men's t-shirt", words="men t shirt"),
    row("organic coffee beans from Italy", words="organic coffee bean italy"),
]

TALK = [
    row("hello", act=S, query=""),
    row("good morning!", act=S),
    row("thanks a lot", act=S),
    row("bye", act=S),
    row("who are you?", act=S),
    row("what's the weather like in Paris", act=S),
    row("tell me a joke", act=S),
    row("what is the capital of France?", act=S),
    row("headphones | thank you so much", act=S, query="headphones"),
    row("headphones under 40 | thanks! | cheaper", act=R, query="headphones", price_max=3999),
    row("surprise me", act=R, query=""),
    row("what should I get next?", act=R, query=""),
    row("any ideas?", act=R, query=""),
    row("recommend me something", act=R, query=""),
    row("headphones | surprise me", act=R, query="", price_max=None),
    row("I'm looking for something", act=C, ask="kind"),
    row("I want to buy something", act=C),
    row("can you help me?", act=C),
    row("I'm looking for something | a kettle", act=R, query="kettle"),
    row("headphones | ?", act=R, query="headphones"),
    row("", act=C),
    row("👍", act=S),
    row("ヘッドフォン", act=R, query="ヘッドフォン"),
    row("наушники", act=R, query="наушники"),
    row("Kopfhörer", act=R, query="Kopfhörer"),
]

MORE = [
    row(
        "I'm after a coffee grinder, burr, manual, sub 100",
        query="coffee grinder",
        words="burr manual",
        price_max=10000,
    ),
    row("kids' bike, 16 inch, no training wheels", words="kid bike 16 inch", exclude=("training wheels",)),
    row(
        "headphones | over ear | noise cancelling | under 200",
        words="over ear noise cancelling headphone",
        price_max=20000,
    ),
    row("tea | loose leaf", words="loose leaf tea"),
    row("backpack | for school | my son is 8 | he likes dinosaurs", words="backpack school dinosaur", recipient="son"),
    row(
        "backpack | what about something smaller | and cheaper | not black",
        words="smaller backpack",
        exclude=("black",),
        price_max=3999,
    ),
    row("could you point me to some decent earbuds? around 60 quid", query="earbuds", price_min=4800, currency="GBP"),
    row(
        "looking for a birthday present for my mother in law, she's into baking",
        recipient="mother in law",
        words="baking",
    ),
    row("my husband is turning 40 and he's into coffee. ideas?", recipient="husband", query="coffee"),
    row("gift for a coworker under 20", act=R, recipient="coworker", price_max=2000),
    row("wedding gift under 100", act=C, ask="recipient", price_max=10000),
    row("gift ideas for a 5 year old boy", act=R, words="5 year old boy"),
    row("Nike shoes | any brand is fine", brands=(), query="shoes"),
    row("Nike shoes | other brands?", brands=(), not_brands=("Nike",)),
    row("Nike shoes | forget Nike", brands=(), query="shoes"),
    row("mug from Harbour | any shop is fine", platforms=(), query="mug"),
    row("jug | start over", act=C, query=""),
    row("jug | too big", query="jug", words="smaller"),
    row("jug | 3", act=E, targets=("s:3",)),
    row("jug | I'm torn between 2 and 4", act=X, targets=("s:2", "s:4"), price_max=None),
    row("jug | show me more details about 2", act=E, targets=("s:2",), price_max=None),
    row("jug | skip the Acme ones", not_items=("s:2", "s:4"), act=R),
    row("jug | I'd go for number 2", act=K, targets=("s:2",)),
    row("jug | can you go lower?", price_max=3999, query="jug"),
    row("jug | do you have it in blue?", act=R, words="jug blue"),
    row("jug under 50 | a bit more, say 60", price_max=6000),
    row("jug | budget's 35", price_max=3500, query="jug"),
    row("a book about the history of Rome", query="book about the history of Rome"),
    row("non stick pan", query="non stick pan", exclude=()),
    row("a chair that doesn't squeak", words="chair", exclude=()),
    row("I'm not looking for headphones, I want speakers", query="speakers", exclude=("headphones",)),
    row("without a doubt the best pan you have", query="pan", exclude=()),
    row("mugs with 20% off", query="mugs", include=("promotion",), price_max=None),
    row("Can I return this?", act=S),
    row("do you ship to Canada?", act=S),
    row("headphones under 50 | more like 100", price_max=10000, query="headphones"),
    row("mug under 10 | actually over 50 | under 10 again", price_max=1000, price_min=None),
    row("<script>alert(1)</script> blue mug", words="blue mug", without="script"),
    row("jug | at least 2 liters", words="jug 2 liter"),
    row("jug | dishwasher safe?", words="jug dishwasher safe"),
    row("jug | no plastic | plastic is okay too", exclude=(), query="jug"),
    row("jug | why the first one and not the second?", act=E, targets=("s:1", "s:2"), not_items=()),
    row("jug | what about the other two", targets=("s:3", "s:4")),
    row(
        "headphones under 100 | for my dad | not Sony | from Harbour | what about speakers?",
        query="speakers",
        recipient="dad",
        not_brands=("Sony",),
        platforms=("Harbour",),
        price_max=None,
    ),
    row("price range 20 to 30, mugs", query="mugs", price_min=2000, price_max=3000),
    row(
        "vegan protein powder without soy or artificial sweeteners",
        exclude=("soy", "artificial sweeteners"),
        query="vegan protein powder",
    ),
    row("27 inch monitor, 4k, for work, max 350", words="27 inch monitor 4k", price_max=35000),
]

ALL = ("s:1", "s:2", "s:3", "s:4")

ELSEWHERE = [
    row("jug | another brand", query="jug", act=R, not_brands=("Brita", "Acme", "Kilo"), brands=()),
    row("jug | other brand", query="jug", not_brands=("Brita", "Acme", "Kilo")),
    row("jug | a different brand please", query="jug", not_brands=("Brita", "Acme", "Kilo")),
    row("jug | what other brands do you have?", query="jug", act=R, not_brands=("Brita", "Acme", "Kilo")),
    row("jug | something by a different manufacturer", query="jug", not_brands=("Brita", "Acme", "Kilo")),
    row("jug | tell me more about the second | another brand", query="jug", not_brands=("Acme",), act=R),
    row("jug | do you have the third in another brand?", query="jug", not_brands=("Kilo",)),
    row("jug | I want a different brand than Acme", query="jug", not_brands=("Acme",)),
    row("Nike shoes | another brand", query="shoes", brands=(), not_brands=("Nike",)),
    row("another brand", act=C, not_brands=()),
    row("jug | tell me more about the second | another platform", query="jug", not_platforms=("Meadow",), act=R),
    row("jug on Harbour | from another shop", query="jug", platforms=(), not_platforms=("Harbour",)),
    row("jug | another shop", query="jug", not_platforms=("Harbour",), not_brands=()),  # never every platform there is
    row("jug | other platform sandals", query="platform sandals", not_platforms=()),
    row("jug | something from another aisle", query="", act=R, not_items=ALL),
    row("jug under 50 | show me something from a different aisle", query="", act=R, price_max=None, not_items=ALL),
    row("jug | other aisles?", query="", act=R, not_items=ALL),
    row("jug | what's in another department", query="", act=R, not_items=ALL),
    row("jug | something from another aisle under 20", query="", price_max=2000),
    row("jug | something from another aisle for hiking", query="hiking", not_items=ALL),
    row("something from another aisle", query="", act=R, categories=()),
    row("jug | surprise me", query="", act=R, not_items=ALL),
    row("jug | surprise me with some headphones", query="headphones", include=()),
    row("jug | something different", query="", act=R, not_items=ALL),
    row("jug | I want something completely different!", query="", act=R, not_items=ALL),
    row("jug | something different in red", words="red jug"),
    row("jug | something else", query="jug", not_items=ALL),
    row("jug | a different colour", query="jug", act=R),
    row("jug | empty my cart", act=K, query="jug"),
    row("jug | remove everything from my cart", act=K, cart_op="remove", targets=()),
    row("empty cart", act=K),
]

MINE = [
    *(
        row(
            f"waterproof scarf for my sister under 30, no wool | {asked}",
            act=R,
            query="",
            recipient=None,
            price_max=None,
            price_min=None,
            include=(),
            exclude=("wool",),
        )
        for asked in (
            "what might I need next?",
            "any ideas for me",
            "what should I get next",
            "what else might I like?",
            "suggestions for me please",
            "any ideas for me now?",
            "what do I need next",
        )
    ),
    row("scarf for my sister under 30 | any other ideas?", query="scarf", recipient="sister", price_max=3000),
    row("scarf for my sister | what should I get my sister?", recipient="sister", act=R),
    row("gift for my sister | what should I get?", recipient="sister"),
    row("scarf for my sister | what might I need next for under 20?", query="", recipient=None, price_max=2000),
    row("scarf for my sister | what should I get next for my brother?", query="", recipient="brother"),
    row("what might I need next?", query="", act=R),
    row("any ideas for me", query="", act=R),
    row("a gift", act=C, ask="recipient", recipient="someone"),
    row("jug | I need a gift", act=C, ask="recipient", query=""),
    row("jug | no plastic | I need a gift", act=C, ask="recipient", query=""),
    row("jug | none of these | I'm looking for a present", act=C, ask="recipient", query=""),
    row("jug | I need it gift-wrapped", words="jug"),
    row("scarf | it's a gift", act=R, query="scarf", recipient="someone"),
    row("a gift for a gardener who has everything, under 30", act=R, price_max=3000, words="gardener"),
]

CHINESE = [
    row("我想买一个蓝色的杯子,50元以下", words="蓝色的杯子", price_max=5000, currency="CNY"),
    row("耳机 不超过200元", query="耳机", price_max=20000),
    row("耳机 100到300元", price_min=10000, price_max=30000),
    row("耳机 | 便宜一点", query="耳机", price_max=3999),
    row("包 | 不要皮革", query="包", exclude=("皮革",)),
    row("围巾 | 给我妹妹", query="围巾", recipient="妹妹"),
    row("你好", act=S),
    row("谢谢", act=S),
    row("推荐", act=R, query=""),
    row("耳机 | 把第二个加入购物车", act=K, cart_op="add", targets=("s:2",)),
    row("五十元以下的茶", price_max=5000, query="茶"),
]


def check(plan: Plan, expected: dict[str, Any]) -> None:
    held = terms(" ".join((plan.query, *plan.include)))
    for name, value in expected.items():
        if name == "query":
            assert words(plan.query) == words(value), plan
        elif name == "words":
            assert set(terms(value)) <= set(held), plan
        elif name == "without":
            assert not set(terms(value)) & set(held), plan
        elif name == "not_items":
            assert set(plan.not_items) == set(value), plan
        else:
            assert getattr(plan, name) == value, (name, plan)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [*MONEY, *REFUSALS, *NAMES, *RECIPIENTS, *TARGETS, *TOPICS, *TALK, *MORE, *ELSEWHERE, *MINE, *CHINESE],
)
def test_a_conversation_is_understood(turns: str, expected: dict[str, Any]) -> None:
    check(talk(*turns.split(" | ")), expected)
