"""Not the same thing twice: near-duplicates dropped, and relevance weighed against novelty.

Maximal marginal relevance: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering
Documents and Producing Summaries", 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from retrieval.catalogue import Catalogue
from retrieval.schema import Candidate
from retrieval.text import key, short_name, singular, words

_COLOURS = """
black white grey gray silver gold golden rose red pink purple violet lavender lilac blue navy teal turquoise aqua cyan
green olive mint lime yellow orange coral peach brown beige tan khaki ivory cream charcoal maroon burgundy bronze copper
clear transparent multicolor multicolour multi assorted
"""
_SIZES = "xs s m l xl xxl xxxl small medium large one size us uk eu"
VARIANT_WORDS = frozenset((_COLOURS + _SIZES).split())
SAME = 0.85  # share of words in common above which two titles name the same thing


class Look:
    """What an item looks like beside others: its names, its words, its category and brand."""

    def __init__(self, catalogue: Catalogue, row: int) -> None:
        self.words, self.names = _read(catalogue.titles[row])
        self.category = int(catalogue.category.codes[row])
        brand = int(catalogue.brand.codes[row])
        self.brand = brand if catalogue.brand.names[brand] else -1 - row

    def same(self, other: Look) -> bool:
        """Whether both are variants of one thing (or the very same, listed twice)."""
        return bool(self.names & other.names) or _overlap(self.words, other.words) >= SAME

    def alike(self, other: Look) -> float:
        """How alike two different things are, 0 to 1."""
        return (
            0.5 * _overlap(self.words, other.words)
            + 0.3 * (self.category == other.category)
            + 0.2 * (self.brand == other.brand)
        )


def select(
    entries: Sequence[Candidate],
    looks: dict[int, Look],
    catalogue: Catalogue,
    k: int,
    *,
    shown: Sequence[Look] = (),
    relevance: float = 0.9,
    per_category: int | None = None,
) -> list[tuple[Candidate, float]]:
    """Choose `k` of the candidates, best first, by maximal marginal relevance.

    Args:
        entries: candidates by falling fused score.
        looks: what is known of rows already; filled as needed.
        catalogue: to look items up in.
        k: how many.
        shown: what is on the list already; variants of it are left out.
        relevance: weight of relevance (the fused score over the best one), the rest is novelty.
        per_category: at most this many of one category, None for any number.

    Returns:
        Candidates with the value that decided for them. Fewer than `k` where the rest are variants.
    """
    pool = list(entries[: 3 * k + 5])
    for entry in pool:
        if entry.row not in looks:
            looks[entry.row] = Look(catalogue, entry.row)
    best = max((entry.fused for entry in pool), default=0.0) or 1.0
    pool = [entry for entry in pool if not any(looks[entry.row].same(look) for look in shown)]
    nearest = {entry.row: 0.0 for entry in pool}
    chosen: list[tuple[Candidate, float]] = []
    counts: dict[int, int] = {}
    while pool and len(chosen) < k:
        values = [relevance * entry.fused / best - (1 - relevance) * nearest[entry.row] for entry in pool]
        place = max(range(len(pool)), key=lambda i: (values[i], -i))
        entry = pool.pop(place)
        look = looks[entry.row]
        chosen.append((entry, values[place]))
        counts[look.category] = counts.get(look.category, 0) + 1
        full = per_category is not None and counts[look.category] >= per_category
        kept = []
        for other in pool:
            seen = looks[other.row]
            if seen.same(look) or (full and seen.category == look.category):
                continue
            nearest[other.row] = max(nearest[other.row], seen.alike(look))
            kept.append(other)
        pool = kept
    return chosen


@lru_cache(maxsize=1 << 16)  # the same goods come up in turn after turn
def _read(title: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words of a title that tell what it is, and the names that it goes by."""
    found = words(title)
    plain = [singular(word) for word in found if word not in VARIANT_WORDS]
    short = short_name(title)
    names = frozenset((" ".join(found), " ".join(plain), key(short) if short != title else "")) - {""}
    return frozenset(plain or found), names


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard index of two sets of words."""
    return len(one & other) / len(one | other) if one or other else 0.0
