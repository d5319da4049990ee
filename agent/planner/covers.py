"""What a refused food or wool covers besides itself: who wants no nuts wants no peanuts either.

Filters match whole words, so a kind is named by hand: goods that merely end in the same letters ("donut", "coconut
shell", "buckwheat", "starfish") must not be taken for one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from retrieval.text import terms

KINDS: dict[str, tuple[str, ...]] = {
    "nut": (
        "peanut", "walnut", "hazelnut", "chestnut", "groundnut", "almond", "cashew", "pecan", "pistachio", "macadamia",
    ),
    "berry": ("strawberry", "blueberry", "raspberry", "blackberry", "cranberry", "gooseberry"),
    "shellfish": ("shrimp", "prawn", "crab", "lobster", "crayfish", "oyster", "mussel", "clam", "scallop"),
    "milk": ("buttermilk",),
    "melon": ("watermelon",),
    "bread": ("gingerbread", "flatbread", "cornbread", "shortbread"),
    "bean": ("soybean",),
    "soy": ("soya", "soybean"),
    "wool": ("merino", "lambswool", "cashmere", "woollen", "woolen"),
}  # fmt: skip


def covered(phrase: str) -> tuple[str, ...]:
    """The kinds that a refused food or wool covers, as single terms; () for all other words."""
    said = [term for term in terms(phrase) if term not in {"tree", "any", "mixed"}]
    return KINDS.get(said[0], ()) if len(said) == 1 else ()


def with_covered(phrases: Iterable[str], held: Collection[str], count: Callable[[str], int]) -> list[str]:
    """Refused phrases, each followed by the kinds it covers that the catalogue holds.

    Args:
        phrases: what is refused.
        held: terms searched for, which are wanted although they are a kind of what is refused ("peanut butter").
        count: how often a term stands in the catalogue.
    """
    found: list[str] = []
    for phrase in phrases:
        kinds = [kind for kind in covered(phrase) if kind not in held and count(kind)]
        found += [name for name in (phrase, *kinds) if name not in found]
    return found
