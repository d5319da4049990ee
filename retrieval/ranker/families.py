"""Features under the few headings that people think in; a heading's share in a score is the sum of its features'."""

from __future__ import annotations

from collections.abc import Mapping

_HEADINGS: dict[str, tuple[str, ...]] = {
    "your_habit": ("times", "faded_short", "faded_long"),
    "due_again": ("since", "own_gap", "usual_gap", "due"),
    "popularity": ("recent", "long", "takers"),
    "newness": ("age", "last_sold"),
    "taken_again": ("item_rate", "aisle_rate"),
    "price": ("price_level", "price_distance"),
    "your_aisle": ("aisle_short", "aisle_long", "aisle_since", "aisle_density"),
    "aisle_size": ("aisle_size", "aisle_takers"),
    "season": ("season",),
    "brand": ("brand",),
    "aisles_ahead": ("association", "ease"),
    "your_past": ("history_size", "repeat_share", "span"),
    "reads_alike": ("meaning_all", "meaning_nearest", "words_all", "words_nearest", "nearest_weight"),
}
_HEADING_OF = {feature: heading for heading, names in _HEADINGS.items() for feature in names}
TOGETHER = "taken_together"
HEADINGS = (*_HEADINGS, TOGETHER)


def gathered(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares of features summed by heading, the largest first; what channels say of items is `taken_together`."""
    sums: dict[str, float] = {}
    for name, share in shares.items():
        heading = _HEADING_OF.get(name, TOGETHER)
        sums[heading] = sums.get(heading, 0.0) + share
    return dict(sorted(sums.items(), key=lambda found: (-abs(found[1]), found[0])))
