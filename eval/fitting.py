"""How long every part of a shop takes to learn: `crossaisle bench fit PATH`.

The same code as `crossaisle ingest` runs and `crossaisle eval rank` scores, part by part on the events of any data.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from eval.data import load
from retrieval.build_stages import texts
from retrieval.channels.base import Channel
from retrieval.channels.interests import Interests
from retrieval.channels.registry import CHANNELS, EVERY
from retrieval.encode import load_encoder
from retrieval.progress import Progress, silent
from retrieval.ranker.items import ItemRanker, config_for

Part = TypeVar("Part")


def bench_fit(
    path: Path,
    format: str | None = None,  # noqa: A002 (the command line's word)
    *,
    encoder: str = "static",
    train: bool = True,
    progress: Progress = silent,
) -> dict[str, object]:
    """Fit every channel, then the learned order.

    Args:
        path: a shop folder, or anything that `crossaisle ingest` reads.
        format: the readers' format, None to detect it.
        encoder: what titles are encoded with.
        train: the neural models too.
        progress: told what is being done.

    Returns:
        How large the data are, and wall and processor seconds by part. The learned order fits the channels that it
        hears once more, on one slice of time earlier; that is counted as its own.

    Raises:
        FeedError, ShopError, EvaluationError: see `eval.data.load`.
    """
    seconds: dict[str, dict[str, float]] = {}

    def timed(name: str, make: Callable[[], Part]) -> Part:
        progress(f"fitting {name}", len(seconds), None)
        wall, busy = time.perf_counter(), time.process_time()
        made = make()
        seconds[name] = {
            "wall": round(time.perf_counter() - wall, 2),
            "processor": round(time.process_time() - busy, 2),
        }
        return made

    data = timed("reading", lambda: load(path, format, progress=progress))
    catalogue, events = data.catalogue, data.events
    reads = load_encoder(encoder)
    vectors = timed(
        "vectors", lambda: np.concatenate([reads.encode(list(texts(p))) for p in catalogue.frame.iter_slices(4_096)])
    )
    channels: dict[str, Channel] = {}
    for name, kind in (EVERY if train else CHANNELS).items():
        channels[name] = timed(name, lambda kind=kind: kind.fit(events, catalogue))  # type: ignore[misc]
    channels[Interests.name] = Interests(catalogue, vectors)
    config = config_for(data.clock)
    timed(
        ItemRanker.name, lambda: ItemRanker.fit(events, catalogue, vectors, channels, config=config, progress=progress)
    )
    return {
        "data": data.name,
        "items": len(catalogue),
        "events": events.height,
        "shoppers": events["shopper"].n_unique(),
        "seconds": seconds,
        "total": {kind: round(sum(part[kind] for part in seconds.values()), 1) for kind in ("wall", "processor")},
    }
