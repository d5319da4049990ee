"""What a shopper did, in words for a prompt. Only with the shopper's consent may it go into one."""

from __future__ import annotations

from retrieval.catalogue import Catalogue
from retrieval.history import LIKED, History

MOST = 12  # of the latest events


def past_lines(history: History, catalogue: Catalogue, most: int = MOST) -> list[str]:
    """The latest events that speak for an item, oldest first: "2026-01-02 purchase: Blister plasters (First aid)".

    Identifiers of shoppers and items stay out: a prompt has no use for them.
    """
    liked = history.of_kind(*LIKED)
    refs = [liked.ref(index, catalogue) for index in range(max(0, len(liked) - most), len(liked))]
    return [f"{ref.at:%Y-%m-%d} {ref.kind.value}: {ref.title[:80]} ({ref.category})" for ref in refs]
