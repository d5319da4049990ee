"""What was asked for, apart from what only shares a word with it: a book on trails is no trail shoe.

Words and meaning find something for every place of a list. Where goods are found that have all the words of a query,
those that have few of them and stand in another aisle are near, not meant, and are left out. Where nothing has all the
words, nothing is: then the nearest is the best there is.
"""

from __future__ import annotations

from functools import lru_cache

from retrieval.catalogue import Catalogue
from retrieval.schema import Candidates
from retrieval.text import terms

SMALL = frozenset({"for", "a", "an", "the", "with", "of", "in", "and", "or", "to", "my", "some", "on", "at"})
"""Words of a query that nothing needs to mention."""
LOOSE = 0.6  # a share of a query's words below which a hit counts as near, not as found


def meant(catalogue: Catalogue, found: Candidates) -> Candidates:
    """The candidates without those that are only near, where some have every word; the order stays.

    Args:
        catalogue: that was searched.
        found: what a need's words found.
    """
    wanted = frozenset(terms(found.need.text)) - SMALL
    if len(wanted) < 2 or not found.entries:  # one word is found or isn't
        return found
    shares = {entry.row: share(wanted, _named(catalogue, entry.row)) for entry in found.entries}
    whole = {int(catalogue.category.codes[row]) for row, share in shares.items() if share == 1.0}
    if not whole:
        return found
    kept = tuple(
        entry
        for entry in found.entries
        if shares[entry.row] >= LOOSE or int(catalogue.category.codes[entry.row]) in whole
    )
    return found.model_copy(update={"entries": kept})


def share(wanted: frozenset[str], text: str) -> float:
    """The share of wanted terms, at least one, that stand in a text."""
    return len(wanted & _terms(text)) / len(wanted)


def _named(catalogue: Catalogue, row: int) -> str:
    """An item's title, aisle and brand."""
    aisle, brand = catalogue.category, catalogue.brand
    return " ".join((catalogue.titles[row], aisle.names[aisle.codes[row]], brand.names[brand.codes[row]]))


@lru_cache(maxsize=16_384)  # the same goods come up in every forgetting of a turn, and in the turns after it
def _terms(text: str) -> frozenset[str]:
    return frozenset(terms(text.replace("_", " ")))
