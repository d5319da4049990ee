"""How model calls went, one by one and together."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from retrieval.errors import ModelError


@dataclass
class Call:
    """How one call went: seconds, tokens written, whether the answer was of the schema, and why there was none.

    `first` is the seconds to the first piece of a streamed answer, None where the answer came whole.
    """

    seconds: float
    tokens: int
    valid: bool
    failure: ModelError | None = None
    first: float | None = None


@dataclass(frozen=True)
class Measured:
    """Calls that were made in some seconds."""

    calls: list[Call]
    seconds: float

    @property
    def plans_per_second(self) -> float:
        """Answers a second, failed ones included."""
        return len(self.calls) / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Tokens written a second."""
        return sum(call.tokens for call in self.calls) / self.seconds

    def told(self) -> dict[str, float]:
        """The figures."""
        took = sorted(1000 * call.seconds for call in self.calls)
        return {
            "plans_per_second": round(self.plans_per_second, 2),
            "tokens_per_second": round(self.tokens_per_second, 1),
            "p50_ms": round(statistics.median(took), 1),
            "p95_ms": round(took[min(len(took) - 1, int(0.95 * len(took)))], 1),
            "valid": round(sum(call.valid for call in self.calls) / len(self.calls), 4),
        }

    def waited(self) -> dict[str, float]:
        """Milliseconds to the first token, of the answers that had one."""
        took = sorted(1000 * call.first for call in self.calls if call.first is not None)
        if not took:
            return {}
        return {"p50_ms": round(statistics.median(took), 1), "p95_ms": round(took[int(0.95 * (len(took) - 1))], 1)}
