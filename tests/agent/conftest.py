"""Fixtures of this folder's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.memory import Memory
from retrieval.shop import Shop
from tests.agent.vllm_server import tiny_models, vllm, vllm_servers
from tests.shops import sample_shop

__all__ = ["tiny_models", "vllm", "vllm_servers"]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(f"sqlite:///{tmp_path}/state.sqlite3") as memory:
        yield memory


@pytest.fixture(scope="module")
def regular(shop: Shop) -> str:
    """A shopper with a long history."""
    return max(shop.shoppers(), key=lambda shopper: len(shop.events_of(shopper)))
