"""What an evaluation found: every system's metrics with intervals, paired differences, slices, and how long it took.

`Results.to_json()` is what scripts read: `protocol`, `n`, `systems`, `paired` and `seconds`, then whatever else was
measured. `eval/tables.py` shows the same to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eval.statistics import PAIRED_RESAMPLES, RESAMPLES, Interval, Paired, Values, intervals, paired_many
from retrieval.errors import EvaluationError

if TYPE_CHECKING:
    from rich.table import Table

_DIGITS = 8
SMALL = 30  # queries below which a slice says nothing


@dataclass(frozen=True)
class Slice:
    """The same metrics on a part of the queries, or of their targets.

    Attributes:
        name: what it is cut by, e.g. "household_size".
        value: which part, e.g. "2".
        n: scorable queries in it.
        systems: system -> metric -> interval; empty where nothing can be scored.
    """

    name: str
    value: str
    n: int
    systems: Mapping[str, Mapping[str, Interval]]

    @property
    def small(self) -> bool:
        """Whether it is too small to tell anything."""
        return self.n < SMALL


@dataclass(frozen=True)
class Results:
    """The outcome of one evaluation; a value, to be written, printed and plotted.

    Attributes:
        protocol: its name, "score" for a run file against judgments.
        n: queries that the first metric could be scored on.
        systems: system -> metric -> interval. Metrics of a view other than the main one are called "NDCG@10/novel".
        paired: "A vs B" -> metric -> difference A - B over the same queries.
        seconds: what was timed, per system or stage.
        slices: the same metrics on parts of the queries.
        beyond: system -> figure beyond accuracy; where an interval makes no sense its ends equal the value.
        clicks: system -> what its click-through is estimated at from a log.
        notes: what a reader has to know, such as how many queries couldn't be scored.
        extra: more keys of the JSON object, such as `data`, `split` and `seed`.
    """

    protocol: str
    n: int
    systems: Mapping[str, Mapping[str, Interval]]
    paired: Mapping[str, Mapping[str, Paired]] = field(default_factory=dict)
    seconds: Mapping[str, Any] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    beyond: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    clicks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        protocol: str,
        values: Mapping[str, Mapping[str, Values]],
        seconds: Mapping[str, Any] | None = None,
        against: Sequence[str] = (),
        *,
        seed: int = 0,
        **more: Any,
    ) -> Results:
        """Intervals and paired differences from the values of every query.

        Args:
            protocol: its name.
            values: system -> metric -> (q,) values, NaN for queries that can't be scored; the same queries for all
                systems.
            seconds: what was timed.
            against: systems that every other one is compared with; those that aren't in `values` are left out.
            seed: of the bootstrap.
            more: any other attribute.

        Raises:
            EvaluationError: there is no system, or a metric without a scorable query.
        """
        if not values or not all(values.values()):
            raise EvaluationError("there is nothing to score", "give at least one system and one metric")
        systems = summarise(values, seed)
        first = next(iter(next(iter(systems.values())).values()))
        return cls(protocol, first.n, systems, compare(values, against, seed), dict(seconds or {}), **more)

    def with_(self, **more: Any) -> Results:
        """A copy with some attributes set."""
        return replace(self, **more)

    def figure(self, system: str, metric: str) -> Interval | None:
        """One figure, of `systems` or beyond accuracy; None where it isn't there."""
        for table in (self.systems, self.beyond):
            found = table.get(system, {}).get(metric)
            if found is not None:
                return found
        return None

    def to_json(self) -> dict[str, Any]:
        """The contract's object; numbers rounded to 8 digits."""
        found: dict[str, Any] = {
            "protocol": self.protocol,
            "n": self.n,
            "systems": _intervals(self.systems),
            "paired": {
                pair: {
                    metric: {name: round(getattr(one, name), _DIGITS) for name in ("difference", "low", "high", "p")}
                    for metric, one in metrics.items()
                }
                for pair, metrics in self.paired.items()
            },
            "seconds": _rounded(self.seconds),
            "counts": {metric: one.n for metric, one in next(iter(self.systems.values())).items()},
        }
        if self.slices:
            found["slices"] = [_slice(one) for one in self.slices]
        if self.beyond:
            found["beyond"] = _intervals(self.beyond)
        if self.clicks:
            found["clicks"] = _rounded(self.clicks)
        if self.notes:
            found["notes"] = list(self.notes)
        return {**found, **_rounded(self.extra)}

    def table(self, view: str = "") -> Table:
        """Systems x metrics of one view, "" being the main one, with intervals."""
        from eval.tables import figures

        return figures(self, view)

    def tables(self) -> Iterable[Table]:
        """Everything that there is to show, each part a table."""
        from eval.tables import everything

        return everything(self)


def summarise(values: Mapping[str, Mapping[str, Values]], seed: int = 0) -> dict[str, dict[str, Interval]]:
    """An interval for every system and metric."""
    places = [(system, metric) for system, metrics in values.items() for metric in metrics]
    found = intervals([values[system][metric] for system, metric in places], seed, RESAMPLES)
    systems: dict[str, dict[str, Interval]] = {}
    for (system, metric), one in zip(places, found, strict=True):
        systems.setdefault(system, {})[metric] = one
    return systems


def compare(
    values: Mapping[str, Mapping[str, Values]], against: Sequence[str], seed: int = 0
) -> dict[str, dict[str, Paired]]:
    """Every system against each of `against`, metric by metric, on the queries that both are scored on."""
    pairs: list[tuple[str, str]] = []
    for baseline in (name for name in against if name in values):
        pairs += [(name, baseline) for name in values if name != baseline and (baseline, name) not in pairs]
    places = [(a, b, metric) for a, b in pairs for metric in values[a] if metric in values[b]]
    found = paired_many([(values[a][metric], values[b][metric]) for a, b, metric in places], seed, PAIRED_RESAMPLES)
    table: dict[str, dict[str, Paired]] = {}
    for (a, b, metric), one in zip(places, found, strict=True):
        table.setdefault(f"{a} vs {b}", {})[metric] = one
    return table


def _intervals(systems: Mapping[str, Mapping[str, Interval]]) -> dict[str, Any]:
    return {
        system: {
            metric: {name: round(getattr(one, name), _DIGITS) for name in ("value", "low", "high")}
            for metric, one in metrics.items()
        }
        for system, metrics in systems.items()
    }


def _slice(one: Slice) -> dict[str, Any]:
    return {
        "name": one.name,
        "value": one.value,
        "n": one.n,
        "too_small": one.small,
        "systems": _intervals(one.systems),
    }


def _rounded(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {str(key): _rounded(value) for key, value in found.items()}
    if isinstance(found, Interval):
        return {name: round(getattr(found, name), _DIGITS) for name in ("value", "low", "high")}
    if isinstance(found, list | tuple):
        return [_rounded(one) for one in found]
    return round(found, _DIGITS) if isinstance(found, float) else found
