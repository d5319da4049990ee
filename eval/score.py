"""Score rankings against judgments, from files or from memory.

    from eval.score import score
    results = score("popular.trec", "test.qrels")
    results = score({"mine": run, "popular": "popular.trec"}, "test.qrels", metrics=["NDCG@10"], baseline="popular")
    results.systems["mine"]["NDCG@10"].value, results.to_json()

On the command line: `crossaisle eval score RUN QRELS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval import clicks
from eval.beyond import beyond
from eval.files import fault
from eval.inventory import Goods, Histories, read_history
from eval.metrics import STANDARD, canonical, per_query, relevant
from eval.results import SMALL, Results, Slice
from eval.runs import Qrels, Run, ordered, read_qrels, read_run
from eval.slices import Cuts, Metrics, by_queries, by_targets, cut_short, known_of_targets, read_slices
from retrieval.errors import EvaluationError

AnyRun = Path | str | Mapping[str, Any]


@dataclass(frozen=True)
class Extras:
    """What may be measured besides.

    Attributes:
        slices: a file of attributes (see `eval/slices.py`), or the attributes.
        catalogue: a shop folder or a file of items, or the goods: for figures beyond accuracy.
        history: a file of what shoppers had before, such as `history.parquet` of `crossaisle eval rank`, or a mapping
            query -> items. With it, targets are told apart as repeat or new, and cold or warm. A shop folder is
            read whole, what was to be foretold as well, and a note says so.
        log: a file of logged propensities (see `eval/clicks.py`).
        clip: highest weight in the self-normalised estimate.
        k: places that figures beyond accuracy look at.
    """

    slices: Path | str | Cuts | None = None
    catalogue: Path | str | Goods | None = None
    history: Path | str | Histories | None = None
    log: Path | str | None = None
    clip: float = clicks.CLIP
    k: int = 10


def score(
    run: AnyRun,
    qrels: Path | str | Qrels,
    metrics: Sequence[str] = STANDARD,
    *,
    baseline: str | Sequence[str] | None = None,
    unjudged: Literal["error", "ignore"] = "error",
    seed: int = 0,
    **extras: Any,
) -> Results:
    """Score one run, or several on the same queries.

    Args:
        run: a path, a mapping query -> ranking (pairs of item and score, items alone best first, or a mapping item ->
            score), or a mapping name -> any of these.
        qrels: a path, or a mapping query -> item -> gain.
        metrics: names such as "NDCG@10", "Recall@10", "MRR", "Precision@10", "F1@10", "MAP", "Hit@10".
        baseline: what every run is compared with; by default the first run is compared with each other one.
        unjudged: what to do about queries of a run that the judgments don't know.
        seed: of every bootstrap.
        extras: the fields of `Extras`.

    Returns:
        Results of the protocol "score". A query without a relevant item is left out and told of in `notes`; one that a
        run doesn't rank scores 0 there, and is told of too.

    Raises:
        EvaluationError: a file or a value is not what it should be.
    """
    more = _extras(extras)
    runs, sources = _runs(run)
    judged = read_qrels(Path(qrels)) if isinstance(qrels, str | Path) else {str(query): qrels[query] for query in qrels}
    names = list(dict.fromkeys(canonical(name) for name in metrics))
    scorable = {query for query, items in judged.items() if relevant(query, items)}
    notes = _not_scorable(judged, scorable)
    for system, ranked in runs.items():
        notes += _unjudged(system, ranked, judged, unjudged, sources.get(system, Path(system)))
    runs = {system: {q: ranked[q] for q in ranked if q in judged} for system, ranked in runs.items()}
    missing = {system: sum(not ranked.get(query) for query in scorable) for system, ranked in runs.items()}
    notes += [f"{system}: ranks nothing for {n} queries, 0 each" for system, n in missing.items() if n]
    values = {system: per_query(ranked, judged, names) for system, ranked in runs.items()}
    found = Results.of("score", values, against=_against(baseline, list(runs)), seed=seed)
    counts = {"judged": len(judged), "scorable": len(scorable)}
    return _enriched(found, runs, judged, more, values=values, notes=notes, seed=seed).with_(
        extra={"seed": seed, "queries": counts, "missing": missing}
    )


def _enriched(
    found: Results,
    runs: Mapping[str, Run],
    judged: Qrels,
    more: Extras,
    *,
    values: Metrics,
    notes: list[str],
    seed: int,
) -> Results:
    """The results with slices, figures beyond accuracy and click-through, where they are asked for."""
    histories = read_history(Path(more.history)) if isinstance(more.history, str | Path) else more.history
    goods = Goods.read(Path(more.catalogue), histories) if isinstance(more.catalogue, str | Path) else more.catalogue
    log = None if more.log is None else clicks.read_log(Path(more.log))
    cuts = _cuts(more.slices, judged, goods, histories)
    names = list(next(iter(values.values())))
    parts = by_queries(values, sorted(judged), cuts.queries, seed) + by_targets(runs, judged, names, cuts, seed)
    return found.with_(
        slices=tuple(parts),
        beyond={} if goods is None else beyond(runs, goods, histories, judged, k=more.k, seed=seed),
        clicks={} if log is None else clicks.estimate(runs, log, more.clip, seed),
        notes=(*notes, *_too_small(parts), *cut_short(cuts), *_whole(more.history)),
    )


def _against(baseline: str | Sequence[str] | None, names: Sequence[str]) -> list[str]:
    against = [baseline] if isinstance(baseline, str) else list(names[1:] if baseline is None else baseline)
    for name in against:
        if name not in names:
            raise EvaluationError(f"there is no run {name!r} to compare with", f"choose among {', '.join(names)}")
    return against


def _extras(extras: Mapping[str, Any]) -> Extras:
    try:
        more = Extras(**extras)
    except TypeError:
        unknown = ", ".join(sorted(set(extras) - set(Extras.__dataclass_fields__)))
        known = ", ".join(Extras.__dataclass_fields__)
        raise EvaluationError(f"score takes no {unknown}", f"choose among {known}") from None
    if more.k < 1:
        raise EvaluationError(f"k is {more.k}", "look at one place at least")
    return more


def _runs(run: AnyRun) -> tuple[dict[str, dict[str, list[tuple[str, float]]]], dict[str, Path]]:
    """Every run by name, and where those lie that came from files."""
    if isinstance(run, str | Path):
        run = {name_of(Path(run)): run}
    elif not _several(run):
        run = {"run": run}
    if not run:
        raise EvaluationError("there is no run", "give one")
    sources = {str(name): Path(one) for name, one in run.items() if isinstance(one, str | Path)}
    found = {
        str(name): read_run(Path(one)) if isinstance(one, str | Path) else ordered(one) for name, one in run.items()
    }
    return found, sources


def name_of(path: Path) -> str:
    """A run's name by its file: "popular" of `runs/popular.trec.gz`."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name


def _several(run: Mapping[str, Any]) -> bool:
    """Whether a mapping holds runs by name, and not rankings by query."""
    for one in run.values():
        if isinstance(one, str | Path):
            return True
        if isinstance(one, Mapping) and one:
            inner = next(iter(one.values()))
            return isinstance(inner, Mapping) or (isinstance(inner, Sequence) and not isinstance(inner, str))
        if not isinstance(one, Mapping):
            return False
    return False


def _not_scorable(judged: Qrels, scorable: set[str]) -> list[str]:
    if not scorable:
        raise EvaluationError("no query has a relevant item", "give judgments with a gain above 0")
    empty = len(judged) - len(scorable)
    return [f"{empty} of {len(judged)} queries have no relevant item: not scorable, left out"] if empty else []


def _unjudged(system: str, ranked: Run, judged: Qrels, unjudged: str, place: Path) -> list[str]:
    """What to say of a run's queries that the judgments don't know."""
    if not ranked:
        raise fault(place, "there is no run", "give the ranking of one query at least")
    unknown = [query for query in ranked if query not in judged]
    if len(unknown) == len(ranked):
        known = ", ".join(repr(query) for query in list(judged)[:3])
        cause = f"the judgments know none of the queries of {system!r}; they know {known}"
        raise fault(place, cause, "give a run and judgments of the same queries", value=unknown[0])
    if unknown and unjudged == "error":
        cause = f"the judgments don't know {len(unknown)} of the {len(ranked)} queries of {system!r}"
        raise fault(place, cause, "judge them, or ignore them (--ignore-unjudged)", value=unknown[0])
    return [f"{system}: {len(unknown)} queries without judgments ignored"] if unknown else []


def _cuts(slices: Path | str | Cuts | None, judged: Qrels, goods: Goods | None, histories: Histories | None) -> Cuts:
    """What the caller cuts by, and what a catalogue and a history give by themselves."""
    cuts = read_slices(Path(slices)) if isinstance(slices, str | Path) else slices or Cuts()
    known = known_of_targets(judged, goods, histories)
    return Cuts(cuts.queries, {**known.items, **cuts.items}, {**known.pairs, **cuts.pairs})


def _whole(history: Path | str | Histories | None) -> list[str]:
    """What to say where a history holds what came after the moment of recommending, too."""
    if not isinstance(history, str | Path) or not Path(history).is_dir():
        return []
    return [
        f"{history} tells everything that ever happened, what was to be foretold as well: repeats, cold items and "
        "popularity are counted with it. Give the history.parquet of eval rank, or a file of what came before."
    ]


def _too_small(parts: Sequence[Slice]) -> list[str]:
    small = [f"{one.name}={one.value} ({one.n})" for one in parts if one.small]
    return [f"slices too small to tell, below {SMALL} queries: {', '.join(small)}"] if small else []
