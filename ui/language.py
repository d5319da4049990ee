"""The page's own sentences, in the shopper's language; see `agent/language.py` for how it is chosen."""

from __future__ import annotations

from datetime import datetime

from agent.language import LANGUAGES, Messages, marked, preferred, speaking, spoken

__all__ = ["LANGUAGES", "day", "marked", "preferred", "say", "speaking", "spoken"]

say = Messages("ui")


def day(at: datetime) -> str:
    """A date for people: "1 Jul 2026", "2026年7月1日"."""
    return f"{at.year}年{at.month}月{at.day}日" if spoken() == "zh" else f"{at.day} {at:%b %Y}"
