"""A lively little market, generated: the sample shop."""

from retrieval.market.truth import Truth
from retrieval.market.write import generate

__all__ = ["Truth", "generate"]
