"""A shop as it knew things at a moment: the same goods, and channels that learnt from what had happened by then."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel
from retrieval.channels.dense import Dense
from retrieval.channels.interests import Interests
from retrieval.channels.registry import EVERY
from retrieval.progress import Progress, silent
from retrieval.ranker.items import ItemRanker
from retrieval.shop import Shop


def channels_at(shop: Shop, moment: datetime, folder: Path, progress: Progress = silent) -> dict[str, Channel]:
    """The channels that the shop serves, learnt anew from the events before a moment.

    Goods listed later count as never listed, and dates that readers filled in from first sales are put back to what
    the events tell, so that no date gives away what will be sold.

    Args:
        shop: the opened shop; nothing of it changes.
        moment: nothing from then on is read.
        folder: where what was learnt is kept for the next time; made if it doesn't exist.
        progress: told which channel is being learnt.
    """
    key = f"{shop.manifest['build']} {moment.isoformat()}"
    note = folder / "learnt.txt"
    names = [name for name in shop.channels if name in EVERY]
    catalogue = _dated(shop, moment)
    if not note.exists() or note.read_text(encoding="utf-8") != key:
        _learn(shop, moment, catalogue, folder, progress)
        note.write_text(key, encoding="utf-8")
    found: dict[str, Channel] = {Dense.name: shop.channels[Dense.name], Interests.name: shop.channels[Interests.name]}
    for name in names:
        found[name] = EVERY[name].load(folder / name, catalogue)
    if (folder / ItemRanker.name).is_dir():
        ranker = ItemRanker.load(folder / ItemRanker.name, catalogue, shop.vectors, found)
        found |= {ItemRanker.name: ranker} if ranker is not None else {}
    return found


def _learn(shop: Shop, moment: datetime, catalogue: Catalogue, folder: Path, progress: Progress) -> None:
    events = shop.events.filter(pl.col("at") < moment)
    names = [name for name in shop.channels if name in EVERY]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    fitted: dict[str, Channel] = {Dense.name: shop.channels[Dense.name], Interests.name: shop.channels[Interests.name]}
    for number, name in enumerate(names):
        progress("learning the past", number, len(names))
        channel = EVERY[name].fit(events, catalogue)
        (folder / name).mkdir()
        channel.save(folder / name)
        fitted[name] = channel
    if ItemRanker.name in shop.channels:
        (folder / ItemRanker.name).mkdir()
        ranker = ItemRanker.fit(events, catalogue, np.asarray(shop.vectors), fitted, progress=progress)
        ranker.save(folder / ItemRanker.name)
    progress("learning the past", len(names), len(names))


def _dated(shop: Shop, moment: datetime) -> Catalogue:
    """The same rows; what is first seen later is listed later than anybody knows."""
    first = shop.events.filter(pl.col("at") < moment).group_by("item").agg(pl.col("at").min().alias("first"))
    frame = shop.catalogue.frame.join(first, on="item", how="left", maintain_order="left")
    return Catalogue(frame.with_columns(listed_at=pl.col("first")).drop("first"), shop.catalogue.term_index)
