"""The page's own sentences, in the shopper's language; see `agent/language.py` for how it is chosen."""

from __future__ import annotations

from agent.language import LANGUAGES, Messages, marked, preferred, speaking, spoken
from agent.wording import day

__all__ = ["LANGUAGES", "day", "marked", "preferred", "say", "speaking", "spoken"]

say = Messages("ui")
