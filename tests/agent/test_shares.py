"""What the learned order weighed, from the shop to the receipt and to the card."""

from __future__ import annotations

from agent.facts import of_item
from agent.receipt import build_receipt
from agent.schema import Plan, Receipt
from retrieval.ranker.families import HEADINGS
from retrieval.ranker.items import ItemRanker
from retrieval.recommend import recommend
from retrieval.schema import Evidence
from retrieval.shop import Shop
from tests.agent.receipts import socks
from tests.shops import sample_shop
from ui.evidence import ledger
from ui.shares import HEADINGS as NAMED


def made() -> tuple[Shop, Receipt]:
    shop = Shop.open(sample_shop())
    shopper = next(name for name in shop.shoppers() if len(shop.history(name)) > 30)
    history = shop.history(shopper)
    return shop, build_receipt(shop, Plan(), recommend(shop, history, 8), history, shopper=shopper)


def test_a_receipt_holds_the_largest_signed_shares_of_each_item() -> None:
    shop, receipt = made()
    ranker = shop.channels["ranker"]
    assert isinstance(ranker, ItemRanker)
    history = shop.history(receipt.shopper)
    weighed = [item for item in receipt.items if any(said.channel == "ranker" for said in item.channels)]
    assert len(weighed) >= len(receipt.items) // 2
    for item in weighed:
        evidence = next(found for found in item.evidence if found.channel == "ranker")
        assert 0 < len(evidence.facts) <= 6
        assert set(evidence.facts) <= set(HEADINGS)
        sizes = [abs(share) for share in evidence.facts.values()]
        assert sizes == sorted(sizes, reverse=True)
        shares = ranker.shares(history, shop.catalogue.row(item.item.id))
        habit = sum(shares[name] for name in ("times", "faded_short", "faded_long"))
        assert abs(evidence.facts.get("your_habit", habit) - habit) < 2e-3
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt


def test_the_ledger_says_in_plain_words_what_spoke_for_and_against_it() -> None:
    entry = socks()
    weighed = Evidence(channel="ranker", facts={"popularity": 0.75, "price": -0.25})
    shown = ledger(entry.model_copy(update={"evidence": (*entry.evidence, weighed)}))
    assert "Speaks for it</dt><dd>how many take it (75%)</dd>" in shown
    assert "Speaks against it</dt><dd>its price beside what you pay (25%)</dd>" in shown
    assert "0.75" not in shown
    assert set(NAMED) == set(HEADINGS)


def test_shares_are_no_facts_that_prose_may_state() -> None:
    entry = socks()
    weighed = entry.model_copy(update={"evidence": (Evidence(channel="ranker", facts={"price": 0.137}),)})
    plain = entry.model_copy(update={"evidence": ()})
    assert of_item(weighed).numbers == of_item(plain).numbers
