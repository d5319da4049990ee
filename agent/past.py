"""What a shopper did, in words for a prompt. Only with the shopper's consent may it go into one."""

from __future__ import annotations

from retrieval.catalogue import Catalogue
from retrieval.history import LIKED, History
from retrieval.text import label, short_name

MOST = 12  # of the latest events
FEW, WORDS = 8, 5  # of the latest things, and words of each one's name, in a prompt for a model that reads little


def past_lines(history: History, catalogue: Catalogue, most: int = MOST) -> list[str]:
    """The latest events that speak for an item, oldest first: "2026-01-02 purchase: Blister plasters (First aid)".

    Identifiers of shoppers and items stay out: a prompt has no use for them.
    """
    liked = history.of_kind(*LIKED)
    refs = [liked.ref(index, catalogue) for index in range(max(0, len(liked) - most), len(liked))]
    return [f"{ref.at:%Y-%m-%d} {ref.kind.value}: {ref.title[:80]} ({ref.category})" for ref in refs]


def brief_lines(history: History, catalogue: Catalogue, most: int = FEW) -> list[str]:
    """The latest different things that somebody liked, oldest first: "First aid: Blister plasters"."""
    rows = history.of_kind(*LIKED).rows[::-1].tolist()
    return [brief(catalogue, row) for row in list(dict.fromkeys(rows))[:most][::-1]]


def brief(catalogue: Catalogue, row: int) -> str:
    """An item in a few words: its aisle and how its title begins."""
    category = catalogue.category
    name = " ".join(short_name(catalogue.titles[row]).split()[:WORDS])
    return f"{label(category.names[category.codes[row]])}: {name}"
