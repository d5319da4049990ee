"""Readers: each turns one published form of purchase data into the same items and events."""

from __future__ import annotations

from retrieval.feeds.base import Batch, Feed
from retrieval.feeds.registry import FORMATS, open_feed

__all__ = ["FORMATS", "Batch", "Feed", "open_feed"]
