"""Every channel that learns from a shop's events, by name. Dense vectors are opened by the shop itself."""

from __future__ import annotations

from retrieval.channels.aisles import Aisles
from retrieval.channels.association import Association
from retrieval.channels.base import LearntChannel
from retrieval.channels.copurchase import Copurchase
from retrieval.channels.ease import Ease
from retrieval.channels.graph import GraphModel
from retrieval.channels.lexical import Lexical
from retrieval.channels.neighbours import Neighbours
from retrieval.channels.new_items import NewItems
from retrieval.channels.popularity import Popularity
from retrieval.channels.replenishment import Replenishment
from retrieval.channels.sequence import SequenceModel
from retrieval.channels.transitions import Transitions

CHANNELS: dict[str, type[LearntChannel]] = {
    channel.name: channel
    for channel in (
        Lexical,
        Copurchase,
        Association,
        Ease,
        Popularity,
        NewItems,
        Replenishment,
        Neighbours,
        Aisles,
        Transitions,
    )
}
TRAINED: dict[str, type[LearntChannel]] = {channel.name: channel for channel in (SequenceModel, GraphModel)}
"""Neural models: they take minutes to train, twice with the learned order, and pay where items are taken by many."""
EVERY = CHANNELS | TRAINED
