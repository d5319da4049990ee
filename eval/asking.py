"""`crossaisle eval search` and `crossaisle eval dialogue`: from files to results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from eval.data import load
from eval.experiment import run, write
from eval.protocols import dialogue, search
from eval.protocols.conversations import read_conversations
from eval.results import Results
from eval.understanding import commonest, understood
from retrieval.progress import Progress

Split = Literal["valid", "test"]
SEARCH = ("crossaisle", "crossaisle_static", "bm25", "dense", "fusion", "minilm", "fusion_minilm")
DIALOGUE = (
    "crossaisle",
    "crossaisle_compact",
    "crossaisle_words_alone",
    "crossaisle_static",
    "bm25",
    "dense",
    "fusion",
    "minilm",
    "fusion_minilm",
)


def searched(
    judgments: Path,
    catalogue: Path | None = None,
    systems: Sequence[str] = (),
    split: Split = "test",
    out: Path | None = None,
    *,
    format: str | None = None,  # noqa: A002 (the command line's word)
    seed: int = 0,
    progress: Progress | None = None,
) -> Results:
    """Score systems on graded judgments (see `eval.protocols.search`).

    Args:
        judgments: JSON lines of query, title and label.
        catalogue: a shop folder or a feed that is searched as a whole; None to rank judged products only.
        systems: names; without any, all that come with the project for this.
        split: of the queries.
        out: as for `eval.experiment.run`.
        format: of the catalogue.
        seed: of the bootstraps.
        progress: told what is being done.

    Raises:
        EvaluationError: what was given can't be scored.
        FeedError: the catalogue can't be read.
    """
    judged = search.read_judgments(judgments)
    data = load(catalogue, format, progress=progress) if catalogue else None
    problem = search.problem(judged, data.catalogue if data else None, split, data.shop if data else None)
    results = run(problem, systems or SEARCH, out, seed, progress)
    counts = search.told(judged)
    note = (
        f"{counts['queries_that_cannot_be_ranked_wrong']} of {counts['queries']} queries can't be ranked wrong (all "
        "their products have one label) and are left out of NDCG@10."
    )
    wide = "In view catalogue only exact (E) products count; Recall@100 says nothing of judged ones." if data else ""
    results = results.with_(
        notes=(*results.notes, *(text for text in (note, wide) if text)), extra={**results.extra, "judgments": counts}
    )
    return _written(results, out)


def conversed(
    conversations: Path,
    catalogue: Path,
    systems: Sequence[str] = (),
    split: Split = "test",
    out: Path | None = None,
    *,
    format: str | None = None,  # noqa: A002 (the command line's word)
    seed: int = 0,
    progress: Progress | None = None,
) -> Results:
    """Score systems where a human seller recommended (see `eval.protocols.dialogue`), and the served planner.

    Args:
        conversations: in PSCon's format.
        catalogue: a shop folder or a feed whose titles fill up the pool.
        systems: names; without any, all that come with the project for this.
        split: of the conversations.
        out: as for `eval.experiment.run`.
        format: of the catalogue.
        seed: of the draw and of the bootstraps.
        progress: told what is being done.

    Raises:
        EvaluationError: what was given can't be scored.
        FeedError: the catalogue can't be read.
    """
    talks = read_conversations(conversations)
    data = load(catalogue, format, progress=progress)
    problem = dialogue.problem(talks, data.catalogue, split, seed=seed)
    results = run(problem, systems or DIALOGUE, out, seed, progress)
    chosen = [talk for talk in talks if split == "test" or dialogue.half_of(talk.key) == "valid"]
    planner = understood(chosen, problem.catalogue, seed)
    half = "half of the conversations, by a hash of their ids, on which things were chosen"
    scope = f"Split {split}: " + (half if split == "valid" else "all conversations; view held is the other half")
    notes = [f"crossaisle, {name}: {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for name, one in planner.items()]
    act, share = commonest(chosen)
    notes.append(f"Always to {act} would have an act accuracy of {share:.3f}.")
    told = {"crossaisle": {name: {"value": v.value, "low": v.low, "high": v.high} for name, v in planner.items()}}
    extra = {**results.extra, "understanding": told, "conversations": len(talks)}
    return _written(results.with_(notes=(*results.notes, scope, *notes), extra=extra), out)


def _written(results: Results, out: Path | None) -> Results:
    if out is not None:
        write(out, results)
    return results
