"""The channels as they would have been one slice of time earlier."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel, LearntChannel
from retrieval.channels.interests import Interests
from retrieval.channels.lexical import Lexical
from retrieval.channels.registry import EVERY
from retrieval.progress import Progress, silent
from retrieval.ranker.proposals import SILENT


def earlier(
    channels: Mapping[str, Channel], events: pl.DataFrame, catalogue: Catalogue, progress: Progress = silent
) -> dict[str, Channel]:
    """The same kinds of channels, fitted on other events; those that learn nothing from events as they are.

    Channels that the ranker doesn't hear are left out.
    """
    found: dict[str, Channel] = {}
    for number, (name, channel) in enumerate(channels.items()):
        progress("looking back", number, len(channels))
        if name in {Lexical.name, Interests.name}:
            found[name] = channel
        elif isinstance(channel, LearntChannel) and name in EVERY and name not in SILENT:
            found[name] = type(channel).fit(events, catalogue)
    progress("looking back", len(channels), len(channels))
    return found
