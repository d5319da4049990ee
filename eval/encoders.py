"""What a better encoder brings and costs: `crossaisle bench encoder judgments.jsonl --encoder static --encoder minilm`.

Judgments are graded query-product pairs with titles, a JSON object a line: `query`, `title`, `label` (E exact, S
substitute, C complement, I irrelevant; Reddy et al. 2022, gains 1, 0.1, 0.01, 0). For each query its judged products
are ranked by similarity alone. Queries whose products all have one label can't be ranked wrong and are left out.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.encode import Encoder, load_encoder
from retrieval.errors import FeedError

GAINS = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
Judged = dict[str, list[tuple[str, float]]]


def bench_encoders(judgments: Path, encoders: tuple[str, ...] = ("static", "minilm")) -> dict[str, object]:
    """Score each encoder on the same judgments.

    Returns:
        For each encoder the mean NDCG@10 with a 95% bootstrap interval over queries, and texts encoded a second.
    """
    judged = read_judgments(judgments)
    report: dict[str, object] = {"queries": len(judged), "pairs": sum(map(len, judged.values()))}
    for name in encoders:
        values, rate = _score(load_encoder(name), judged)
        low, high = _interval(values)
        report[name] = {
            "ndcg@10": round(float(values.mean()), 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "texts_per_second": round(rate),
        }
    return report


def read_judgments(path: Path) -> Judged:
    """Query -> (title, gain) pairs, only for queries with products of different gains. Raises `FeedError`."""
    judged: Judged = defaultdict(list)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FeedError(f"can't be read ({error})", "give a JSON lines file of judgments", file=str(path)) from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            judged[row["query"]].append((row["title"], GAINS[row["label"]]))
        except (ValueError, KeyError, TypeError) as error:
            raise FeedError(
                "is no judgment", "give query, title and label (E, S, C or I)", file=str(path), line=number, value=line
            ) from error
    return {query: pairs for query, pairs in judged.items() if len({gain for _, gain in pairs}) > 1}


def ndcg(gains: NDArray[np.float64], k: int = 10) -> float:
    """Normalised discounted cumulative gain of gains in ranked order (Järvelin & Kekäläinen 2002); 0 if all are 0."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    got = float(gains[:k] @ discount[: len(gains[:k])])
    best = np.sort(gains)[::-1][:k]
    ideal = float(best @ discount[: len(best)])
    return got / ideal if ideal else 0.0


def _score(encoder: Encoder, judged: Judged) -> tuple[NDArray[np.float64], float]:
    texts = [text for query, pairs in judged.items() for text in (query, *(title for title, _ in pairs))]
    encoder.encode(texts[:8])  # the first call loads
    started = time.perf_counter()
    vectors = encoder.encode(texts)
    seconds = time.perf_counter() - started
    values, place = [], 0
    for pairs in judged.values():
        block = vectors[place : place + len(pairs) + 1]
        place += len(pairs) + 1
        order = np.argsort(-(block[1:] @ block[0]), kind="stable")
        values.append(ndcg(np.array([gain for _, gain in pairs])[order]))
    return np.array(values), len(texts) / seconds


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% percentile bootstrap over queries, 2,000 resamples, fixed seed."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
